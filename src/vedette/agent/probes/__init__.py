"""Probes: each asks one thing and answers with a Reading, or raises RpcError or OSError. One file a probe."""
