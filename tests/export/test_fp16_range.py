"""fp16: what keeps activations in range, and what the graphs leave in float32."""

import copy

import numpy as np
import onnx
import pytest
import torch
from nst_export.export_options import ExportOptions
from nst_export.families.adain_export import AdainExport
from nst_export.families.conditional_export import ConditionalExport
from nst_export.families.transformer_export import TransformerExport
from nst_export.fp16_range import (
    factor_for,
    largest_outputs,
    normalised_convolutions,
    rescale_chain,
    rescale_normalised,
    stored_as_fp16,
)
from nst_export.networks.adain_network import AdaIn, build_decoder, build_encoder
from nst_export.networks.conditional_network import ConditionalTransformer
from nst_export.parity.parity import compare_images
from nst_export.parity.sample_images import draw_image
from nst_export.parity.torch_reference import encode_in_torch, stylise_in_torch
from nst_rt.contract import ModelRecord
from nst_rt.errors import ModelError
from tiny_networks import graph_of
from torch import nn

IMAGE = draw_image(64, 80)


def overflowing(network):
    """The same function of the image, with activations a thousand times beyond fp16."""
    wild = copy.deepcopy(network)
    for conv, norm in normalised_convolutions(wild):
        with torch.no_grad():
            conv.weight.mul_(1e5)
            conv.bias.mul_(1e5)
        norm.eps *= 1e10
    if isinstance(wild, ConditionalTransformer):  # what is added to a convolution's output grows with it
        wild.down_noise.weight.data.mul_(1e5)
    return wild


def psnr_in_fp16(network, prepared, white, **options):
    expected = stylise_in_torch(network, IMAGE, white, **options)
    with stored_as_fp16(prepared):
        return compare_images(expected, stylise_in_torch(prepared, IMAGE, 255, bgr=True, **options)).psnr


def test_factors_are_powers_of_two_with_room_to_spare():
    assert factor_for(10) == factor_for(16000) == 1
    assert factor_for(17000) == 2
    assert factor_for(1e6) == 64
    with pytest.raises(ModelError, match="damaged"):
        factor_for(float("inf"))


def test_every_normalised_convolution_is_found(tiny_transformer, tiny_conditional):
    assert len(list(normalised_convolutions(tiny_transformer))) == 3 + 2 * 2 + 2
    # All but the one that the skip is added to.
    assert len(list(normalised_convolutions(tiny_conditional))) == len(tiny_conditional.channels) - 1


def test_overflow_before_a_normalisation_is_scaled_away(tiny_transformer):
    wild = overflowing(tiny_transformer)
    unscaled = TransformerExport(wild).prepare("fp32")
    assert psnr_in_fp16(wild, unscaled, 255) < 20
    scaled = TransformerExport(wild, [IMAGE]).prepare("fp16")
    assert psnr_in_fp16(wild, scaled, 255) > 50
    with largest_outputs(scaled) as largest:
        stylise_in_torch(scaled, IMAGE, 255, bgr=True)
    assert max(largest.values()) < 65504 / 3
    norms = [module.eps for module in scaled.modules() if isinstance(module, nn.InstanceNorm2d)]
    assert all(0 < eps < 1e4 for eps in norms)


def test_rescaling_changes_nothing_in_float32(tiny_transformer, tiny_conditional, style_of):
    scaled = TransformerExport(overflowing(tiny_transformer), [IMAGE]).prepare("fp16")
    plain = TransformerExport(tiny_transformer).prepare("fp32")
    assert (
        compare_images(
            stylise_in_torch(plain, IMAGE, 255, bgr=True), stylise_in_torch(scaled, IMAGE, 255, bgr=True)
        ).worst
        <= 1
    )
    style = style_of(tiny_conditional)
    wild = ConditionalExport(overflowing(tiny_conditional), [IMAGE], [style]).prepare("fp16")
    expected = stylise_in_torch(lambda value: tiny_conditional(value, style), IMAGE, 1.0)
    actual = stylise_in_torch(lambda value: wild(value, style), IMAGE, 255, bgr=True)
    assert compare_images(expected, actual).worst <= 1


def test_channels_are_centered_before_normalisations(tiny_transformer):
    network = copy.deepcopy(tiny_transformer)
    offset = network.get_submodule("conv1.conv2d")
    with torch.no_grad():
        offset.bias.add_(torch.tensor([3e4, -3e4, 1e4, 0.0]))
    prepared = TransformerExport(network, [IMAGE]).prepare("fp16")
    with largest_outputs(prepared) as largest:
        stylise_in_torch(prepared, IMAGE, 255, bgr=True)
    assert largest[prepared.get_submodule("conv1.conv2d")] < 1e4
    assert psnr_in_fp16(network, prepared, 255) > 50
    assert psnr_in_fp16(network, TransformerExport(network).prepare("fp32"), 255) < 40


def test_small_weights_are_scaled_up(tiny_conditional, style_of):
    scaled = ConditionalExport(tiny_conditional, [IMAGE], [style_of(tiny_conditional)]).prepare("fp16")
    plain = ConditionalExport(tiny_conditional).prepare("fp32")
    assert plain.stem.weight.abs().max() < 2**-6
    assert scaled.stem.weight.abs().max() > 2**-4
    assert scaled.stem_norm.eps > plain.stem_norm.eps


def test_overflow_without_a_normalisation_is_refused(tiny_transformer):
    network = copy.deepcopy(tiny_transformer)
    with largest_outputs(network) as largest:
        stylise_in_torch(network, IMAGE, 255)
    largest[network.get_submodule("res1.in2")] = 5e4
    with pytest.raises(ModelError, match=r"InstanceNorm2d reaches 5e\+04.*fp32"):
        rescale_normalised(network, largest)


def test_the_sum_with_the_skip_is_scaled_as_one(tiny_conditional, style_of, run):
    style = style_of(tiny_conditional)
    prepared = ConditionalExport(tiny_conditional).prepare("fp32")
    expected = stylise_in_torch(lambda value: prepared(value, style), IMAGE, 255, bgr=True)
    with largest_outputs(prepared) as largest:
        stylise_in_torch(lambda value: prepared(value, style), IMAGE, 255, bgr=True)
    largest[prepared.up_quarter.conv] = 5e5
    rescale_normalised(prepared, largest)
    assert prepared.skip_scale == 2**-5  # 5e5 and a margin of 4 in 65504
    actual = stylise_in_torch(lambda value: prepared(value, style), IMAGE, 255, bgr=True)
    assert compare_images(expected, actual).worst <= 1
    record = ModelRecord(kind="stylizer", family="conditional", precision="fp32", stride=8, style_size=style.shape[1])
    graph = ConditionalExport(tiny_conditional).build_graph(prepared, record, ExportOptions(controls=False))
    painted = run(graph, frame=IMAGE[None], style=style.numpy())[0]
    assert np.abs(painted.astype(int) - np.asarray(expected).astype(int)).max() <= 1


def test_chains_pass_their_scale_on():
    torch.manual_seed(0)
    chain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Conv2d(4, 4, 3), nn.ReLU())
    with torch.no_grad():
        chain[0].weight.mul_(1e6)
    features = torch.randn(1, 3, 20, 20)
    with largest_outputs(chain) as largest, torch.no_grad():
        expected = chain(features)
    scaled = copy.deepcopy(chain)
    rescale_chain(scaled, dict(zip(scaled, [largest[layer] for layer in chain], strict=True)), 2.0, 64.0)
    with largest_outputs(scaled) as after, torch.no_grad():
        actual = scaled(features / 2)
    torch.testing.assert_close(actual * 64, expected, rtol=1e-4, atol=1e-2 * float(expected.max()) * 1e-3)
    assert after[scaled[0]] * 4 < 65504


def test_adain_in_fp16_survives_large_features(tiny_vgg):
    preprocessing, encoder, decoder = tiny_vgg(3)
    encoder[0] = (encoder[0][0] * 1e6, encoder[0][1] * 1e6)
    decoder[0] = (decoder[0][0] / 1e6, decoder[0][1])
    network = AdaIn(build_encoder(preprocessing, encoder), build_decoder(decoder)).eval().requires_grad_(False)
    style = encode_in_torch(network.style_vectors, draw_image(48, 48, seed=2))
    prepared = AdainExport(network, [IMAGE], [style]).prepare("fp16")
    assert prepared.divisor > 1
    with stored_as_fp16(prepared):
        actual = stylise_in_torch(lambda value: prepared(value, style), IMAGE, 255, network.stride, bgr=True)
    expected = stylise_in_torch(lambda value: network(value, style), IMAGE, 1.0, network.stride)
    assert compare_images(expected, actual).psnr > 45


def test_fp16_storage_is_undone_afterwards(tiny_transformer):
    before = {name: tensor.clone() for name, tensor in tiny_transformer.state_dict().items()}
    plain = stylise_in_torch(tiny_transformer, IMAGE, 255)
    with stored_as_fp16(tiny_transformer):
        assert not torch.equal(tiny_transformer.get_parameter("in1.weight"), before["in1.weight"])
    assert all(torch.equal(tensor, before[name]) for name, tensor in tiny_transformer.state_dict().items())
    np.testing.assert_array_equal(stylise_in_torch(tiny_transformer, IMAGE, 255), plain)


def models(tiny_transformer, tiny_conditional, tiny_vgg, style_of):
    preprocessing, encoder, decoder = tiny_vgg(3)
    network = AdaIn(build_encoder(preprocessing, encoder), build_decoder(decoder)).eval().requires_grad_(False)
    adain_style = encode_in_torch(network.style_vectors, IMAGE)
    style = style_of(tiny_conditional)

    def record(family, stride, size=0):
        return ModelRecord(kind="stylizer", family=family, precision="fp16", stride=stride, style_size=size)

    yield graph_of(TransformerExport(tiny_transformer, [IMAGE]), record("transformer", 4))
    export = ConditionalExport(tiny_conditional, [IMAGE], [style])
    yield graph_of(export, record("conditional", 8, tiny_conditional.style_size))
    yield graph_of(AdainExport(network, [IMAGE], [adain_style]), record("adain", 4, 2 * network.channels))


def test_graphs_keep_statistics_out_of_fp16(tiny_transformer, tiny_conditional, tiny_vgg, style_of):
    for model in models(tiny_transformer, tiny_conditional, tiny_vgg, style_of):
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        types = {value.name: value.type.tensor_type.elem_type for value in inferred.graph.value_info}
        assert all(
            types[node.output[0]] == onnx.TensorProto.FLOAT16 for node in model.graph.node if node.op_type == "Conv"
        )
        operators = {node.op_type for node in model.graph.node}
        assert "InstanceNormalization" in operators
        assert not operators & {"ReduceMean", "Pow", "Sqrt", "Resize", "Min", "Max"}
        inputs = {entry.name: entry.type.tensor_type.elem_type for entry in model.graph.input}
        assert inputs.pop("frame") == onnx.TensorProto.UINT8
        assert {*inputs.values()} == {onnx.TensorProto.FLOAT}


@pytest.mark.parametrize(("signal", "noise"), [(1.0, 1e5), (1e-5, 1.0), (1e-6, 1.0)])
def test_noise_is_brought_into_range_with_what_it_is_added_to(tiny_conditional, style_of, signal, noise):
    network = copy.deepcopy(tiny_conditional)
    with torch.no_grad():
        network.down.weight.mul_(signal)
        network.down.bias.mul_(signal)
        network.down_noise.weight.mul_(noise)
    style = style_of(network)
    prepared = ConditionalExport(network, [IMAGE], [style]).prepare("fp16")
    expected = stylise_in_torch(lambda value: network(value, style), IMAGE, 1.0)
    with stored_as_fp16(prepared):
        actual = stylise_in_torch(lambda value: prepared(value, style), IMAGE, 255, bgr=True)
    assert compare_images(expected, actual).psnr > 40
