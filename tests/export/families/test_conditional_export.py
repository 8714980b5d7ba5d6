"""The conditional network: styles as vectors, stride 8."""

from functools import partial

import numpy as np
import pytest
import torch
from nst_export.checkpoints.conditional_checkpoint import ConditionalWeights
from nst_export.export_options import ExportOptions
from nst_export.families.conditional_export import ConditionalExport, export_conditional_weights
from nst_export.networks.conditional_network import MARGIN, STEM_PADDING, STRIDE
from nst_export.parity.torch_reference import stylise_in_torch
from nst_rt.contract import ModelRecord
from nst_rt.errors import ModelError
from tiny_networks import assert_agrees, graph_of

FULL = np.ones(1, np.float32)


@pytest.fixture
def model(tiny_conditional):
    return graph_of(ConditionalExport(tiny_conditional), record(tiny_conditional))


def record(network, precision="fp32"):
    return ModelRecord(
        kind="stylizer", family="conditional", precision=precision, stride=8, style_size=network.style_size
    )


@pytest.mark.parametrize("phases", [True, False])
def test_every_size_and_border_agrees_with_torch(tiny_conditional, style_of, run, noise, phases):
    style = style_of(tiny_conditional)
    model = graph_of(ConditionalExport(tiny_conditional), record(tiny_conditional), phases=phases)
    for height, width in ((16, 16), (17, 23), (20, 28), (25, 31), (48, 64)):
        frame = noise(height, width)
        expected = stylise_in_torch(partial(tiny_conditional, style=style), frame[0], 1.0)
        assert_agrees(run(model, frame=frame, style=style.numpy()), expected, contrast=10)


@pytest.mark.parametrize("side", range(16, 33))
def test_the_trunk_sees_the_reflected_surroundings_of_a_photograph(tiny_conditional, style_of, side):
    seen = []
    hook = tiny_conditional.stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    photograph = torch.rand(1, 3, side, 24, generator=torch.Generator().manual_seed(side))
    assert tiny_conditional(photograph, style_of(tiny_conditional)).shape == photograph.shape
    hook.remove()
    (surrounded,) = seen
    before, behind = STEM_PADDING + MARGIN, surrounded.shape[2] - side - STEM_PADDING - MARGIN
    assert (surrounded.shape[2] - 2 * STEM_PADDING) % STRIDE == 0
    assert STEM_PADDING + MARGIN // 2 < behind < side
    expected = np.pad(photograph[0].numpy(), ((0, 0), (before, behind), (before, before)), mode="reflect")
    np.testing.assert_array_equal(surrounded[0].numpy(), expected)


def test_styles_differ_and_batches_may_mix_them(tiny_conditional, style_of, model, run, noise):
    styles = np.vstack([style_of(tiny_conditional, seed).numpy() for seed in (1, 2)])
    frames = np.repeat(noise(20, 27), 2, axis=0)
    own, one = run(model, frame=frames, style=styles), run(model, frame=frames, style=styles[:1])
    assert np.abs(own[0].astype(int) - own[1]).max() > 10
    np.testing.assert_array_equal(own[0], one[0])
    np.testing.assert_array_equal(one[0], one[1])
    np.testing.assert_array_equal(own[1], run(model, frame=frames[1:], style=styles[1:])[0])


def test_strength_zero_is_the_photograph_to_the_byte(tiny_conditional, style_of, run, noise):
    style = style_of(tiny_conditional)
    frame = noise(21, 35)
    for precision in ("fp32", "fp16"):
        export = ConditionalExport(tiny_conditional, [frame[0]], [style])
        model = graph_of(export, record(tiny_conditional, precision))
        np.testing.assert_array_equal(run(model, frame=frame, style=style.numpy(), strength=0 * FULL), frame)


def test_style_input_is_declared_for_one_or_many(model, tiny_conditional):
    style = next(entry for entry in model.graph.input if entry.name == "style")
    assert [dim.dim_param or dim.dim_value for dim in style.type.tensor_type.shape.dim] == [
        "styles",
        tiny_conditional.style_size,
    ]


def test_the_whole_export(tiny_conditional, style_of, tmp_path):
    styles = {"plain": tiny_conditional.neutral_style()[0], "wild": style_of(tiny_conditional)}
    trained = ConditionalWeights(tiny_conditional, styles, training="ours")
    exported = export_conditional_weights(trained, tmp_path / "own.onnx", ExportOptions(license="MIT"))
    assert [entry.path.name for entry in exported] == ["own.onnx", "own.fp16.onnx"]
    for entry in exported:
        assert entry.record.styles == ("plain", "wild")
        assert (entry.record.stride, entry.record.provenance) == (8, "ours")
        assert min(parity.psnr for parity in entry.record.parity) > 45


@pytest.mark.parametrize("styles", [{}, {"short": torch.zeros(1, 3)}])
def test_vectors_must_fit(tiny_conditional, styles, tmp_path):
    with pytest.raises(ModelError, match="style vectors of"):
        export_conditional_weights(ConditionalWeights(tiny_conditional, styles), tmp_path / "own.onnx")
    assert not list(tmp_path.iterdir())
