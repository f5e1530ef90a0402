"""Vedette keeps watch over Conflux validators and nodes. See ARCHITECTURE.md for the map."""

__version__ = "0.0.1"
