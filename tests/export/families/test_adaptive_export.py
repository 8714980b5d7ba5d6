"""Adaptive style transfer: the network against a reference in numpy, its controls, and the command."""

import json

import numpy as np
import pytest
import torch
from adaptive_variables import BLOCKS, draw_variables
from nst_export.checkpoints.adaptive_checkpoint import load_adaptive, read_adaptive, variables
from nst_export.commands import app
from nst_export.families.adaptive_export import AdaptiveExport
from nst_export.networks.adaptive_network import STRIDE, AdaptiveNetwork
from nst_export.parity.torch_reference import stylise_in_torch
from nst_rt.cli import app as nst_rt
from nst_rt.contract import ModelRecord
from nst_rt.media.images.image_reader import read_image
from numpy.lib.stride_tricks import sliding_window_view
from tiny_networks import assert_agrees, graph_of
from typer.testing import CliRunner

RECORD = ModelRecord(kind="stylizer", family="adaptive", precision="fp32", stride=STRIDE)


def reference(values, photograph):
    """The published network on an RGB photograph (H, W, 3) in [-1, 1], float64, written from its description."""

    def norm(scope, x):
        variance = x.var(axis=(0, 1))
        return (
            values[f"{scope}/scale"] * (x - x.mean(axis=(0, 1))) / np.sqrt(variance + 1e-5) + values[f"{scope}/offset"]
        )

    def conv(scope, x, stride=1):
        kernel = values[f"{scope}/Conv/weights"]
        windows = sliding_window_view(x, kernel.shape[:2], axis=(0, 1))[::stride, ::stride]
        return np.einsum("hwiyx,yxio->hwo", windows, kernel)

    def pad(x, amount, mode="reflect"):
        return np.pad(x, ((amount, amount), (amount, amount), (0, 0)), mode=mode)

    def relu(x):
        return np.maximum(x, 0)

    x = pad(norm("encoder/g_e0_bn", photograph), 15)
    for index in range(1, 6):
        x = relu(norm(f"encoder/g_e{index}_bn", conv(f"encoder/g_e{index}_c", x, stride=1 if index == 1 else 2)))
    for block in range(1, BLOCKS + 1):
        y = relu(norm(f"decoder/g_r{block}_bn1", conv(f"decoder/g_r{block}_c1", pad(x, 1))))
        x = x + norm(f"decoder/g_r{block}_bn2", conv(f"decoder/g_r{block}_c2", pad(y, 1)))
    for step in range(1, 5):
        x = pad(x.repeat(2, axis=0).repeat(2, axis=1), 1, "constant")
        x = relu(norm(f"decoder/g_d{step}_bn", conv(f"decoder/g_d{step}_dc/conv2d", x)))
    return 2 / (1 + np.exp(-conv("decoder/g_pred_c", pad(x, 3)))) - 1


@pytest.mark.parametrize(("height", "width"), [(32, 32), (48, 80)])
def test_the_network_is_the_published_one(adaptive, drawn, height, width):
    photograph = np.random.default_rng(1).uniform(-1, 1, (height, width, 3))
    expected = reference(drawn, photograph)
    with torch.no_grad():
        found = adaptive(torch.from_numpy((photograph + 1) / 2).permute(2, 0, 1)[None].float())[0].permute(1, 2, 0)
    assert expected.shape == photograph.shape
    assert expected.std() > 0.2
    np.testing.assert_allclose(2 * found.numpy() - 1, expected, atol=2e-4)


def test_published_widths_and_depth(run, noise, tmp_path):
    published = draw_variables((32, 32, 64, 128, 256), (256, 128, 64, 32), blocks=9)
    assert set(variables(9)) == set(published)
    np.savez(tmp_path / "full.npz", **published)
    network = load_adaptive(read_adaptive(tmp_path / "full.npz"))
    assert str(network) == str(AdaptiveNetwork())
    frame = noise(32, 48)
    expected = stylise_in_torch(network, frame[0], AdaptiveExport.white, STRIDE)
    assert_agrees(run(graph_of(AdaptiveExport(network), RECORD), frame=frame), expected)


def test_controls(adaptive, run, noise):
    model = graph_of(AdaptiveExport(adaptive), RECORD)
    frames = noise(21, 30, batch=2)
    both = run(model, frame=frames)
    nothing = np.zeros(1, np.float32)
    np.testing.assert_array_equal(run(model, frame=frames, strength=nothing), frames)
    half = run(model, frame=frames, strength=nothing + 0.5)
    np.testing.assert_allclose(half, (both.astype(float) + frames) / 2, atol=1.01)
    assert not np.array_equal(run(model, frame=frames, color=nothing), both)


def test_the_command_makes_a_style_for_images(archive, tmp_path):
    cv2 = pytest.importorskip("cv2")
    model, photograph = tmp_path / "out.onnx", tmp_path / "photograph.png"
    cv2.imwrite(str(photograph), np.random.default_rng(0).integers(0, 256, (37, 52, 3)).astype(np.uint8))
    arguments = ["adaptive", str(archive), "-o", str(model), "--precision", "fp32", "--style-name", "apples", "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    (record,) = json.loads(done.stdout)["models"]
    assert (record["family"], record["styles"]) == ("adaptive", ["apples"])
    assert "against PyTorch float32 on drawn images" in done.stderr
    arguments = ["image", str(photograph), "--style", str(model), "--device", "cpu", "-o", str(tmp_path / "made.png")]
    assert CliRunner().invoke(nst_rt, arguments, catch_exceptions=False).exit_code == 0
    made, given = read_image(tmp_path / "made.png").bgr, read_image(photograph).bgr
    assert made.shape == given.shape
    assert np.abs(made.astype(int) - given).mean() > 20
