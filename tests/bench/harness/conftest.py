"""Tests of the losses compute in one thread."""

from one_thread import one_thread as one_thread  # a fixture
