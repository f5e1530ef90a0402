"""Where the node keeps its things: its process names its configuration, which names the rest.

A configuration holds passwords and keys too. Only the settings listed here are kept; the rest is forgotten as
soon as the file is parsed.
"""

import os
import re
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from vedette.agent.files import read_small
from vedette.agent.node_process import PROC, Watch

BYTES_MAX: Final = 1 << 20
GOOD_FOR_MS: Final = 60_000

KEPT: Final = frozenset(
    {
        "node_type",
        "chain_id",
        "tcp_port",
        "jsonrpc_http_port",
        "jsonrpc_ws_port",
        "jsonrpc_tcp_port",
        "jsonrpc_http_eth_port",
        "jsonrpc_ws_eth_port",
        "jsonrpc_local_http_port",
        "jsonrpc_local_ws_port",
        "public_rpc_apis",
        "public_evm_rpc_apis",
        "conflux_data_dir",
        "log_conf",
        "log_file",
        "pos_config_path",
        "pos_started_as_voter",
        "metrics_enabled",
        "metrics_prometheus_listen_addr",
    }
)
GUARD: Final = "secure_storage.json"

Setting = bool | int | str
_LINE: Final = re.compile(r"( *)([A-Za-z0-9_.-]+): *(.*)")


@dataclass(frozen=True, slots=True)
class Place:
    """What the process says of itself: the configuration it was given, its folder, where its stderr goes."""

    config: Path
    folder: Path
    stderr: Path | None = None


@dataclass(frozen=True, slots=True)
class NodeFiles:
    """The node's settings (those of KEPT that it was given) and what they lead to."""

    config: Path
    settings: Mapping[str, Setting]
    data_dir: Path
    pos_dir: Path
    pos_log: Path
    node_logs: tuple[Path, ...]
    stderr: Path | None

    @property
    def guard(self) -> Path:
        return self.pos_dir / GUARD

    def port(self, key: str) -> int | None:
        """A port that the node was told to open."""
        value = self.settings.get(key)
        return value if type(value) is int and 0 < value < 1 << 16 else None


def place_of(pid: int, given: Path | None, proc: Path = PROC) -> Place:
    """Where a process runs and what it was told. Raises OSError. `given`: the operator named the file."""
    home = proc / str(pid)
    folder = Path(os.readlink(home / "cwd"))  # noqa: PTH115  a link of /proc is no file's
    words = [os.fsdecode(word) for word in (home / "cmdline").read_bytes().split(b"\0")[:-1]]
    config = given or config_of(words)
    if config is None:
        raise OSError("the node's command line names no configuration: give it as --config")
    return Place(folder / config, folder, _stderr(home))


def config_of(words: list[str]) -> Path | None:
    """The configuration in a command line: after --config or -c, or else the last word that ends in .toml."""
    for word, after in zip(words, [*words[1:], ""], strict=False):
        if word in {"--config", "-c"} and after:
            return Path(after)
        if word.startswith("--config="):
            return Path(word.partition("=")[2])
    return next((Path(word) for word in reversed(words[1:]) if word.endswith(".toml")), None)


def _stderr(home: Path) -> Path | None:
    """The file that stderr goes to; None for a terminal, a pipe or the journal."""
    path = Path(os.readlink(home / "fd/2"))  # noqa: PTH115  as above
    return path if path.is_absolute() and path.is_file() else None


def files_at(place: Place) -> NodeFiles:
    """Read the node's settings and follow them. Raises OSError, in words that hold nothing of the content."""
    settings = settings_in(_text(place.config), place.config)
    pos_config = place.folder / str(settings.get("pos_config_path", "pos_config/pos_config.yaml"))
    pos = scalars(_text(pos_config)) if pos_config.exists() else {}
    return NodeFiles(
        place.config,
        settings,
        place.folder / str(settings.get("conflux_data_dir", "blockchain_data")),
        place.folder / pos.get("base.data_dir", "pos_db"),
        place.folder / pos.get("logger.file", "pos.log"),
        tuple(_node_logs(place, settings)),
        place.stderr,
    )


def _node_logs(place: Place, settings: Mapping[str, Setting]) -> Iterator[Path]:
    if log_conf := settings.get("log_conf"):
        told = scalars(_text(place.folder / str(log_conf)))
        paths = (value for name, value in told.items() if re.fullmatch(r"appenders\.[^.]+\.path", name))
        yield from sorted({place.folder / path for path in paths})
    elif log_file := settings.get("log_file"):
        yield place.folder / str(log_file)


def settings_in(text: str, path: Path) -> Mapping[str, Setting]:
    try:
        told = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise OSError(f"{path} is no TOML") from error
    return {name: told[name] for name in KEPT & told.keys() if isinstance(told[name], bool | int | str)}


def scalars(text: str) -> dict[str, str]:
    """The plain values of YAML's nested maps by their names, as `base.data_dir`: these files hold no more."""
    try:
        return dict(_leaves(msgspec.json.decode(text), ""))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _yaml(text)


def _leaves(tree: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _leaves(value, f"{name}.{key}" if name else key)
    elif isinstance(tree, str):
        yield name, tree


def _yaml(text: str) -> dict[str, str]:
    found, above = {}, list[tuple[int, str]]()
    for line in text.splitlines():
        match = _LINE.fullmatch(line.partition(" #")[0].rstrip())
        if match is None:
            continue
        indent, key, value = len(match[1]), match[2], match[3]
        while above and above[-1][0] >= indent:
            above.pop()
        above.append((indent, key))
        if value:
            found[".".join(name for _, name in above)] = value.strip("\"'")
    return found


def _text(path: Path) -> str:
    try:
        content = read_small(path, BYTES_MAX)
    except OSError as error:
        raise OSError(f"{path} cannot be read: {error.strerror or error}") from error
    if content is None:
        raise OSError(f"{path} is not there")
    return content.decode("utf-8", "replace")


class Finder:
    """Knows the node's files while its process lives, and still after its death. Any thread may ask."""

    def __init__(
        self,
        watch: Callable[[], Watch],
        steady_ms: Callable[[], int],
        given: Path | None,
        known: Place | None,
        keep: Callable[[Place], None],
    ) -> None:
        """`given`: the configuration that the operator named; `known`: from before our own restart."""
        self._watch = watch
        self._steady_ms = steady_ms
        self._given = given
        self._keep = keep
        self._place = known if given is None or known is None or known.config == given else None
        self._lock = threading.Lock()
        self._found: tuple[int, int, NodeFiles | None] | None = None  # (lives, steady ms, files)

    def find(self) -> NodeFiles | None:
        """None: the node is not on this machine. Raises OSError saying why they cannot be known."""
        with self._lock:
            watch, now_ms = self._watch(), self._steady_ms()
            if self._found is not None:
                lives, found_ms, files = self._found
                if lives == watch.lives and now_ms - found_ms < GOOD_FOR_MS:
                    return files
            files = self._look(watch)
            self._found = (watch.lives, now_ms, files)
            return files

    def known(self) -> NodeFiles | None:
        """The same, None also where they cannot be known: one probe's failure is enough."""
        try:
            return self.find()
        except OSError:
            return None

    def _look(self, watch: Watch) -> NodeFiles | None:
        if watch.pid is not None:
            self._place = self._ask(watch.pid)
            self._keep(self._place)
        elif self._place is None and self._given is not None:
            self._place = Place(self._given, self._given.parent)
        if self._place is not None:
            return files_at(self._place)
        if watch.reason is not None:
            raise OSError(watch.reason)
        return None

    def _ask(self, pid: int) -> Place:
        try:
            return place_of(pid, self._given)
        except PermissionError as error:
            raise OSError(
                "the files of the node's process cannot be seen: run the agent as its user or as root"
            ) from error
