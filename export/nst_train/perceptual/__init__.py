"""Loss networks and perceptual losses."""
