"""Training data: photographs, paintings, crops."""
