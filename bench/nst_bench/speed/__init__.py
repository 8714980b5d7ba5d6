"""How fast: suites of cases, the peers beside them, the machine's limits under them."""
