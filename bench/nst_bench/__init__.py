"""nst_bench: latency measurements that say what they measured."""
