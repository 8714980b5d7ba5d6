"""Lets the tests of this folder import the server process beside them, and gives each a name of its own."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    """A segment's name; nothing of it may be left behind."""
    from nst_rt.shared_memory.segment import path_of

    name = f"test-{os.getpid()}-{abs(hash(request.node.name)) % 10**6}"
    yield name
    left = path_of(name).exists()
    path_of(name).unlink(missing_ok=True)
    assert not left, "the segment was left behind"
