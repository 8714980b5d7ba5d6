"""Paintings in an image's colours: the maps themselves, and `--match-colors` of the commands."""

import sys
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import nst_rt.cli
import numpy as np
import pytest
from lab_hues import hue_shift
from nst_rt import Stylizer
from nst_rt.errors import StyleError
from nst_rt.masks.mask import StillMask
from nst_rt.media.images.sample_image import landscape
from nst_rt.media.video.video_info import VideoInfo
from nst_rt.media.video.video_reader import VideoReader
from nst_rt.media.video.video_writer import VideoWriter
from nst_rt.styles.color_matching import ColorMatching
from nst_rt.styles.timeline import Timeline, TimelinePlayer
from nst_rt.stylizer.masked_stylizer import MaskedStylizer
from tiny_images import draw


def moderate(seed: int, low: int, high: int) -> np.ndarray:
    """A drawn image whose colours keep away from black and white, where they would be clipped."""
    image: np.ndarray = (low + draw(seed, 60, 80) / 255.0 * (high - low)).round().astype(np.uint8)
    return image


def statistics(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pixels = image.reshape(-1, 3).astype(float)
    return pixels.mean(0), np.cov(pixels, rowvar=False)


@pytest.mark.parametrize("method", ["cholesky", "analogies"])
def test_mean_and_covariance_become_the_images(method: str) -> None:
    image, painting = moderate(1, 130, 190), moderate(2, 40, 180)
    matched = ColorMatching.to_image(image, method)(painting)
    assert (matched.shape, matched.dtype) == (painting.shape, np.uint8)
    for found, wanted, before in zip(*map(statistics, (matched, image, painting)), strict=True):
        scale = np.abs(wanted).max()
        assert np.abs(found - wanted).max() < 0.03 * scale
        assert np.abs(before - wanted).max() > 0.1 * scale


def test_the_two_methods_turn_colours_differently_and_square_roots_stay_closest() -> None:
    image, painting = moderate(1, 80, 170), moderate(2, 80, 170)
    moved = {
        method: np.abs(ColorMatching.to_image(image, method)(painting).astype(float) - painting).mean()
        for method in ("none", "cholesky", "analogies")
    }
    assert moved["none"] == 0
    # Of all maps with this result, the difference of the square roots is the smallest in the painting's own axes.
    assert 0 < moved["analogies"] < moved["cholesky"]


@pytest.mark.parametrize("method", ["cholesky", "analogies"])
def test_a_painting_in_its_own_colours_stays_as_it_is(method: str) -> None:
    painting = draw(3, 40, 50)
    assert np.abs(ColorMatching.to_image(painting, method)(painting).astype(int) - painting).max() <= 1


@pytest.mark.parametrize("method", ["cholesky", "analogies"])
def test_even_and_grey_images_have_no_covariance_to_divide_by(method: str) -> None:
    flat, image = np.full((20, 20, 3), 90, np.uint8), moderate(1, 60, 200)
    assert (ColorMatching.to_image(flat, method)(flat) == 90).all()
    mean = image.reshape(-1, 3).mean(0).round()
    assert (ColorMatching.to_image(image, method)(flat) == mean).all()
    gray = np.repeat(image[..., :1], 3, 2)
    assert np.abs(ColorMatching.to_image(image, method)(gray).reshape(-1, 3).mean(0) - mean).max() < 6


def test_an_unknown_method_is_told_the_known_ones() -> None:
    with pytest.raises(StyleError, match="none, cholesky, analogies"):
        ColorMatching.to_image(draw(1, 20, 20), "histogram")


@pytest.fixture
def flat_painting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """`painting.png`: its style is a tint of (10, 20, 30), half of its colour."""
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("painting.png", np.full((40, 50, 3), (20, 40, 60), np.uint8))
    return "painting.png"


def flat(*color: int) -> np.ndarray:
    return np.full((32, 48, 3), color, np.uint8)


def test_a_stylizer_matches_the_present_painting_and_later_ones(tinting: Path, flat_painting: str) -> None:
    stylizer = Stylizer.load(flat_painting, model=tinting, threads=1)
    assert stylizer.style_vector().tolist() == [10, 20, 30]
    stylizer.match_colors(flat(80, 60, 40), "cholesky")
    assert stylizer.style_vector().tolist() == [40, 30, 20]
    assert stylizer.style_vector(flat_painting).tolist() == [40, 30, 20]
    stylizer.match_colors(flat(80, 60, 40), "none")
    assert stylizer.style_vector().tolist() == [10, 20, 30]
    stylizer.set_style_vector(np.float32([1, 2, 3]))
    stylizer.match_colors(flat(80, 60, 40), "analogies")
    assert stylizer.style_vector().tolist() == [1, 2, 3]


def test_masks_and_timelines_follow(tinting: Path, flat_painting: str) -> None:
    cv2.imwrite("mask.png", np.repeat([0, 255], 24).astype(np.uint8)[None].repeat(32, axis=0))
    cv2.imwrite("other.png", flat(100, 100, 100))
    stylizer = Stylizer.load(flat_painting, model=tinting, threads=1)
    masked = MaskedStylizer(stylizer, StillMask.read(Path("mask.png"), feather=0), [stylizer, "other.png"])
    photo = flat(80, 60, 40)
    assert masked(photo)[16, [5, 40]].tolist() == [[90, 80, 70], [50, 50, 50]]
    masked.match_colors(photo, "cholesky")
    assert (masked(photo) == photo).all()
    stylizer.match_colors(photo, "none")
    player = TimelinePlayer(Timeline("0s painting.png, 5s other.png, fade 1s"), stylizer)
    stylizer.match_colors(photo, "cholesky")
    player.read_styles()
    for seconds in (0.0, 5.5, 6.0):
        player.seek(seconds)
        assert (stylizer(photo) == photo).all()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nst-rt", *map(str, arguments), "--threads", "1"])
        with pytest.raises(SystemExit) as stop:
            nst_rt.cli.main()
        return int(stop.value.code or 0), *capsys.readouterr()

    return call


def test_each_image_of_a_folder_gives_its_own_colours(run: Any, tinting: Path, flat_painting: str) -> None:
    cv2.imwrite("a.png", flat(80, 60, 40))
    cv2.imwrite("b.png", flat(120, 130, 140))
    line = ["a.png", "b.png", "-o", "out", "-m", tinting, "-s", flat_painting, "--match-colors", "analogies", "--json"]
    code, out, _ = run("image", *line)
    assert code == 0
    assert '"match_colors": "analogies"' in out
    for name in ("a.png", "b.png"):
        assert (cv2.imread(f"out/{name}") == cv2.imread(name)).all()


def test_a_video_gives_its_first_frames_colours(run: Any, tinting: Path, flat_painting: str) -> None:
    info = VideoInfo(48, 32, time_base=Fraction(1, 10), average_rate=Fraction(10))
    with VideoWriter(Path("video.mp4"), info, crf=1) as video:
        for at, level in enumerate((100, 200)):
            video.write(flat(level, level, level), at)
    line = [
        "video.mp4",
        "-o",
        "out.mp4",
        "-m",
        tinting,
        "-s",
        flat_painting,
        "--match-colors",
        "cholesky",
        "--crf",
        "1",
    ]
    assert run("video", *line)[0] == 0
    with VideoReader(Path("out.mp4")) as reader:
        means = [frame.bgr.mean() for frame in reader]
    assert means == pytest.approx([100, 150], abs=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--match-colors", "cholesky"], "the first style is a stored style"),
        (["--match-colors", "cholesky", "-s", "gogh"], "'gogh' is a stored style. Set color to 0"),
        (["--match-colors", "cholesky", "-s", "gogh:0.5+wave:0.5"], "'gogh:0.5+wave:0.5' is a stored style"),
        (["--match-colors", "histogram", "-s", "gogh"], "It is one of none, cholesky, analogies"),
    ],
)
def test_only_paintings_have_colours_to_match(run: Any, flat_painting: str, options: list[str], message: str) -> None:
    code, _, told = run("image", flat_painting, *options)
    assert code == 2
    assert message in told


def test_a_model_as_a_style_has_no_colours_to_match(run: Any, tinting: Path, flat_painting: str) -> None:
    code, _, told = run("image", flat_painting, "-s", tinting, "--match-colors", "cholesky")
    assert (code, "is a stored style" in told) == (2, True)


def test_a_large_photograph_takes_no_multiple_of_its_memory() -> None:
    image = np.tile(moderate(1, 40, 200), (40, 40, 1))  # of several blocks
    tracemalloc.start()
    matching = ColorMatching.to_image(image, "cholesky")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * image.nbytes
    mean, covariance = statistics(image)
    assert matching.mean == pytest.approx(mean[::-1])  # RGB
    assert matching.covariance == pytest.approx(covariance[::-1, ::-1] + np.eye(3), rel=1e-5)


@pytest.mark.parametrize("style", ["gogh", "wave"])
def test_luminance_only_transfer_keeps_the_hues(style: str) -> None:
    # As strong in colour as photographs are: a brightness may leave stronger ones no room, and what is clipped turns.
    photographs = [(48 + 0.6 * landscape(144, 96, seed=seed)).astype(np.uint8) for seed in range(4)]
    photographs += [moderate(5, 60, 180), moderate(6, 60, 180)]
    with Stylizer.load(style, threads=1) as stylizer:
        full = [hue_shift(photograph, stylizer(photograph)) for photograph in photographs]
        stylizer.color = 0.0
        kept = [hue_shift(photograph, stylizer(photograph)) for photograph in photographs]
    assert min(full) > 15
    assert np.mean(kept) < 3, kept
