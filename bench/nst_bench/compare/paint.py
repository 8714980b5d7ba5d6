"""One method in a process of its own, so that its seconds and its memory are its own.

`python -m nst_bench.compare.paint REQUEST.json ANSWER.json`. Nothing heavy is imported before the clock runs.
"""

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nst_rt.contract import Frame, StyleVector

STARTED = time.perf_counter()
MOST_IMAGES = 9
"""Of a network, after the first one; their median is reported."""
LONG_ENOUGH = 3.0
"""Seconds after which no more images are made."""

Paint = Callable[["Frame"], "Frame"]


def main() -> None:
    """Paint what the request asks for; an `NstError` is one line on stderr and exit code 1."""
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    request, answer = (Path(argument) for argument in sys.argv[1:])
    from nst_rt.errors import NstError

    try:
        figures = paint(json.loads(request.read_text("utf-8")))
    except NstError as error:
        sys.exit(" ".join(str(error).split()))
    except MemoryError:
        sys.exit("not enough memory. Give a smaller side")
    answer.write_text(json.dumps(figures), "utf-8")


def paint(request: dict[str, Any]) -> dict[str, Any]:
    """Paint one image and write it.

    Args:
        request: `kind` (`network`, `tuned` or `optimize`), `content`, `side` (the long side at most, in pixels),
            `target`, `device`, `precision`, `threads`, and what the kind needs in addition.

    Returns:
        JSON-ready: `loading_seconds` (from the first line of this program until it could paint, without the start of
        Python and without tuning), `image_seconds` (of a network the median of warm calls), `images` (how many were
        timed), `ran` (device and, of a network, provider, precision and ONNX Runtime), and after tuning also
        `tuning_seconds` and `training`.

    Raises:
        NstError: a file is missing or wrong, the device is missing, or losses are not finite.
    """
    from nst_rt.media.images.image_reader import read_image
    from nst_rt.media.images.image_writer import write_image

    photograph = read_image(request["content"]).shrunk(request["side"]).bgr
    figures: dict[str, Any]
    if request["kind"] == "optimize":
        make, figures = _load_optimizer(request)
        most = 1
    else:
        make, figures = _load_network(request, photograph)
        most = MOST_IMAGES
    figures["loading_seconds"] = time.perf_counter() - STARTED - figures.get("tuning_seconds", 0.0)
    if most > 1:
        make(photograph)
    times: list[float] = []
    while not times or (len(times) < most and sum(times) < LONG_ENOUGH):
        begun = time.perf_counter()
        image = make(photograph)
        times.append(time.perf_counter() - begun)
    write_image(request["target"], image)
    return {**figures, "image_seconds": statistics.median(times), "images": len(times)}


def _load_optimizer(request: dict[str, Any]) -> tuple[Paint, dict[str, Any]]:
    """The function that paints, and what it runs on."""
    from nst_rt.jobs.optimizing import load_optimizer

    optimizer = load_optimizer()(
        weights=request["loss_network"],
        device=request["device"],
        precision=request["precision"],
        threads=request["threads"],
    )
    paintings = [(Path(request["painting"]), 1.0)]

    def make(image: "Frame") -> "Frame":
        painted: Frame = optimizer(image, paintings, request["settings"])
        return painted

    return make, {"ran": {"device": optimizer.inputs["hardware"]}}


def _load_network(request: dict[str, Any], photograph: "Frame") -> tuple[Paint, dict[str, Any]]:
    """The function that paints, what it runs on, and how it was tuned."""
    from nst_rt.stylizer.stylizer import Stylizer

    figures: dict[str, Any] = {}
    style = request.get("style")
    if request["kind"] == "tuned":
        begun = time.perf_counter()
        style, figures["training"] = _tuned_vector(request)
        figures["tuning_seconds"] = time.perf_counter() - begun
    stylizer = Stylizer.load(
        style,
        model=request["model"],
        device=request["device"],
        precision=request["precision"],
        threads=request["threads"],
    )
    stylizer.warm_up(*photograph.shape[:2])
    described = stylizer.describe()  # and not `what_ran`, whose module would be imported on this method's time
    figures["ran"] = {name: described[name] for name in ("device", "provider", "precision", "onnxruntime")}
    return stylizer, figures


def _tuned_vector(request: dict[str, Any]) -> "tuple[StyleVector, str]":
    from nst_export.pytorch import require_torch
    from nst_rt.engine.session import read_model
    from nst_rt.jobs.tuning import TuningOptions, load_tuner
    from nst_rt.models.catalog import find_model
    from nst_rt.styles.style_encoder import StyleEncoder

    require_torch("tuning", request["threads"])  # a tuner takes no number of threads
    files, painting = find_model(request["model"]), Path(request["painting"])
    encoder = StyleEncoder.beside(files, read_model(files.path), threads=request["threads"])
    tuned = load_tuner()(
        files.fp32 or files.path,
        painting,
        None if encoder is None else encoder(painting).reshape(-1),
        TuningOptions(
            minutes=request["minutes"],
            loss_network=Path(request["loss_network"]),
            device=request["tuning_device"],
        ),
    )
    return tuned.vector, tuned.training


def _end_with_parent(parent: int) -> None:
    """End when the launcher is gone: a launcher that is killed does not end its children."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    main()
