"""The model contract, version 1: a frame of bytes in, a frame of bytes out.

| | name | type | shape | meaning |
|---|---|---|---|---|
| in | `frame` | uint8 | batch, height, width, 3 | BGR; height and width from 16 up |
| in, families with style vectors | `style` | float32 | 1 or batch, S | the style vector |
| in, optional | `strength` | float32 | 1 | 0 = the photograph, 1 = the full style |
| in, optional | `color` | float32 | 1 | 1 = the style's colours, 0 = the photograph's |
| out | `stylized` | uint8 | as `frame` | BGR |

A style encoder is a file of its own: `image` uint8 (1, height, width, 3) BGR -> `style` float32 (1, S).
Normalising, padding, colour order and clamping are inside the graph. Metadata keys are ONNX's own image keys and
`nst_rt.*`; every value is a string.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import ModelError

Frame = NDArray[np.uint8]
"""An image in memory: uint8 (height, width, 3), BGR; or a batch of them, (N, height, width, 3)."""

StyleVector = NDArray[np.float32]
"""A style as numbers: float32 (S,); or one for each frame of a batch, (N, S)."""

VERSION = 1
OPSET = 18
MAX_IR_VERSION = 10
BT601_LUMINANCE = (0.114, 0.587, 0.299)
"""The shares of blue, green and red in the brightness. With `color` 0 the style changes the brightness alone."""
MIN_SIDE = 16
"""Smallest height and width of a frame, in pixels."""

FRAME, STYLE, STRENGTH, COLOR, STYLIZED, IMAGE = "frame", "style", "strength", "color", "stylized", "image"
BATCH, HEIGHT, WIDTH, STYLES = "batch", "height", "width", "styles"
"""Names of the symbolic dimensions, which a session pins to numbers. `styles`, the rows of `style`, is 1 or batch."""

IMAGE_METADATA = {
    "Image.BitmapPixelFormat": "Bgr8",
    "Image.ColorSpaceGamma": "SRGB",
    "Image.NominalPixelRange": "NominalRange_0_255",
}
"""ONNX's own convention for image models (onnx/docs/MetadataProps.md)."""

PREFIX = "nst_rt."

Kind = Literal["stylizer", "style_encoder"]
Precision = Literal["fp32", "fp16", "int8"]


@dataclass(frozen=True)
class Parity:
    """The difference between an exported graph and PyTorch in float32, on one image.

    An int8 graph is compared with the network's fp32 file, in the worst of its named styles.
    """

    height: int
    width: int
    psnr: float
    """Decibels over uint8 pixels (or over the style vector's range, for an encoder); inf is stored as 999."""
    worst: float
    """Largest absolute difference, in uint8 steps (or in the vector's units)."""


@dataclass(frozen=True)
class ModelRecord:
    """What a model file promises. It is stored as the file's metadata, which any ONNX tool can read.

    Raises:
        ModelError: from `from_metadata`, when a key is missing or malformed or the contract is newer than this
            runtime.

    Examples:
        >>> Stylizer.load(device="cpu").record.family
        'conditional'
    """

    kind: Kind
    family: str
    """`transformer`, `adain`, `adaptive`, `conditional` ..."""
    precision: Precision
    stride: int
    """The network pads to multiples of this many pixels, inside the graph."""
    style_size: int = 0
    """S, the length of the style vector; 0 for a style that is baked in."""
    styles: tuple[str, ...] = ()
    """The names of the styles: of the one that is baked in, or of the vectors that come with the file."""
    license: str = "unknown"
    provenance: str = ""
    """Where the weights come from, in words."""
    source_sha256: str = ""
    """Of the checkpoint file(s); several are joined with spaces."""
    strength_blends: Literal["", "pixels", "features"] = ""
    """What `strength` mixes: the images (0 is exactly the photograph), or the feature maps (0 is the photograph as
    the network can reproduce it); empty where the model has no such input."""
    exporter: str = ""
    """Name and version of the program that wrote the file."""
    style_encoder: str = ""
    """File name of the style encoder beside this model, where there is one."""
    controls: tuple[str, ...] = ()
    """Which of `strength` and `color` are inputs of the graph. Read from the graph, and not stored."""
    parity: tuple[Parity, ...] = ()
    parity_images: str = ""
    """What parity was measured on: `photographs`, or images `drawn` by the exporter."""
    contract: int = VERSION
    extra: Mapping[str, str] = field(default_factory=dict)
    """Every other metadata entry of the file."""

    def to_metadata(self) -> dict[str, str]:
        """The record as ONNX `metadata_props`."""
        own = {
            "contract": str(self.contract),
            "kind": self.kind,
            "family": self.family,
            "precision": self.precision,
            "stride": str(self.stride),
            "style_size": str(self.style_size),
            "styles": json.dumps(list(self.styles)),
            "license": self.license,
            "provenance": self.provenance,
            "source_sha256": self.source_sha256,
            "strength_blends": self.strength_blends,
            "exporter": self.exporter,
            "style_encoder": self.style_encoder,
            "parity": json.dumps([vars(parity) for parity in self.parity]),
            "parity_images": self.parity_images,
        }
        return {**self.extra, **IMAGE_METADATA, **{PREFIX + key: value for key, value in own.items()}}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], source: str) -> "ModelRecord":
        """Read a record back; `source` names the file in errors."""
        own = {key.removeprefix(PREFIX): value for key, value in metadata.items() if key.startswith(PREFIX)}
        if "contract" not in own:
            raise ModelError(
                f"{source}: an ONNX file, but not made for nst-rt (no {PREFIX}contract in its metadata). "
                "Export the network's checkpoint for nst-rt",
                parameter="model",
            )
        try:
            if int(own["contract"]) > VERSION:
                raise ModelError(
                    f"{source}: needs contract {own['contract']}, this nst-rt knows {VERSION}. Upgrade nst-rt"
                )
            return cls(
                kind=_one_of(Kind, own["kind"]),
                family=own["family"],
                precision=_one_of(Precision, own["precision"]),
                stride=int(own["stride"]),
                style_size=int(own["style_size"]),
                styles=tuple(json.loads(own["styles"])),
                license=own["license"],
                provenance=own["provenance"],
                source_sha256=own["source_sha256"],
                strength_blends=_one_of(Literal["", "pixels", "features"], own.get("strength_blends", "")),
                exporter=own.get("exporter", ""),
                style_encoder=own.get("style_encoder", ""),
                parity=tuple(
                    Parity(int(entry["height"]), int(entry["width"]), float(entry["psnr"]), float(entry["worst"]))
                    for entry in json.loads(own.get("parity", "[]"))
                ),
                parity_images=own.get("parity_images", ""),
                contract=int(own["contract"]),
                extra={
                    key: value
                    for key, value in metadata.items()
                    if not key.startswith(PREFIX) and key not in IMAGE_METADATA
                },
            )
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(
                f"{source}: its nst-rt metadata is malformed ({type(error).__name__}: {error}). Export it again"
            ) from error


def _one_of(choices: Any, value: str) -> Any:
    if value not in get_args(choices):
        raise ValueError(f"{value!r} is none of {', '.join(map(repr, get_args(choices)))}")
    return value


@dataclass(frozen=True)
class Tensor:
    """Name, element type (as ONNX Runtime writes it) and dimensions of a graph's input or output."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


def check_signature(
    record: ModelRecord,
    inputs: list[Tensor],
    outputs: list[Tensor],
    source: str,
    pinned: Mapping[str, int] | None = None,
) -> None:
    """Check a graph's inputs and outputs against the contract.

    Args:
        source: names the file in errors.
        pinned: the values that a session gave to symbolic dimensions.

    Raises:
        ModelError: names the first input or output that breaks the contract.
    """
    by_name = {tensor.name: tensor for tensor in inputs}
    # Sessions pin these dimensions by name; under other names shapes would silently stay dynamic.
    batch, height, width = (_sizes(name, pinned or {}) for name in (BATCH, HEIGHT, WIDTH))
    rows: set[int | str] = {1, STYLES, *batch}
    dimensions: dict[str, tuple[set[int | str], ...]] = {
        FRAME: (batch, height, width, {3}),
        STYLIZED: (batch, height, width, {3}),
        IMAGE: ({1}, height, width, {3}),
        STRENGTH: ({1},),
        COLOR: ({1},),
        STYLE: (rows, {record.style_size}),
    }
    if record.kind == "style_encoder":
        required, optional = {IMAGE: ("tensor(uint8)", 4)}, {}
        wanted_output = (STYLE, "tensor(float)", 2)
    else:
        required = {FRAME: ("tensor(uint8)", 4)}
        if record.style_size:
            required[STYLE] = ("tensor(float)", 2)
        optional = {STRENGTH: ("tensor(float)", 1), COLOR: ("tensor(float)", 1)}
        wanted_output = (STYLIZED, "tensor(uint8)", 4)

    def fail(what: str) -> ModelError:
        return ModelError(f"{source}: breaks the model contract: {what}. Export it again with this nst-rt")

    for name in required:
        if name not in by_name:
            raise fail(f"no input {name!r} (found {', '.join(by_name) or 'none'})")
    for tensor in inputs:
        expected = (required | optional).get(tensor.name)
        if expected is None:
            raise fail(f"unknown input {tensor.name!r}")
        if (tensor.type, len(tensor.shape)) != expected:
            raise fail(f"input {tensor.name!r} is {tensor.type} of rank {len(tensor.shape)}, not {expected}")
    if len(outputs) != 1 or (outputs[0].name, outputs[0].type, len(outputs[0].shape)) != wanted_output:
        found = [(tensor.name, tensor.type, len(tensor.shape)) for tensor in outputs]
        raise fail(f"outputs are {found}, not {wanted_output}")
    for tensor in (*inputs, *outputs):
        allowed = dimensions[tensor.name]
        if any(size not in sizes for size, sizes in zip(tensor.shape, allowed, strict=True)):
            wanted = [" or ".join(sorted(map(str, sizes))) for sizes in allowed]
            raise fail(f"{tensor.name!r} has the shape {list(tensor.shape)}, not [{', '.join(wanted)}]")


def _sizes(name: str, pinned: Mapping[str, int]) -> set[int | str]:
    return {name, pinned.get(name, name)}
