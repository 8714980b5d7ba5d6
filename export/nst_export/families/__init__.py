"""The export of each family, from a checkpoint to checked model files."""
