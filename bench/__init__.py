"""Measurements: one file each, run alone as `python -m bench.NAME`, one JSON line of figures each."""
