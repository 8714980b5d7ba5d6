"""Reads checkpoint files, of other projects and of nst-rt's own training, into the torch networks of the families."""
