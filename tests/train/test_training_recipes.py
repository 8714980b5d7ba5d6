"""Every recipe learns, and what it leaves can be exported."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nst_train.recipes.conditional
import numpy as np
import pytest
import torch
from nst_export.checkpoints.adain_checkpoint import load_adain
from nst_export.checkpoints.checkpoint_file import read_checkpoint
from nst_export.checkpoints.transformer_checkpoint import load_transformer
from nst_export.networks.adain_network import LEVELS
from nst_rt.errors import InputError, ModelError
from nst_train.data.crops import as_floats, crops_at
from nst_train.data.images import ImageFolder
from nst_train.loop.hardware import Hardware
from nst_train.loop.training_run import Run, RunOptions
from nst_train.recipes.adain import AdainRecipe
from nst_train.recipes.adain_networks import decoder_keys, new_adain
from nst_train.recipes.conditional import STEEPEST, UNCHANGED_CROPS, UNCHANGED_STEP, ConditionalRecipe
from nst_train.recipes.recipe import Recipe
from nst_train.recipes.transformer import TransformerRecipe
from nst_train.settings import AdainSettings, ConditionalSettings, TransformerSettings


def learn(recipe: Recipe, folder: Path, notes: Any, steps: int) -> tuple[float, float]:
    """Total loss over the first and over the last quarter of the steps."""
    result = Run(recipe, RunOptions(folder, sheet_every=0, until=steps), notes).train()
    assert result.finished
    totals = [sum(losses.values()) for losses in notes.losses]
    return float(np.mean(totals[: steps // 4])), float(np.mean(totals[-steps // 4 :]))


def test_transformer(world: Path, tmp_path: Path, cpu: Hardware, notes: Any) -> None:
    settings = TransformerSettings(
        content=str(world / "photographs"),
        style=str(world / "gogh.png"),
        loss_network=str(world / "vgg.npz"),
        widths=(8, 8, 8),
        blocks=1,
        steps=40,
        batch=2,
        size=32,
        style_side=64,
        scales=2,
        warm_up=2,
        learning_rate=1e-2,
    )
    recipe = TransformerRecipe(settings, cpu, notes.note)
    first, last = learn(recipe, tmp_path, notes, 40)
    assert last < 0.7 * first
    # The file's network reads and makes bytes, the one in training fractions of one.
    exported = load_transformer(read_checkpoint(tmp_path / "transformer.pth"))
    averaged = Run(recipe, RunOptions(tmp_path, sheet_every=0), notes).average.averaged(recipe.model)
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(exported(image * 255) / 255, averaged(image), atol=2e-3, rtol=0)


def test_conditional_with_named_styles_and_paintings(
    world: Path, tmp_path: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, notes: Any
) -> None:
    settings = conditional_settings(paintings=str(world / "paintings"), steps=40)
    recipe = ConditionalRecipe(settings, cpu, notes.note)
    assert len(recipe.batch(0)["paintings"]) == 1
    first, last = learn(recipe, tmp_path, notes, 40)
    assert last < 0.7 * first
    assert recipe.model.encoder is not None
    assert recipe.model.encoder.delta.weight.abs().max() > 0
    assert not torch.equal(recipe.model.styles[0], recipe.model.styles[1])


def test_conditional_with_paintings_alone(
    world: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, notes: Any
) -> None:
    settings = conditional_settings(styles={}, paintings=str(world / "paintings"), stability_weight=0.0)
    recipe = ConditionalRecipe(settings, cpu, notes.note)
    assert len(recipe.batch(0)["paintings"]) == settings.batch
    terms = recipe.losses(0, recipe.batch(0))
    assert set(terms) == {"style", "content", "variation", "range", "spikes"}
    torch.stack(list(terms.values())).sum().backward()
    assert recipe.model.encoder is not None
    assert recipe.model.encoder.delta.bias.grad is not None


@pytest.mark.parametrize(
    ("share", "batch", "encoded"), [(0.5, 4, 2), (0.0, 4, 1), (1.0, 4, 3), (0.25, 8, 2), (0.5, 8, 4)]
)
def test_the_share_of_paintings(
    world: Path,
    conditional_settings: Callable[..., ConditionalSettings],
    cpu: Hardware,
    notes: Any,
    share: float,
    batch: int,
    encoded: int,
) -> None:
    settings = conditional_settings(paintings=str(world / "paintings"), painting_share=share, batch=batch)
    recipe = ConditionalRecipe(settings, cpu, notes.note)
    assert recipe.batch(3)["paintings"].shape == (encoded, 3, 64, 64)
    assert {recipe.encoded(step, batch) for step in range(20)} == {encoded}
    wide = batch // 4  # fewer have the same part, in the mean
    parts = np.mean([recipe.encoded(step, wide) / wide for step in range(400)])
    assert parts == pytest.approx(encoded / batch, abs=0.08)


def test_wide_crops_are_fewer_and_in_a_named_style_or_a_paintings(
    world: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, notes: Any
) -> None:
    settings = conditional_settings(paintings=str(world / "paintings"), batch=4, wide_crops=1.0)
    recipe = ConditionalRecipe(settings, cpu, notes.note)
    batches = [recipe.batch(step) for step in range(8)]
    assert {batch["photographs"].shape for batch in batches} == {(1, 3, 2 * settings.size, 2 * settings.size)}
    with_painting = ["paintings" in batch for batch in batches]
    assert 0 < sum(with_painting) < 8
    for step in (with_painting.index(True), with_painting.index(False)):
        terms = recipe.losses(step, batches[step])
        assert all(torch.isfinite(term) for term in terms.values())
        assert terms["style"] > 0


def test_wide_crops_need_a_batch_that_can_be_quartered(
    conditional_settings: Callable[..., ConditionalSettings],
) -> None:
    with pytest.raises(InputError, match=r"wide crops with batches of 3.*4 or more"):
        conditional_settings(wide_crops=0.5, batch=3)


def test_some_steps_have_wide_crops(world: Path, notes: Any) -> None:
    folder = ImageFolder(world / "photographs", 64, notes.note)
    sizes = [crops_at(folder, step, 8, 32, 1, wide_crops=0.5).shape for step in range(20)]
    assert set(sizes) == {(8, 3, 32, 32), (2, 3, 64, 64)}


def test_paintings_held_out_are_shown_and_not_learned_from(
    world: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, notes: Any
) -> None:
    settings = conditional_settings(paintings=str(world / "paintings"), hold_out=2)
    recipe = ConditionalRecipe(settings, cpu, notes.note)
    data = recipe.data()["paintings"]
    assert data["images"] == 2
    assert data["held_out"] == ["1.png", "3.png"]
    labels = [column.label for column in recipe.columns(recipe.model)]
    assert labels == ["gogh", "wave", "1 (encoder)", "3 (encoder)"]


def test_paintings_with_huge_errors_do_not_drown_the_others(
    world: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, notes: Any
) -> None:
    recipe = ConditionalRecipe(conditional_settings(paintings=str(world / "paintings")), cpu, notes.note)
    errors = torch.tensor([[3.0, 1000.0], [5.0, 3000.0]])
    named, encoded = recipe._shaped(errors, unchanged=torch.ones(1))
    assert float(named) == 4.0
    assert float(encoded) == pytest.approx((math.log1p(1000) + math.log1p(3000)) / 2)


def test_styles_that_are_far_from_their_painting_pull_harder(
    world: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, notes: Any
) -> None:
    recipe = ConditionalRecipe(conditional_settings(remaining=0.05), cpu, notes.note)
    unchanged = torch.tensor([2.0, 40.0, 1.0])
    errors = torch.tensor([[0.2, 0.4, 0.9]]).requires_grad_()  # 10 %, 1 % and 90 % of the photographs' own
    shaped = recipe._shaped(errors, unchanged)
    assert shaped[:2].tolist() == pytest.approx([0.1**2 / 0.1, 0.01**2 / 0.1])
    shaped.sum().backward()  # type: ignore[no-untyped-call]
    # A share of exactly `remaining` would pull with 1 / unchanged.
    assert (errors.grad[0] * unchanged).tolist() == pytest.approx([2.0, 0.2, STEEPEST])  # type: ignore[index]


@pytest.mark.parametrize("calm_weight", [0.0, 1.0])
def test_how_far_photographs_are_from_each_named_style(
    conditional_settings: Callable[..., ConditionalSettings],
    cpu: Hardware,
    notes: Any,
    monkeypatch: pytest.MonkeyPatch,
    calm_weight: float,
) -> None:
    furthest = 0.48  # photographs are 0.53 from gogh here, 0.44 from wave
    monkeypatch.setattr(nst_train.recipes.conditional, "FURTHEST", furthest)
    settings = conditional_settings(remaining=0.05, calm_weight=calm_weight)
    recipe = ConditionalRecipe(settings, cpu, notes.note)
    crops = as_floats(crops_at(recipe.photographs, UNCHANGED_STEP, UNCHANGED_CROPS, recipe.settings.size, 7))
    assert recipe._unchanged.tolist() == [pytest.approx(furthest), pytest.approx(0.44, abs=0.02)]
    for style, unchanged in enumerate(recipe._unchanged.tolist()):
        targets = [target[style : style + 1].expand(len(crops), -1, -1) for target in recipe._named_targets]
        found = recipe.loss(crops, crops, targets)["style"] / recipe.settings.style_weight
        assert unchanged == pytest.approx(min(float(found), furthest), rel=1e-3)


def test_noise_moves_from_step_to_step_and_is_the_same_for_disturbed_twins(
    conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, notes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = ConditionalRecipe(conditional_settings(stability_weight=1.0), cpu, notes.note)
    seen: list[tuple[int, tuple[int, int]]] = []
    forward = recipe.model.network.forward

    def watched(photographs: torch.Tensor, style: torch.Tensor, noise_offset: tuple[int, int]) -> torch.Tensor:
        seen.append((len(photographs), noise_offset))
        return forward(photographs, style, noise_offset)

    monkeypatch.setattr(recipe.model.network, "forward", watched)
    for step in (1, 2, 3, 1):
        recipe.losses(step, recipe.batch(step))
    assert [count for count, _ in seen] == [4] * 4  # two photographs and their twins, in one go
    offsets = [offset for _, offset in seen]
    assert len(set(offsets)) == 3
    assert offsets[0] == offsets[3]


def test_adain(world: Path, tmp_path: Path, cpu: Hardware, notes: Any) -> None:
    settings = AdainSettings(
        content=str(world / "photographs"),
        styles=str(world / "paintings"),
        encoder=str(world / "encoder.pth"),
        steps=40,
        batch=2,
        size=32,
        warm_up=2,
        learning_rate=1e-2,
        stability_weight=1.0,
        variation_weight=0.1,
    )
    recipe = AdainRecipe(settings, cpu, notes.note)
    before = {name: value.clone() for name, value in recipe.network.encoder.state_dict().items()}
    first, last = learn(recipe, tmp_path, notes, 40)
    assert last < 0.7 * first
    assert all(torch.equal(before[name], value) for name, value in recipe.network.encoder.state_dict().items())
    assert len(list(recipe.columns(recipe.model))) == 4
    pair = load_adain(read_checkpoint(world / "encoder.pth"), read_checkpoint(tmp_path / "decoder.pth"))
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(3))
    averaged = Run(recipe, RunOptions(tmp_path, sheet_every=0), notes).average.averaged(recipe.model)
    vector = pair.style_vectors(image)
    expected = averaged(pair.blended(image, vector))
    torch.testing.assert_close(pair(image, vector), expected)


def test_the_decoders_file_is_laid_out_as_usual() -> None:
    assert decoder_keys(LEVELS[4]) == [1, 5, 8, 11, 14, 18, 21, 25, 28]
    assert decoder_keys(LEVELS[3]) == [1, 5, 8, 12, 15]


def test_encoders_that_do_not_reach(world: Path) -> None:
    assert new_adain(world / "encoder.pth", "", 0)[1] == "relu3_1"
    with pytest.raises(ModelError, match=r"5 3x3 convolutions do not reach relu4_1.*--cut"):
        new_adain(world / "encoder.pth", "relu4_1", 0)
    with pytest.raises(ModelError, match="give relu3_1 or relu4_1"):
        new_adain(world / "encoder.pth", "relu2_1", 0)
    with pytest.raises(ModelError, match="do not reach relu3_1"):
        new_adain(world / "vgg.npz", "", 0)
    with pytest.raises(InputError, match="no such file"):
        new_adain(world / "none.pth", "", 0)


def test_unknown_widths(conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, notes: Any) -> None:
    with pytest.raises(ModelError, match="Known are quarter"):
        ConditionalRecipe(conditional_settings(widths={"trunk": 3}), cpu, notes.note)


def test_a_layer_that_the_loss_network_lacks(
    conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, notes: Any
) -> None:
    with pytest.raises(ModelError, match="no layer relu4_1; it has relu1_1"):
        ConditionalRecipe(conditional_settings(content_layer="relu4_1"), cpu, notes.note)


def test_crops_that_are_too_small_for_a_deep_layer(
    tmp_path: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, notes: Any
) -> None:
    small: dict[str, Any] = {"size": 32, "scales": 2, "border_weight": 0.0, "echo_weight": 0.0}
    ConditionalRecipe(conditional_settings(**small), cpu, notes.note)
    settings = conditional_settings(
        **small, loss_network=str(tmp_path / "deep.npz"), style_layers=("relu1_1", "relu5_1")
    )
    deep = {"conv0.weight": np.eye(3)[:, :, None, None], "conv0.bias": np.zeros(3)}
    for block in range(1, 6):
        deep |= {f"conv{block}1.weight": np.zeros((3, 3, 3, 3)), f"conv{block}1.bias": np.zeros(3)}
    np.savez(tmp_path / "deep.npz", **{key: array.astype(np.float32) for key, array in deep.items()})
    with pytest.raises(InputError, match="the smallest has 16 px, and relu5_1 needs 32"):
        ConditionalRecipe(settings, cpu, notes.note)
