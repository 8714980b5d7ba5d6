import pytest
from nst_rt.errors import ExpressionError
from nst_rt.styles.regions import Region, label_text, parse_regions


def test_levels_colours_names_and_the_rest() -> None:
    assert parse_regions('0=gogh, 128 = wave:0.5+monet:0.5,#FF8000="a, b.jpg" , red=none, Other=scream') == [
        Region((0, 0, 0), "gogh"),
        Region((128, 128, 128), "wave:0.5+monet:0.5"),
        Region((0, 128, 255), "a, b.jpg"),
        Region((0, 0, 255), None),
        Region(None, "scream"),
    ]


@pytest.mark.parametrize("text", ["0", "128", "#ff8000", "other"])
def test_labels_are_told_as_they_are_written(text: str) -> None:
    assert label_text(parse_regions(f"{text}=gogh")[0].label) == text


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("0=gogh, wave", 8, "there is no ="),
        ("0=gogh, 256=wave", 8, "no label"),
        ("purple=wave", 0, "no label"),
        ("#ff80=wave", 0, "no label"),
        ("=wave", 0, "no label"),
        ("0=gogh, 1=", 10, "a style is missing"),
        ("0=gogh, black=wave", 8, "comes twice"),
        ("0=gogh,,1=wave", 7, "an entry is missing"),
        ("", 0, "an entry is missing"),
    ],
)
def test_what_cannot_be_read_is_shown_at_its_place(text: str, place: int, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason) as caught:
        parse_regions(text)
    assert caught.value.position == place
