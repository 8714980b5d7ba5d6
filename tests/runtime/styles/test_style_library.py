import json
from pathlib import Path

import numpy as np
import pytest
from nst_rt.errors import ExpressionError, StyleError
from nst_rt.files.folders import styles_folder
from nst_rt.models.catalog import ModelFiles
from nst_rt.styles.blends import Term, blend, parse_blend
from nst_rt.styles.library import load_styles, unknown_style


def test_one_name_is_the_whole_style() -> None:
    assert parse_blend("gogh") == [Term("gogh", 1.0)]


def test_weights_are_scaled_to_one() -> None:
    terms = parse_blend("gogh:3+wave:1+monet")
    assert [term.name for term in terms] == ["gogh", "wave", "monet"]
    assert [term.weight for term in terms] == pytest.approx([0.6, 0.2, 0.2])


def test_a_file_with_plus_and_colon_in_its_name_is_one_painting(tmp_path: Path) -> None:
    painting = tmp_path / "a:1+b.jpg"
    painting.write_bytes(b"x")
    assert parse_blend(str(painting)) == [Term(str(painting), 1.0)]


def test_a_windows_drive_is_no_weight() -> None:
    assert parse_blend(r"C:\art\wave.jpg") == [Term(r"C:\art\wave.jpg", 1.0)]


def test_blend_is_the_weighted_sum() -> None:
    vectors = {"a": np.array([1, 0], np.float32), "b": np.array([0, 2], np.float32)}
    result = blend([Term("a", 0.25), Term("b", 0.75)], vectors.__getitem__)
    assert result.dtype == np.float32
    assert result.tolist() == [[0.25, 1.5]]


def test_the_nearest_name_is_suggested() -> None:
    assert "did you mean 'gogh'?" in str(unknown_style("goph", ["wave", "gogh"]))
    assert "did you mean" not in str(unknown_style("zzz", ["wave", "gogh"]))


def test_commas_between_styles_are_put_right() -> None:
    said = str(unknown_style("gogh, wave", ["wave", "gogh"]))
    assert "one style at a time" in said
    assert "join them to a blend by +, as gogh+wave" in said
    with pytest.raises(ExpressionError, match=r"joins a blend, not a comma"):
        parse_blend("gogh:0.7,wave")
    with pytest.raises(ExpressionError) as caught:
        parse_blend("gogh:x+wave")
    assert "comma" not in str(caught.value)


def test_a_blend_may_be_longer_than_any_files_name() -> None:
    assert len(parse_blend("+".join(f"style{number}:0.5" for number in range(40)))) == 40


def _entry(name: str, vector: list[float], **texts: str) -> dict[str, object]:
    return {"name": name, "vector": vector, **texts}


def test_the_users_styles_join_the_models_own(tmp_path: Path) -> None:
    model = tmp_path / "net.onnx"
    shipped = [_entry("gogh", [1, 2], artist="Vincent van Gogh"), _entry("wave", [3, 4])]
    (tmp_path / "net.styles.json").write_text(json.dumps({"styles": shipped}))
    own = styles_folder() / "net"
    own.mkdir(parents=True)
    (own / "mine.json").write_text(json.dumps(_entry("mine", [5, 6])))
    (own / "wave.json").write_text(json.dumps(_entry("wave", [7, 8])))
    styles = load_styles(ModelFiles(model))
    assert list(styles) == ["gogh", "wave", "mine"]
    assert styles["gogh"].artist == "Vincent van Gogh"
    assert styles["wave"].vector.tolist() == [7, 8]


@pytest.mark.parametrize("content", ["{", "[]", '{"name": "a"}', '{"name": "a", "vector": [1, "x"]}', "[1]"])
def test_a_broken_styles_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "net.styles.json"
    path.write_text(content)
    with pytest.raises(StyleError, match=r"net\.styles\.json"):
        load_styles(ModelFiles(tmp_path / "net.onnx"))


def test_a_vector_with_a_nan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.styles.json").write_text('{"styles": [{"name": "a", "vector": [NaN]}]}')
    with pytest.raises(StyleError, match="not a list of finite numbers"):
        load_styles(ModelFiles(tmp_path / "net.onnx"))


def test_a_broken_style_of_the_users_own_takes_no_other_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "net.styles.json").write_text(json.dumps({"styles": [_entry("gogh", [1, 2])]}))
    own = styles_folder() / "net"
    (own / "folder.json").mkdir(parents=True)
    (own / "half.json").write_text('{"name": ')
    (own / "mine.json").write_text(json.dumps(_entry("mine", [3, 4])))
    assert list(load_styles(ModelFiles(tmp_path / "net.onnx"), 2)) == ["gogh", "mine"]
    assert "folder.json: cannot be read" in caplog.text
    assert "half.json: not a styles file" in caplog.text


def test_a_style_of_another_network_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    styles = [_entry("gogh", [1, 2]), _entry("long", [1, 2, 3])]
    (tmp_path / "net.styles.json").write_text(json.dumps({"styles": styles}))
    assert list(load_styles(ModelFiles(tmp_path / "net.onnx"), 2)) == ["gogh"]
    assert "style 'long' of net belongs to another network" in caplog.text
