"""Pixels in memory: frames, pixel formats, colour spaces."""
