"""Films made by PyAV, small enough to be made anew for every test."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

SOUND_RATE = 48_000
"""Which all codecs take."""


def scene(index: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """Frame number `index`: smooth, dark at the top left, of its own brightness."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 160 / width, y * 160 / height, np.full_like(x, index * 7 % 120, dtype=float)]
    return np.dstack(planes).astype(np.uint8)


def make_film(
    path: Path,
    frames: Sequence[NDArray[np.uint8]] | int = 12,
    *,
    rate: Fraction = Fraction(25),
    time_base: Fraction | None = None,
    times: Sequence[int] | None = None,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    sound: str | Sequence[str] = (),
    sound_seconds: float | None = None,
    sound_starts: Fraction = Fraction(0),
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    **stream_settings: Any,
) -> Path:
    """Write a film; `times` are the frames' stamps in `time_base`, `sound` names the codecs of its tone tracks."""
    pictures = [scene(index) for index in range(frames)] if isinstance(frames, int) else frames
    unit = time_base or 1 / rate
    stamps = list(times) if times is not None else [round(index / rate / unit) for index in range(len(pictures))]
    codecs = [sound] if isinstance(sound, str) else list(sound)
    with av.open(str(path), "w", options=container_options or {}) as container:
        video = container.add_stream(codec, rate=rate, options=options or ({"crf": "10"} if "264" in codec else {}))
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt = pixels
        video.codec_context.time_base = unit
        for name, value in stream_settings.items():
            setattr(video.codec_context, name, value)
        tones = [container.add_stream(name, rate=SOUND_RATE, layout="mono") for name in codecs]
        seconds = sound_seconds if sound_seconds is not None else len(pictures) / float(rate)
        for tone in tones:
            for frame in _tone(seconds, sound_starts):
                container.mux(tone.encode(frame))
            container.mux(tone.encode(None))
        for picture, stamp in zip(pictures, stamps, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(
                format=pixels,
                dst_colorspace=stream_settings.get("colorspace", 5),
                dst_color_range=stream_settings.get("color_range", 1),
                interpolation=0x40002,
            )
            frame.pts, frame.time_base = stamp, unit
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def _tone(seconds: float, start: Fraction) -> Iterable[av.AudioFrame]:
    count = int(seconds * SOUND_RATE)
    wave = (np.sin(np.arange(count) * 440 * 2 * np.pi / SOUND_RATE) * 0.3).astype(np.float32)
    for first in range(0, count, 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, first : first + 1024], format="flt", layout="mono")
        frame.sample_rate = SOUND_RATE
        frame.pts, frame.time_base = first + round(start * SOUND_RATE), Fraction(1, SOUND_RATE)
        yield frame


def with_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Write the four corners of a display matrix (-1, 0 or 1) into an MP4's video track header, as phones do."""
    data = bytearray(path.read_bytes())
    upright = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    header = data.index(b"tkhd")
    at = data.index(upright, header)
    data[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 0x40000000)
    path.write_bytes(bytes(data))
    return path


def frames_of(path: Path) -> list[tuple[Fraction, NDArray[np.uint8]]]:
    """Time in seconds and BGR pixels (by PyAV alone, BT.601) of every frame."""
    with av.open(str(path)) as container:
        return [
            (
                frame.pts * frame.time_base,
                frame.reformat(format="bgr24", dst_color_range=2, interpolation=0x42002).to_ndarray(),
            )
            for frame in container.decode(video=0)
        ]


def sound_packets(path: Path, track: int = 0) -> list[tuple[float, bytes]]:
    """Time in seconds and bytes of every packet of a sound track."""
    with av.open(str(path)) as container:
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in container.demux(container.streams.audio[track])
            if packet.size
        ]


def names_in(folder: Path) -> list[str]:
    """What is in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())
