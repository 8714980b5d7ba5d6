from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nst_rt.errors import ExpressionError, StyleError
from nst_rt.styles.blends import Term
from nst_rt.styles.timeline import Timeline, TimelinePlayer, read_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5),
        ("1m20s", 80),
        ("1m", 60),
        ("2h", 7200),
        ("1h2m3.5s", 3723.5),
        ("500ms", 0.5),
        ("1m500ms", 60.5),
        ("00:01:20", 80),
        ("1:20.5", 80.5),
        ("90:00", 5400),
        ("5", 5),
        (".25", 0.25),
        ("5S", 5),
        *[
            (no_time, None)
            for no_time in (
                "",
                "s",
                "5x",
                "-1",
                "1:75",
                "0:75:00",
                "1m20",
                "nan",
                "1e3",
                "5 s",
                ":20",
                "9" * 400,
                "9" * 400 + "s",
            )
        ],
    ],
)
def test_times(text: str, seconds: float | None) -> None:
    assert read_time(text) == seconds


def weights(timeline: Timeline, seconds: float) -> dict[str, float]:
    return {term.name: round(term.weight, 6) for term in timeline.terms(seconds)}


def test_a_fade_begins_at_its_entry_and_goes_linearly() -> None:
    timeline = Timeline("0s gogh, 5s wave, 00:00:10 monet fade 4s, fade 1s")
    assert timeline.style == "gogh"
    for seconds, expected in (
        (-1, {"gogh": 1}),
        (5, {"gogh": 1}),
        (5.25, {"gogh": 0.75, "wave": 0.25}),
        (6, {"wave": 1}),
        (12, {"wave": 0.5, "monet": 0.5}),
        (14, {"monet": 1}),
        (1e6, {"monet": 1}),
    ):
        assert weights(timeline, seconds) == expected


def test_without_a_fade_the_style_changes_at_once() -> None:
    timeline = Timeline("0 gogh,5 wave")
    assert weights(timeline, 4.999) == {"gogh": 1}
    assert weights(timeline, 5) == {"wave": 1}


def test_the_first_style_holds_before_its_time() -> None:
    assert weights(Timeline("3s gogh, 5s wave"), 0) == {"gogh": 1}


def test_a_style_in_both_blends_of_a_fade_is_one_term() -> None:
    timeline = Timeline("0s gogh:0.7+wave:0.3, 2s wave+monet:0, fade 2s")
    assert weights(timeline, 3) == {"gogh": 0.35, "wave": 0.65}
    assert timeline.entries[1].terms == (Term("wave", 1.0),)


def test_a_loop_fades_from_the_last_style_to_the_first() -> None:
    timeline = Timeline("0s gogh, 5s wave, fade 1s, loop 10s")
    assert weights(timeline, 0.5) == {"gogh": 1}
    assert weights(timeline, 9.99) == {"wave": 1}
    assert weights(timeline, 10.25) == {"wave": 0.75, "gogh": 0.25}
    assert weights(timeline, 25.5) == {"gogh": 0.5, "wave": 0.5}
    late = Timeline("2s gogh, 5s wave, loop 10s")
    assert weights(late, 1) == {"gogh": 1}
    assert weights(late, 11) == {"wave": 1}


def test_paintings_with_commas_and_fades_in_their_names_are_quoted() -> None:
    timeline = Timeline('0s "a fade, b.jpg", 5s my fade.jpg fade 2s')
    assert [entry.terms[0].name for entry in timeline.entries] == ["a fade, b.jpg", "my fade.jpg"]
    assert timeline.entries[1].fade == 2


def test_words_that_look_like_times_may_be_in_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("after 5s dark.jpg").write_bytes(b"")
    for text in ("0s after 5s dark.jpg", '0s "before 5s dark.jpg"', "0s number 5 dark.jpg"):
        assert Timeline(text).style == text[2:].strip(' "')


def test_what_is_over_before_a_part_begins() -> None:
    timeline = Timeline("0 gogh, 5 wave fade 2, 9 monet")
    assert [entry.style for entry in timeline.over_before(6.9)] == []
    assert [entry.style for entry in timeline.over_before(7)] == ["gogh"]
    assert [entry.style for entry in timeline.over_before(100)] == ["gogh", "wave"]
    assert Timeline("0 gogh, 5 wave, loop 10").over_before(100) == []


def test_what_comes_after_the_end_is_never_reached() -> None:
    timeline = Timeline("9s gogh, 10s wave, 12s monet")
    assert [entry.style for entry in timeline.never_reached(12)] == ["monet"]
    assert [entry.style for entry in timeline.never_reached(4)] == ["wave", "monet"]  # the first holds before its time
    assert timeline.never_reached(12.01) == []


def test_of_a_long_text_the_neighbourhood_is_shown() -> None:
    text = ", ".join(f"{second}s gogh" for second in range(40)) + ", never wave, 50s monet" + " " * 200
    with pytest.raises(ExpressionError) as caught:
        Timeline(text)
    shown, caret = caught.value.below.split("\n")
    assert len(shown) < 90
    assert shown[caret.index("^") :].startswith("never wave")


class Recorded:
    """A stylizer of two-number styles."""

    style = "?"

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.set: list[list[float]] = []

    def require_style_vectors(self, purpose: str) -> None:
        pass

    def style_vector(self, expression: str | None = None) -> Any:
        self.asked.append(expression)
        if expression not in ("gogh", "wave"):
            raise StyleError(f"no style named {expression!r}. Look for another")
        return np.array([1, 0] if expression == "gogh" else [0, 1], np.float32)

    def set_style_vector(self, vector: Any, name: str = "vector") -> None:
        self.style = name
        self.set.append(vector[0].tolist())


def test_the_player_reads_every_style_once_and_sets_what_changed() -> None:
    stylizer = Recorded()
    player = TimelinePlayer(Timeline("0s gogh, 1s wave, 4s gogh, fade 2s"), stylizer)
    for seconds in (0, 0.5, 1, 1.5, 2, 3, 3.5):
        player.seek(seconds)
    assert stylizer.asked == ["gogh", "wave"]
    assert stylizer.set == [[1, 0], [0.75, 0.25], [0.5, 0.5], [0, 1]]
    assert stylizer.style == "wave"
    stylizer.style = "monet"  # somebody else's wish, until the timeline is asked again
    player.seek(3.6)
    assert stylizer.style == "wave"


def test_a_style_that_does_not_exist_is_shown_at_its_place() -> None:
    with pytest.raises(ExpressionError, match="no style named 'goph'") as caught:
        TimelinePlayer(Timeline("0s gogh, 5s goph"), Recorded())
    assert caught.value.position == 12
