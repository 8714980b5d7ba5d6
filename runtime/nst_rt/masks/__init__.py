"""Masks: which style goes where in a frame."""
