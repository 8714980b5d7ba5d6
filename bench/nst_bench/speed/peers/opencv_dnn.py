"""OpenCV's DNN module on the float NCHW model, with its own `blobFromImage`."""

import cv2
import numpy as np
from nst_rt.contract import Frame

from nst_bench.harness.latency import Case
from nst_bench.speed.contender import missing
from nst_bench.speed.networks import Network
from nst_bench.speed.peers.float_images import to_frame


class OpenCvDnn:
    """On the processor, OpenCV's own kernels."""

    name = "OpenCV DNN"

    def __init__(self, network: Network, threads: int | None = None) -> None:
        self._network, self._threads = network, threads
        self.network = network.name

    def available(self) -> str:
        return missing(["onnx"])

    def prepare(self, case: Case) -> None:
        if self._threads:
            cv2.setNumThreads(self._threads)
        self._net = cv2.dnn.readNetFromONNX(str(self._network.float_model(case)))

    def call(self, frame: Frame) -> Frame:
        blob = cv2.dnn.blobFromImage(frame, scalefactor=self._network.white / 255, swapRB=True)
        self._net.setInput(blob)
        return to_frame(np.asarray(self._net.forward()[0], np.float32), self._network.white)

    def close(self) -> None:
        del self._net
