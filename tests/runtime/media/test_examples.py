"""The examples in the docstrings of `nst_rt.media` run."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import nst_rt.media
import pytest
from image_bytes import encoded, smooth
from nst_rt.media.images.image_reader import read_image
from nst_rt.media.images.image_writer import write_image
from nst_rt.media.video.audio_reader import AudioReader
from nst_rt.media.video.video_reader import VideoReader
from nst_rt.media.video.video_writer import VideoWriter
from video_files import make_video

MODULES = [module.name for module in pkgutil.walk_packages(nst_rt.media.__path__, "nst_rt.media.") if not module.ispkg]
OFFERED = [read_image, write_image, AudioReader, VideoReader, VideoWriter]
"""What an example of another module may use."""


def has_examples(name: str) -> bool:
    return any(test.examples for test in doctest.DocTestFinder().find(importlib.import_module(name)))


@pytest.mark.parametrize("name", list(filter(has_examples, MODULES)))
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photo.jpg").write_bytes(encoded(".jpg", smooth()))
    make_video(tmp_path / "holiday.mp4", 5, audio="aac")
    monkeypatch.chdir(tmp_path)
    names = {one.__name__: one for one in OFFERED}
    assert doctest.testmod(importlib.import_module(name), extraglobs=names).failed == 0
