"""Training: loss networks, losses, photographs, the loop, and a run record beside every set of weights."""
