"""Devices and sessions against a fake ONNX Runtime: what a machine with (or with a broken) GPU would do."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_onnxruntime import CPU, CUDA, TENSORRT, FakeRuntime
from nst_rt.engine import gpu
from nst_rt.engine.devices import Device, list_devices, parse_device, preferred_devices
from nst_rt.engine.engine_cache import EngineCache, engine_cache
from nst_rt.engine.gpu import Driver, Gpu
from nst_rt.engine.placement import Placement
from nst_rt.engine.providers import provider_options
from nst_rt.engine.session import FrameShape, Session, first_line
from nst_rt.errors import DeviceError, InputError
from nst_rt.files.folders import cache_folder
from nst_rt.stylizer.stylizer import Stylizer


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
    assert runtime.sessions[-1].options.overrides == {"batch": 1, "height": 16, "width": 24, "styles": 1}
    strength = np.ones(1, np.float32)
    for value in (10, 20, 30):
        frames = np.full((1, 16, 24, 3), value, np.uint8)
        assert (opened.run({"frame": frames, "strength": strength}) == 255 - value).all()
    bound = runtime.sessions[-1].bound
    # Opening runs twice, on a blank frame at full strength, to allocate and to capture; then only changes are copied.
    assert (bound["frame"].updates, bound["strength"].updates) == (4, 0)
    opened.run({"frame": frames, "strength": strength / 2})
    assert bound["strength"].updates == 1
    assert runtime.runs == 6


def test_a_named_device_that_falls_back_is_an_error(runtime: FakeRuntime, inverting: Path) -> None:
    runtime.loadable = (CPU,)
    with pytest.raises(DeviceError, match=r"put inverting.onnx on CPUExecutionProvider instead.*The device cpu runs"):
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
    assert dict(runtime.opened[-1]["providers"])[CUDA]["enable_cuda_graph"] == "0"


def test_auto_falls_to_the_cpu_and_says_so(
    runtime: FakeRuntime, inverting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runtime.loadable = (CPU,)
    stylizer = Stylizer.load(model=inverting)
    photo = np.full((16, 16, 3), 9, np.uint8)
    assert (stylizer(photo) == 246).all()
    assert stylizer.device == "cpu"
    assert "auto: cuda:0 cannot be used, trying cpu" in caplog.text


def test_fp16_is_taken_on_a_gpu_and_fp32_on_a_processor(runtime: FakeRuntime, inverting: Path) -> None:
    fp16 = inverting.with_name("inverting.fp16.onnx")
    fp16.write_bytes(inverting.read_bytes())
    for device, path, precision in (("cuda", fp16, "fp16"), ("cpu", inverting, "fp32")):
        stylizer = Stylizer.load(model=inverting, device=device)
        stylizer(np.zeros((16, 16, 3), np.uint8))
        told = stylizer.describe()
        assert (told["path"], told["precision"]) == (str(path), precision)


def cache_of(model: str = "a", sha256: str = "1" * 64, precision: str = "fp16", size: str = "1x480x640") -> EngineCache:
    return engine_cache(model, sha256, precision, size, Device("tensorrt"))


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
    (folder,) = (path for path in cache_folder().rglob("*") if path.name.startswith("inverting_"))
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
    assert not cache_folder().exists()


def test_a_session_that_opens_and_cannot_run_is_refused_at_once(runtime: FakeRuntime, inverting: Path) -> None:
    runtime.run_fails = "CUDA error cudaErrorNoKernelImageForDevice: no kernel image is available"
    with pytest.raises(DeviceError, match="cannot run on cuda:0: CUDA error"):
        Stylizer.load(model=inverting, device="cuda")


def test_auto_goes_on_when_the_gpu_opens_and_cannot_run(
    runtime: FakeRuntime, inverting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runtime.run_fails = "out of memory"
    stylizer = Stylizer.load(model=inverting)
    assert (stylizer(np.full((16, 16, 3), 9, np.uint8)) == 246).all()
    assert stylizer.device == "cpu"
    assert "trying cpu" in caplog.text


def test_a_run_that_fails_later_is_an_error_of_ours(runtime: FakeRuntime, inverting: Path) -> None:
    opened = Session(inverting, Device("cuda"), FrameShape(1, 16, 16))
    feeds = {"frame": np.zeros((1, 16, 16, 3), np.uint8), "strength": np.ones(1, np.float32)}
    runtime.run_fails = "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer"
    with pytest.raises(InputError, match=r"more memory on cuda:0.*smaller images"):
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
    if Device("cuda") not in list_devices() or gpu.nvidia_driver() is None:
        pytest.skip("no CUDA device here")
    stylizer = Stylizer.load("gogh", device="cuda")
    frame = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    first, replayed = stylizer(frame), stylizer(frame)
    told = stylizer.describe()
    assert (told["precision"], list(told["placement"]), told["cuda_graph"]) == ("fp16", [CUDA], True)
    assert np.array_equal(first, replayed)
    plain = Session(files.fp16, Device("cuda"), FrameShape(1, 96, 128), fp16=True, cuda_graph=False)
    full = np.ones(1, np.float32)
    feeds = {"frame": frame[None], "style": stylizer.style_vector()[None], "strength": full, "color": full}
    assert np.array_equal(plain.run({name: feeds[name] for name in plain.inputs})[0], replayed)


def test_placement_arithmetic() -> None:
    placement = Placement({CUDA: Counter(Conv=3), CPU: Counter(Pad=1, Cast=2)})
    assert placement.nodes(CUDA) == 3
    assert placement.elsewhere(CUDA) == Counter(Pad=1, Cast=2)
    assert placement.counts() == {CUDA: 3, CPU: 3}


def test_what_preloading_prints_is_logged_and_stdout_stays_clean(
    runtime: FakeRuntime, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    runtime.prints = "Failed to load libcublas.so.13"
    with caplog.at_level(logging.DEBUG, "nst_rt"):
        provider_options(Device("cuda"), cuda_graph=False)
    assert capsys.readouterr().out == ""
    assert "Failed to load libcublas.so.13" in caplog.text


def test_a_provider_logs_nothing_unless_somebody_debugs(
    runtime: FakeRuntime, inverting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Session(inverting, Device("cuda"), FrameShape(1, 16, 16))
    level_of_process = list(runtime.severities)  # the command line may have set it
    assert vars(runtime.sessions[-1].options)["log_severity_level"] == 4
    with caplog.at_level(logging.DEBUG, "nst_rt"):
        Session(inverting, Device("cuda"), FrameShape(1, 16, 16))
    assert "log_severity_level" not in vars(runtime.sessions[-1].options)
    assert runtime.severities == level_of_process
