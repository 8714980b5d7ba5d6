"""Training: one loop (`run`), a recipe for each family, loss networks, losses, data, and a record beside the weights.

`nst-rt train` is `cli`; everything that needs torch is imported when a command runs.
"""
