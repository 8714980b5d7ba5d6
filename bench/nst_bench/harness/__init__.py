"""What all benchmarks share: processes, the machine, drawn frames, kept results, losses, and the files of a report."""
