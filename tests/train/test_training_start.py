"""An exported network as the start of a run."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from nst_export.checkpoints.conditional_checkpoint import ConditionalWeights, write_conditional
from nst_export.export_options import ExportOptions
from nst_export.families.conditional_export import export_conditional_weights
from nst_export.networks.conditional_network import ConditionalTransformer
from nst_export.networks.style_encoder_network import StyleEncoder
from nst_export.parity import sample_images as sample_images
from nst_rt.errors import InputError, ModelError
from nst_rt.files.folders import models_folder
from nst_train.loop.hardware import Hardware
from nst_train.loop.training_run import Run, RunOptions
from nst_train.recipes.adopting import read_start
from nst_train.recipes.conditional import ConditionalRecipe
from nst_train.recipes.transformer import TransformerRecipe
from nst_train.settings import ConditionalSettings, TransformerSettings

Make = Callable[..., ConditionalSettings]


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Path, ConditionalWeights]]:
    monkeypatch.setattr(sample_images, "SIZES", ((64, 64),))

    def make(names: tuple[str, ...] = (), encoder: bool = False) -> tuple[Path, ConditionalWeights]:
        torch.manual_seed(2)
        network = ConditionalTransformer(quarter=8, eighth=8, half=8, blocks=1).eval()
        neutral = network.neutral_style()[0]
        styles = {name: neutral * (1.5 + index) for index, name in enumerate(names)}
        weights = ConditionalWeights(
            network, styles, {}, StyleEncoder(neutral).eval() if encoder else None, training="9 steps"
        )
        export_conditional_weights(weights, tmp_path / "net.onnx", ExportOptions(precision="fp32"))
        return tmp_path / "net.onnx", weights

    return make


def test_a_run_begins_with_the_exported_weights(
    world: Path, tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any, exported: Any
) -> None:
    path, weights = exported(("wave", "else"), encoder=True)
    settings = conditional_settings(paintings=str(world / "paintings"), batch=3)
    recipe = ConditionalRecipe(settings, cpu, notes.note)
    Run(recipe, RunOptions(tmp_path / "run", start=path, sheet_every=0), notes)
    model = recipe.model
    assert torch.allclose(model.network.up_half.conv.weight, weights.network.up_half.conv.weight, atol=1e-6)
    assert model.encoder is not None
    assert torch.allclose(model.encoder.hidden.weight, weights.encoder.hidden.weight)
    mean = (weights.styles["wave"] + weights.styles["else"]) / 2
    assert torch.equal(model.styles.detach(), torch.stack([mean, weights.styles["wave"]]))
    assert f"{path}: beginning with its weights (9 steps); new: styles gogh" in notes.texts


def test_the_weights_that_a_run_wrote_are_a_start(tmp_path: Path, exported: Any) -> None:
    _, weights = exported(("wave",), encoder=True)
    write_conditional(weights, tmp_path / "conditional.pt")
    found = read_start(tmp_path / "conditional.pt")
    assert found.age == " (9 steps)"
    assert list(found.settings["styles"]) == ["wave"]
    assert torch.equal(found.values["styles"][0], weights.styles["wave"])
    assert torch.equal(found.values["network.stem.weight"], weights.network.stem.weight)


def test_a_model_of_the_users_by_its_name(exported: Any) -> None:
    path, weights = exported(("wave",))
    models_folder().mkdir(parents=True)
    shutil.copy(path, models_folder() / "mine.onnx")
    found = read_start(Path("mine"))
    assert torch.allclose(found.values["network.stem.weight"], weights.network.stem.weight, atol=1e-6)
    with pytest.raises(InputError, match="mina: no such file"):
        read_start(Path("mina"))


def test_other_recipes_and_missing_files_are_refused(
    world: Path, tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any, exported: Any
) -> None:
    path, _ = exported(("wave",))
    settings = TransformerSettings(
        content=str(world / "photographs"), style=str(world / "gogh.png"), loss_network=str(world / "vgg.npz"),
        widths=(4, 4, 4), blocks=1, batch=2, size=32, scales=2, style_side=96,
    )  # fmt: skip
    with pytest.raises(ModelError, match=r"net\.onnx: of `train conditional`. Give a start of the same recipe"):
        Run(
            TransformerRecipe(settings, cpu, notes.note),
            RunOptions(tmp_path / "a", start=path, sheet_every=0),
            notes,
        )
    recipe = ConditionalRecipe(conditional_settings(), cpu, notes.note)
    with pytest.raises(InputError, match=r"none\.onnx: no such file"):
        Run(recipe, RunOptions(tmp_path / "b", start=tmp_path / "none.onnx", sheet_every=0), notes)


def test_a_start_brings_its_noise_along(conditional_settings: Make, cpu: Hardware, notes: Any) -> None:
    recipe = ConditionalRecipe(conditional_settings(), cpu, notes.note)
    values = {name: value.detach().clone() for name, value in recipe.model.named_parameters()}
    other = torch.randn(1, 8, 48, 48, generator=torch.Generator().manual_seed(4))
    values["network.up_quarter_noise.tile"] = other
    assert recipe.adopt(values, {"styles": {"gogh": "", "wave": ""}}) == []
    assert torch.equal(recipe.model.network.up_quarter_noise.tile, other)
    assert not recipe.model.network.up_quarter_noise.tile.requires_grad
    recipe.losses(1, recipe.batch(1))


@pytest.mark.parametrize("paintings", [True, False])
def test_vectors_of_another_length_are_refused(
    world: Path, conditional_settings: Make, cpu: Hardware, notes: Any, paintings: bool
) -> None:
    settings = conditional_settings(paintings=str(world / "paintings") if paintings else "")
    recipe = ConditionalRecipe(settings, cpu, notes.note)
    own = {name: value.detach().clone() for name, value in recipe.model.named_parameters()}
    gains = sum(recipe.model.network.noise_channels)  # as before every style had them
    values = {
        name: value[..., :-gains] if name in ("styles", "encoder.base") else value + 1 for name, value in own.items()
    }
    with pytest.raises(ModelError, match=r"--start: its style vectors have \d+ numbers, those of this network \d+"):
        recipe.adopt(values, {"styles": {"gogh": "", "wave": ""}})
    for name, value in recipe.model.named_parameters():
        assert torch.equal(value, own[name])


def test_a_named_style_s_painting_may_have_a_size_of_its_own(
    conditional_settings: Make, cpu: Hardware, notes: Any
) -> None:
    settings = conditional_settings(style_sides={"wave": 80})
    recipe = ConditionalRecipe(settings, cpu, notes.note)
    sides = [max(column.painting.shape[:2]) for column in recipe.columns(recipe.model)]
    assert sides == [settings.style_side, 80]
