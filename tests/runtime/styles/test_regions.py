import pytest
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
