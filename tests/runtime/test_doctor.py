import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest
from nst_rt import doctor
from nst_rt.devices import Device
from nst_rt.doctor import Check, examine, try_device
from nst_rt.errors import DeviceError


def by_name() -> dict[str, Check]:
    return {check.name: check for check in examine()}


def test_a_sound_installation_runs_the_probe_on_the_processor() -> None:
    checks = by_name()
    assert checks["device cpu"].status == "ok"
    assert "nodes on CPUExecutionProvider" in checks["device cpu"].detail
    assert checks["films (PyAV)"].status == "ok"
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
    assert check.next_step.endswith('"nst-rt[cuda]"')


def test_a_broken_release_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.24.1" if name == "onnxruntime" else real(name))
    check = by_name()["onnxruntime"]
    assert check.status == "error"
    assert "broken release" in check.detail


def test_a_listed_device_that_cannot_run_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise DeviceError("device cuda:0: no driver. Install one")

    monkeypatch.setattr(doctor, "Session", refuse)
    check = try_device(Device("cuda"))
    assert (check.status, check.next_step) == ("warning", "device cuda:0: no driver. Install one")
    assert try_device(Device("cpu")).status == "error"


def test_a_check_that_fails_does_not_stop_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "listed_devices", lambda: 1 / 0)
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
    assert '"nst-rt[cuda]"' in run("doctor").stdout.replace("\n", " ")
