"""Devices and sessions against a fake ONNX Runtime: what a machine with (or with a broken) GPU would do."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from nst_rt import buffers, devices, session
from nst_rt.devices import Device, parse_device, preferred_devices, provider_options
from nst_rt.errors import DeviceError
from nst_rt.session import FrameShape, Placement, Session, engine_folder
from nst_rt.stylizer import Stylizer
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

    def __init__(self, runtime: "FakeRuntime", providers: list[tuple[str, dict[str, str]]]) -> None:
        self.runtime, self.requested = runtime, providers
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
        return SimpleNamespace(custom_metadata_map=RECORD.to_metadata())

    def get_inputs(self) -> list[Any]:
        frame = SimpleNamespace(name="frame", type="tensor(uint8)", shape=["batch", "height", "width", 3])
        return [frame, SimpleNamespace(name="strength", type="tensor(float)", shape=[1])]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name="stylized", type="tensor(uint8)", shape=["batch", "height", "width", 3])]

    def io_binding(self) -> Any:
        bind = self.bound.__setitem__
        return SimpleNamespace(bind_ortvalue_input=bind, bind_ortvalue_output=bind)

    def run_with_iobinding(self, binding: Any) -> None:
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

    def SessionOptions(self) -> Any:  # noqa: N802
        return SimpleNamespace(
            add_session_config_entry=lambda key, value: None,
            add_free_dimension_override_by_name=self.overrides.__setitem__,
        )

    def InferenceSession(self, path: str, options: Any, providers: Any, enable_fallback: int) -> FakeSession:  # noqa: N802
        wants_graph = any(dict(o).get("enable_cuda_graph") == "1" for _, o in providers)
        if wants_graph and self.refuses_graphs:
            raise RuntimeError("EP::Fail : all compute nodes must be on CUDA")
        self.opened.append(providers)
        return FakeSession(self, providers)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    fake = FakeRuntime()
    for module in (devices, session, buffers):
        monkeypatch.setattr(module, "load_onnxruntime", lambda: fake)
    monkeypatch.setattr(devices, "preload_cuda", lambda: None)
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
    with pytest.raises(DeviceError, match=r"runs only .*cpu.*pip install \"nst-rt\[cuda\]\""):
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
    chosen = dict(provider_options(Device("tensorrt"), cuda_graph=True, fp16=True, engine_cache=tmp_path / "key"))
    assert list(chosen) == [TENSORRT, CUDA, CPU]
    assert chosen[TENSORRT]["trt_cuda_graph_enable"] == "1"
    assert chosen[TENSORRT]["trt_fp16_enable"] == "1"
    assert chosen[TENSORRT]["trt_engine_cache_path"] == str(tmp_path / "key")
    assert chosen[CUDA]["enable_cuda_graph"] == "0"


def test_frames_go_through_device_buffers_that_stay(runtime: FakeRuntime, inverting: Path) -> None:
    opened = Session(inverting, Device("cuda"), FrameShape(1, 16, 24))
    assert runtime.overrides == {"batch": 1, "height": 16, "width": 24, "styles": 1}
    strength = np.ones(1, np.float32)
    for value in (10, 20, 30):
        frames = np.full((1, 16, 24, 3), value, np.uint8)
        assert (opened.run({"frame": frames, "strength": strength}) == 255 - value).all()
    bound = opened._runner._inputs  # type: ignore[attr-defined]
    # The first call allocates; only what changed is copied after that.
    assert (bound["frame"].updates, bound["strength"].updates) == (2, 0)
    opened.run({"frame": frames, "strength": strength / 2})
    assert bound["strength"].updates == 1
    assert runtime.runs == 4


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
    on_gpu = Stylizer.load(inverting, device="cuda")
    assert on_gpu.describe()["path"] == str(fp16)
    on_cpu = Stylizer.load(inverting, device="cpu")
    assert on_cpu.describe()["path"] == str(inverting)


def test_engine_folders_differ_by_all_that_an_engine_depends_on(runtime: FakeRuntime, tmp_path: Path) -> None:
    one, other = tmp_path / "a.onnx", tmp_path / "b.onnx"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    device = Device("tensorrt")
    keys = {
        engine_folder(one, device, FrameShape(1, 480, 640)).name,
        engine_folder(other, device, FrameShape(1, 480, 640)).name,
        engine_folder(one, device, FrameShape(1, 720, 640)).name,
    }
    runtime.__version__ = "1.32.0"  # type: ignore[misc]
    keys.add(engine_folder(one, device, FrameShape(1, 480, 640)).name)
    assert len(keys) == 4


def test_an_engine_being_built_is_announced(
    runtime: FakeRuntime, inverting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Session(inverting, Device("tensorrt"), FrameShape(1, 16, 16))
    assert "building the TensorRT engine of inverting.onnx" in caplog.text
    caplog.clear()
    folder = engine_folder(inverting, Device("tensorrt"), FrameShape(1, 16, 16))
    (folder / "x.engine").write_bytes(b"")
    Session(inverting, Device("tensorrt"), FrameShape(1, 16, 16))
    assert "building" not in caplog.text


def test_placement_arithmetic() -> None:
    placement = Placement({CUDA: Counter(Conv=3), CPU: Counter(Pad=1, Cast=2)})
    assert placement.nodes(CUDA) == 3
    assert placement.elsewhere(CUDA) == Counter(Pad=1, Cast=2)
    assert placement.counts() == {CUDA: 3, CPU: 3}
