"""torchvision's VGGs by name: from torch.hub's cache, or downloaded into it with their hash checked."""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from nst_rt.errors import InputError

from nst_train.perceptual.loss_network import (
    ADDRESS,
    TORCHVISION_FILES,
    cached_loss_network,
    find_loss_network,
    hub_folder,
)

PATIENCE = 20.0
"""Seconds without a byte after which a download is given up."""


def obtain_loss_network(given: str | None, note: Callable[[str], None]) -> Path:
    """The weight file of a loss network.

    Args:
        given: a file, or `vgg19` or `vgg16`; VGG-19, or whichever of the two is in the cache, if left out.
        note: told before something is downloaded (VGG-19 has 548 MB).

    Raises:
        InputError: no such file; or it is not in the cache and cannot be downloaded.
    """
    names = {file.partition("-")[0]: file for file in TORCHVISION_FILES}
    if given is not None and given not in names:
        return find_loss_network(Path(given))
    wanted = [names[given]] if given else list(TORCHVISION_FILES)
    return cached_loss_network(wanted) or _download(wanted[0], hub_folder(), note)


def _download(file: str, folder: Path, note: Callable[[str], None]) -> Path:
    note(f"downloading {ADDRESS}{file} into {folder}")
    sha256 = Path(file).stem.rpartition("-")[2]  # torch.hub's custom: the first digits stand in the name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _patience(PATIENCE):
            torch.hub.download_url_to_file(
                ADDRESS + file, str(folder / file), hash_prefix=sha256, progress=sys.stderr.isatty()
            )
    except (OSError, RuntimeError) as error:  # of the network and the disk; of the hash
        raise InputError(
            f"{ADDRESS}{file} cannot be downloaded ({error}). Put the file into {folder} by other means, or give "
            "a loss network's file with --loss-network"
        ) from error
    return folder / file


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)  # torch.hub has no option for it
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
