"""`nst-rt share`: frames to and from another program through shared memory."""

from typing import Annotated

import typer

from nst_rt.cli.frame_options import MatrixOption, check_choice, parse_sides
from nst_rt.cli.messages import say
from nst_rt.cli.options import (
    ColorOption,
    DeviceOption,
    ModelOption,
    OneStyleOption,
    PrecisionOption,
    StrengthOption,
    StrokeSizeOption,
    ThreadsOption,
    one_style,
)

DEFAULT_SIZE = (1920, 1080)


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("share")(share)


def share(
    name: Annotated[
        str,
        typer.Option("--name", "-n", metavar="NAME", help="Of the shared memory, /dev/shm/nst-rt.NAME."),
    ],
    style: OneStyleOption = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH",
            show_default=False,
            help="Of the largest frame, 1920x1080 if left out; if given, the network is made ready for it at once.",
        ),
    ] = None,
    slots: Annotated[
        int, typer.Option("--slots", min=1, max=64, help="Frames, and as many results, that may wait.")
    ] = 3,
    matrix: MatrixOption = "auto",
    range: Annotated[
        str,
        typer.Option(
            "--range",
            metavar="NAME",
            help="Of YUV and gray: limited (16 to 235), full, or auto: YUV limited, gray full.",
        ),
    ] = "auto",
    model: ModelOption = None,
    strength: StrengthOption = 1.0,
    color: ColorOption = 1.0,
    stroke_size: StrokeSizeOption = 1.0,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="On stderr nothing but errors.")] = False,
) -> None:
    """Serve stylised frames to a program in C, C++ or Python through shared memory, until Ctrl-C.

    The other side is runtime/cpp (nst_rt/share.h, share.hpp) or nst_rt.shared_memory.ShareClient.
    """
    from nst_rt.cli.signals import signals_interrupt, signals_stop
    from nst_rt.contract import Frame
    from nst_rt.media.raw_frames.color_matrix import MATRICES, RANGES
    from nst_rt.shared_memory.segment import refuse_if_served, remove_dead
    from nst_rt.shared_memory.server import ShareServer
    from nst_rt.stylizer.stylizer import Stylizer

    chosen = one_style(style)
    check_choice("--matrix", matrix, ("auto", *MATRICES))
    check_choice("--range", range, ("auto", *RANGES))
    width, height = _sides(size)
    tell = (lambda line: None) if quiet else say
    refuse_if_served(name)  # before the network is loaded for nothing
    for path in remove_dead():
        tell(f"removed {path}, whose server is dead")
    with (
        signals_interrupt(),
        Stylizer.load(
            chosen,
            model=model,
            device=device,
            precision=precision,
            strength=strength,
            color=color,
            stroke_size=stroke_size,
            threads=threads,
        ) as stylizer,
    ):
        if size is not None:
            stylizer.warm_up(height, width)

        def stylize(frame: Frame, out: Frame) -> None:
            stylizer(frame, out=out)

        # Without a session the device is a guess.
        where = f" on {stylizer.device}" if size is not None else ""
        description = f"{stylizer.record.family} {stylizer.style}{where}"
        with (
            ShareServer(name, width=width, height=height, slots=slots, description=description) as server,
            signals_stop(server.stop),
        ):
            tell(
                f"serving {name}: frames up to {width}x{height}, {slots} slots, {server.bytes / 1e6:.0f} MB in "
                f"{server.path}; Ctrl-C ends it"
            )
            summary = server.run(stylize, matrix=matrix, range=range, report=tell)
        if summary.frames:
            tell(f"ran on {stylizer.device}")
        tell(summary.to_text())


def _sides(size: str | None) -> tuple[int, int]:
    from nst_rt.media.pixels.frame_size import unfit_sides

    if size is None:
        return DEFAULT_SIZE
    width, height = parse_sides(size)
    if why := unfit_sides(width, height):
        raise typer.BadParameter(why, param_hint="--size")
    return width, height
