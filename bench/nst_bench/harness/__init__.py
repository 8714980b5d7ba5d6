"""What every benchmark shares: the launcher, the machine, the store, latency, random frames, Markdown."""
