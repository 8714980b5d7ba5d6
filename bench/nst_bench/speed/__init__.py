"""Speed: latency, suites of measurements, other runtimes for comparison, and the limits of the machine."""
