"""OpenCV's DNN module on the float NCHW model, with its own `blobFromImage`."""

import cv2
import numpy as np
from nst_rt.contract import Frame

from nst_bench.harness.workload import Case
from nst_bench.speed.peers.peer import Peer, to_frame


class OpenCvDnn(Peer):
    """On the CPU, with OpenCV's own kernels."""

    name = "OpenCV DNN"
    packages = ("onnx",)

    def prepare(self, case: Case) -> None:
        if self._threads:
            cv2.setNumThreads(self._threads)
        self._net = cv2.dnn.readNetFromONNX(str(self._float_model(case)))

    def call(self, frame: Frame) -> Frame:
        self._net.setInput(cv2.dnn.blobFromImage(frame, scalefactor=self._white / 255, swapRB=True))
        return to_frame(np.asarray(self._net.forward()[0], np.float32), self._white)

    def close(self) -> None:
        del self._net
