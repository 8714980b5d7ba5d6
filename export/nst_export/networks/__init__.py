"""The networks as torch modules, one file for each family."""
