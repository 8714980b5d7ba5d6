"""The networks, as ordinary torch modules: one file per family."""
