import pytest
from nst_bench.harness.workload import DISTINCT_FRAMES, Case, Target, moving_frames
from nst_rt.errors import InputError


def test_frames_differ_and_have_the_size() -> None:
    frames = moving_frames(Case(40, 24))
    assert len({frame.tobytes() for frame in frames}) == DISTINCT_FRAMES
    assert {frame.shape for frame in frames} == {(24, 40, 3)}
    assert moving_frames(Case(40, 24, batch=2))[0].shape == (2, 24, 40, 3)


def test_sizes_are_read_and_written() -> None:
    assert Case.parse("1280x720") == Case(1280, 720)
    assert Case.parse(" 64X48 ", batch=2) == Case(64, 48, 2)
    assert (str(Case(64, 48)), str(Case(64, 48, 2))) == ("64x48", "64x48 x2")


@pytest.mark.parametrize("size", ["640", "640x8", "axb", "1280x720x3", ""])
def test_a_wrong_size_is_refused(size: str) -> None:
    with pytest.raises(InputError, match="is not WIDTHxHEIGHT") as raised:
        Case.parse(size)
    assert raised.value.parameter == "size"


def test_a_target_in_words_and_as_options() -> None:
    target = Target("cpu", "fp32", "model.onnx", 2)
    assert str(target) == "cpu fp32"
    assert target.arguments() == [
        "--device", "cpu", "--precision", "fp32", "--model", "model.onnx", "--threads", "2",
    ]  # fmt: skip
    assert Target().arguments() == ["--device", "auto", "--precision", "auto"]
