"""Asks a Vedette server. See README.md."""

from vedette_client._http import VedetteError
from vedette_client.client import Client

__all__ = ["Client", "VedetteError"]
