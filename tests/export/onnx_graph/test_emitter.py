"""Every rule against torch, and the rewrites against what they replace."""

import numpy as np
import onnx
import pytest
import torch
from nst_export.networks.conditional_layers import ConditionalInstanceNorm2d, UpsampleConv2d
from nst_export.networks.conditional_network import ConditionalResidual
from nst_export.networks.noise import LEVELS, FixedNoise
from nst_export.networks.transformer_network import ResidualBlock, conv_layer
from nst_export.onnx_graph.conditional_nodes import ConditionalEmitter
from nst_export.onnx_graph.emitter import Emitter
from nst_export.onnx_graph.graph_builder import FLOAT32, GraphBuilder
from nst_rt.contract import ModelRecord
from nst_rt.errors import ModelError
from torch import nn

RECORD = ModelRecord(kind="stylizer", family="test", precision="fp32", stride=1)


def emitted(module, channels, *, phases=True, even=(), styles=(), gains=0, precision="fp32"):
    """A model of one module: `x` (batch, channels, height, width), `style0` ... and `gains` (batch, gains, 1, 1), if
    not 0, to `y`."""
    graph = GraphBuilder("test", precision)
    value = graph.input("x", graph.float_type, ["batch", channels, "height", "width"])
    names = [graph.input(f"style{index}", FLOAT32, ["count"]) for index in range(len(styles))]
    loud = [graph.input("gains", FLOAT32, ["batch", gains, 1, 1])] if gains else []
    emitter = Emitter(graph, phases=phases, even=even)
    if names or loud:
        emitter = ConditionalEmitter(graph, zip(names[::2], names[1::2], strict=True), iter(loud), phases=phases)
    result = emitter.emit("module", module, value)
    graph.output(result, "y", graph.float_type, ["batch", "outputs", "rows", "columns"])
    return graph.finish(RECORD)


def operators(model):
    return [node.op_type for node in model.graph.node]


def close(run, module, channels, size=(9, 14), batch=2, **options):
    features = torch.randn(batch, channels, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = module(features).numpy()
    model = emitted(module, channels, **options)
    actual = run(model, x=features.numpy())
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, atol=2e-5, rtol=1e-5)
    return model


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate"])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (9, 1), (1, 1)])
def test_convolutions(run, mode, kernel, stride):
    close(run, nn.Conv2d(3, 5, kernel, stride, padding=kernel // 2, padding_mode=mode), 3)


def test_convolution_without_bias_and_in_groups(run):
    close(run, nn.Conv2d(4, 6, 3, padding=1, groups=2, bias=False), 4)


@pytest.mark.parametrize("affine", [True, False])
def test_instance_norm(run, affine):
    norm = nn.InstanceNorm2d(4, affine=affine)
    if affine:
        nn.init.uniform_(norm.weight)
        nn.init.uniform_(norm.bias)
    assert operators(close(run, norm, 4)) == ["InstanceNormalization"]


def test_relu_pool_and_blocks(run):
    close(run, nn.Sequential(nn.ReLU(), nn.MaxPool2d(2, 2)), 3)
    close(run, ResidualBlock(4), 4)


@pytest.mark.parametrize("size", [(2, 2), (2, 5), (7, 4), (1, 3)])
def test_upsampling_in_phases_is_exactly_upsampling_then_convolution(run, size):
    module = UpsampleConv2d(3, 5)
    features = torch.randn(2, 3, *size)
    with torch.no_grad():
        expected = module(features).numpy()
    model = emitted(module, 3)
    assert "Resize" not in operators(model)
    np.testing.assert_allclose(run(model, x=features.numpy()), expected, atol=2e-6)


@pytest.mark.parametrize("phases", [True, False])
@pytest.mark.parametrize("kernel", [3, 5])
def test_upsampling_layers_of_any_kernel(run, phases, kernel):
    model = close(run, conv_layer(3, 4, kernel, upsample=True), 3, phases=phases)
    assert ("Resize" in operators(model)) == (kernel != 3 or not phases)


def test_phases_need_fewer_multiplications():
    def multiplications(model, height, width):
        # The convolution's output size is the input's, so the kernel alone says what a pixel costs.
        kernels = [onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer if len(tensor.dims) == 4]
        return sum(kernel.size for kernel in kernels) * height * width

    module = UpsampleConv2d(8, 8)
    plain, rewritten = emitted(module, 8, phases=False), emitted(module, 8)
    assert multiplications(rewritten, 10, 10) * 9 == multiplications(plain, 20, 20) * 4


@pytest.mark.parametrize("kernel", [3, 9])
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_few_outputs_are_computed_four_pixels_at_a_time(run, kernel, mode):
    conv = nn.Conv2d(4, 3, kernel, padding=kernel // 2, padding_mode=mode)
    model = close(run, conv, 4, size=(8, 12), even=[conv])
    assert 12 in {tensor.dims[0] for tensor in model.graph.initializer}
    assert 12 not in {tensor.dims[0] for tensor in emitted(conv, 4).graph.initializer}


def test_phases_of_fp16_graphs_use_one_node():
    model = emitted(UpsampleConv2d(3, 5), 3, precision="fp16")
    assert operators(model).count("DepthToSpace") == 1
    assert {tensor.data_type for tensor in model.graph.initializer} <= {
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.INT64,
    }


def test_conditional_norm_takes_one_style_per_image(run):
    norm = ConditionalInstanceNorm2d(3)
    features, scale, shift = torch.randn(2, 3, 5, 6), torch.rand(2, 3), torch.rand(2, 3)
    model = emitted(norm, 3, styles=("scale", "shift"))
    actual = run(model, x=features.numpy(), style0=scale.flatten().numpy(), style1=shift.flatten().numpy())
    np.testing.assert_allclose(actual, norm(features, scale, shift).numpy(), atol=1e-5)


@pytest.mark.parametrize("size", [(7, 64), (65, 130), (129, 257), (3, 1029), (300, 5)])
@pytest.mark.parametrize("side", [128, 256, 33])
def test_noise_repeats_beyond_its_tile(run, side, size):
    torch.manual_seed(2)
    noise = FixedNoise(5, (0.0, 1.6), pixels=8, seed=7)
    noise.tile = nn.Parameter(torch.randint(-99, 99, (1, noise.tile_channels, side, side)) / LEVELS)
    gains = torch.rand(2, noise.tile_channels)
    with torch.no_grad():
        expected = noise(size, gains).numpy()
    model = emitted(noise, 5, gains=noise.tile_channels)
    actual = run(model, x=np.zeros((2, 5, *size), np.float32), gains=gains[:, :, None, None].numpy())
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_conditional_residual(run):
    block = ConditionalResidual(3)
    features, styles = torch.randn(1, 3, 5, 6), torch.rand(4, 3)
    model = emitted(block, 3, styles="abcd")
    with torch.no_grad():
        expected = block(features, iter([(styles[None, 0], styles[None, 1]), (styles[None, 2], styles[None, 3])]))
    actual = run(model, x=features.numpy(), **{f"style{index}": styles[index].numpy() for index in range(4)})
    np.testing.assert_allclose(actual, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("module", "what"),
    [
        (nn.GELU(), "GELU"),
        (nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular"), "circular"),
        (nn.Conv2d(3, 3, (3, 1)), "square"),
        (nn.Conv2d(3, 3, 3, dilation=2), "undilated"),
        (nn.MaxPool2d(3), "2x2 pooling"),
        (nn.Sequential(nn.Upsample(scale_factor=3), nn.Conv2d(3, 3, 3)), "by 2"),
        (nn.Sequential(nn.Upsample(scale_factor=2), nn.ReLU()), "followed by ReLU"),
        (nn.Sequential(nn.Upsample(scale_factor=2)), "without a convolution"),
        (ConditionalInstanceNorm2d(3), "ConditionalInstanceNorm2d"),
        (FixedNoise(3, (0.0,), pixels=8, seed=7), "FixedNoise"),
    ],
)
def test_what_has_no_rule_is_named(module, what):
    graph = GraphBuilder("test")
    with pytest.raises(ModelError, match=what):
        Emitter(graph).emit("module", module, graph.input("x", FLOAT32, [1, 3, 8, 8]))
