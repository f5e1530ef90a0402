"""The language of the system: frozen records and pure functions. Imports nothing of ours."""
