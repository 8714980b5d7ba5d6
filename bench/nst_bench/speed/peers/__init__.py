"""What users would run instead: one module per peer, all of one interface (`nst_bench.speed.contender`)."""

from nst_rt.engine.gpu import nvidia_driver

from nst_bench.speed.contender import Contender
from nst_bench.speed.networks import Network, OwnNetwork
from nst_bench.speed.peers.ncnn_runtime import Ncnn
from nst_bench.speed.peers.opencv_dnn import OpenCvDnn
from nst_bench.speed.peers.openvino_python import HINTS, OpenVinoPython
from nst_bench.speed.peers.plain_onnxruntime import PlainOnnxRuntime, PlainOnnxRuntimeInt8
from nst_bench.speed.peers.pytorch import PyTorch


def peers(network: Network, *, compiled: bool, threads: int | None = None) -> list[Contender]:
    """Every peer of a network; those that take our own files only where there are any.

    Args:
        compiled: with `torch.compile` too, which takes most of a minute to prepare.
        threads: of each; their own default if None.
    """
    ways = (False, True) if compiled else (False,)
    found: list[Contender] = [PyTorch(network, way, threads) for way in ways]
    if nvidia_driver() is not None:
        found += [PyTorch(network, way, threads, card=True, half=half) for way in ways for half in (False, True)]
    found.append(PlainOnnxRuntime(network, threads))
    if isinstance(network, OwnNetwork):
        found += [OpenVinoPython(network, precision, threads) for precision in HINTS]
        found.append(PlainOnnxRuntimeInt8(network, threads))
    return [*found, Ncnn(network, threads), OpenCvDnn(network, threads)]


NATIVE = (OpenVinoPython, Ncnn, OpenCvDnn)
"""Peers that may end the whole process where they do not fit a network: tried in another one first."""
