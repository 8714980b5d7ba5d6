from pathlib import Path

import pytest
from matplotlib.axes import Axes
from nst_bench.speed.plot import draw


@pytest.mark.filterwarnings("ignore:No artists with labels")  # the lines are watched, not drawn
def test_a_plot_of_sizes_and_peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = [{"name": name, "latency": {"p50": p50}} for name, p50 in (("nst-rt cpu", 2.0), ("PyTorch", 9.0))]
    peers = {"network": "built-in", "width": 640, "height": 480, "results": times}
    machine = {"processor": "A", "logical_cores": 2, "gpus": [], "nst-rt": "1"}
    path = tmp_path / "plot.png"
    sweep = [
        {**{"width": 64, "height": 48, "batch": 1, "latency": {"p50": 8.0}, "limits": {"arithmetic_share": share}}}
        | {"model": {"device": device, "precision": "fp32"}}
        for device, share in (("cpu", 0.5), ("cuda:0", 0.25))
    ]
    labels: dict[str, list[float]] = {}
    monkeypatch.setattr(Axes, "plot", lambda _, x, y, **style: labels.setdefault(style["label"], y))
    draw({"machine": machine, "results": sweep, "peers": []}, path)
    assert labels["fp32 arithmetic at peak rate"] == [4]
    assert labels["fp32 arithmetic at peak rate on a GPU"] == [2]
    draw({"machine": machine, "results": [], "peers": [peers, {**peers, "results": []}]}, path)
    assert path.read_bytes().startswith(b"\x89PNG")
