"""The agent's settings, checked all at once."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from vedette.agent.planned import FILE_NAME
from vedette.conflux.wire import checked_url
from vedette.model.errors import SettingError

INTERVAL_S_MIN = 1.0
INTERVAL_S_MAX = 60.0
NAME_CHARS_MAX = 80
RPC_DEADLINE_MS_MAX = 5_000

Role = Literal["full", "archive", "rpc", "voter", "backup"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What `vedette agent run` was told. Paths are absolute."""

    server: str
    node: str
    name: str
    dir: str
    token_file: str | None = None
    interval_ms: Annotated[int, msgspec.Meta(ge=1_000, le=60_000)] = 5_000
    planned_stop_file: str
    disk: str = "/"
    role: Role = "full"
    config: str | None = None
    metrics: str | None = None
    pos_address: str | None = None

    @property
    def rpc_deadline_s(self) -> float:
        """A call ends within its round, so that the next round finds nobody still waiting."""
        return min(RPC_DEADLINE_MS_MAX, self.interval_ms * 0.8) / 1000


def checked(
    *,
    server: str,
    node: str,
    name: str,
    folder: Path,
    token_file: Path | None,
    interval_s: float,
    planned_stop_file: Path | None,
    disk: Path,
    role: Role,
    insecure_http: bool,
    config: Path | None = None,
    metrics: str | None = None,
    pos_address: str | None = None,
) -> Settings:
    """Settings, or a SettingError that names every wrong one."""
    problems = [
        *_url_problems("--node", node),
        *_url_problems("--server", server),
        *_plain_http_problems(server, insecure_http),
        *_name_problems(name),
        *_token_problems(token_file),
        *_disk_problems(disk),
        *_config_problems(config),
        *(() if metrics is None else _url_problems("--metrics", metrics)),
        *_pos_address_problems(pos_address),
    ]
    if not INTERVAL_S_MIN <= interval_s <= INTERVAL_S_MAX:
        problems.append(
            f"--interval: {interval_s:g} s is not within {INTERVAL_S_MIN:g} and {INTERVAL_S_MAX:g}"
        )
    if problems:
        raise SettingError("\n".join(problems))
    return Settings(
        server=server.rstrip("/"),
        node=node,
        name=name,
        dir=str(folder.absolute()),
        token_file=None if token_file is None else str(token_file.absolute()),
        interval_ms=round(interval_s * 1000),
        planned_stop_file=str((planned_stop_file or folder / FILE_NAME).absolute()),
        disk=str(disk.absolute()),
        role=role,
        config=None if config is None else str(config.absolute()),
        metrics=metrics,
        pos_address=None if pos_address is None else pos_address.lower(),
    )


def _url_problems(option: str, url: str) -> list[str]:
    try:
        checked_url(url, option)
    except SettingError as error:
        return [str(error)]
    return []


def _plain_http_problems(server: str, allowed: bool) -> list[str]:
    if allowed or not server.startswith("http://") or is_loopback(urlsplit(server).hostname or ""):
        return []
    return ["--server: plain http shows the token to the network; use https, or say --insecure-http"]


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name_problems(name: str) -> list[str]:
    if 0 < len(name) <= NAME_CHARS_MAX and name.isprintable() and name.strip() == name:
        return []
    return [f"--name: {name[:NAME_CHARS_MAX]!a} is not 1 to {NAME_CHARS_MAX} printable characters"]


def _token_problems(token_file: Path | None) -> list[str]:
    if token_file is None or os.access(token_file, os.R_OK):
        return []
    return [f"--token-file: {token_file} cannot be read"]


def _disk_problems(disk: Path) -> list[str]:
    return [] if disk.exists() else [f"--disk: there is no {disk}"]


def _config_problems(config: Path | None) -> list[str]:
    if config is None or os.access(config, os.R_OK):
        return []
    return [f"--config: {config} cannot be read"]


def _pos_address_problems(address: str | None) -> list[str]:
    if address is None or re.fullmatch(r"0x[0-9a-fA-F]{64}", address):
        return []
    return [f"--pos-address: {address[:80]!a} is not 0x and 64 hex digits"]
