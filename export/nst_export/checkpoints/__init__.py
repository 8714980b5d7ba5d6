"""Checkpoint files: what others trained and what `nst-rt train` leaves, to each family's network."""
