"""Timelines and masks in `nst-rt video`, with a tiny network whose styles are tints."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from nst_rt.media.video.video_writer import VideoWriter
from numpy.typing import NDArray
from tiny_models import inverting_model, name_styles, tinting_model
from video_files import frames_of, make_video

GRAY = np.full((48, 64, 3), 100, np.uint8)


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tinting_model(Path("net.onnx"), rows="styles")
    name_styles(Path("net.onnx"))


@pytest.fixture
def run(command_line: Any) -> Any:
    def call(*arguments: str) -> Any:
        return command_line("video", *arguments, "--threads", "1", "--crf", "4")

    return call


def tints(path: str, column: int = 32) -> list[tuple[int, int]]:
    """Blue and red above green, at a column of every frame."""
    found = []
    for _, image in frames_of(Path(path)):
        blue, green, red = image[8:40, column - 3 : column + 3].reshape(-1, 3).mean(axis=0)
        found.append((round(float(blue - green)), round(float(red - green))))
    return found


def close(found: tuple[int, int], wanted: tuple[int, int]) -> bool:
    return max(abs(one - other) for one, other in zip(found, wanted, strict=True)) <= 6


def test_a_timeline_follows_the_videos_time_stamps(run: Any) -> None:
    make_video(Path("video.mkv"), [GRAY] * 5, time_base=Fraction(1, 1000), times=[0, 500, 750, 1000, 2000])
    line = ["--timeline", "0s blue, 0.5s red, fade 500ms", "-m", "net.onnx", "-o", "out.mkv", "--json"]
    code, out, err = run("video.mkv", *line)
    assert code == 0, err
    told = json.loads(out)["stylizer"]
    assert (told["style"], told["timeline"]) == ("red", line[1])
    wanted = [(100, 0), (100, 0), (50, 50), (0, 100), (0, 100)]
    assert all(map(close, tints("out.mkv"), wanted)), tints("out.mkv")


def test_a_video_that_starts_late_begins_at_zero(run: Any) -> None:
    make_video(Path("video.ts"), [GRAY] * 10)  # MPEG-TS starts at 1.4 seconds
    code, _, err = run("video.ts", "--timeline", "0s blue, 0.2s red", "-m", "net.onnx", "-o", "out.mkv")
    assert code == 0, err
    assert all(map(close, tints("out.mkv"), [(100, 0)] * 5 + [(0, 100)] * 5)), tints("out.mkv")


def test_a_timeline_keeps_the_videos_times_in_a_part_of_it(run: Any) -> None:
    make_video(Path("video.mp4"), [GRAY] * 50)
    timeline = "0s blue, 1.2s red, 1.6s blue"
    line = ["--timeline", timeline, "--start", "1s", "--duration", "0.4", "-m", "net.onnx", "-o", "out.mkv"]
    code, _, err = run("video.mp4", *line)
    assert code == 0, err
    assert all(map(close, tints("out.mkv"), [(100, 0)] * 5 + [(0, 100)] * 5)), tints("out.mkv")
    assert "note: the part ends at 1.4 s; 'blue' (1.6 s) is never reached\n" in err
    assert "over before" not in err
    code, _, err = run("video.mp4", *line[:2], "--start", "1.2s", "-m", "net.onnx", "-o", "end.mkv")
    assert code == 0, err
    assert "note: the part begins at 1.2 s; 'blue' (0 s) is over before\n" in err


def test_the_results_name_says_the_timelines_styles(run: Any) -> None:
    make_video(Path("video.mp4"), [GRAY] * 2)
    many = ", ".join(f"{second}s {'red' if second % 2 else 'blue'}" for second in range(60))
    for timeline in ("0s blue, 5s red, fade 1s", "0s red, 5s blue:0.25+red:0.75", many):
        code, _, err = run("video.mp4", "-m", "net.onnx", "--timeline", timeline)
        assert code == 0, err
    made = {path.name for path in Path().glob("video.*")} - {"video.mp4"}
    made -= {"video.timeline-blue-red.mp4", "video.timeline-red-blue-0.25+red-0.75.mp4"}
    (long,) = made
    assert long.startswith("video.timeline-blue-red-blue-red-")
    assert len(long) < 80


@pytest.mark.parametrize("name", ["video.mp4", "video.h264"])  # a raw stream's header tells no length
def test_styles_that_come_after_the_end_are_told_once(run: Any, name: str) -> None:
    make_video(Path("video.mp4"), [GRAY] * 25)
    if name != "video.mp4":
        with av.open("video.mp4") as source, av.open(name, "w", format="h264") as copy:
            stream = copy.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(source.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    copy.mux(packet)
    line = [name, "-m", "net.onnx", "-o", "out.mp4", "--overwrite", "--json", "--timeline"]
    code, out, err = run(*line, "0s blue, 0.5s red, 5s blue, 6s red")
    assert code == 0, err
    said = "the video ends at 1 s; 'blue' (5 s), 'red' (6 s) are never reached"
    assert err.count(f"note: {said}") == 1
    assert json.loads(out)["notices"].count(said) == 1
    assert "'red' (1 s) is never reached" in run(*line, "0s blue, 1s red")[2]
    assert "never reached" not in run(*line, "5s blue")[2]
    assert "never reached" not in run(*line, "0s blue, 0.9s red, loop 30s")[2]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--strength", "2"], "strength 2 is out of range. Give a number from 0 to 1 (option --strength)"),
        (["--color", "0.5"], "net.onnx was exported without color. Export it again with controls (option --color)"),
    ],
)
def test_errors_of_other_options_do_not_blame_the_timeline(run: Any, line: list[str], said: str) -> None:
    make_video(Path("video.mp4"), [GRAY] * 2)
    code, _, err = run("video.mp4", "-m", "net.onnx", "--timeline", "0s blue, 5s red", *line)
    assert (code, err.splitlines()) == (2, [f"nst-rt: error: {said}"])


def test_a_broken_styles_file_does_not_blame_the_timeline(run: Any) -> None:
    make_video(Path("video.mp4"), [GRAY] * 2)
    Path("net.styles.json").write_text("{")
    code, _, err = run("video.mp4", "-m", "net.onnx", "--timeline", "0s blue, 5s red")
    assert code == 2
    assert err.startswith("nst-rt: error: net.styles.json: not a styles file")
    assert len(err.splitlines()) == 1


def test_the_first_entrys_style_is_shown_at_its_place(run: Any) -> None:
    make_video(Path("video.mp4"), [GRAY] * 2)
    code, _, err = run("video.mp4", "-m", "net.onnx", "--timeline", "0s bleu, 5s red", "--strength", "2")
    assert code == 2
    assert err.startswith("nst-rt: error: timeline, character 4 ('bleu, 5s red'): no style named 'bleu'")
    assert err.splitlines()[2] == "     ^"


def test_errors_of_a_timeline_show_the_place(run: Any) -> None:
    make_video(Path("video.mp4"), [GRAY] * 2)
    code, _, err = run("video.mp4", "-m", "net.onnx", "--timeline", "0s blue, 5s rde, fade 1s")
    assert code == 2
    assert "no style named 'rde' (did you mean 'red'?)" in err
    assert err.endswith("\n  0s blue, 5s rde, fade 1s\n              ^\n")
    assert run("video.mp4", "-m", "net.onnx", "--timeline", "0s bleu")[2].endswith("\n  0s bleu\n     ^\n")
    inverting_model(Path("baked.onnx"))
    code, _, err = run("video.mp4", "-m", "baked.onnx", "--timeline", "0s invert")
    assert code == 2
    assert "baked.onnx has one style baked in (invert), and timelines need a model with style vectors" in err
    assert "names the styles" in run("video.mp4", "--style", "red", "--timeline", "0s blue")[2]
    assert not list(Path().glob("video.timeline*"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--timeline", "0s blue, x red"], "this is no time"),
        (["--timeline", "0s blue, 5s rde"], "no style named 'rde'"),
        (["--style", "bleu"], "no style named 'bleu'"),
        (["--strength", "2"], "strength 2 is out of range"),
        (["--mask", "gone.png"], "gone.png: no such file"),
        (["--preset", "swift"], "x264 has no preset 'swift'"),
    ],
)
@pytest.mark.parametrize("output", [[], ["-o", "video.timeline-blue-red.mp4"]])
def test_a_video_that_exists_hides_no_other_mistake(run: Any, line: list[str], said: str, output: list[str]) -> None:
    make_video(Path("video.mp4"), [GRAY] * 2)
    for name in ("timeline-blue-red", "blue", "blue-none"):
        Path(f"video.{name}.mp4").write_bytes(b"precious")
    code, _, err = run("video.mp4", "-m", "net.onnx", *line, *output)
    assert code == 2
    assert said in err
    assert "exists already" not in err
    assert Path("video.timeline-blue-red.mp4").read_bytes() == b"precious"
    assert "exists already" in run("video.mp4", "-m", "net.onnx", "--timeline", "0s blue, 5s red")[2]


def test_settings_join_the_videos_name(run: Any) -> None:
    make_video(Path("video.mp4"), [GRAY] * 2)
    line = ["video.mp4", "-m", "net.onnx", "-s", "red"]
    assert run(*line)[0] == 0
    assert run(*line, "--size", "32", "--precision", "fp32")[0] == 0
    assert Path("video.red.mp4").exists()
    assert Path("video.red.size-32.precision-fp32.mp4").exists()


def disc(left: bool, size: tuple[int, int] = (48, 64)) -> NDArray[np.uint8]:
    mask = np.zeros((*size, 3), np.uint8)
    half = size[1] // 2
    mask[:, slice(0, half) if left else slice(half, None)] = 255
    return mask


def test_a_mask_video_goes_frame_by_frame_and_its_last_frame_is_held(run: Any) -> None:
    make_video(Path("video.mp4"), [GRAY] * 6)
    make_video(Path("mask.mp4"), [disc(True), disc(True), disc(False), disc(False)])
    code, _, err = run("video.mp4", "-m", "net.onnx", "-s", "blue", "--outside", "red", "--mask", "mask.mp4")
    assert code == 0, err
    assert "mask.mp4: ends after 4 frames; its last one is held" in err
    out = "video.blue-red.mp4"
    blue, red = (100, 0), (0, 100)
    assert all(map(close, tints(out, 8), [blue] * 2 + [red] * 4)), tints(out, 8)
    assert all(map(close, tints(out, 56), [red] * 2 + [blue] * 4)), tints(out, 56)


def test_a_mask_video_begins_where_the_part_does(run: Any) -> None:
    make_video(Path("video.mp4"), [GRAY] * 8)
    make_video(Path("mask.mp4"), [disc(True)] * 4 + [disc(False)] * 4)
    line = ["--start", "0.08", "--duration", "0.16", "-o", "out.mp4"]
    code, _, err = run("video.mp4", "-m", "net.onnx", "-s", "blue", "--outside", "red", "--mask", "mask.mp4", *line)
    assert code == 0, err
    assert all(map(close, tints("out.mp4", 8), [(100, 0)] * 2 + [(0, 100)] * 2)), tints("out.mp4", 8)


def test_a_still_mask_under_a_timeline(run: Any) -> None:
    make_video(Path("video.mp4"), [GRAY] * 4)
    cv2.imwrite("mask.png", disc(True, (24, 32)))
    code, _, err = run("video.mp4", "-m", "net.onnx", "--timeline", "0 blue, 0.08 red", "--mask", "mask.png")
    assert code == 0, err
    assert err.count("mask.png: 32x24 px, resized to the image's 64x48") == 1
    assert all(map(close, tints("video.timeline-blue-red-none.mp4", 8), [(100, 0)] * 2 + [(0, 100)] * 2))
    assert all(map(close, tints("video.timeline-blue-red-none.mp4", 56), [(0, 0)] * 4))
    assert abs(int(frames_of(Path("video.timeline-blue-red-none.mp4"))[0][1][24, 56, 1]) - 100) < 4


def test_regions_of_a_mask_video_are_read_with_tolerance(run: Any) -> None:
    make_video(Path("video.mp4"), [GRAY] * 2)
    mask = np.full((48, 64, 3), 128, np.uint8)
    mask[:, :24], mask[:, 40:] = 0, 255
    make_video(Path("mask.mp4"), [mask] * 2)
    regions = "black=blue, 128=none, white=red"
    code, _, err = run("video.mp4", "-m", "net.onnx", "--mask", "mask.mp4", "--regions", regions, "--feather", "0")
    assert code == 0, err
    for column, wanted in ((8, (100, 0)), (32, (0, 0)), (56, (0, 100))):
        assert all(close(found, wanted) for found in tints("video.blue-none-red.feather-0.mp4", column))


def test_a_mask_that_is_missing_is_named(run: Any) -> None:
    make_video(Path("video.mp4"), [GRAY] * 2)
    code, _, err = run("video.mp4", "-m", "net.onnx", "--mask", "mask.png")
    assert (code, "mask.png: no such file" in err) == (2, True)


@pytest.mark.parametrize("controls", ["", "--mask mask.mkv --outside red", "--mask mask.mkv --outside inv.onnx"])
def test_frames_in_flight_make_the_same_video(run: Any, controls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same images come to the encoder; x264 itself may differ by a level from run to run."""
    written: list[tuple[int, bytes]] = []
    write = VideoWriter.write

    def kept(writer: VideoWriter, image: NDArray[np.uint8], pts: int) -> None:
        written.append((pts, image.tobytes()))
        write(writer, image, pts)

    monkeypatch.setattr(VideoWriter, "write", kept)
    inverting_model(Path("inv.onnx"))
    images = [np.full((48, 64, 3), 5 * at, np.uint8) for at in range(40)]
    make_video(Path("video.mkv"), images)
    columns = np.arange(64)[None, :, None]
    make_video(Path("mask.mkv"), [np.full((48, 64, 3), 255, np.uint8) * (columns < 2 * at) for at in range(30)])
    line = ["video.mkv", *controls.split(), "-m", "net.onnx", "--timeline", "0s blue, 500ms red, fade 1s", "--json"]
    made = []
    for number in (1, 3):
        code, out, err = run(*line, "-o", f"{number}.mkv", "--in-flight", str(number))
        assert code == 0, err
        assert json.loads(out)["in_flight"] == number
        made.append(written.copy())
        written.clear()
        assert len(list(frames_of(Path(f"{number}.mkv")))) == 40
    assert made[0] == made[1]
    assert len(set(made[0])) == 40
