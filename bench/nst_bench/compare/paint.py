"""One method in a process of its own, so that its seconds and its memory are its own: paints, and tells how long.

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
    from nst_rt.contract import Frame
    from nst_rt.styles.library import Vector

STARTED = time.perf_counter()
MOST_IMAGES = 9
"""Of a network, after the first: the median counts."""
LONG_ENOUGH = 3.0
"""Seconds of them after which no more are made."""

Paint = Callable[["Frame"], "Frame"]


def main() -> None:
    """Paint what the request asks for; an error of ours is one line on stderr and exit code 1."""
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    request, answer = (Path(argument) for argument in sys.argv[1:])
    from nst_rt.errors import NstError

    try:
        told = paint(json.loads(request.read_text("utf-8")))
    except NstError as error:
        sys.exit(" ".join(str(error).split()))
    except MemoryError:
        sys.exit("not enough memory. Give a smaller --side")
    answer.write_text(json.dumps(told), "utf-8")


def paint(request: dict[str, Any]) -> dict[str, Any]:
    """Paint one image and write it.

    Args:
        request: `kind` (`network`, `tuned` or `optimize`), `content`, `side` (the long side at most, in pixels),
            `target`, `device`, `precision`, `threads`, and what the kind needs beside these.

    Returns:
        JSON-ready: `loading_seconds` (from this program's first line, Python's own start apart, until an image
        could be made; tuning not counted), `image_seconds` (of a network the median of warm calls), `images` timed,
        `tuning_seconds` where there was tuning, and `ran`: on what.

    Raises:
        NstError: a file that is missing or wrong, a device that is not there, losses that are not finite.
    """
    from nst_rt.media.images.image_reader import read_image
    from nst_rt.media.images.image_writer import write_image

    photograph = read_image(request["content"]).shrunk(request["side"]).bgr
    told, make, repeat = _open(request, photograph)
    told["loading_seconds"] = time.perf_counter() - STARTED - told.get("tuning_seconds", 0.0)
    image, seconds = _timed(make, photograph)
    times = [seconds]
    if repeat:
        times = []
        while not times or (len(times) < MOST_IMAGES and sum(times) < LONG_ENOUGH):
            image, seconds = _timed(make, photograph)
            times.append(seconds)
    write_image(request["target"], image)
    return {**told, "image_seconds": statistics.median(times), "images": len(times)}


def _open(request: dict[str, Any], photograph: "Frame") -> tuple[dict[str, Any], Paint, bool]:
    """What to tell, the function that paints, and whether to call it more than once."""
    if request["kind"] == "optimize":
        from nst_rt.jobs.optimizing import load_optimizer

        optimizer = load_optimizer()(
            weights=request["loss_network"],
            device=request["device"],
            precision=request["precision"],
            threads=request["threads"],
        )
        paintings = [(Path(request["painting"]), 1.0)]
        return (
            {"ran": {"device": optimizer.inputs["hardware"]}},
            lambda image: optimizer(image, paintings, request["settings"]),
            False,
        )
    from nst_rt.stylizer.stylizer import Stylizer

    told: dict[str, Any] = {}
    style = request.get("style")
    if request["kind"] == "tuned":
        begun = time.perf_counter()
        style, told["training"] = _tuned_vector(request)
        told["tuning_seconds"] = time.perf_counter() - begun
    stylizer = Stylizer.load(
        style,
        model=request["model"],
        device=request["device"],
        precision=request["precision"],
        threads=request["threads"],
    )
    stylizer.warm_up(*photograph.shape[:2])
    ran = stylizer.describe()
    told["ran"] = {key: ran[key] for key in ("device", "provider", "precision", "onnxruntime")}
    return told, stylizer, True


def _tuned_vector(request: dict[str, Any]) -> "tuple[Vector, str]":
    from nst_export.pytorch import require_torch
    from nst_rt.engine.session import read_model
    from nst_rt.jobs.tuning import load_tuner
    from nst_rt.models.catalog import find_model
    from nst_rt.styles.style_encoder import StyleEncoder

    require_torch("tuning", request["threads"])  # a tuner has no threads to be told
    files, painting = find_model(request["model"]), Path(request["painting"])
    encoder = StyleEncoder.beside(files, read_model(files.path), threads=request["threads"])
    tuned = load_tuner()(
        files.fp32 or files.path,
        painting,
        None if encoder is None else encoder(painting).reshape(-1),
        minutes=request["minutes"],
        loss_network=Path(request["loss_network"]),
        device=request["tuning_device"],
    )
    return tuned.vector, tuned.training


def _timed(make: Paint, photograph: "Frame") -> tuple["Frame", float]:
    begun = time.perf_counter()
    image = make(photograph)
    return image, time.perf_counter() - begun


def _end_with_parent(parent: int) -> None:
    """A launcher that is killed takes no child along; minutes of optimising for nobody are worth a look a second."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    main()
