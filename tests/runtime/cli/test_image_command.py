"""`nst-rt image` from the outside, with a stylizer that makes negatives."""

import io
import json
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import negative_stylizer
import nst_rt.engine.cpu_cores
import nst_rt.stylizer.stylizer
import numpy as np
import pytest
from image_bytes import encoded, exif, jpeg_segment, smooth, with_segments
from nst_rt.errors import DeviceError, StyleError
from nst_rt.media.images.image_reader import read_image
from numpy.typing import NDArray


class Negatives(negative_stylizer.Negatives):
    """Takes several small images at once, and fails with those of 66 rows."""

    style = "gogh:0.7+wave:0.3"

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if frame.shape[0] == 66:
            raise DeviceError("the device is out of memory. Use a smaller image")
        return super().__call__(frame)

    def in_flight(self, height: int, width: int) -> int:
        return min(3, nst_rt.engine.cpu_cores.physical_cores()) if height < 60 else 1


@pytest.fixture(autouse=True, params=[1, 3])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Of the machine; with several, larger batches are worked on side by side."""
    monkeypatch.setattr(nst_rt.engine.cpu_cores, "physical_cores", lambda: request.param)
    return int(request.param)


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The arguments that Stylizer.load was called with."""
    monkeypatch.chdir(tmp_path)
    return negative_stylizer.load_in_place(monkeypatch, Negatives)


@pytest.fixture
def run(command_line: Any) -> Any:
    return partial(command_line, "image")


def put(path: str, pixels: NDArray[Any] | None = None) -> Path:
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(encoded(target.suffix, smooth() if pixels is None else pixels))
    return target


def is_negative(path: str, tolerance: int = 0) -> bool:
    return bool(np.abs(read_image(path).bgr.astype(int) + smooth() - 255).max() <= tolerance)


def names(folder: str = ".") -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def test_one_image_lands_beside_itself(run: Any) -> None:
    put("photo.jpg")
    told = run("photo.jpg")
    assert (told.code, told.out) == (0, "")
    assert names() == ["photo.gogh-0.7+wave-0.3.jpg", "photo.jpg"]
    (line,) = told.err.splitlines()
    assert line.startswith("photo.gogh-0.7+wave-0.3.jpg: 60x40 px in ")
    assert line.endswith(" s on cpu")
    assert is_negative("photo.gogh-0.7+wave-0.3.jpg", 12)


def test_a_suffix_that_cannot_be_written_becomes_png(run: Any) -> None:
    Path("photo.jfif").write_bytes(encoded(".jpg", smooth()))
    assert run("photo.jfif").code == 0
    assert "photo.gogh-0.7+wave-0.3.png" in names()


def test_settings_join_the_name(run: Any) -> None:
    put("a.png")
    style = "gogh-0.7+wave-0.3"
    assert run("a.png", "--strength", "1.0", "--color", "1", "--quality", "80", "--threads", "1").code == 0
    assert run("a.png", "--strength", "0.50", "--color", "0").code == 0
    assert run("a.png", "--precision", "int8", "--size", "30").code == 0
    assert run("a.png", "--strength", "0.5", "-o", "named.png").code == 0
    assert names() == sorted(
        [
            "a.png",
            f"a.{style}.png",
            f"a.{style}.strength-0.5.color-0.png",
            f"a.{style}.size-30.precision-int8.png",
            "named.png",
        ]
    )


def test_options_reach_the_stylizer(run: Any, loaded: dict[str, Any]) -> None:
    put("a.png")
    line = "a.png -o b.png -s wave -m net --strength 0.5 --color 0 -d cpu --precision fp32 --threads 3"
    line += " --stroke-size 2"
    assert run(*line.split()).code == 0
    assert loaded == {
        "style": "wave",
        "model": "net",
        "strength": 0.5,
        "color": 0.0,
        "stroke_size": 2.0,
        "device": "cpu",
        "precision": "fp32",
        "threads": 3,
        "in_flight": 1,
        "frames": 1,
    }


def test_auto_is_told_how_many_images_there_will_be(run: Any, loaded: dict[str, Any]) -> None:
    for name in "abc":
        put(f"{name}.png")
    assert run("a.png", "b.png", "c.png", "-o", "out", "-s", "gogh", "-s", "wave").code == 0
    assert loaded["frames"] == 6


def test_a_style_that_is_not_there_is_told_before_a_bad_image(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.png")
    put("bad.png").write_bytes(b"no image")

    def load(*_: Any, **__: Any) -> Negatives:
        raise StyleError("no style named 'van'")

    monkeypatch.setattr(nst_rt.stylizer.stylizer.Stylizer, "load", load)
    for name in ("a.png", "bad.png"):
        told = run(name, "-o", "b.png", "-s", "van")
        assert (told.code, told.err) == (2, "nst-rt: error: no style named 'van'\n")


def test_alpha_profile_and_orientation_survive(run: Any) -> None:
    alpha = smooth()[..., 0]
    put("a.png", np.dstack([smooth(), alpha]))
    assert run("a.png", "-o", "b.webp").code == 0
    assert np.array_equal(read_image("b.webp").alpha, alpha)
    told = run("a.png", "-o", "b.jpg")
    assert told.code == 0
    assert "transparency" in told.err
    profile = b"\0" * 16 + b"RGB " + bytes(300)
    segments = jpeg_segment(0xE1, b"Exif\0\0" + exif(6)), jpeg_segment(0xE2, b"ICC_PROFILE\0\1\1" + profile)
    Path("phone.jpg").write_bytes(with_segments(encoded(".jpg", smooth()), *segments))
    assert run("phone.jpg", "-o", "upright.png").code == 0
    upright = read_image("upright.png")
    assert (upright.size, upright.profile) == ((40, 60), profile)


def test_existing_results_are_kept_unless_told_otherwise(run: Any) -> None:
    put("a.png")
    put("b.png")
    before = Path("b.png").read_bytes()
    told = run("a.png", "-o", "b.png")
    assert (told.code, Path("b.png").read_bytes()) == (2, before)
    assert "--overwrite" in told.err
    assert run("a.png", "-o", "b.png", "--overwrite").code == 0
    assert is_negative("b.png")


@pytest.mark.parametrize("more", [[], ["--overwrite"]])
def test_the_input_itself_is_never_replaced(run: Any, more: list[str]) -> None:
    before = put("a.png").read_bytes()
    put("painting.png")
    Path("same.png").symlink_to("a.png")
    Path("sub").mkdir()
    for line in (
        ["a.png", "-o", "a.png"],
        ["a.png", "-o", "sub/../a.png"],
        ["a.png", "-o", Path("a.png").resolve()],
        ["a.png", "-o", "same.png"],
        ["same.png", "-o", "a.png"],
        ["painting.png", "--style", "a.png:0.5+painting.png:0.5", "-o", "a.png"],
        ["painting.png", "--style", "gogh", "--mask", "a.png", "-o", "a.png"],
    ):
        told = run(*line, *more)
        assert (told.code, Path("a.png").read_bytes()) == (2, before)
        assert "is the input itself" in told.err
    put("photos/b.png")
    Path("sub/b.png").symlink_to("../a.png")
    told = run("photos", "-o", "sub", "--style", "a.png", *more)
    assert (told.code, Path("a.png").read_bytes()) == (2, before)
    assert "sub/b.png: is the input itself" in told.err


def test_a_slash_at_the_end_makes_a_folder(run: Any) -> None:
    put("a.png")
    for _ in range(2):
        assert run("a.png", "-o", "made/", "--overwrite").code == 0
    assert is_negative("made/a.png")
    told = run("a.png", "-o", "a.png/")
    assert (told.code, "a.png: a file, not a folder" in told.err) == (2, True)
    told = run("a.png", "-o", "missing/made/")
    assert (told.code, "there is no folder" in told.err) == (2, True)
    assert names() == ["a.png", "made/a.png"]


@pytest.mark.parametrize("address", ["https://example.com/a.jpg", "HTTP://example.com/*.png"])
def test_an_address_is_shown_as_it_was_typed(run: Any, address: str) -> None:
    told = run(address)
    assert told.code == 2
    assert told.err.startswith(f"nst-rt: error: {address}: an address, and files are read here")


def test_size_limits_the_long_side(run: Any) -> None:
    put("a.png")
    assert run("a.png", "-o", "b.png", "--size", "30").code == 0
    assert read_image("b.png").size == (30, 20)


def test_a_folder(run: Any) -> None:
    for name in ("in/b.png", "in/a.JPG", "in/.hidden.png", "in/sub/c.png"):
        put(name)
    Path("in/notes.txt").write_text("no image")
    told = run("in", "-o", "out")
    assert (told.code, told.out) == (0, "")
    assert names("out") == ["a.JPG", "b.png"]
    assert "2 of 2 images" in told.err


def test_a_folder_with_folders_keeps_them(run: Any) -> None:
    for name in ("in/a.png", "in/x/a.png", "in/x/y/a.png", "in/.git/a.png"):
        put(name)
    assert run("in", "--recursive", "-o", "out").code == 0
    assert names("out") == ["a.png", "x/a.png", "x/y/a.png"]


def test_what_an_earlier_run_wrote_beside_the_images_is_left_out(run: Any) -> None:
    originals = ["a.b.jpg", "c.edited.png", "c.gogher.png", "c.png", "d.gogh.png"]
    originals += ["c.wave-rider.jpg", "c.gogh.2.jpg", "c.none.jpg", "c.gogh.size-matters.jpg", "c.gogh-2026.jpg"]
    results = ["a.b.wave.strength-0.5.jpg", "c.gogh.png", "c.gogh-0.7+wave-0.3.png", "c.none-wave.feather-3.jpg"]
    results += ["c.gogh-2.size-50.precision-int8.jpg", "c.wave-none.color-1e-05.match-colors-cholesky.png"]
    for name in originals + results:
        put(f"in/{name}")
    told = run("in", "-o", "out")
    assert told.code == 0
    assert names("out") == sorted(originals)
    assert "note: 6 left out as results of earlier runs, in/a.b.wave.strength-0.5.jpg first" in told.err
    assert "10 of 10 images" in told.err
    assert run("in", "in/c.gogh.png", "-o", "other").code == 0
    assert names("other") == sorted([*originals, "c.gogh.png"])
    assert run("in/*", "-o", "all").code == 0
    assert names("all") == sorted(originals + results)


def test_results_inside_the_folder_are_not_read_again(run: Any) -> None:
    put("in/a.png")
    for _ in range(2):
        assert run("in", "-r", "-o", "in/out", "--overwrite").code == 0
    assert names("in") == ["a.png", "out/a.png"]


def test_equal_names_do_not_clobber_each_other(run: Any) -> None:
    put("x/a.png")
    put("y/a.png", smooth(20, 20))
    put("y/A.PNG", smooth(24, 24))
    put("a.jpg", smooth(28, 28))
    assert run("x/a.png", "y/a.png", "y/A.PNG", "a.jpg", "-o", "out", "--format", "png").code == 0
    assert names("out") == ["A-3.png", "a-2.png", "a-4.png", "a.png"]
    assert [read_image(f"out/{name}").size[0] for name in ("a.png", "a-2.png", "A-3.png", "a-4.png")] == [
        60,
        20,
        24,
        28,
    ]


def test_globs_in_quotes_and_files_named_like_globs(run: Any) -> None:
    put("in/a.png")
    put("in/b.png")
    assert run("in/*.png", "in/a.png", "-o", "out").code == 0
    assert names("out") == ["a.png", "b.png"]
    put("[1].png")
    assert run("[1].png", "-o", "one.png").code == 0
    told = run("in/*.jpg", "-o", "out")
    assert told.code == 2
    assert "matches no file" in told.err


def test_one_bad_image_does_not_stop_the_others(run: Any) -> None:
    put("in/a.png")
    put("in/c.png")
    put("in/d.png", smooth(66, 20))
    Path("in/b.png").write_bytes(b"text")
    told = run("in", "in/gone.png", "-o", "out", "--json")
    assert told.code == 1
    assert names("out") == ["a.png", "c.png"]
    errors = [line for line in told.err.splitlines() if line.startswith("nst-rt: error: ")]
    assert len(errors) == 3
    assert "in/b.png" in errors[0]
    assert "in/d.png: the device is out of memory" in errors[1]
    assert "in/gone.png" in errors[2]
    report = json.loads(told.out)
    assert [image["error"] is None for image in report["images"]] == [True, False, True, False, False]
    assert report["images"][0]["size"] == [60, 40]
    assert report["images"][0]["output"] == "out/a.png"
    assert report["images"][0]["ms"] >= 0
    assert report["stylizer"]["model"] == "negatives"


def test_when_all_fail_the_code_is_2(run: Any) -> None:
    for name in ("a.png", "b.png"):
        Path(name).write_bytes(b"text")
    assert run("a.png", "b.png", "-o", "out").code == 2


def test_a_single_bad_image_is_one_line_and_code_2(run: Any) -> None:
    Path("a.png").write_bytes(encoded(".png", smooth())[:99])
    told = run("a.png", "--json")
    assert told.code == 2
    assert told.err.count("\n") == 1
    assert told.err.startswith("nst-rt: error: a.png: the file is cut short")
    assert "cut short" in json.loads(told.out)["images"][0]["error"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("a.png c.png", "Give one as the output (option --output)"),
        ("in", "Give one as the output (option --output)"),
        ("a.png c.png -o new.png", "a file, and several images"),
        ("a.png -s gogh -s wave -o new.png", "a file, and several results"),
        ("a.png -s gogh -s wave -o -", "several results do not go to stdout"),
        ("- -s gogh -s wave", "stdin"),
        ("a.png c.png -o a.png", "a file, and several"),
        ("a.png c.png -o no/where", "Make it first"),
        ("a.png -o no/where.png", "Make it first"),
        ("a.png c.png -o .", "one of the images to read"),
        ("a.png c.png -o -", "stdout"),
        ("a.png - -o out", "stdin"),
        ("- - -o out", "once"),
        ("empty -o out", "no images"),
        ("a.png -o b.gif", "cannot write .gif"),
        ("a.png -o b", "without suffix"),
        ("a.png --format gif", "cannot write .gif"),
        ("a.png -o - --json", "both go to stdout"),
        ("missing.png", "no such file"),
        ("x" * 300 + " -o b.png", "cannot be read"),
        ("a.png -o " + "x" * 300 + ".png", "too long"),
    ],
)
def test_lines_that_make_no_sense(arguments: str, words: str, run: Any) -> None:
    for name in ("a.png", "c.png", "in/a.png"):
        put(name)
    Path("empty").mkdir()
    before = names()
    run(*arguments.split()).assert_refused(words)
    assert names() == before


class Pipe(io.TextIOWrapper):
    def __init__(self, data: bytes = b"", terminal: bool = False) -> None:
        self.bytes = io.BytesIO(data)
        self.terminal = terminal
        super().__init__(self.bytes)

    def isatty(self) -> bool:
        return self.terminal


def test_through_a_pipe(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, magic in ((["-"], b"\x89PNG"), (["-", "-o", "-", "--format", "jpg"], b"\xff\xd8")):
        stdout = Pipe()
        monkeypatch.setattr(sys, "stdin", Pipe(encoded(".png", smooth())))
        monkeypatch.setattr(sys, "stdout", stdout)
        assert run(*arguments).code == 0
        assert stdout.bytes.getvalue().startswith(magic)
        assert np.abs(read_image(stdout.bytes.getvalue()).bgr.astype(int) + smooth() - 255).max() <= 12


def test_from_a_pipe_into_a_file_and_bad_bytes(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Pipe(encoded(".png", smooth())))
    assert run("-", "-o", "out.png").code == 0
    assert is_negative("out.png")
    monkeypatch.setattr(sys, "stdin", Pipe(b""))
    told = run("-", "-o", "other.png")
    assert told.code == 2
    assert "stdin: the file is empty" in told.err


def test_no_image_goes_to_a_terminal(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Pipe(terminal=True))
    told = run("-")
    assert told.code == 2
    assert "terminal" in told.err


def test_a_full_disk_is_told_and_leaves_nothing(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.png")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    told = run("a.png", "-o", "b.png")
    assert told.code == 2
    assert "disk is full" in told.err
    assert names() == ["a.png"]


def test_ctrl_c_leaves_nothing(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.png")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Negatives, "__call__", interrupt)
    assert run("a.png", "-o", "b.png").code == 130
    assert names() == ["a.png"]


def test_small_images_of_a_folder_are_worked_on_side_by_side_and_large_ones_alone(
    run: Any, loaded: dict[str, Any], cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(6):
        put(f"small/{at}.png")
        put(f"more/{at}.png")
    large = put("large.png", smooth(80, 64))
    size = read_image(large).bgr.shape[0]
    together = threading.Barrier(cores)
    begun: list[int] = []
    done: list[int] = []
    beside_large: list[int] = []

    def meet(self: Negatives, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        begun.append(frame.shape[0])
        if frame.shape[0] != size:
            together.wait(20)  # breaks unless as many come as there are cores
            time.sleep(0.05)  # longer than the next one takes to begin
        else:
            time.sleep(0.1)  # others could begin
            beside_large.append(len(begun) - 1 - len(done))
        done.append(frame.shape[0])
        return 255 - frame

    monkeypatch.setattr(Negatives, "__call__", meet)
    told = run("small", "large.png", "more", "-o", "out", "--json")
    assert told.code == 0
    assert loaded["in_flight"] is None
    images = [Path(image["input"]).name for image in json.loads(told.out)["images"]]
    assert images == [*(f"{at}.png" for at in range(6)), "large.png", *(f"{at}.png" for at in range(6))]
    assert beside_large == [0]


def test_no_more_images_are_read_ahead_than_are_stylised_at_once(
    run: Any, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(30):
        put(f"in/{at}.png")
    # Many cores, of which a device that takes one image at a time makes no use.
    monkeypatch.setattr(nst_rt.engine.cpu_cores, "physical_cores", lambda: 20 * cores)
    monkeypatch.setattr(Negatives, "in_flight", lambda *_: cores)
    alive: list[int] = []
    read: list[object] = []
    written: list[object] = []

    def count(*arguments: Any) -> Any:
        read.append(None)
        alive.append(len(read) - len(written))
        return read_image(*arguments)

    def write(*_: Any, **__: Any) -> list[str]:
        time.sleep(0.01)  # slower than all the rest
        written.append(None)
        return []

    monkeypatch.setattr("nst_rt.jobs.image_stages.read_image", count)
    monkeypatch.setattr("nst_rt.jobs.image_stages.write_image", write)
    assert run("in", "-o", "out", *(["--in-flight", cores] if cores > 1 else [])).code == 0
    assert len(written) == 30
    # Two read, one in hand, those in work, two made, one being written.
    assert max(alive) <= 2 + 1 + (cores if cores > 1 else 0) + 2 + 1


def test_a_result_that_exists_is_told_last(run: Any) -> None:
    put("a.png")
    put("bad.png").write_bytes(b"no image")
    style = "gogh-0.7+wave-0.3"
    for name in (f"a.{style}.png", f"bad.{style}.png", f"a.{style}-none.png"):
        put(name)
    assert "bad.png: not an image" in run("bad.png").err
    assert "nosuch.png: no such file" in run("a.png", "--mask", "nosuch.png", "--style", style).err
    assert "exists already" in run("a.png").err


def test_few_images_have_all_cores_each_unless_told_otherwise(run: Any, loaded: dict[str, Any], cores: int) -> None:
    put("a.png")
    put("b.png")
    assert run("a.png", "b.png", "-o", "out").code == 0
    assert loaded["in_flight"] == (None if cores == 1 else 1)
    assert run("a.png", "b.png", "-o", "out", "--overwrite", "--in-flight", "2").code == 0
    assert loaded["in_flight"] == 2
