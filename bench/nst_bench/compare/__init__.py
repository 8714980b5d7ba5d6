"""`nst-rt compare`: every method on one photograph and one painting."""
