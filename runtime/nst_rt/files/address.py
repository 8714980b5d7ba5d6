"""Addresses, `scheme://...`, where a name of a file could stand."""

import re


def is_address(text: str) -> bool:
    """Whether it is no file's path but an address, as of a network stream."""
    return re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE) is not None
