"""Digests: asked for, gathered from what is stored, sent once, and with pictures in a mail."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.doubles import HandClock
from tests.server.conftest import Api
from tests.server.stage import Agent, enrol, hear, quiet_house, settings
from vedette.model.digest import DigestPlan
from vedette.model.incident import Incident, Reason, Severity, Subject, SubjectKind
from vedette.model.people import FIRST_TEAM, Who
from vedette.notify.text import Message
from vedette.server.house import House
from vedette.store import digests, incidents
from vedette.store import tables as t
from vedette.store.incidents import Change

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
OWNER = Who(FIRST_TEAM)


class Box:
    name = "box"

    def __init__(self) -> None:
        self.taken: list[Message] = []

    async def send(self, message: Message) -> None:
        self.taken.append(message)

    async def close(self) -> None:
        """Nothing is open."""
