"""Devices and sessions against a fake ONNX Runtime: what a machine with (or with a broken) GPU would do."""

import io
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from nst_rt.engine import buffers, devices, engine_cache, gpu, openvino, session
from nst_rt.engine.devices import Device, parse_device, preferred_devices, provider_options
from nst_rt.engine.engine_cache import EngineCache
from nst_rt.engine.gpu import Driver, Gpu
from nst_rt.engine.ort import stdout_to
from nst_rt.engine.placement import Placement
from nst_rt.engine.session import FrameShape, Session, first_line
from nst_rt.errors import DeviceError, InputError
from nst_rt.stylizer.stylizer import Stylizer
from tiny_models import RECORD

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"


class FakeValue:
    """Device memory, as far as the buffers use it."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.updates = values.copy(), 0

    def update_inplace(self, values: np.ndarray) -> None:
        self.values[...] = values
        self.updates += 1

    def numpy(self) -> np.ndarray:
        return self.values.copy()


class FakeSession:
    """Inverts frames; says that its nodes run where the test wants them."""

    def __init__(self, runtime: "FakeRuntime", path: str, providers: list[tuple[str, dict[str, str]]]) -> None:
        self.runtime, self.requested = runtime, providers
        self.record = replace(RECORD, precision="fp16" if path.endswith(".fp16.onnx") else "fp32")
        self.bound: dict[str, FakeValue] = {}

    def get_providers(self) -> list[str]:
        return [name for name, _ in self.requested if name in self.runtime.loadable]

    def get_provider_graph_assignment_info(self) -> list[Any]:
        placed = self.runtime.placed or {self.get_providers()[0]: ["Conv", "Pad"]}
        return [
            SimpleNamespace(ep_name=name, get_nodes=lambda types=types: [SimpleNamespace(op_type=t) for t in types])
            for name, types in placed.items()
        ]

    def get_modelmeta(self) -> Any:
        return SimpleNamespace(custom_metadata_map=self.record.to_metadata())

    def get_inputs(self) -> list[Any]:
        frame = SimpleNamespace(name="frame", type="tensor(uint8)", shape=["batch", "height", "width", 3])
        return [frame, SimpleNamespace(name="strength", type="tensor(float)", shape=[1])]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name="stylized", type="tensor(uint8)", shape=["batch", "height", "width", 3])]

    def io_binding(self) -> Any:
        bind = self.bound.__setitem__
        return SimpleNamespace(bind_ortvalue_input=bind, bind_ortvalue_output=bind)

    def run_with_iobinding(self, binding: Any) -> None:
        if self.runtime.run_fails:
            raise RuntimeError(self.runtime.run_fails)
        self.runtime.runs += 1
        self.bound["stylized"].values[...] = 255 - self.bound["frame"].values

    def run(self, names: Any, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [255 - feeds["frame"]]


class FakeRuntime:
    """An ONNX Runtime built for CUDA and TensorRT."""

    __version__ = "1.31.1"

    def __init__(self, loadable: tuple[str, ...] = (TENSORRT, CUDA, CPU)) -> None:
        self.loadable = loadable
        self.placed: dict[str, list[str]] = {}
        self.refuses_graphs = False
        self.run_fails = ""
        self.opened: list[list[tuple[str, dict[str, str]]]] = []
        self.overrides: dict[str, int] = {}
        self.runs = 0
        self.GraphOptimizationLevel = SimpleNamespace(ORT_DISABLE_ALL=0)
        self.OrtValue = SimpleNamespace(
            ortvalue_from_numpy=lambda values, device, index: FakeValue(values),
            ortvalue_from_shape_and_type=lambda shape, dtype, device, index: FakeValue(np.zeros(shape, dtype)),
        )

    def get_available_providers(self) -> list[str]:
        return [TENSORRT, CUDA, CPU]

    def preload_dlls(self, directory: str) -> None: ...

    def set_default_logger_severity(self, level: int) -> None: ...

    def SessionOptions(self) -> Any:  # noqa: N802
        return SimpleNamespace(
            add_session_config_entry=lambda key, value: None,
            add_free_dimension_override_by_name=self.overrides.__setitem__,
        )

    def InferenceSession(self, path: str, options: Any, providers: Any, enable_fallback: int) -> FakeSession:  # noqa: N802
        wants_graph = any(dict(o).get("enable_cuda_graph") == "1" for _, o in providers)
        if wants_graph and self.refuses_graphs:
            raise RuntimeError("This session cannot use the graph capture feature as requested by the user")
        self.opened.append(providers)
        return FakeSession(self, path, providers)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    fake = FakeRuntime()
    for module in (devices, session, buffers, engine_cache):
        monkeypatch.setattr(module, "load_onnxruntime", lambda: fake)
    monkeypatch.setattr(devices, "preload_cuda", lambda: None)
    monkeypatch.setattr(openvino, "road", lambda: None)
    monkeypatch.setattr(gpu, "nvidia_driver", lambda: Driver("13.0", (Gpu(0, "NVIDIA H200", "9.0"),)))
    monkeypatch.setattr(gpu, "tensorrt_version", lambda: "10.16.1")
    return fake


def test_device_names() -> None:
    assert parse_device("auto") is None
    assert parse_device(" CUDA:1 ") == Device("cuda", 1)
    assert parse_device("tensorrt") == Device("tensorrt", 0)
    assert [str(Device("cuda", 1)), str(Device("cpu"))] == ["cuda:1", "cpu"]


@pytest.mark.parametrize("text", ["gpu", "cuda:x", "cpu:1", "", "cuda:", "auto:0"])
def test_unknown_device_names(text: str) -> None:
    with pytest.raises(DeviceError, match="Devices are auto, cpu, cuda"):
        parse_device(text)


def test_a_device_that_is_not_built_in_names_what_is_and_how_to_get_it(inverting: Path) -> None:
    with pytest.raises(DeviceError, match=r"runs only .*cpu.*pip install \"\.\[cuda\]\""):
        Session(inverting, Device("cuda"))


def test_auto_prefers_cuda_and_never_builds_an_engine(runtime: FakeRuntime) -> None:
    assert preferred_devices() == [Device("cuda"), Device("cpu")]


def test_cuda_options_are_the_fast_ones() -> None:
    (name, options), cpu = provider_options(Device("cuda", 2), cuda_graph=True)
    assert (name, cpu[0]) == (CUDA, CPU)
    assert options["device_id"] == "2"
    assert options["cudnn_conv_algo_search"] == "HEURISTIC"
    assert options["enable_cuda_graph"] == "1"


def test_tensorrt_captures_its_own_graph_and_keeps_its_engines(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path / "machine" / "key", tmp_path / "machine")
    chosen = dict(provider_options(Device("tensorrt"), cuda_graph=True, fp16=True, engine_cache=cache))
    assert list(chosen) == [TENSORRT, CUDA, CPU]
    assert chosen[TENSORRT]["trt_cuda_graph_enable"] == "1"
    assert chosen[TENSORRT]["trt_fp16_enable"] == "1"
    assert chosen[TENSORRT]["trt_engine_cache_path"] == str(tmp_path / "machine" / "key")
    assert chosen[TENSORRT]["trt_timing_cache_path"] == str(tmp_path / "machine")
    assert chosen[CUDA]["enable_cuda_graph"] == "0"


def test_frames_go_through_device_buffers_that_stay(runtime: FakeRuntime, inverting: Path) -> None:
    opened = Session(inverting, Device("cuda"), FrameShape(1, 16, 24))
    assert runtime.overrides == {"batch": 1, "height": 16, "width": 24, "styles": 1}
    strength = np.ones(1, np.float32)
    for value in (10, 20, 30):
        frames = np.full((1, 16, 24, 3), value, np.uint8)
        assert (opened.run({"frame": frames, "strength": strength}) == 255 - value).all()
    bound = opened._runner._inputs  # type: ignore[attr-defined]
    # Opening runs twice, on a blank frame at full strength, to allocate and to capture; then only changes are copied.
    assert (bound["frame"].updates, bound["strength"].updates) == (4, 0)
    opened.run({"frame": frames, "strength": strength / 2})
    assert bound["strength"].updates == 1
    assert runtime.runs == 6


def test_a_named_device_that_falls_back_is_an_error(runtime: FakeRuntime, inverting: Path) -> None:
    runtime.loadable = (CPU,)
    with pytest.raises(DeviceError, match=r"put inverting.onnx on CPUExecutionProvider instead.*doctor"):
        Session(inverting, Device("cuda"), FrameShape(1, 16, 16))


def test_a_provider_that_is_listed_but_gets_no_node_is_an_error(runtime: FakeRuntime, inverting: Path) -> None:
    runtime.placed = {CPU: ["Conv"]}
    with pytest.raises(DeviceError, match="CPUExecutionProvider instead"):
        Session(inverting, Device("cuda"), FrameShape(1, 16, 16))


def test_stray_nodes_are_told(runtime: FakeRuntime, inverting: Path, caplog: pytest.LogCaptureFixture) -> None:
    runtime.placed = {CUDA: ["Conv", "Conv"], CPU: ["Pad"]}
    opened = Session(inverting, Device("cuda"), FrameShape(1, 16, 16))
    assert opened.placement.counts() == {CUDA: 2, CPU: 1}
    assert "1 nodes do not run on cuda:0: Pad x1" in caplog.text


def test_a_model_that_cannot_be_captured_runs_without_a_graph(runtime: FakeRuntime, inverting: Path) -> None:
    runtime.refuses_graphs = True
    opened = Session(inverting, Device("cuda"), FrameShape(1, 16, 16))
    assert not opened.cuda_graph
    assert dict(runtime.opened[-1])[CUDA]["enable_cuda_graph"] == "0"


def test_auto_falls_to_the_cpu_and_says_so(
    runtime: FakeRuntime, inverting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runtime.loadable = (CPU,)
    stylizer = Stylizer.load(inverting)
    photo = np.full((16, 16, 3), 9, np.uint8)
    assert (stylizer(photo) == 246).all()
    assert stylizer.device == "cpu"
    assert "auto: cuda:0 cannot be used, trying cpu" in caplog.text


def test_fp16_is_taken_on_a_gpu_and_fp32_on_a_processor(runtime: FakeRuntime, inverting: Path) -> None:
    fp16 = inverting.with_name("inverting.fp16.onnx")
    fp16.write_bytes(inverting.read_bytes())
    for device, path, precision in (("cuda", fp16, "fp16"), ("cpu", inverting, "fp32")):
        stylizer = Stylizer.load(inverting, device=device)
        stylizer(np.zeros((16, 16, 3), np.uint8))
        told = stylizer.describe()
        assert (told["path"], told["precision"]) == (str(path), precision)


def cache_of(model: str = "a", sha256: str = "1" * 64, precision: str = "fp16", size: str = "1x480x640") -> EngineCache:
    return engine_cache.engine_cache(model, sha256, precision, size, Device("tensorrt"))


def test_engines_are_kept_apart_by_all_that_they_depend_on(
    runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    caches = [cache_of(), cache_of(sha256="2" * 64), cache_of(precision="fp32"), cache_of(size="1x720x1280")]
    assert len({cache.engines for cache in caches}) == 4
    assert len({cache.timings for cache in caches}) == 1
    timings = {cache_of().timings}
    runtime.__version__ = "1.32.0"  # type: ignore[misc]
    timings.add(cache_of().timings)
    monkeypatch.setattr(gpu, "tensorrt_version", lambda: "10.17.0")
    timings.add(cache_of().timings)
    monkeypatch.setattr(gpu, "nvidia_driver", lambda: Driver("13.0", (Gpu(0, "NVIDIA L4", "8.9"),)))
    timings.add(cache_of().timings)
    assert len(timings) == 4
    assert len(cache_of(model="x" * 230).engines.name) < 128


def test_an_engine_being_built_is_announced_once(
    runtime: FakeRuntime, inverting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Session(inverting, Device("tensorrt"), FrameShape(1, 16, 16))
    assert caplog.text.count("building the TensorRT engine of inverting") == 1
    caplog.clear()
    (folder,) = (path for path in engine_cache.cache_folder().rglob("*") if path.name.startswith("inverting_"))
    (folder / "x.engine").write_bytes(b"")
    Session(inverting, Device("tensorrt"), FrameShape(1, 16, 16))
    assert "building" not in caplog.text


def test_a_cache_that_cannot_be_made_is_told(
    runtime: FakeRuntime, inverting: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NST_RT_HOME", str(inverting))  # a file, not a folder
    Session(inverting, Device("tensorrt"), FrameShape(1, 16, 16))
    assert "the engine will not be kept" in caplog.text


@pytest.mark.parametrize(
    ("what", "value", "message"),
    [
        ("tensorrt_version", None, 'TensorRT 10 cannot be loaded.*pip install "tensorrt-cu13<11"'),
        ("nvidia_driver", None, "no NVIDIA driver"),
        ("nvidia_driver", Driver("13.0", ()), "knows 0 cards"),
    ],
)
def test_tensorrt_is_refused_before_anything_is_built(
    runtime: FakeRuntime, inverting: Path, monkeypatch: pytest.MonkeyPatch, what: str, value: Any, message: str
) -> None:
    monkeypatch.setattr(gpu, what, lambda: value)
    with pytest.raises(DeviceError, match=message):
        Session(inverting, Device("tensorrt"), FrameShape(1, 16, 16))
    assert not engine_cache.cache_folder().exists()


def test_a_session_that_opens_and_cannot_run_is_refused_at_once(runtime: FakeRuntime, inverting: Path) -> None:
    runtime.run_fails = "CUDA error cudaErrorNoKernelImageForDevice: no kernel image is available"
    with pytest.raises(DeviceError, match="cannot run on cuda:0: CUDA error"):
        Stylizer.load(inverting, device="cuda")


def test_auto_goes_on_when_the_gpu_opens_and_cannot_run(
    runtime: FakeRuntime, inverting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runtime.run_fails = "out of memory"
    stylizer = Stylizer.load(inverting)
    assert (stylizer(np.full((16, 16, 3), 9, np.uint8)) == 246).all()
    assert stylizer.device == "cpu"
    assert "trying cpu" in caplog.text


def test_a_run_that_fails_later_is_an_error_of_ours(runtime: FakeRuntime, inverting: Path) -> None:
    opened = Session(inverting, Device("cuda"), FrameShape(1, 16, 16))
    feeds = {"frame": np.zeros((1, 16, 16, 3), np.uint8), "strength": np.ones(1, np.float32)}
    runtime.run_fails = "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer"
    with pytest.raises(InputError, match=r"more memory on cuda:0.*--size"):
        opened.run(feeds)
    runtime.run_fails = "cudaErrorLaunchFailure"
    with pytest.raises(DeviceError, match="failed on cuda:0: cudaErrorLaunchFailure"):
        opened.run(feeds)


def test_an_error_keeps_what_is_of_use() -> None:
    assert (
        first_line(RuntimeError("[ONNXRuntimeError] : 7 : INVALID : Load model from x failed:Bad file.\nmore"))
        == "Bad file."
    )
    assert first_line(RuntimeError("plain")) == "plain"
    assert first_line(RuntimeError("")) == "RuntimeError"


@pytest.mark.gpu
def test_on_a_real_gpu_every_node_is_placed_and_replay_equals_the_first_run(tmp_path: Path) -> None:
    from nst_rt.models.catalog import BUILT_IN, find_model

    files = find_model(BUILT_IN)
    assert files.fp16
    if Device("cuda") not in devices.listed_devices() or gpu.nvidia_driver() is None:
        pytest.skip("no CUDA device here")
    stylizer = Stylizer.load("gogh", device="cuda")
    frame = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    first, replayed = stylizer(frame), stylizer(frame)
    told = stylizer.describe()
    assert (told["precision"], list(told["placement"]), told["cuda_graph"]) == ("fp16", [CUDA], True)
    assert np.array_equal(first, replayed)
    plain = Session(files.fp16, Device("cuda"), FrameShape(1, 96, 128), fp16=True, cuda_graph=False)
    feeds = stylizer._feeds(plain, frame[None])
    assert np.array_equal(plain.run(feeds)[0], replayed)


def test_placement_arithmetic() -> None:
    placement = Placement({CUDA: Counter(Conv=3), CPU: Counter(Pad=1, Cast=2)})
    assert placement.nodes(CUDA) == 3
    assert placement.elsewhere(CUDA) == Counter(Pad=1, Cast=2)
    assert placement.counts() == {CUDA: 3, CPU: 3}


def test_threads_that_redirect_stdout_at_once_leave_it_as_it_was() -> None:
    before, begun, said = sys.stdout, threading.Barrier(2), [io.StringIO(), io.StringIO()]

    def speak(at: int, seconds: float) -> None:
        begun.wait(5)
        with stdout_to(said[at]):
            time.sleep(seconds)
            sys.stdout.write(f"{at}\n")

    threads = [threading.Thread(target=speak, args=(at, seconds)) for at, seconds in enumerate((0.05, 0.1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert sys.stdout is before
    assert [text.getvalue() for text in said] == ["0\n", "1\n"]
