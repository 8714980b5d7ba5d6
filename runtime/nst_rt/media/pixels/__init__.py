"""Pixels in memory: sizes, layouts, colour spaces, and conversion between BGR and YUV."""
