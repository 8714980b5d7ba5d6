"""AdaIN: every layout of checkpoints, the style encoder, and strength on features."""

from functools import partial

import numpy as np
import pytest
import torch
from nst_export.checkpoints.adain_checkpoint import load_adain
from nst_export.checkpoints.checkpoint_file import read_checkpoint
from nst_export.families.adain_export import AdainExport, export_adain
from nst_export.networks.adain_network import LEVELS, AdaIn, build_decoder, build_encoder
from nst_export.parity.sample_images import draw_image
from nst_export.parity.torch_reference import encode_in_torch, stylise_in_torch
from nst_rt.contract import ModelRecord
from nst_rt.errors import ModelError
from tiny_networks import assert_agrees, graph_of
from torch import nn

FULL = np.ones(1, np.float32)
SEQUENTIAL_ENCODER = (2, 5, 9, 12, 16, 19, 22, 25, 29, 32)
SEQUENTIAL_DECODER = {1: (1,), 2: (1, 5, 8), 3: (1, 5, 8, 12, 15), 4: (1, 5, 8, 11, 14, 18, 21, 25, 28)}


def keyed(names, convs):
    state = {}
    for name, (kernel, bias) in zip(names, convs, strict=True):
        state[f"{name}.weight"], state[f"{name}.bias"] = kernel, bias
    return state


def write(layout, level, vgg, folder):
    """Checkpoint files of a layout; returns their paths."""
    preprocessing, encoder, decoder = vgg
    names = LEVELS[level]
    if layout == "sequential":
        deeper = [*encoder, (torch.randn(2, encoder[-1][0].shape[0], 3, 3), torch.zeros(2))]
        front = keyed([0, *SEQUENTIAL_ENCODER[: len(deeper)]], [preprocessing, *deeper])
        back = keyed(SEQUENTIAL_DECODER[level], decoder)
    elif layout == "numbered":
        count = len(encoder)
        front = keyed([f"conv{index + 1}" for index in range(count + 1)], [preprocessing, *encoder])
        back = keyed([f"conv{index + count + 2}" for index in range(count)], decoder)
    else:
        front = keyed(["conv0", *(f"conv{name}" for name in names)], [preprocessing, *encoder])
        front |= keyed(["conv11_aux"], [(torch.zeros(8, 3, 1, 1), torch.zeros(8))])
        back = keyed([f"conv{name}" for name in reversed(names)], decoder)
        np.savez(folder / "e.npz", **{key: tensor.numpy() for key, tensor in front.items()})
        np.savez(folder / "d.npz", **{key: tensor.numpy() for key, tensor in back.items()})
        return folder / "e.npz", folder / "d.npz"
    torch.save(front, folder / "e.pth")
    torch.save(back, folder / "d.pth")
    return folder / "e.pth", folder / "d.pth"


@pytest.fixture
def network(tiny_vgg):
    preprocessing, encoder, decoder = tiny_vgg(3)
    return AdaIn(build_encoder(preprocessing, encoder), build_decoder(decoder)).eval().requires_grad_(False)


def record(network, precision="fp32"):
    return ModelRecord(
        kind="stylizer", family="adain", precision=precision, stride=network.stride, style_size=2 * network.channels
    )


@pytest.mark.parametrize("level", [2, 3, 4])
@pytest.mark.parametrize("layout", ["sequential", "numbered", "named"])
def test_layouts_load(tiny_vgg, tmp_path, layout, level):
    vgg = tiny_vgg(level)
    network = load_adain(*map(read_checkpoint, write(layout, level, vgg, tmp_path)))
    assert network.stride == 2 ** (level - 1)
    kinds = [type(layer) for layer in network.decoder]
    # Each upsampling follows the first convolution below a level, as each pooling precedes one in the encoder.
    expected = []
    for name in reversed(LEVELS[level]):
        expected += [nn.Conv2d, nn.ReLU] + [nn.Upsample] * (name[1] == "1" and name != "11")
    assert kinds == expected[:-1]
    kernels = [layer.weight for layer in (*network.encoder, *network.decoder) if isinstance(layer, nn.Conv2d)]
    for loaded, (kernel, _) in zip(kernels, [vgg[0], *vgg[1], *vgg[2]], strict=True):
        assert torch.equal(loaded, kernel)


def test_unknown_layouts_are_told_apart(tiny_vgg, tmp_path):
    encoder, decoder = write("sequential", 3, tiny_vgg(3), tmp_path)
    torch.save({"features.0.weight": torch.zeros(3, 3, 3, 3)}, tmp_path / "x.pth")
    strange = read_checkpoint(tmp_path / "x.pth")
    with pytest.raises(ModelError, match=r"encoder that nst-rt knows.*features\.0\.weight.*vgg_normalised"):
        load_adain(strange, read_checkpoint(decoder))
    with pytest.raises(ModelError, match="decoder that nst-rt knows"):
        load_adain(read_checkpoint(encoder), strange)
    # The encoder given twice: its last convolution makes no image.
    with pytest.raises(ModelError, match="image of 3 channels"):
        load_adain(read_checkpoint(encoder), read_checkpoint(encoder))
    torch.save(
        keyed([1, 5], [(torch.zeros(4, 4, 3, 3), torch.zeros(4)), (torch.zeros(3, 4, 3, 3), torch.zeros(3))]),
        tmp_path / "two.pth",
    )
    with pytest.raises(ModelError, match=r"2 convolutions.*\[1, 3, 5, 9\]"):
        load_adain(read_checkpoint(encoder), read_checkpoint(tmp_path / "two.pth"))
    torch.save({"1.weight": torch.zeros(3, 0, 3, 3), "1.bias": torch.zeros(3)}, tmp_path / "none.pth")
    with pytest.raises(ModelError, match=r"1\.weight has no elements"):
        load_adain(read_checkpoint(encoder), read_checkpoint(tmp_path / "none.pth"))
    torch.save({"1.weight": torch.zeros(3, 4, 3, 3)}, tmp_path / "bare.pth")
    with pytest.raises(ModelError, match="without weight or bias"):
        load_adain(read_checkpoint(encoder), read_checkpoint(tmp_path / "bare.pth"))


def test_files_that_do_not_belong_together(tiny_vgg, tmp_path):
    for name, level, width in (("small", 3, 3), ("wide", 3, 4), ("deep", 4, 3)):
        (tmp_path / name).mkdir()
        write("numbered", level, tiny_vgg(level, width), tmp_path / name)

    def load(encoder, decoder):
        return load_adain(read_checkpoint(tmp_path / encoder / "e.pth"), read_checkpoint(tmp_path / decoder / "d.pth"))

    assert load("deep", "small").stride == 4  # a deeper encoder is cut
    with pytest.raises(ModelError, match="makes 9 channels at relu3_1, the decoder takes 12"):
        load("small", "wide")
    with pytest.raises(ModelError, match=r"5 3x3 convolutions, the decoder mirrors 9 \(relu4_1\)"):
        load("small", "deep")


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_every_size_and_border_agrees_with_torch(tiny_vgg, run, noise, level):
    preprocessing, encoder, decoder = tiny_vgg(level)
    network = AdaIn(build_encoder(preprocessing, encoder), build_decoder(decoder)).eval().requires_grad_(False)
    style = encode_in_torch(network.style_vectors, draw_image(40, 40))
    model = graph_of(AdainExport(network), record(network))
    for height, width in ((16, 16), (17, 23), (31, 18), (48, 64)):
        frame = noise(height, width)
        expected = stylise_in_torch(partial(network, style=style), frame[0], 1.0, network.stride)
        assert_agrees(run(model, frame=frame, style=style.numpy()), expected, contrast=10)


def test_strength_mixes_features_and_color_keeps_chroma(network, run):
    frame = draw_image(33, 46)
    style = encode_in_torch(network.style_vectors, draw_image(40, 40, seed=5))
    model = graph_of(AdainExport(network), record(network))
    for strength in (0.0, 0.3):
        expected = stylise_in_torch(partial(network, style=style, strength=strength), frame, 1.0, network.stride)
        actual = run(model, frame=frame[None], style=style.numpy(), strength=np.full(1, strength, np.float32))
        assert np.abs(actual[0].astype(int) - expected).max() <= 1
    added = run(model, frame=frame[None], style=style.numpy(), color=0 * FULL)[0].astype(float) - frame
    inside = np.all((added + frame > 0) & (added + frame < 255), axis=-1)
    assert inside.any()
    assert np.ptp(added[inside], axis=-1).max() <= 1


def test_batches_share_a_style_or_have_their_own(network, run, noise):
    model = graph_of(AdainExport(network), record(network))
    styles = np.vstack([encode_in_torch(network.style_vectors, draw_image(40, 40, seed)).numpy() for seed in (1, 2)])
    frames = noise(18, 25, batch=2)
    own, one = run(model, frame=frames, style=styles), run(model, frame=frames, style=styles[:1])
    for index in range(2):
        frame = frames[index : index + 1]
        np.testing.assert_array_equal(own[index], run(model, frame=frame, style=styles[index : index + 1])[0])
        np.testing.assert_array_equal(one[index], run(model, frame=frame, style=styles[:1])[0])


@pytest.mark.parametrize("size", [(16, 16), (37, 50)])
def test_the_style_encoder_reads_means_and_deviations(network, run, size):
    image = draw_image(*size)
    model = AdainExport(network).build_encoder_graph(record(network))
    actual = run(model, image=image[None])
    features = network.encoder(torch.from_numpy(image).flip(2).permute(2, 0, 1)[None].float() / 255).numpy()[0]
    expected = np.concatenate([features.mean((1, 2)), np.sqrt(features.var((1, 2)) + 1e-5)])
    assert actual.shape == (1, 2 * network.channels)
    np.testing.assert_allclose(actual[0], expected, atol=1e-5, rtol=1e-4)


def test_the_whole_export(tiny_vgg, tmp_path):
    encoder, decoder = write("named", 3, tiny_vgg(3), tmp_path)
    exported = export_adain(encoder, decoder, tmp_path / "any.onnx")
    assert [entry.path.name for entry in exported] == ["any.onnx", "any.fp16.onnx", "any.encoder.onnx"]
    for entry in exported[:2]:
        assert entry.record.style_encoder == "any.encoder.onnx"
        assert entry.record.strength_blends == "features"
        assert (entry.record.stride, entry.record.style_size) == (4, 18)
    assert exported[2].record.kind == "style_encoder"
    assert len(exported[2].record.source_sha256.split()) == 2
    assert min(parity.psnr for entry in exported for parity in entry.record.parity) > 45
