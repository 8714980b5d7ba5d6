"""What `nst-rt doctor` finds, with faults at the edges: packages, drivers, libraries, folders."""

import ctypes
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest
from nst_rt.engine import gpu
from nst_rt.engine.devices import Device
from nst_rt.engine.gpu import Driver
from nst_rt.errors import DeviceError
from nst_rt.jobs import diagnosis
from nst_rt.jobs.diagnosis import Check, examine, examine_nvidia, try_device
from nst_rt.stylizer.stylizer import Stylizer


def by_name() -> dict[str, Check]:
    return {check.name: check for check in examine()}


def test_a_good_installation_runs_the_probe_on_the_cpu() -> None:
    checks = by_name()
    assert checks["device cpu"].status == "ok"
    assert "nodes on CPUExecutionProvider" in checks["device cpu"].detail
    assert checks["videos (PyAV)"].status == "ok"
    assert checks["built-in network"].status == "ok"
    assert "gogh" in checks["built-in network"].detail


def test_two_onnxruntime_wheels_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "1.31.1" if name.startswith("onnxruntime-gpu") else real(name)
    )
    check = by_name()["ONNX Runtime wheels"]
    assert check.status == "error"
    assert "overwrite each other" in check.detail
    assert check.next_step.startswith("pip uninstall -y onnxruntime onnxruntime-gpu && ")
    assert check.next_step.endswith('pip install ".[cuda]"  # in the checkout of nst-rt')


def test_a_broken_release_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.24.1" if name == "onnxruntime" else real(name))
    check = by_name()["onnxruntime"]
    assert check.status == "error"
    assert "broken release" in check.detail


def test_a_listed_device_that_cannot_run_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise DeviceError("device cuda:0: no driver. Install one")

    monkeypatch.setattr(diagnosis, "Session", refuse)
    check = try_device(Device("cuda"))
    assert (check.status, check.next_step) == ("warning", "device cuda:0: no driver. Install one")
    assert try_device(Device("cpu")).status == "error"


def test_a_check_that_fails_does_not_stop_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "list_devices", lambda: 1 / 0)
    checks = by_name()
    assert checks["devices"].status == "error"
    assert "ZeroDivisionError" in checks["devices"].detail
    assert "data folder" in checks


def test_a_folder_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("NST_RT_HOME", str(file))
    check = by_name()["data folder"]
    assert check.status == "warning"
    assert "NST_RT_HOME" in check.next_step


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from nst_rt.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_prints_json_and_its_exit_code_tells() -> None:
    done = run("doctor", "--json")
    told = json.loads(done.stdout)
    assert told["ok"] is (done.returncode == 0)
    assert {"name", "status", "detail", "next_step"} == set(told["checks"][0])


def test_install_lines_survive_the_table() -> None:
    assert '".[cuda]"' in run("doctor").stdout.replace("\n", " ")


def nvidia_checks(
    monkeypatch: pytest.MonkeyPatch, *, driver: Driver | None, cuda: str | None, loads: bool
) -> tuple[dict[str, Check], list[str]]:
    """What is found with onnxruntime-gpu installed, and the libraries of CUDA that were looked for."""
    looked_for: list[str] = []

    def load(name: str, *_: object, **__: object) -> None:
        if not name.startswith("libnv"):
            looked_for.append(name)
        if not loads:
            raise OSError(name)

    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.31.1")
    monkeypatch.setattr(gpu, "nvidia_driver", lambda: driver)
    monkeypatch.setattr(onnxruntime, "cuda_version", cuda, raising=False)
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda **_: None, raising=False)
    monkeypatch.setattr(ctypes, "CDLL", load)
    return {check.name: check for check in examine_nvidia()}, looked_for


def test_without_a_driver_the_gpu_build_is_still_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    checks, looked_for = nvidia_checks(monkeypatch, driver=None, cuda="13.0", loads=False)
    assert checks["NVIDIA driver"].status == "warning"
    libraries = checks["CUDA libraries"]
    assert libraries.status == "warning"
    assert "wants CUDA 13.0 and cuDNN 9" in libraries.detail
    assert len(looked_for) == 3
    assert all(name in libraries.detail for name in looked_for)


def test_a_cuda_version_that_is_unknown_is_no_part_of_a_librarys_name(monkeypatch: pytest.MonkeyPatch) -> None:
    checks, looked_for = nvidia_checks(monkeypatch, driver=Driver("13.0", ()), cuda=None, loads=True)
    assert len(looked_for) == 1
    assert "cudnn" in looked_for[0]
    assert checks["CUDA libraries"].status == "ok"
    assert "does not tell" in checks["CUDA libraries"].detail


def test_a_driver_too_old_for_this_onnxruntime_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    checks, _ = nvidia_checks(monkeypatch, driver=Driver("12.4", ()), cuda="13.0", loads=True)
    assert checks["CUDA"].status == "error"
    assert "wants CUDA 13.0, the driver serves 12.4" in checks["CUDA"].detail


def test_a_built_in_network_that_does_not_run_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "runs on the CPU" in by_name()["built-in network"].detail

    def refuse(*_: object) -> None:
        raise DeviceError("device cpu: no memory")

    monkeypatch.setattr(Stylizer, "__call__", refuse)
    check = by_name()["built-in network"]
    assert check.status == "error"
    assert "device cpu: no memory" in check.detail
