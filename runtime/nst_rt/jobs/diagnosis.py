"""Checks of the installation: what is there, whether it really runs, and what to do where it does not."""

import ctypes
import importlib.metadata
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from nst_rt import contract
from nst_rt.engine import gpu
from nst_rt.engine.devices import HOW_TO_GET, PROVIDERS, Device, list_devices
from nst_rt.engine.ort import BROKEN, INSTALL_CPU, INSTALL_CUDA, load_onnxruntime, preload_cuda
from nst_rt.engine.session import FrameShape, Session
from nst_rt.errors import DependencyError, NstError, install_line
from nst_rt.files import folders
from nst_rt.models.catalog import BUILT_IN, ModelFiles, find_model
from nst_rt.version import __version__

Status = Literal["ok", "note", "warning", "error"]

PROBE = Path(__file__).parents[1] / "models" / "probe" / "probe.onnx"
"""A transformer network of a few kilobytes with the operators of the real ones; made by `scripts/make_probe.py`."""

ORT_WHEELS = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-directml",
    "onnxruntime-rocm",
    "onnxruntime-qnn",
    "onnxruntime-trt-rtx",
)
OPENCV_WHEELS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)


@dataclass(frozen=True)
class Check:
    """One finding."""

    name: str
    status: Status
    """`ok`; `note`: worth knowing; `warning`: something optional is missing; `error`: something needed is broken."""
    detail: str
    next_step: str = ""


def examine() -> Iterator[Check]:
    """Run every check and yield each finding as it is made; a check that fails does not stop the next."""
    for check in (_platform, _onnxruntime, _devices, examine_nvidia, _built_in, _opencv, _videos, _cameras, _folders):
        try:
            yield from check()
        except Exception as error:  # a broken check must not hide the others
            yield Check(
                check.__name__.removeprefix("examine").strip("_"),
                "error",
                f"the check itself failed: {type(error).__name__}: {error}",
            )


def _installed(names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _platform() -> Iterator[Check]:
    yield Check("nst-rt", "ok", f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    yield Check("CPU", "ok", f"{cpu_name()}, {os.cpu_count()} logical cores")


def cpu_name() -> str:
    """The name of this machine's CPU, as the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _onnxruntime() -> Iterator[Check]:
    wheels = _installed(ORT_WHEELS)
    listing = ", ".join(f"{name} {version}" for name, version in wheels.items())
    if not wheels:
        yield Check("ONNX Runtime", "error", "not installed", f"{INSTALL_CPU} or {INSTALL_CUDA}")
        return
    if len(wheels) > 1:
        wanted = INSTALL_CUDA if "onnxruntime-gpu" in wheels else INSTALL_CPU
        yield Check(
            "ONNX Runtime wheels",
            "error",
            f"{listing} share one folder and overwrite each other",
            f"pip uninstall -y {' '.join(wheels)} && {wanted}",
        )
    else:
        yield Check("ONNX Runtime wheels", "ok", listing)
    for name, version in wheels.items():
        if reason := BROKEN.get((name, version)):
            yield Check(name, "error", f"{version} is a broken release: {reason}", f"pip install -U {name}")
    try:
        runtime = load_onnxruntime()
    except DependencyError as error:
        yield Check("ONNX Runtime", "error", str(error))
        return
    telemetry = "off" if os.environ.get("ORT_DISABLE_TELEMETRY") == "1" else "left to ORT_DISABLE_TELEMETRY"
    yield Check("ONNX Runtime", "ok", f"{runtime.__version__}, telemetry {telemetry}")


def _devices() -> Iterator[Check]:
    try:
        listed = {device.kind for device in list_devices()}
    except DependencyError:
        return  # said already
    for kind in PROVIDERS:
        device = Device(kind)
        if kind not in listed:
            yield Check(f"device {device}", "note", "not installed", HOW_TO_GET[kind])
            continue
        yield try_device(device)


def try_device(device: Device) -> Check:
    """Run the tiny probe model on `device`, as a real model would be run."""
    try:
        session = Session(PROBE, device, FrameShape(1, 64, 64))
        full = np.ones(1, np.float32)
        frame = np.full((1, 64, 64, 3), 127, np.uint8)
        stylized = session.run({contract.FRAME: frame, contract.STRENGTH: full, contract.COLOR: full})
        if stylized.shape != (1, 64, 64, 3):
            return Check(f"device {device}", "error", f"runs and returns a wrong shape, {stylized.shape}")
    except NstError as error:
        status: Status = "error" if device.kind == "cpu" else "warning"
        return Check(f"device {device}", status, "listed, but cannot run", str(error))
    except Exception as error:  # whatever a driver throws
        return Check(f"device {device}", "warning", f"listed, but fails: {type(error).__name__}: {error}")
    graph = ", CUDA graph" if session.cuda_graph else ""
    nodes = ", ".join(f"{count} nodes on {provider}" for provider, count in session.placement.counts().items())
    return Check(f"device {device}", "ok", f"runs ({nodes or 'placement unknown'}{graph})")


def examine_nvidia() -> Iterator[Check]:
    """The NVIDIA driver, and what ONNX Runtime needs to run on its cards."""
    driver = gpu.nvidia_driver()
    wheels = _installed(("onnxruntime-gpu",))
    if driver is None:
        if not wheels:
            yield Check("NVIDIA driver", "note", "none found; fine without an NVIDIA card")
            return
        yield Check(
            "NVIDIA driver",
            "warning",
            "none found, and onnxruntime-gpu is installed: it needs one to run on a card",
            f"install NVIDIA's driver, or without an NVIDIA card {INSTALL_CPU}",
        )
    else:
        cards = "; ".join(f"{card.index}: {card.name} (compute {card.compute_capability})" for card in driver.gpus)
        yield Check("NVIDIA driver", "ok", f"serves CUDA {driver.cuda}; {cards or 'no card'}")
        if not wheels:
            yield Check("CUDA", "note", "a card is there, and ONNX Runtime is the CPU build", HOW_TO_GET["cuda"])
            return
    try:
        wanted = str(getattr(load_onnxruntime(), "cuda_version", "") or "")
    except DependencyError:
        return  # said already
    major = wanted.partition(".")[0]
    served = driver.cuda.partition(".")[0] if driver else ""
    if driver and major.isdigit() and served.isdigit() and int(major) > int(served):
        yield Check(
            "CUDA",
            "error",
            f"ONNX Runtime wants CUDA {wanted}, the driver serves {driver.cuda}",
            'update the driver, or pip install "onnxruntime-gpu[cuda,cudnn]<1.27" (the last for CUDA 12)',
        )
    preload_cuda()
    # Which CUDA libraries to look for is known only with their version.
    cuda = f"CUDA {wanted}" if major.isdigit() else "CUDA of a version that ONNX Runtime does not tell"
    names = [*(_cuda_libraries(major) if major.isdigit() else []), _cudnn_library()]
    missing = [name for name in names if not _loads(name)]
    if missing:
        yield Check(
            "CUDA libraries",
            "warning",
            f"ONNX Runtime wants {cuda} and cuDNN 9; cannot load {', '.join(missing)}",
            INSTALL_CUDA,
        )
    else:
        yield Check(
            "CUDA libraries", "ok", f"{cuda}{'' if major.isdigit() else ' (not looked for)'}; {', '.join(names)} load"
        )
    version = gpu.tensorrt_version()
    if version:
        yield Check("TensorRT", "ok", version)
    else:
        yield Check("TensorRT", "note", "no libnvinfer.so.10; optional", 'pip install "tensorrt-cu13<11"')


def _cuda_libraries(major: str) -> list[str]:
    if sys.platform == "win32":
        return [f"cublas64_{major}.dll", f"cudart64_{major}.dll"]
    return [f"libcublas.so.{major}", f"libcudart.so.{major}"]


def _cudnn_library() -> str:
    return "cudnn64_9.dll" if sys.platform == "win32" else "libcudnn.so.9"


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _built_in() -> Iterator[Check]:
    try:
        files: ModelFiles = find_model(BUILT_IN)
    except NstError as error:
        yield Check("built-in network", "error", str(error), "reinstall nst-rt")
        return
    from nst_rt.stylizer.stylizer import Stylizer

    beside = [
        label for label, path in (("fp16", files.fp16), ("int8", files.int8), ("style encoder", files.encoder)) if path
    ]
    there = " + ".join(["fp32", *beside])
    try:
        with Stylizer.load(model=BUILT_IN, device="cpu") as stylizer:
            names = ", ".join(stylizer.styles)
            stylized = stylizer(np.full((64, 64, 3), 127, np.uint8))
    except NstError as error:
        yield Check("built-in network", "error", f"{there}; does not run: {error}")
        return
    if stylized.shape != (64, 64, 3):
        yield Check(
            "built-in network", "error", f"{there}; returns a wrong shape, {stylized.shape}", "reinstall nst-rt"
        )
        return
    yield Check("built-in network", "ok", f"{there}; runs on the CPU; styles: {names}")


def _opencv() -> Iterator[Check]:
    wheels = _installed(OPENCV_WHEELS)
    if len(wheels) > 1:
        yield Check(
            "OpenCV wheels",
            "error",
            f"{', '.join(wheels)} share one folder and overwrite each other",
            f"pip uninstall -y {' '.join(wheels)} && pip install opencv-python",
        )
    import cv2

    from nst_rt.live.window import why_no_window, window_backend

    yield Check("OpenCV", "ok", f"{cv2.__version__}, windows by {window_backend() or 'nothing (headless build)'}")
    reason = why_no_window()
    if reason:
        yield Check("window", "note", reason, "record, or use a virtual camera, without a window")
    else:
        yield Check("window", "ok", "a window can be shown")


def _videos() -> Iterator[Check]:
    import av

    encoder = "libx264" in av.codecs_available
    yield Check(
        "videos (PyAV)",
        "ok" if encoder else "error",
        f"{av.__version__}, H.264 encoder {'there' if encoder else 'missing'}",
        "" if encoder else "pip install --force-reinstall av",
    )


def _cameras() -> Iterator[Check]:
    from nst_rt.live.camera import list_cameras

    cameras = list_cameras()
    if cameras:
        yield Check("cameras", "ok", "; ".join(map(str, cameras)))
    else:
        yield Check("cameras", "note", "none found", "plug one in, or take a video or a URL as the source")
    for name, version in _installed(("pyvirtualcam",)).items():
        yield Check("virtual camera", "ok", f"{name} {version}")
        break
    else:
        yield Check("virtual camera", "note", "optional, not installed", install_line("virtual-camera"))


def _folders() -> Iterator[Check]:
    for name, folder in (("data folder", folders.data_folder()), ("cache folder", folders.cache_folder())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
            yield Check(name, "ok", str(folder))
        except OSError as error:
            yield Check(
                name,
                "warning",
                f"{folder} cannot be written to ({error.strerror})",
                "set NST_RT_HOME to another folder",
            )
