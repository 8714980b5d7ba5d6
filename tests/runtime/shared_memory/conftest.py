"""Lets the tests of this folder share a segment name of their own."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    """A segment's name; nothing of it may be left behind."""
    from nst_rt.shared_memory.segment_file import path_of

    name = f"test-{os.getpid()}-{abs(hash(request.node.name)) % 10**6}"
    yield name
    left = path_of(name).exists()
    path_of(name).unlink(missing_ok=True)
    assert not left, "the segment was left behind"
