"""Images go out in the format of the suffix, with what it can hold, whole or not at all."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from folder_content import names_in
from full_disk import full_disk
from image_bytes import smooth
from nst_rt.errors import OutputError
from nst_rt.files.atomic import replacing
from nst_rt.media.images.image_reader import read_image
from nst_rt.media.images.image_writer import SUFFIXES, WITHOUT_ALPHA, encode_image, write_image

ALPHA = np.tile(np.linspace(40, 255, 60).astype(np.uint8), (40, 1))
PROFILE = b"\0" * 16 + b"RGB " + bytes(range(256)) * 300
TOLERANCE = {".jpg": 12, ".jpeg": 12, ".webp": 16, ".tif": 4, ".tiff": 4, ".png": 0, ".bmp": 0}


@pytest.mark.parametrize("profile", [None, PROFILE], ids=["plain", "profile"])
@pytest.mark.parametrize("alpha", [None, ALPHA], ids=["opaque", "alpha"])
@pytest.mark.parametrize("suffix", [*SUFFIXES, ".PNG"])
def test_what_is_written_is_read_back(
    suffix: str, alpha: np.ndarray | None, profile: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / f"out{suffix}"
    notices = write_image(path, smooth(), alpha, profile=profile)
    image = read_image(path)
    assert np.abs(image.bgr.astype(int) - smooth()).max() <= TOLERANCE[suffix.lower()]
    kept = alpha is not None and suffix not in WITHOUT_ALPHA
    assert (image.alpha is not None) == kept
    if kept:
        assert np.array_equal(image.alpha, ALPHA)
    assert bool(notices) == (alpha is not None and not kept)
    assert image.profile == (None if suffix == ".bmp" else profile)
    assert names_in(tmp_path) == [path.name]


def test_odd_sizes_of_webp_with_a_profile() -> None:
    for lossy_or_not in (1, 100):
        data, _ = encode_image(".webp", smooth(17, 33), quality=lossy_or_not, profile=PROFILE[:-1])
        image = read_image(data)
        assert (image.size, image.profile) == ((33, 17), PROFILE[:-1])


@pytest.mark.skipif(shutil.which("identify") is None, reason="needs ImageMagick")
def test_another_program_sees_the_alpha_of_a_tiff(tmp_path: Path) -> None:
    write_image(tmp_path / "out.tif", smooth(), ALPHA)
    told = subprocess.run(["identify", "-verbose", tmp_path / "out.tif"], capture_output=True, text=True, check=True)
    assert "tiff:alpha: unassociated" in told.stdout


def test_quality_changes_the_size_of_a_jpeg() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    small, large = (len(encode_image(".jpg", noise, quality=quality)[0]) for quality in (20, 95))
    assert small < large / 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("out.gif", ["cannot write .gif", ".png"]),
        ("out", ["without suffix", ".png"]),
        ("missing/out.png", ["no folder", "Make it"]),
        (".", ["without suffix"]),
    ],
)
def test_names_that_cannot_be_written(name: str, words: list[str], tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        write_image(tmp_path / name, smooth())
    for word in words:
        assert word in str(caught.value)
    assert names_in(tmp_path) == []


def test_quality_out_of_range_and_sizes_out_of_reach() -> None:
    with pytest.raises(OutputError, match="quality 0"):
        encode_image(".jpg", smooth(), quality=0)
    with pytest.raises(OutputError, match="17000x16"):
        encode_image(".webp", np.zeros((16, 17_000, 3), np.uint8))


def test_a_folder_or_a_device_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "album.png").mkdir()
    with pytest.raises(OutputError, match="a folder"):
        write_image(tmp_path / "album.png", smooth())
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(OutputError, match="a device or a pipe"):
        write_image(tmp_path / "pipe.png", smooth())
    assert (tmp_path / "pipe.png").is_fifo()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no permission"):
        write_image(tmp_path / "out.png", smooth())


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"the old one")
    with pytest.raises(OutputError, match="nothing was kept"), full_disk(2000):
        write_image(path, np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    assert path.read_bytes() == b"the old one"
    assert names_in(tmp_path) == ["out.png"]


@pytest.mark.parametrize(
    ("code", "word"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "no permission")]
)
def test_every_failure_has_its_line(code: int, word: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=word), replacing(tmp_path / "out.png"):
        raise OSError(code, os.strerror(code))
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_nothing_is_left_behind_by_any_error(error: type[BaseException], tmp_path: Path) -> None:
    def half() -> None:
        with replacing(tmp_path / "out.png") as temporary:
            temporary.write_bytes(b"half")
            assert temporary.suffix == ".png"
            raise error

    with pytest.raises(error):
        half()
    assert names_in(tmp_path) == []


def test_mode_of_new_and_of_replaced_files(tmp_path: Path) -> None:
    plain, kept = tmp_path / "plain", tmp_path / "kept"
    plain.touch()
    kept.touch(0o640)
    for name in ("kept", "new"):
        with replacing(tmp_path / name) as temporary:
            temporary.write_bytes(b"x")
    assert (tmp_path / "new").stat().st_mode == plain.stat().st_mode
    assert kept.stat().st_mode & 0o777 == 0o640


def test_links_are_written_through(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to("real.png")
    write_image(tmp_path / "link.png", smooth())
    assert (tmp_path / "link.png").is_symlink()
    assert np.array_equal(cv2.imread(str(tmp_path / "real.png")), smooth())


def test_a_name_of_the_longest_kind(tmp_path: Path) -> None:
    write_image(tmp_path / ("a" * 251 + ".png"), smooth())
    with pytest.raises(OutputError, match="too long"):
        write_image(tmp_path / ("a" * 300 + ".png"), smooth())
