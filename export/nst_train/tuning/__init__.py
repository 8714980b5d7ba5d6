"""Style vectors fitted to one painting."""
