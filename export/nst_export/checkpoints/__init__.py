"""Reading what others trained: files to tensors, and each family's known layouts to its network."""
