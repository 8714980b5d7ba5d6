"""What README.md and docs/ tell people to type does what they say."""

import json
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

CHECKOUT = Path(__file__).parents[3]


def block(page: str, heading: str, language: str) -> str:
    """The first block of code beneath a heading."""
    text = (CHECKOUT / page).read_text(encoding="utf-8").partition(f"# {heading}\n")[2]
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None, heading
    return found[1]


def put(path: Path, *, gray: bool = False) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (48, 64) if gray else (48, 64, 3), np.uint8)
    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), np.where(pixels > 127, 255, 0).astype(np.uint8) if gray else pixels)


def put_video(path: Path, seconds: int) -> None:
    """A frame every two seconds."""
    with av.open(str(path), "w") as video:
        stream = video.add_stream("libx264", rate=Fraction(1, 2))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(seconds // 2):
            video.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="bgr24")))
        video.mux(stream.encode())


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_the_commands_of_the_pages_run_from_top_to_bottom(tmp_path: Path) -> None:
    for name in ("photo.jpg", "painting.jpg", "holiday/one.jpg", "holiday/two.jpg"):
        put(tmp_path / name)
    for name in ("sky.png",):
        put(tmp_path / name, gray=True)
    for name in ("clip.mp4", "mask.mp4"):
        put_video(tmp_path / name, seconds=82)
    pages = (
        ("README.md", "Three things to try"),
        ("docs/how-to/images.md", "Images and folders"),
        ("docs/how-to/videos.md", "Videos"),
        ("docs/how-to/your-own-painting.md", "Your own painting"),
    )
    lines = [line for page in pages for line in block(*page, "sh").splitlines() if not line.startswith("nst-rt webcam")]
    # Two pages may show the same line; here it would find its own result.
    lines = list(dict.fromkeys(re.sub(r"\s+#.*", "", line) for line in lines))
    assert len(lines) > 10
    ours = f'nst-rt() {{ {json.dumps(sys.executable)} -c "from nst_rt.cli import main; main()" "$@"; }}'
    script = "\n".join([ours, "set -e -o pipefail", *lines])
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = {path.name for path in tmp_path.iterdir()}
    assert made > {
        "photo.wave.jpg",
        "photo.gogh.jpg",
        "photo.painting.jpg",
        "photo.mondrian.stroke-size-2.jpg",
        "painted",
        "out.png",
        "painted.mp4",
        "clip.wave.start-80.duration-5.mp4",
        "clip.timeline-gogh-wave.mp4",
    }


def test_the_python_of_masks_and_timelines_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(Path("old-town.jpg"))
    for name in ("sky.png", "labels.png"):
        put(Path(name), gray=True)
    names: dict[str, np.ndarray] = {}
    exec(block("docs/controls.md", "In Python", "python"), names)
    assert names["stylized"].shape == names["frame"].shape
    assert names["both"].shape == (2, *names["frame"].shape)
    assert (names["both"][0] != names["both"][1]).any()
