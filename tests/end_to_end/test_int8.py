"""The built-in network in int8: what eight bits cost in style, on real photographs."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from nst_bench.harness.losses import FeatureExtractor, style_loss
from nst_rt import Stylizer
from nst_rt.models.catalog import BUILT_IN, find_model
from nst_train.data.images import list_images, read_rgb, resize_long_side
from nst_train.loop.hardware import choose_hardware
from nst_train.perceptual.loss_network import load_loss_network

pytestmark = pytest.mark.shared

STYLES = ("gogh", "mondrian", "wave")


def test_style_and_image_survive_eight_bits(shared: Path, tmp_path: Path) -> None:
    files = find_model(BUILT_IN)
    for source in (files.path, files.styles):
        assert source is not None
        (tmp_path / source.name).write_bytes(source.read_bytes())
    model = tmp_path / files.path.name
    photographs = shared / "data" / "content_val"
    command = [sys.executable, "-c", "from nst_rt.cli import main; main()", "export", "int8", str(model), "--json"]
    done = subprocess.run([*command, "--photographs", str(photographs)], capture_output=True, text=True, check=True)
    assert min(entry["psnr"] for entry in json.loads(done.stdout)["models"][0]["parity"]) >= 32
    extractor = FeatureExtractor(
        load_loss_network(shared / "weights" / "loss" / "vgg19_conv1_1_to_conv3_4.npz"), choose_hardware("cpu")
    )
    frames = [resize_long_side(read_rgb(path), 384) for path in list_images(photographs)[-4:]]
    for style in STYLES:
        painting = extractor.painting_grams(read_rgb(shared / "data" / "style_named" / f"{style}.jpg"))
        losses = {}
        for precision in ("fp32", "int8"):
            with Stylizer.load(style, model=model, device="cpu", precision=precision) as stylizer:
                images = [stylizer(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)) for frame in frames]
            grams = [extractor.features(np.ascontiguousarray(image[:, :, ::-1])).grams for image in images]
            losses[precision] = np.mean([style_loss(found, painting) for found in grams])
        assert losses["int8"] == pytest.approx(losses["fp32"], rel=0.05)
