import json
from dataclasses import replace
from pathlib import Path

import pytest
from nst_rt import contract
from nst_rt.contract import ModelRecord, Parity, Tensor, check_signature
from nst_rt.errors import ModelError
from tiny_models import RECORD

FRAME = Tensor("frame", "tensor(uint8)", ("batch", "height", "width", 3))
STYLE = Tensor("style", "tensor(float)", ("styles", 8))
STYLIZED = Tensor("stylized", "tensor(uint8)", ("batch", "height", "width", 3))


def test_record_survives_metadata() -> None:
    record = replace(
        RECORD, styles=("gogh", "wave"), parity=(Parity(389, 517, 61.5, 1.0),), extra={"model_author": "me"}
    )
    assert ModelRecord.from_metadata(record.to_metadata(), "x.onnx") == record


def test_metadata_is_text_and_carries_onnx_image_keys() -> None:
    metadata = RECORD.to_metadata()
    assert all(isinstance(value, str) for value in metadata.values())
    assert metadata["Image.BitmapPixelFormat"] == "Bgr8"
    assert json.loads(metadata["nst_rt.styles"]) == ["invert"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nst_rt.contract": None}, "not made for nst-rt"),
        ({"nst_rt.contract": "99"}, "needs contract 99"),
        ({"nst_rt.contract": "one"}, "malformed"),
        ({"nst_rt.stride": None}, "malformed"),
        ({"nst_rt.precision": "fp8"}, "fp8"),
        ({"nst_rt.styles": "[gogh"}, "malformed"),
        ({"nst_rt.parity": '[{"height": 1, "width": 1, "psnr": "good", "worst": 0}]'}, "malformed"),
    ],
)
def test_bad_metadata_is_refused(change: dict[str, str | None], message: str) -> None:
    metadata = {key: value for key, value in (RECORD.to_metadata() | change).items() if value is not None}
    with pytest.raises(ModelError, match=message) as caught:
        ModelRecord.from_metadata(metadata, "bad.onnx")
    assert "bad.onnx" in str(caught.value)


def test_signature_with_style_and_controls_passes() -> None:
    inputs = [FRAME, STYLE, Tensor("strength", "tensor(float)", (1,)), Tensor("color", "tensor(float)", (1,))]
    check_signature(replace(RECORD, style_size=8), inputs, [STYLIZED], "m.onnx")


@pytest.mark.parametrize(
    ("style_size", "inputs", "outputs", "message"),
    [
        (0, [], [STYLIZED], "no input 'frame'"),
        (8, [FRAME], [STYLIZED], "no input 'style'"),
        (6, [FRAME, STYLE], [STYLIZED], r"'style' has the shape \['styles', 8\], not \[1 or batch or styles, 6\]"),
        (0, [replace(FRAME, shape=(1, 32, 32, 3))], [STYLIZED], r"not \[batch, height, width, 3\]"),
        (0, [replace(FRAME, shape=("batch", "height", "width", 4))], [STYLIZED], "'frame' has the shape"),
        (0, [replace(FRAME, shape=("N", "H", "W", 3))], [STYLIZED], "'frame' has the shape"),
        (0, [FRAME, Tensor("strength", "tensor(float)", (2,))], [STYLIZED], "'strength' has the shape"),
        (0, [FRAME, STYLE], [STYLIZED], "unknown input 'style'"),
        (0, [replace(FRAME, type="tensor(float)")], [STYLIZED], "tensor\\(float\\) of rank 4"),
        (0, [replace(FRAME, shape=(1, 3))], [STYLIZED], "rank 2"),
        (0, [FRAME], [replace(STYLIZED, name="out")], "outputs are"),
        (0, [FRAME], [STYLIZED, STYLIZED], "outputs are"),
    ],
)
def test_broken_signature_is_refused(
    style_size: int, inputs: list[Tensor], outputs: list[Tensor], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        check_signature(replace(RECORD, style_size=style_size), inputs, outputs, "m.onnx")


def test_bundled_limits_agree_with_the_documented_contract() -> None:
    assert (contract.VERSION, contract.OPSET, contract.MAX_IR_VERSION, contract.MIN_SIDE) == (1, 18, 10, 16)
    assert Path(contract.__file__).name == "contract.py"
