"""What learns: perceptual losses, data, training recipes, optimisation-based transfer."""
