"""The training loop: steps, checkpoints, schedule, record, validation, hardware."""
