"""`nst-rt add-style --tune`: a painting's file and an exported network to a tuned style vector."""

import time
from pathlib import Path

import torch
from nst_export.families.conditional_from_onnx import conditional_from_onnx
from nst_rt.contract import StyleVector
from nst_rt.jobs.tuning import Tuned, TuningOptions

from nst_train.data.drawn_images import DrawnImages
from nst_train.data.images import ImageFolder, Images, read_rgb
from nst_train.loop.hardware import choose_hardware
from nst_train.loop.interruption import Interruption
from nst_train.loop.progress import Reporter, choose_reporter
from nst_train.perceptual.loss_network import find_loss_network, load_loss_network
from nst_train.settings import WIDEST, PerceptualSettings
from nst_train.tuning.vector_tuning import TuningProgress, style_closed, tune, tuning_settings

STEPS = 2000
"""More do not help; a GPU comes to them before its minutes are over."""


def tune_to_painting(
    model: Path,
    painting: Path,
    start: StyleVector | None,
    options: TuningOptions,
    *,
    settings: PerceptualSettings | None = None,
) -> Tuned:
    """See `nst_rt.jobs.tuning.Tuner`.

    Args:
        settings: steps, size, batch and losses; those of `tuning_settings` if left out.

    Raises:
        InputError: the model, the painting, the photographs or the loss network cannot be read.
        ModelError: no conditional network of our exporter's, a start or a loss network that does not fit.
        DeviceError: the device is not there.
        KeyboardInterrupt: before the first step was done.
    """
    reporter = choose_reporter(every=10)
    vgg = load_loss_network(find_loss_network(options.loss_network))
    network = conditional_from_onnx(model).network
    image = read_rgb(painting)
    hardware = choose_hardware(options.device)
    images = _images(options.photographs, settings, reporter)
    s = settings or tuning_settings(images, vgg, STEPS)
    begin = network.neutral_style() if start is None else torch.from_numpy(start).float()
    if not options.photographs:
        reporter.note("stylising drawn images meanwhile; --photographs FOLDER fits the style to yours")
    reporter.note(f"tuning on {hardware.name}; Ctrl-C ends it with what is found so far")
    done = 0

    def advance(progress: TuningProgress) -> None:
        nonlocal done
        done = progress.step
        reporter.expect(max(done, round(done / progress.share)), progress.seconds_left)
        reporter.advance(done, progress.losses)

    began = time.monotonic()
    reporter.begin(0, s.steps)
    try:
        with Interruption() as interruption:
            vector = tune(
                network,
                image,
                images,
                begin,
                vgg,
                hardware,
                settings=s,
                minutes=options.minutes,
                progress=advance,
                stop=lambda: interruption.wanted,
            )
    finally:
        reporter.end()
    if not done:
        raise KeyboardInterrupt
    spent = time.monotonic() - began
    kind = "photographs" if options.photographs else "drawn images"
    before, after = style_closed(network, [begin, vector], image, images, vgg, hardware, s)
    return Tuned(
        vector=vector.numpy(),
        training=f"tuned: {done} steps of {s.batch} {kind} at {s.size} px, {spent / 60:.1f} min on {hardware.name}",
        steps=done,
        finished=not interruption.wanted,
        closed={"before": before, "after": after},
    )


def _images(photographs: Path | None, settings: PerceptualSettings | None, reporter: Reporter) -> Images:
    if photographs is None:
        return DrawnImages()
    size = settings.size if settings else PerceptualSettings.size
    return ImageFolder(photographs, round(WIDEST * size), reporter.note)
