"""Files that a run leaves: checkpoints, conditional weights, the table of named styles."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from nst_export.checkpoints.conditional_checkpoint import ConditionalWeights, read_conditional, write_conditional
from nst_export.checkpoints.training_checkpoint import load_checkpoint
from nst_export.model_files.named_styles import paintings_in, read_named_styles, record_of
from nst_export.networks.conditional_network import ConditionalTransformer
from nst_export.networks.style_encoder_network import StyleEncoder
from nst_rt.errors import InputError, ModelError
from nst_train.loop.hardware import Hardware
from nst_train.loop.training_run import Run, RunOptions
from nst_train.recipes.conditional import ConditionalRecipe
from nst_train.settings import ConditionalSettings


def test_a_run_with_other_settings_is_refused(
    tmp_path: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, notes: Any
) -> None:
    def run(**settings: Any) -> Run:
        recipe = ConditionalRecipe(conditional_settings(**settings), cpu, notes.note)
        return Run(recipe, RunOptions(tmp_path, until=1, sheet_every=0), notes)

    run(remaining=0.1).train()
    with pytest.raises(ModelError, match=r"other settings: remaining 0\.1 there, 0\.05 here"):
        run(remaining=0.05)
    assert run(remaining=0.1).step == 1


def test_a_run_with_noise_of_another_size_goes_on(
    tmp_path: Path, conditional_settings: Callable[..., ConditionalSettings], cpu: Hardware, notes: Any
) -> None:
    network = ConditionalTransformer(**conditional_settings().widths).eval()
    network.down_noise.take(torch.rand(1, network.down_noise.tile_channels, 48, 48))
    start = tmp_path / "start.pt"
    write_conditional(ConditionalWeights(network, {"gogh": network.neutral_style()[0]}), start)
    for until in (1, 2):
        recipe = ConditionalRecipe(conditional_settings(), cpu, notes.note)
        run = Run(recipe, RunOptions(tmp_path / "run", start=start, until=until, sheet_every=0), notes)
        assert run.step == until - 1
        assert torch.equal(recipe.model.network.down_noise.tile, network.down_noise.tile)
        run.train()
    assert read_conditional(tmp_path / "run" / "checkpoint.pt").network.down_noise.side == 48


def test_conditional_weights_come_back(tmp_path: Path) -> None:
    network = ConditionalTransformer(quarter=8, eighth=8, half=8, blocks=1)
    encoder = StyleEncoder(network.neutral_style(), widths=(4, 6), hidden=5)
    styles = {"gogh": torch.rand(network.style_size)}
    records = {"gogh": {"title": "The Starry Night"}}
    write_conditional(ConditionalWeights(network, styles, records, encoder, "2 steps"), tmp_path / "c.pt")
    found = read_conditional(tmp_path / "c.pt")
    assert found.network.widths == network.widths
    assert all(torch.equal(value, found.network.state_dict()[key]) for key, value in network.state_dict().items())
    assert torch.equal(found.styles["gogh"], styles["gogh"])
    assert found.records == records
    assert found.training == "2 steps"
    assert found.encoder is not None
    assert found.encoder.widths == (4, 6)
    assert not any(parameter.requires_grad for parameter in found.encoder.parameters())
    write_conditional(ConditionalWeights(network, styles), tmp_path / "d.pt")
    assert read_conditional(tmp_path / "d.pt").encoder is None


def test_files_that_are_something_else(tmp_path: Path, world: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_checkpoint(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(InputError, match="damaged, or not a file"):
        load_checkpoint(tmp_path / "text.pt")
    with pytest.raises(ModelError, match="not a training checkpoint"):
        load_checkpoint(world / "encoder.pth")
    with pytest.raises(ModelError, match="not a"):
        read_conditional(world / "encoder.pth")
    torch.save({"format": 99}, tmp_path / "new.pt")
    with pytest.raises(ModelError, match="another version of nst-rt"):
        load_checkpoint(tmp_path / "new.pt")


def test_the_table_of_named_styles() -> None:
    table = read_named_styles()
    wanted = "gogh wave kandinsky monet mondrian scream seurat gauguin shipwreck udnie ukiyoe art_nouveau sanguine ink"
    assert {*wanted.split(), "matisse"} <= set(table)
    for style in table.values():
        assert style.file
        known = style.license.startswith("public domain (artist died ")
        assert known == bool(style.artist)
        assert known or style.license == "artist unknown"
    assert table["gogh"].texts() == {
        "title": "The Starry Night",
        "artist": "Vincent van Gogh",
        "year": "1889",
        "license": "public domain (artist died 1890)",
    }


def test_paintings_are_found_by_file_name(tmp_path: Path) -> None:
    table = read_named_styles()
    with pytest.raises(InputError, match=r"none of the paintings.*gogh\.jpg"):
        paintings_in(tmp_path, table)
    (tmp_path / "woman_with_hat.jpg").write_bytes(b"")
    assert paintings_in(tmp_path, table) == {"matisse": tmp_path / "woman_with_hat.jpg"}
    # A user's own painting called gogh is not by van Gogh.
    assert record_of("gogh", tmp_path / "mine.jpg", table).artist == ""
    assert record_of("gogh", tmp_path / "gogh.jpg", table).year == "1889"


def test_a_broken_table(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    path.write_text('[gogh]\nfile = "a.jpg"\npainter = "x"\n')
    with pytest.raises(InputError, match="not a table of styles"):
        read_named_styles(path)
    path.write_text('[gogh]\nfile = "a.jpg"\nscale = "wide"\n')
    with pytest.raises(InputError, match=r"scale of gogh: 'wide' is not a number from 0\.1 to 10"):
        read_named_styles(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_named_styles(tmp_path / "none.toml")
