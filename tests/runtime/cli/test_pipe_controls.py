"""Timelines and masks in `nst-rt pipe`, with a tiny network whose styles are tints."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pipe_process import HEIGHT, SIZE, WIDTH, flat_yuv, read_exactly, send_styled, start_styled, y4m
from tiny_models import inverting_model, mean_color_encoder, name_styles, tinting_model

GRAY = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
RAW = ["--format", "bgr24", "--size", SIZE]
PHOTO, BLUE, RED = [100, 100, 100], [150, 50, 50], [50, 50, 150]


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tinting_model(Path("net.onnx"), rows="styles")
    name_styles(Path("net.onnx"))
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, WIDTH // 2 :] = 255
    cv2.imwrite("mask.png", mask)


def frames_of(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)


def colors(data: bytes, column: int = WIDTH // 2) -> list[list[int]]:
    """One pixel of every frame."""
    return [[int(value) for value in frame[HEIGHT // 2, column]] for frame in frames_of(data)]


def test_a_timeline_counts_frames_by_the_given_rate() -> None:
    line = ["--timeline", "0s blue, 1s red, fade 500ms", "--rate", "4"]
    told = send_styled("net.onnx", GRAY.tobytes() * 8, *RAW, *line)
    assert told.returncode == 0, told.stderr
    assert colors(told.stdout) == [BLUE] * 5 + [[100, 50, 100]] + [RED] * 2


def test_a_timeline_counts_frames_by_the_headers_rate() -> None:
    stream = y4m([flat_yuv(100)] * 3, "F30:60 Ip A1:1 C420jpeg")  # two seconds each
    told = send_styled("net.onnx", stream, "--timeline", "0s blue, 2s red", "--output-format", "bgr24")
    assert told.returncode == 0, told.stderr
    first, *rest = colors(told.stdout)
    assert first[0] - first[2] == 100
    assert [pixel[2] - pixel[0] for pixel in rest] == [100, 100]


@pytest.mark.parametrize(
    ("stream", "line", "said"),
    [
        (GRAY.tobytes(), RAW, "raw bgr24 does not say its rate, and the timeline counts by it"),
        (y4m([flat_yuv(100)], "F0:0"), [], "the stream does not say its rate"),
        (
            y4m([flat_yuv(100)], "F25:1"),
            ["--rate", "30"],
            "says 25 frames a second. Leave the rate out (option --rate)",
        ),
    ],
)
def test_a_timeline_needs_one_rate(stream: bytes, line: list[str], said: str) -> None:
    told = send_styled("net.onnx", stream, *line, "--timeline", "0s blue, 1s red")
    assert (told.returncode, told.stdout) == (2, b"")
    assert said in told.stderr.decode()


def test_a_header_without_a_rate_takes_the_given_one() -> None:
    stream = y4m([flat_yuv(100)] * 2, "F0:0")
    line = ["--timeline", "0s blue, 1s red", "--rate", "1", "--output-format", "bgr24"]
    told = send_styled("net.onnx", stream, *line)
    assert told.returncode == 0, told.stderr
    assert [pixel[0] > pixel[2] for pixel in colors(told.stdout)] == [True, False]


def test_a_mask_has_two_sides_and_regions_have_names() -> None:
    told = send_styled("net.onnx", GRAY.tobytes() * 2, *RAW, "--style", "red", "--mask", "mask.png", "--feather", "0")
    assert told.returncode == 0, told.stderr
    assert colors(told.stdout, 4) == [PHOTO] * 2
    assert colors(told.stdout, WIDTH - 4) == [RED] * 2
    line = ["--mask", "mask.png", "--regions", "0=blue, 255=none", "--feather", "0"]
    told = send_styled("net.onnx", GRAY.tobytes(), *RAW, *line)
    assert told.returncode == 0, told.stderr
    assert (colors(told.stdout, 4), colors(told.stdout, WIDTH - 4)) == ([BLUE], [PHOTO])


def test_a_timeline_inside_a_mask() -> None:
    line = ["--timeline", "0s blue, 1s red", "--rate", "1", "--mask", "mask.png", "--outside", "blue", "--feather", "0"]
    told = send_styled("net.onnx", GRAY.tobytes() * 2, *RAW, *line)
    assert told.returncode == 0, told.stderr
    assert colors(told.stdout, 4) == [BLUE] * 2
    assert colors(told.stdout, WIDTH - 4) == [BLUE, RED]


def test_a_painting_takes_the_first_frames_colors() -> None:
    mean_color_encoder(Path("net.encoder.onnx"))
    cv2.imwrite("painting.png", np.random.default_rng(3).integers(0, 200, (32, 32, 3)).astype(np.uint8))
    line = ["--style", "painting.png", "--match-colors", "cholesky"]
    told = send_styled("net.onnx", np.full_like(GRAY, 40).tobytes() * 2, *RAW, *line)
    assert told.returncode == 0, told.stderr
    assert np.abs(frames_of(told.stdout).astype(int) - 40).max() <= 2  # 40 / 2, and half of the painting's new mean


def test_what_cannot_go_together_is_said_before_a_frame_is_read() -> None:
    line = ["--style", "red", "--timeline", "0s blue, 1s red", "--rate", "5"]
    told = send_styled("net.onnx", GRAY.tobytes(), *RAW, *line)
    assert (told.returncode, told.stdout) == (2, b"")
    assert "timeline names the styles. Leave the style red out (option --timeline)" in told.stderr.decode()
    inverting_model(Path("baked.onnx"))
    told = send_styled("baked.onnx", GRAY.tobytes(), *RAW, *line[2:])
    assert "baked.onnx has one style baked in (invert), and timelines need" in told.stderr.decode()
    told = send_styled("net.onnx", GRAY.tobytes(), *RAW, "--mask", "nowhere.png")
    assert told.returncode == 2
    assert "nowhere.png" in told.stderr.decode()


def test_a_frame_in_a_mask_still_leaves_before_the_next_comes() -> None:
    line = [*RAW, "--style", "red", "--mask", "mask.png", "--feather", "0"]
    with start_styled("net.onnx", *line) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            os.write(process.stdin.fileno(), GRAY.tobytes())
            assert colors(read_exactly(process.stdout.fileno(), GRAY.nbytes), WIDTH - 4) == [RED]
        process.stdin.close()
        assert process.wait(60) == 0
