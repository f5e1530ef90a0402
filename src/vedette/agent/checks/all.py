"""All that an agent can look at by itself, before it runs or while it does. Nothing is written anywhere."""

from collections.abc import Iterator
from pathlib import Path

from vedette.agent.checks.finding import Finding, failed
from vedette.agent.checks.host import file_findings, process_finding
from vedette.agent.checks.node import node_findings
from vedette.agent.checks.own import own_findings
from vedette.agent.checks.server import server_findings
from vedette.agent.config import Settings
from vedette.agent.node_process import NodeProcess, Watch
from vedette.agent.options import FILE_NAME, Options, settings_in
from vedette.agent.place import Finder, NodeFiles
from vedette.model.errors import SettingError


def findings(folder: Path, given: Options) -> Iterator[Finding]:
    """One after another, as they are made."""
    yield from own_findings(folder)
    try:
        settings = settings_in(folder, given)
    except SettingError as error:
        for line in str(error).splitlines():
            yield failed("settings", line, f"give it as an option, or put it right in {folder / FILE_NAME}")
        return
    process = NodeProcess(settings.node, lambda: 0, lambda _: None)
    try:
        process.look()
        watch = process.watch
    finally:
        process.close()
    files, why = _files(settings, watch)
    yield from node_findings(settings, files)
    yield process_finding(settings.node, watch)
    yield from file_findings(files, why)
    yield from server_findings(settings)


def _files(settings: Settings, watch: Watch) -> tuple[NodeFiles | None, str]:
    given = None if settings.config is None else Path(settings.config)
    try:
        return Finder(lambda: watch, lambda: 0, given, None, lambda _: None).find(), ""
    except OSError as error:
        return None, str(error)
