"""Grids: one sheet of pictures over photographs, styles, models and swept parameters."""
