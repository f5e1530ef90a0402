"""`vedette demo`: the whole on one machine: real validators, an agent beside each, and the page."""

import http.client
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from vedette.devnet.files import replace_file
from vedette.devnet.net import RECORD, Devnet, patience
from vedette.devnet.nodes import Node
from vedette.devnet.ports import reserved, taken
from vedette.devnet.process import Stopped, stoppable
from vedette.devnet.tell import Tell, telling
from vedette.model.errors import SettingError

READY_DEADLINE_S = 120.0
POLL_S = 0.5
FETCH_S = 5.0
CLOSING_S = 10.0
SIGNED = "sl"  # the letters of a vote strip that mean a signature
TAIL_LINES = 5
DEATHS_MAX = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for. The folder holds devnet/, vedette.db, agents/, server.toml and logs/."""

    dir: Path
    port: int
    lasting_s: float | None
    webhook: str | None
    mail: str | None

    @property
    def page_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token_file(self) -> Path:
        return self.dir / "enrolment-token"


@dataclass(slots=True)
class Child:
    """A process of ours and where it writes; one that dies while the demo is shown is started again."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes]
    deaths: int = 0


def demo(
    *,
    port: int = 8420,
    lasting_s: Annotated[float | None, Parameter(name="--for")] = None,
    folder: Annotated[Path | None, Parameter(name="--dir")] = None,
    webhook: str | None = None,
    mail: str | None = None,
) -> None:
    """Start four real validators, an agent beside each, and the server; show them until Ctrl-C.

    The line `vedette: http://127.0.0.1:PORT` is printed when the page answers and shows all four signing. In
    another terminal, `vedette devnet kill 3 --dir DIR/devnet` then shows what Vedette is for.

    Parameters
    ----------
    port
        Of the page, on 127.0.0.1.
    lasting_s
        End by itself when the page has been shown for so many seconds.
    folder
        Keep everything here, and go on from it the next time [a temporary folder, removed at the end].
    webhook
        Also send notices to this URL.
    mail
        Also send notices by mail, through smtp://host:port.
    """
    _refuse_wrong_url("--webhook", webhook, "http://127.0.0.1:9000/hook")
    _refuse_wrong_url("--mail", mail, "smtp://127.0.0.1:2525")
    _refuse_taken(port)
    with ExitStack() as stack:
        stack.enter_context(reserved(port))  # the nodes look for ports before the server takes its own
        base = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vedette-demo-")))
        plan = Plan(base.resolve(), port, lasting_s, webhook, mail)
        try:
            with stoppable():
                _run(plan)
        except Stopped:
            pass  # what Ctrl-C asks for is the ordinary end
        except DemoError as error:
            print(f"vedette: {error}", file=sys.stderr)  # noqa: T201  the command's product
            raise SystemExit(1) from error


class DemoError(Exception):
    """Something that the demo started did not do its work."""


def _run(plan: Plan) -> None:
    with ExitStack() as stack:
        with telling() as tell:
            net = stack.enter_context(_devnet(plan, tell))
            children = _started(plan, net, stack, tell)
            _wait_signing(plan, net, children, tell)
        _say(f"everything is in {plan.dir}; kill one: vedette devnet kill 3 --dir {plan.dir}/devnet")
        _say(plan.page_url)
        _watch(net, children, plan.lasting_s)


def _say(line: str) -> None:
    print(f"vedette: {line}", flush=True)  # noqa: T201  the command's product


def _watch(net: Devnet, children: Sequence[Child], lasting_s: float | None) -> None:
    shown_at = time.monotonic()
    while lasting_s is None or time.monotonic() < shown_at + lasting_s:
        for child in children:
            _revive(child)
        net.reap()
        time.sleep(POLL_S)


def _revive(child: Child) -> None:
    """Start it again, as a service manager would; whoever dies again and again ends the demo."""
    if child.process.poll() is None:
        return
    child.deaths += 1
    if child.deaths > DEATHS_MAX:
        _refuse_dead([child])
    _say(f"{child.name} ended with status {child.process.returncode}; starting it again")
    child.process = _process(child.command, child.log)


@contextmanager
def _devnet(plan: Plan, tell: Tell) -> Iterator[Devnet]:
    """Four validators, made anew or started again on their data; ended in any case."""
    folder = plan.dir / "devnet"
    net = Devnet.open(folder) if (folder / RECORD).exists() else Devnet.create(folder, tell=tell)
    try:
        net.up(tell)
        yield net
    finally:
        net.down()


def _started(plan: Plan, net: Devnet, stack: ExitStack, tell: Tell) -> Sequence[Child]:
    """The server, and then an agent a node; the stack stops them in the reverse order."""
    write_settings(plan, net)
    tell("starting the server")
    serve = ["serve", "--config", str(plan.dir / "server.toml")]
    children = [stack.enter_context(_child(plan, "server", serve))]
    _wait_answering(plan, children)
    for node in net.nodes:
        tell(f"starting the agent of node {node.index}")
        agent = _child(plan, f"agent{node.index}", agent_arguments(plan, node))
        children.append(stack.enter_context(agent))
    return children


def write_settings(plan: Plan, net: Devnet) -> None:
    """server.toml, and the token by which the agents introduce themselves."""
    if not plan.token_file.exists():
        replace_file(plan.token_file, secrets.token_urlsafe(24))
        plan.token_file.chmod(0o600)
    replace_file(plan.dir / "server.toml", settings(plan, net.nodes))


def settings(plan: Plan, nodes: Sequence[Node]) -> str:
    """The server's settings: it follows the chain through every node's public port."""
    watched = [node.pos_address for node in nodes]
    tables: list[tuple[str, Mapping[str, Any]]] = [
        ("", {"database": "vedette.db", "ingest_token_file": plan.token_file.name, "watch": watched}),
        ("[server]", {"host": "127.0.0.1", "port": plan.port}),
        # Four validators have three peers each; with none, something is wrong.
        ("[alerts.rules.few_peers]", {"few_count": 0}),
        *(("[[endpoints]]", {"name": f"node{n.index}", "url": n.urls.public}) for n in nodes),
    ]
    if plan.webhook:
        tables.append(("[[webhooks]]", {"name": "demo", "url": plan.webhook}))
    if plan.mail:
        addresses = {"from": "vedette@localhost.localdomain", "to": ["operator@localhost.localdomain"]}
        tables.append(("[mail]", {"server": plan.mail, **addresses}))
    return "\n".join(_table(heading, values) for heading, values in tables)


def _table(heading: str, values: Mapping[str, Any]) -> str:
    # JSON spells text, numbers and lists as TOML does.
    lines = [heading] if heading else []
    lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def agent_arguments(plan: Plan, node: Node) -> Sequence[str]:
    """The command line of the agent beside a node."""
    options = {
        "--server": plan.page_url,
        "--token-file": plan.token_file,
        "--node": node.urls.local,
        "--name": f"validator-{node.index}",
        "--dir": plan.dir / "agents" / str(node.index),
        "--disk": node.dir,
        "--planned-stop-file": node.planned_stop_file,
    }
    return ["agent", "run", *(str(word) for option in options.items() for word in option)]


@contextmanager
def _child(plan: Plan, name: str, arguments: Sequence[str]) -> Iterator[Child]:
    """One of Vedette's own commands as a process: ended with SIGTERM, or killed if that does not help."""
    log = plan.dir / "logs" / f"{name}.log"
    log.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "vedette.cli", *arguments]
    child = Child(name, command, log, _process(command, log))
    try:
        yield child
    finally:
        _stop(child.process)


def _process(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # ourselves
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_environment(),
            start_new_session=True,  # a Ctrl-C meant for the demo reaches only the demo
        )


def _environment() -> Mapping[str, str]:
    """Ours, without the settings of a Vedette that may be installed here."""
    return {name: value for name, value in os.environ.items() if not name.startswith("VEDETTE_")}


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(CLOSING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_answering(plan: Plan, children: Sequence[Child]) -> None:
    for _ in patience(READY_DEADLINE_S, f"the page did not answer; see {plan.dir}/logs/server.log"):
        _refuse_dead(children)
        if _fetched(f"{plan.page_url}/") is not None:
            return


def _wait_signing(plan: Plan, net: Devnet, children: Sequence[Child], tell: Tell) -> None:
    """Return when the page shows a signature of every validator in its newest block."""
    addresses = [node.pos_address for node in net.nodes]
    for _ in patience(READY_DEADLINE_S, f"the page shows no signatures; see {plan.dir}/logs/server.log"):
        _refuse_dead(children)
        count = _signing(plan.page_url, addresses)
        if count == len(addresses):
            return
        tell(f"waiting for the page: it shows {count} of {len(addresses)} validators signing")


def _signing(page_url: str, addresses: Sequence[str]) -> int:
    """How many of the validators the page shows as signing now."""
    body = _fetched(f"{page_url}/api/v1/validators")
    if body is None:
        return 0
    strips = {one["address"]: one["votes"]["strip"] for one in msgspec.json.decode(body)["validators"]}
    return sum(strips.get(address, "").endswith(tuple(SIGNED)) for address in addresses)


def _fetched(url: str) -> bytes | None:
    """The body at a URL of our own page, whatever proxy is set; None while it does not answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=FETCH_S) as response:
            return bytes(response.read())
    except (OSError, http.client.HTTPException):
        return None


def _refuse_dead(children: Sequence[Child]) -> None:
    for child in children:
        if child.process.poll() is not None:
            raise DemoError(f"{child.name} ended with status {child.process.returncode}: {_tail(child.log)}")


def _tail(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-TAIL_LINES:]) or f"it said nothing in {log}"


def _refuse_taken(port: int) -> None:
    try:
        busy = list(taken([port]))
    except (OSError, OverflowError) as error:
        raise SettingError(f"--port {port} cannot be had: {error}") from error
    if busy:
        raise SettingError(f"port {port} is taken: stop what listens there, or choose another with --port")


def _refuse_wrong_url(option: str, given: str | None, example: str) -> None:
    """Only the kind is looked at here: the server reads the rest, but after the validators have started."""
    kind = example.partition(":")[0]
    if given is not None and not re.match(rf"{kind}s?://[^/\s]", given):
        raise SettingError(f"{option} {given}: give a URL like {example}")
