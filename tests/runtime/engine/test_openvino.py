"""The backends of OpenVINO, against a fake ONNX Runtime; and OpenVINO itself where it is installed."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fake_onnxruntime import AMD, CPU, INTEL, OPENVINO, FakeRuntime
from nst_rt.engine import openvino
from nst_rt.engine.devices import MANY_FRAMES, Device, preferred_devices, require_listed
from nst_rt.engine.providers import provider_options
from nst_rt.engine.session import Session, require_bf16
from nst_rt.errors import DeviceError, ModelError
from nst_rt.files.folders import cache_folder
from nst_rt.stylizer.stylizer import Stylizer

Install = Callable[[FakeRuntime], FakeRuntime]


def have_wheels(monkeypatch: pytest.MonkeyPatch, *wheels: str) -> None:
    """Have only these packages installed beside ONNX Runtime."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name in wheels or None)
    monkeypatch.setitem(sys.modules, PLUGIN, SimpleNamespace(get_library_path=lambda: "/plugin.so"))


PLUGIN, OWN = "onnxruntime_ep_openvino", "openvino"


@pytest.mark.parametrize(
    ("vendor", "built_in", "wheels", "backend"),
    [
        (INTEL, False, (PLUGIN, OWN), "plugin"),
        (AMD, False, (PLUGIN, OWN), "own"),
        (AMD, False, (PLUGIN,), None),
        (AMD, True, (PLUGIN, OWN), "built_in"),
        (INTEL, False, (OWN,), "own"),
        (INTEL, False, (), None),
    ],
)
def test_the_backend_that_is_installed(
    install: Install,
    monkeypatch: pytest.MonkeyPatch,
    vendor: int,
    built_in: bool,
    wheels: tuple[str, ...],
    backend: str | None,
) -> None:
    have_wheels(monkeypatch, *wheels)
    runtime = install(FakeRuntime((OPENVINO, CPU) if built_in else (CPU,), vendor=vendor))
    assert openvino.openvino_backend() == backend
    # A plugin that lists nothing must not stay: its provider would be listed and could not be had.
    assert bool(runtime.registered) is (backend == "plugin")
    kinds = ["openvino", "cpu"] if backend else ["cpu"]
    assert [device.kind for device in preferred_devices()] == kinds
    assert Device("openvino").provider == (openvino.OWN_RUNTIME if backend == "own" else openvino.PROVIDER)


def test_a_broken_plugin_leaves_the_other_devices(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    have_wheels(monkeypatch, PLUGIN)
    install(FakeRuntime((CPU,), vendor=INTEL))
    monkeypatch.setitem(sys.modules, PLUGIN, None)  # its import fails
    assert [device.kind for device in preferred_devices()] == ["cpu"]


def test_auto_leaves_openvino_out_for_a_few_frames(
    install: Install, monkeypatch: pytest.MonkeyPatch, inverting: Path
) -> None:
    have_wheels(monkeypatch, PLUGIN)
    runtime = install(FakeRuntime((CPU,), vendor=INTEL))
    assert preferred_devices(1) == preferred_devices(MANY_FRAMES - 1) == [Device("cpu")]
    assert Stylizer.load(model=inverting, frames=1).device == "cpu"
    require_listed(Device("cpu"))
    assert not runtime.registered  # the plugin was not even loaded
    assert preferred_devices(MANY_FRAMES) == preferred_devices() == [Device("openvino"), Device("cpu")]
    assert Stylizer.load(model=inverting, frames=MANY_FRAMES).device == "openvino"
    assert Stylizer.load(model=inverting).device == "openvino"


def test_openvino_that_is_asked_for_is_taken_for_a_single_frame(
    install: Install, monkeypatch: pytest.MonkeyPatch, inverting: Path
) -> None:
    have_wheels(monkeypatch, PLUGIN)
    install(FakeRuntime((CPU,), vendor=INTEL))
    assert Stylizer.load(model=inverting, device="openvino", frames=1).device == "openvino"


def test_the_plugin_is_given_the_cpu_and_its_properties(
    install: Install, monkeypatch: pytest.MonkeyPatch, inverting: Path
) -> None:
    have_wheels(monkeypatch, PLUGIN)
    runtime = install(FakeRuntime((CPU,), vendor=INTEL))
    Session(inverting, Device("openvino"))
    options = runtime.sessions[-1].options
    (device,) = options.devices
    assert (device.ep_name, device.ep_metadata) == (openvino.PROVIDER, {"ov_device": "CPU"})
    assert json.loads(options.properties["load_config"])["CPU"]["INFERENCE_PRECISION_HINT"] == "f32"
    # Providers by name would take the place of the devices.
    assert "providers" not in runtime.opened[-1]


def test_the_built_in_provider_is_given_the_same_properties(
    install: Install, monkeypatch: pytest.MonkeyPatch, inverting: Path
) -> None:
    have_wheels(monkeypatch)
    runtime = install(FakeRuntime((OPENVINO, CPU)))
    Session(inverting, Device("openvino"), threads=3)
    (name, told), cpu = runtime.opened[-1]["providers"]
    assert (name, cpu, told["device_type"]) == (openvino.PROVIDER, "CPUExecutionProvider", "CPU")
    assert json.loads(told["load_config"])["CPU"]["INFERENCE_NUM_THREADS"] == "3"


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
    with pytest.raises(DeviceError, match=r"cpu: bf16 is for the device openvino.*\.\[openvino\].*precision fp32"):
        Stylizer.load(model=inverting, device="cpu", precision="bf16")
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags : fpu avx2 avx512f avx512_vnni")
    monkeypatch.setattr(openvino, "Path", lambda name: cpuinfo)
    with pytest.raises(DeviceError, match="no bf16 instructions"):
        require_bf16(Device("openvino"))
    cpuinfo.write_text("flags : fpu avx512f avx512_bf16 clzero")
    require_bf16(Device("openvino"))


def test_bf16_left_to_auto_asks_for_openvino(
    install: Install, inverting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_wheels(monkeypatch)
    install(FakeRuntime((CPU,)))
    with pytest.raises(DeviceError, match=r"device openvino: what is installed runs only cpu.*\"\.\[openvino\]\""):
        Stylizer.load(model=inverting, precision="bf16")


def test_openvino_computes_what_onnxruntime_does(inverting: Path, tinting: Path) -> None:
    if openvino.openvino_backend() is None:
        pytest.skip("no OpenVINO here")
    photo = np.random.default_rng(0).integers(0, 256, (2, 24, 17, 3), np.uint8)
    with Stylizer.load(model=inverting, device="openvino", threads=1) as stylizer:
        assert np.array_equal(stylizer(photo), 255 - photo)
        assert (stylizer(photo[0, :16]) == 255 - photo[0, :16]).all()
        told = stylizer.describe()
    assert (told["device"], told["precision"], list(told["placement"])) == ("openvino", "fp32", [told["provider"]])
    with Stylizer.load(np.array([1, 2, 3], np.float32), model=tinting, device="openvino", threads=1) as stylizer:
        assert (stylizer(np.full((16, 16, 3), 200, np.uint8)) == (101, 102, 103)).all()
    broken = inverting.with_name("broken.onnx")
    broken.write_bytes(inverting.read_bytes()[:200])
    with pytest.raises(ModelError, match="cannot read it as a model"):
        Stylizer.load(model=broken, device="openvino")


@pytest.mark.usefixtures("install")
def test_auto_goes_on_where_openvino_is_installed_and_broken(
    inverting: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    have_wheels(monkeypatch, OWN)
    openvino.openvino_backend.cache_clear()
    monkeypatch.setitem(sys.modules, "openvino", None)  # importing it fails
    monkeypatch.delitem(sys.modules, "nst_rt.engine.openvino_session", raising=False)
    stylizer = Stylizer.load(model=inverting)
    assert (stylizer(np.full((16, 16, 3), 9, np.uint8)) == 246).all()
    assert stylizer.device == "cpu"
    assert "auto: openvino cannot be used, trying cpu" in caplog.text
    with pytest.raises(DeviceError, match=r"cannot be opened on openvino.*The device cpu runs"):
        Stylizer.load(model=inverting, device="openvino")
