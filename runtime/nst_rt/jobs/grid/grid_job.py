"""Making a grid: the images that are missing or changed, and the sheet of all of them."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_rt.errors import InputError, OutputError, StyleError
from nst_rt.files.atomic import refuse_unwritable
from nst_rt.files.naming import check_not_taken
from nst_rt.files.paths import is_folder
from nst_rt.jobs.grid.drawing import draw_grid
from nst_rt.jobs.grid.making import GridRun, Maker, Outcome
from nst_rt.jobs.grid.network import NetworkMaker
from nst_rt.jobs.grid.parameters import NETWORK, OPTIMIZE, PARAMETERS, Sweep, parse_sweep
from nst_rt.jobs.grid.plan import Plan, plan_grid
from nst_rt.jobs.grid.record import GridRecord, sheets_of
from nst_rt.jobs.image_paths import STREAM, find_images
from nst_rt.jobs.progress import ProgressCallback, ProgressCounter
from nst_rt.jobs.stylizer_options import StylizerOptions
from nst_rt.media.images.image_reader import SUFFIXES
from nst_rt.media.images.image_writer import check_suffix, write_image
from nst_rt.styles.color_matching import check_method


@dataclass(frozen=True)
class GridSummary:
    """What became of a grid.

    Examples:
        >>> summary = make_grid(["photo.jpg"], Path("grid.png"), StylizerOptions(device="cpu"), styles=["gogh", "wave"])
        >>> len(summary.outcomes)
        2
    """

    output: Path
    """The sheet."""
    folder: Path
    """Of the single images."""
    plan: Plan
    outcomes: list[Outcome]
    interrupted: bool
    """Ctrl-C ended it; the sheet has what there is."""

    @property
    def counts(self) -> dict[str, int]:
        """Images by what became of them: `made`, `kept`, `failed`, `not made`."""
        states = ("made", "kept", "failed", "not made")
        return {state: sum(one.state == state for one in self.outcomes) for state in states}

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "output": str(self.output),
            "folder": str(self.folder),
            "rows": self.plan.rows,
            "columns": self.plan.columns,
            "interrupted": self.interrupted,
            "images": [outcome.to_json() for outcome in self.outcomes],
        }


def make_grid(
    contents: Sequence[str],
    output: Path,
    options: StylizerOptions | None = None,
    *,
    styles: Sequence[str] = (),
    models: Sequence[str] = (),
    sweeps: Sequence[str] = (),
    method: str = NETWORK,
    steps: int | None = None,
    loss_network: str | None = None,
    size: int = 720,
    side: int = 320,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> GridSummary:
    """Make a sheet of photographs by styles, or of one pair over a parameter.

    The single images lie in a folder of the sheet's name. Only what is missing or changed is made. An image that fails
    is reported on the sheet, and the others go on.

    Args:
        contents: photographs: files, folders or globs.
        output: the sheet.
        options: strength, color, match_colors, device, precision and threads count.
        styles: names, blends, paintings, folders of paintings, or .onnx files; the model's first if left out.
        models: names or .onnx files; the built-in network if left out.
        sweeps: like `strength=0.2,0.5,1`, see `jobs.grid.parameters`.
        method: `network`, or `optimize`, which repaints with paintings in minutes an image and needs PyTorch.
        steps: of the method `optimize`.
        loss_network: the VGG that judges the method `optimize`.
        size: long side of the images at most, in pixels.
        side: long side of an image on the sheet, in pixels.
        overwrite: make every image again, and replace files that are not a grid's.
        on_outcome: called with what became of each image.

    Raises:
        NstError: an input is missing, options do not fit together, or there is no place for the results.
        DeviceError, DependencyError: nothing can run.

    Examples:
        >>> summary = make_grid(["photo.jpg"], Path("grid.png"), StylizerOptions(device="cpu"), styles=["gogh", "wave"])
        >>> summary.output.name
        'grid.png'
    """
    options = options or StylizerOptions()
    read = [parse_sweep(text, method) for text in sweeps]
    settings = {"size": size, **_settings(options, steps, read, method)}
    if method == NETWORK and loss_network is not None:
        raise StyleError(
            f"a loss network is for the method {OPTIMIZE}. Choose it, or leave the loss network out",
            parameter="loss_network",
        )
    if method == OPTIMIZE and (models or not styles):
        raise StyleError(f"the method {OPTIMIZE} has no model, and needs paintings as styles", parameter="method")
    photographs, each = _images(contents, output), _styles(styles or [""], output)
    _check_sheet(output, [*photographs, *(Path(one) for one in each if one)], overwrite=overwrite)
    plan = plan_grid(photographs, each, list(models) or [None], read, settings)
    folder = output.with_suffix("")
    record = GridRecord(folder, anew=overwrite)
    interrupted = False
    with closing(_maker(method, loss_network, options)) as maker:
        run = GridRun(plan, maker, folder, record)
        counter = ProgressCounter(progress, len(plan.cells), "images")

        def report(outcome: Outcome) -> None:
            if on_outcome is not None:
                on_outcome(outcome)
            counter.advance()

        try:
            run.run(report)
        except KeyboardInterrupt:
            interrupted = True
    missing = {
        one.cell.file: one.error or "not made: interrupted"
        for one in run.outcomes
        if one.state in ("failed", "not made")
    }
    largest = max(cell.request.settings["size"] for cell in plan.cells)
    write_image(output, draw_grid(plan, folder, missing, side=min(side, max(64, largest))))
    record.add_sheet(output.name)
    return GridSummary(output, folder, plan, run.outcomes, interrupted)


def _settings(options: StylizerOptions, steps: int | None, sweeps: Sequence[Sweep], method: str) -> dict[str, Any]:
    """The settings that differ from their defaults and are the same for all images."""
    check_method(options.match_colors)
    swept = [sweep.name for sweep in sweeps]
    if len(swept) > len(set(swept)):
        raise StyleError(f"{swept[-1]} is swept twice. Put all its values into one sweep", parameter="sweeps")
    settings: dict[str, Any] = {} if steps is None else {"steps": steps}
    for field in ("strength", "color", "match_colors"):
        if getattr(options, field) != getattr(StylizerOptions, field):
            settings[field.replace("_", "-")] = getattr(options, field)
    for name in settings:
        field = name.replace("-", "_")
        if name in swept:
            raise StyleError(f"{name} is given, and swept too. Give one of the two", parameter=field)
        if method not in PARAMETERS[name].methods:
            raise StyleError(f"{name} is not for the method {method}. Leave it out", parameter=field)
    for name in ("strength", "color"):
        value = getattr(options, name)
        if not 0 <= value <= 1:
            raise StyleError(f"{name} {value:g} is out of range. Give a number from 0 to 1", parameter=name)
    return settings


def _check_sheet(output: Path, inputs: list[Path], *, overwrite: bool) -> None:
    """Refuse a sheet that cannot be written, or that would replace something else than a grid's."""
    check_suffix(output.suffix, str(output))
    refuse_unwritable(output)
    folder = output.with_suffix("")
    if folder.exists() and not folder.is_dir():
        raise OutputError(
            f"{folder}: a file, and the single images need a folder of this name. Give another output",
            parameter="output",
        )
    if output.name not in sheets_of(folder):
        check_not_taken(output, inputs, overwrite=overwrite)


def _images(names: Sequence[str], output: Path) -> list[Path]:
    """The images that were named, without an earlier sheet of this grid: `*.jpg` names it too, the second time."""
    folder = output.with_suffix("")
    sheets = [(folder.parent / name).resolve() for name in sheets_of(folder)]
    found = [one.path for one in find_images(names, recursive=False, suffixes=SUFFIXES, avoid=folder)]
    if STREAM in found:
        raise InputError("- (stdin) is not for grids. Name files")
    images = [path for path in found if path.resolve() not in sheets]
    if not images:
        raise InputError(f"{names[0]}: the sheet itself is no image for it. Name others")
    return images


def _styles(names: Sequence[str], output: Path) -> list[str]:
    """Styles, each once; a folder is the paintings in it."""
    styles: dict[str, None] = {}
    for name in names:
        found = [str(path) for path in _images([name], output)] if name and is_folder(Path(name)) else [name]
        styles |= dict.fromkeys(found)
    return list(styles)


def _maker(method: str, loss_network: str | None, options: StylizerOptions) -> Maker:
    device, precision, threads = options.device, options.precision, options.threads
    if method == OPTIMIZE:
        from nst_rt.jobs.grid.optimized import OptimizedMaker
        from nst_rt.jobs.optimizing import load_optimizer

        optimizer = load_optimizer()(weights=loss_network, device=device, precision=precision, threads=threads)
        return OptimizedMaker(optimizer)
    return NetworkMaker(device=device, precision=precision, threads=threads)
