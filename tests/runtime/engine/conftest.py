"""A fake ONNX Runtime in place of the installed one."""

import sys
from collections.abc import Callable, Iterator

import pytest
from fake_onnxruntime import FakeRuntime
from nst_rt.engine import gpu, openvino
from nst_rt.engine.gpu import Driver, Gpu
from nst_rt.engine.ort import load_onnxruntime, preload_cuda

_CACHED = (load_onnxruntime, preload_cuda, openvino.openvino_backend, openvino.plugin_cpu)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[FakeRuntime], FakeRuntime]]:
    """Puts a fake ONNX Runtime in place of the installed one."""

    def put(fake: FakeRuntime) -> FakeRuntime:
        monkeypatch.setitem(sys.modules, "onnxruntime", fake)
        for function in _CACHED:
            function.cache_clear()
        return fake

    yield put
    for function in _CACHED:
        function.cache_clear()


@pytest.fixture
def runtime(install: Callable[[FakeRuntime], FakeRuntime], monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    """An ONNX Runtime built for CUDA and TensorRT, on a machine with one card."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # no OpenVINO
    monkeypatch.setattr(gpu, "nvidia_driver", lambda: Driver("13.0", (Gpu(0, "NVIDIA H200", "9.0"),)))
    monkeypatch.setattr(gpu, "tensorrt_version", lambda: "10.16.1")
    return install(FakeRuntime())
