"""Real Conflux validators on loopback, with keys and genesis of our own making: for tests and to be shown."""
