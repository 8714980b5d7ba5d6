"""The ways to OpenVINO, against a fake ONNX Runtime; and OpenVINO itself where it is installed."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from nst_rt.engine import devices, openvino, session
from nst_rt.engine.devices import MANY_FRAMES, Device, preferred_devices, provider_options, require_listed
from nst_rt.engine.session_cache import SessionCache
from nst_rt.errors import DeviceError, ModelError
from nst_rt.files.folders import cache_folder
from nst_rt.stylizer.stylizer import Stylizer

AMD, INTEL = 0x1022, 0x8086


class FakeOptions:
    """Remembers which devices a session was asked to run on."""

    def __init__(self) -> None:
        self.devices: list[Any] = []
        self.told: dict[str, str] = {}

    def add_provider_for_devices(self, chosen: list[Any], told: dict[str, str]) -> None:
        self.devices, self.told = chosen, told


class FakeRuntime:
    """An ONNX Runtime with plugins; the plugin lists the processor where it is Intel's, as the real one does."""

    def __init__(self, vendor: int, built_in: bool = False) -> None:
        self.vendor, self.built_in = vendor, built_in
        self.registered: dict[str, str] = {}
        self.opened: list[dict[str, Any]] = []

    def get_available_providers(self) -> list[str]:
        return [*([openvino.PROVIDER] if self.built_in or self.registered else []), "CPUExecutionProvider"]

    def register_execution_provider_library(self, name: str, path: str) -> None:
        self.registered[name] = path

    def unregister_execution_provider_library(self, name: str) -> None:
        del self.registered[name]

    def get_ep_devices(self) -> list[Any]:
        cpu = SimpleNamespace(ep_name="CPUExecutionProvider", ep_metadata={})
        mine = [
            SimpleNamespace(ep_name=name, ep_metadata={"ov_device": kind})
            for name, kind in (
                (f"{openvino.PROVIDER}.AUTO", "CPU"),
                (openvino.PROVIDER, "GPU"),
                (openvino.PROVIDER, "CPU"),
            )
        ]
        return [cpu, *(mine if self.registered and self.vendor == INTEL else [])]

    def InferenceSession(self, path: str, options: Any, **named: Any) -> str:  # noqa: N802
        self.opened.append(named)
        return "session"


@pytest.fixture
def fresh() -> Iterator[None]:
    openvino.road.cache_clear()
    openvino.plugin_processor.cache_clear()
    yield
    openvino.road.cache_clear()
    openvino.plugin_processor.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, runtime: FakeRuntime, *wheels: str) -> None:
    """Have only these packages installed beside `runtime`."""
    monkeypatch.setattr(openvino, "load_onnxruntime", lambda: runtime)
    monkeypatch.setattr(devices, "load_onnxruntime", lambda: runtime)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name in wheels or None)
    plugin = SimpleNamespace(get_library_path=lambda: "/plugin.so")
    monkeypatch.setitem(sys.modules, "onnxruntime_ep_openvino", plugin)


PLUGIN, OWN = "onnxruntime_ep_openvino", "openvino"


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("vendor", "built_in", "wheels", "road"),
    [
        (INTEL, False, (PLUGIN, OWN), "plugin"),
        (AMD, False, (PLUGIN, OWN), "own"),
        (AMD, False, (PLUGIN,), None),
        (AMD, True, (PLUGIN, OWN), "built_in"),
        (INTEL, False, (OWN,), "own"),
        (INTEL, False, (), None),
    ],
)
def test_the_road_that_is_there(
    monkeypatch: pytest.MonkeyPatch, vendor: int, built_in: bool, wheels: tuple[str, ...], road: str | None
) -> None:
    runtime = FakeRuntime(vendor, built_in)
    install(monkeypatch, runtime, *wheels)
    assert openvino.road() == road
    # A plugin that lists nothing must not stay: its provider would be listed and could not be had.
    assert bool(runtime.registered) is (road == "plugin")
    kinds = ["openvino", "cpu"] if road else ["cpu"]
    assert [device.kind for device in preferred_devices()] == kinds
    assert Device("openvino").provider == (openvino.OWN_RUNTIME if road == "own" else openvino.PROVIDER)


@pytest.mark.usefixtures("fresh")
def test_a_broken_plugin_leaves_the_other_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeRuntime(INTEL), PLUGIN)
    monkeypatch.setitem(sys.modules, PLUGIN, None)  # its import fails
    assert [device.kind for device in preferred_devices()] == ["cpu"]


@pytest.mark.usefixtures("fresh")
def test_auto_leaves_openvino_out_for_a_few_frames(monkeypatch: pytest.MonkeyPatch, inverting: Path) -> None:
    runtime = FakeRuntime(INTEL)
    install(monkeypatch, runtime, PLUGIN)
    assert preferred_devices(1) == preferred_devices(MANY_FRAMES - 1) == [Device("cpu")]
    assert Stylizer.load(model=inverting, frames=1).device == "cpu"
    require_listed(Device("cpu"))
    assert not runtime.registered  # the plugin was not even loaded
    assert preferred_devices(MANY_FRAMES) == preferred_devices() == [Device("openvino"), Device("cpu")]
    assert Stylizer.load(model=inverting, frames=MANY_FRAMES).device == "openvino"
    assert Stylizer.load(model=inverting).device == "openvino"


@pytest.mark.usefixtures("fresh")
def test_openvino_that_is_asked_for_is_taken_for_a_single_frame(
    monkeypatch: pytest.MonkeyPatch, inverting: Path
) -> None:
    install(monkeypatch, FakeRuntime(INTEL), PLUGIN)
    monkeypatch.setattr(SessionCache, "require_device", lambda self: None)  # it would open a session
    assert Stylizer.load(model=inverting, device="openvino", frames=1).device == "openvino"


@pytest.mark.usefixtures("fresh")
def test_the_plugin_is_given_the_processor_and_its_properties(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, options = FakeRuntime(INTEL), FakeOptions()
    install(monkeypatch, runtime, PLUGIN)
    opened: Any = openvino.open_openvino(Path("a.onnx"), options, {"INFERENCE_PRECISION_HINT": "f32"}, {})
    assert opened == "session"
    (device,) = options.devices
    assert (device.ep_name, device.ep_metadata) == (openvino.PROVIDER, {"ov_device": "CPU"})
    assert json.loads(options.told["load_config"]) == {"CPU": {"INFERENCE_PRECISION_HINT": "f32"}}
    # Providers by name would take the place of the devices.
    assert "providers" not in runtime.opened[0]


@pytest.mark.usefixtures("fresh")
def test_the_built_in_provider_is_given_the_same_properties(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = FakeRuntime(AMD, built_in=True)
    install(monkeypatch, runtime)
    openvino.open_openvino(Path("a.onnx"), FakeOptions(), {"INFERENCE_NUM_THREADS": "3"}, {})
    (name, told), cpu = runtime.opened[0]["providers"]
    assert (name, cpu, told["device_type"]) == (openvino.PROVIDER, "CPUExecutionProvider", "CPU")
    assert json.loads(told["load_config"]) == {"CPU": {"INFERENCE_NUM_THREADS": "3"}}


def test_the_precision_is_always_set_and_the_cache_keeps_the_newest() -> None:
    ((name, told), (cpu, _)) = provider_options(Device("openvino"), cuda_graph=False, threads=3)
    assert (name, cpu) == (openvino.PROVIDER, "CPUExecutionProvider")
    folder = cache_folder() / "openvino"
    assert told == {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": "3",
        "CACHE_DIR": str(folder),
    }
    for number in range(openvino.KEPT_NETWORKS + 5):
        (folder / f"{number}.blob").write_bytes(b"")
    assert openvino.configuration(bf16=True)["INFERENCE_PRECISION_HINT"] == "bf16"
    assert len(list(folder.glob("*.blob"))) == openvino.KEPT_NETWORKS


def test_a_cache_that_cannot_be_made_is_done_without(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NST_RT_HOME", str(inverting))  # a file, not a folder
    assert "CACHE_DIR" not in openvino.configuration()


def test_bf16_is_refused_where_nothing_computes_so(
    inverting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DeviceError, match=r"cpu: bf16 is for --device openvino.*\.\[openvino\].*--precision fp32"):
        Stylizer.load(inverting, device="cpu", precision="bf16")
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags : fpu avx2 avx512f avx512_vnni")
    monkeypatch.setattr(openvino, "Path", lambda name: cpuinfo)
    with pytest.raises(DeviceError, match="no bf16 instructions"):
        session.require_bf16(Device("openvino"))
    cpuinfo.write_text("flags : fpu avx512f avx512_bf16 clzero")
    session.require_bf16(Device("openvino"))


def test_bf16_left_to_auto_asks_for_openvino(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino, "road", lambda: None)
    with pytest.raises(DeviceError, match=r"device openvino: what is installed runs only cpu.*\"\.\[openvino\]\""):
        Stylizer.load(inverting, precision="bf16")


def test_openvino_computes_what_onnxruntime_does(inverting: Path, tinting: Path) -> None:
    if openvino.road() is None:
        pytest.skip("no OpenVINO here")
    photo = np.random.default_rng(0).integers(0, 256, (2, 24, 17, 3), np.uint8)
    with Stylizer.load(inverting, device="openvino", threads=1) as stylizer:
        assert np.array_equal(stylizer(photo), 255 - photo)
        assert (stylizer(photo[0, :16]) == 255 - photo[0, :16]).all()
        told = stylizer.describe()
    assert (told["device"], told["precision"], list(told["placement"])) == ("openvino", "fp32", [told["provider"]])
    with Stylizer.load(np.array([1, 2, 3], np.float32), model=tinting, device="openvino", threads=1) as stylizer:
        assert (stylizer(np.full((16, 16, 3), 200, np.uint8)) == (101, 102, 103)).all()
    broken = inverting.with_name("broken.onnx")
    broken.write_bytes(inverting.read_bytes()[:200])
    with pytest.raises(ModelError, match="cannot read it as a model"):
        Stylizer.load(broken, device="openvino")


def test_auto_goes_on_where_openvino_is_installed_and_broken(
    inverting: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(openvino, "road", lambda: "own")
    monkeypatch.setitem(sys.modules, "openvino", None)  # importing it fails
    monkeypatch.delitem(sys.modules, "nst_rt.engine.openvino_session", raising=False)
    stylizer = Stylizer.load(inverting)
    assert (stylizer(np.full((16, 16, 3), 9, np.uint8)) == 246).all()
    assert stylizer.device == "cpu"
    assert "auto: openvino cannot be used, trying cpu" in caplog.text
    with pytest.raises(DeviceError, match=r"cannot be opened on openvino.*--device cpu runs"):
        Stylizer.load(inverting, device="openvino")
