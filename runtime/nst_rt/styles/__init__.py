"""Styles: library, user styles, blends, timelines, style encoder, colour matching."""
