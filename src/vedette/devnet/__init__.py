"""Real Conflux validators on loopback, with keys and genesis of our own making. For tests and demonstrations only."""
