"""Networks on devices: providers, sessions, the session cache and pool, buffers, placement."""
