"""The whole export of a family: checkpoint to network, network to graph, graph against PyTorch, file."""
