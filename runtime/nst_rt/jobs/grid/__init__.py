"""Grids: one sheet of images over photographs, styles, models and swept parameters."""
