"""What users could run instead of nst-rt: one module for each runtime, all of them backends."""

from nst_rt.engine.gpu import nvidia_driver

from nst_bench.speed.backend import Backend
from nst_bench.speed.networks import Network, OwnNetwork
from nst_bench.speed.peers.ncnn_runtime import Ncnn
from nst_bench.speed.peers.opencv_dnn import OpenCvDnn
from nst_bench.speed.peers.openvino_python import HINTS, OpenVinoPython
from nst_bench.speed.peers.plain_onnxruntime import PlainOnnxRuntime, PlainOnnxRuntimeInt8
from nst_bench.speed.peers.pytorch import PyTorch


def peers(network: Network, *, compiled: bool, threads: int | None = None) -> list[Backend]:
    """Every peer of a network. Those that run our own files are included if the network has such files.

    Args:
        compiled: also `torch.compile`, which takes most of a minute to prepare.
        threads: of each peer; its own default if None.
    """
    modes = (False, True) if compiled else (False,)
    found: list[Backend] = [PyTorch(network, threads, compiled=mode) for mode in modes]
    if nvidia_driver() is not None:
        found += [
            PyTorch(network, threads, compiled=mode, gpu=True, half=half) for mode in modes for half in (False, True)
        ]
    found.append(PlainOnnxRuntime(network, threads))
    if isinstance(network, OwnNetwork):
        found += [OpenVinoPython(network, threads, precision) for precision in HINTS]
        found.append(PlainOnnxRuntimeInt8(network, threads))
    return [*found, Ncnn(network, threads), OpenCvDnn(network, threads)]


NATIVE = (OpenVinoPython, Ncnn, OpenCvDnn)
"""Peers that may crash the whole process with a network that they cannot run: tried in another process first."""
