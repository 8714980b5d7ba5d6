"""Stylise an image or a video on a Triton server whose models `nst-rt export triton` wrote.

    pip install "tritonclient[grpc]" opencv-python
    python triton_client.py photo.jpg -o painted.jpg --style gogh
    python triton_client.py video.mp4 -o painted.mp4 --style wave --in-flight 8
    python triton_client.py photo.jpg -o painted.jpg --style gogh:0.7+wave:0.3 --styles conditional.styles.json

For HTTP, as KServe speaks it: pip install "tritonclient[http]" and --server http://localhost:8000. Needs no nst-rt.
A video's audio is not kept.
"""

import argparse
import json
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np

IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


class StyleServer:
    """A model on a server.

    Args:
        url: grpc://host:8001 or http://host:8000.
        model: what `nst-rt export triton` called it.
    """

    def __init__(self, url: str, model: str) -> None:
        scheme, _, address = url.rpartition("://")
        self._triton: Any = import_module(f"tritonclient.{scheme or 'grpc'}")
        self._client = self._triton.InferenceServerClient(address)
        self.model = model

    def describe(self, model: str) -> dict[str, Any]:
        """A model's configuration."""
        if self._triton.__name__.endswith("http"):
            return dict(self._client.get_model_config(model))
        return dict(self._client.get_model_config(model, as_json=True)["config"])

    def network(self) -> str:
        """The model behind `model` that takes style vectors, frames of several calls together."""
        return str(self.describe(self.model)["ensemble_scheduling"]["step"][-1]["model_name"])

    def inputs_of(self, model: str) -> list[str]:
        """What a model has to be given."""
        return [str(tensor["name"]) for tensor in self.describe(model)["input"]]

    def request(self, values: dict[str, np.ndarray]) -> list[Any]:
        """Inputs of a call, from arrays with one row."""
        kinds = {"u": "UINT8", "f": "FP32", "O": "BYTES"}
        inputs = []
        for name, value in values.items():
            tensor = self._triton.InferInput(name, value.shape, kinds[value.dtype.kind])
            tensor.set_data_from_numpy(value)
            inputs.append(tensor)
        return inputs

    def stylise(self, model: str, values: dict[str, np.ndarray]) -> np.ndarray:
        """One call; returns the frame, uint8 (height, width, 3) BGR."""
        frame: np.ndarray = self._client.infer(model, self.request(values)).as_numpy("stylized")[0]
        return frame


def blended(expression: str, styles: Path) -> np.ndarray:
    """The style vector float32 (1, S) of `gogh:0.7+wave:0.3`, from the file of vectors beside the models."""
    vectors = {entry["name"]: entry["vector"] for entry in json.loads(styles.read_text())["styles"]}
    terms = []
    for part in expression.split("+"):
        name, _, weight = part.partition(":")
        if name not in vectors:
            raise SystemExit(f"{styles}: no style named {name!r}. There are {', '.join(vectors)}")
        terms.append((float(weight or 1), np.array(vectors[name], np.float32)))
    total = sum(weight for weight, _ in terms)
    return np.float32([sum(weight / total * vector for weight, vector in terms)])


def values_for(frame: np.ndarray, inputs: list[str], fixed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a call takes: a frame uint8 (height, width, 3) BGR and those of the fixed values that the model has."""
    return {"frame": frame[None], **{name: value for name, value in fixed.items() if name in inputs}}


def frames_of(video: cv2.VideoCapture) -> Iterator[np.ndarray]:
    """Every frame."""
    while True:
        there, frame = video.read()
        if not there:
            return
        yield frame


def unwritable(output: Path) -> SystemExit:
    """What ends the program where the result cannot be written."""
    return SystemExit(f"{output}: cannot be written. Check the folder and the ending")


def write_image(output: Path, image: np.ndarray) -> None:
    """Write uint8 (height, width, 3) BGR."""
    try:
        written = cv2.imwrite(str(output), image)
    except cv2.error as error:  # an ending that OpenCV does not know
        raise unwritable(output) from error
    if not written:
        raise unwritable(output)


def main() -> None:
    """Read the command line, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="an image or a video")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--server", default="grpc://localhost:8001")
    parser.add_argument("--model", default="conditional")
    parser.add_argument("--style", default="gogh", help="a name, or with --styles a blend gogh:0.7+wave:0.3")
    parser.add_argument("--styles", type=Path, help="MODEL.styles.json of the repository")
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--color", type=float, default=1.0)
    parser.add_argument("--in-flight", type=int, default=4, help="frames of a video at the server at a time, by gRPC")
    given = parser.parse_args()

    server = StyleServer(given.server, given.model)
    fixed = {
        "strength": np.array([[given.strength]], np.float32),
        "color": np.array([[given.color]], np.float32),
    }
    if given.styles:
        model = server.network()
        fixed["style"] = blended(given.style, given.styles)
    else:
        model = given.model
        fixed["style_name"] = np.array([[given.style]], object)
    inputs = server.inputs_of(model)

    if given.source.suffix.lower() in IMAGES:
        image = cv2.imread(str(given.source))
        if image is None:
            raise SystemExit(f"{given.source}: cannot be read")
        write_image(given.output, server.stylise(model, values_for(image, inputs, fixed)))
        return

    video = cv2.VideoCapture(str(given.source))
    if not video.isOpened():
        raise SystemExit(f"{given.source}: cannot be read")
    size = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    fps = video.get(cv2.CAP_PROP_FPS) or 25
    writer = cv2.VideoWriter(str(given.output), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
    if not writer.isOpened():
        raise unwritable(given.output)
    waiting: deque[Future[np.ndarray]] = deque()
    # The HTTP client is for one thread.
    in_flight = given.in_flight if given.server.startswith("grpc") else 1
    with ThreadPoolExecutor(in_flight) as threads:
        for frame in frames_of(video):
            waiting.append(threads.submit(server.stylise, model, values_for(frame, inputs, fixed)))
            if len(waiting) >= in_flight:
                writer.write(waiting.popleft().result())
        while waiting:
            writer.write(waiting.popleft().result())
    writer.release()


if __name__ == "__main__":
    main()
