"""`make image-test`: build deploy/Containerfile, run server and agent from it as deploy/compose.yaml says.

Then look, and remove all of it. Needs root, podman, buildah, runc, mmdebstrap; on Debian they are installed.
No registry of images is asked: the base is a Debian made by mmdebstrap, the wheels are fetched here by their
hashes. Images and containers live in a storage of their own under build/image/, which is removed at the end;
the base and the wheels stay for the next time.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build/image"
BASE_TAR, WHEELS = WORK / "base.tar", WORK / "wheels"
BASE, IMAGE = "localhost/vedette-base", "localhost/vedette"
SUITE = "bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
TOOLS = ("podman", "buildah", "runc", "mmdebstrap")
# A daemon's own bound may be above what this user may set.
LIMITS = ("--ulimit", "nofile=8192:8192", "--ulimit", "nproc=8192:8192")
USER = "10001:10001"
SERVER = "http://127.0.0.1:8642"
NODE_PORT = 12539
STARTED = ("agent", "conflux", "server")  # each shares a namespace of the next, so it goes first
DEADLINE_S = 60


class ImageError(Exception):
    """One line that says what went wrong."""


def main() -> int:
    """Every step, with its seconds."""
    began_s = time.monotonic()
    try:
        tools()
        base()
        wheels()
        with storage() as podman:
            build(podman)
            look(podman)
    except ImageError as error:
        print(f"image-test: {error}", file=sys.stderr)  # noqa: T201  what a command prints
        return 1
    say(f"all is well, in {time.monotonic() - began_s:.0f} s")
    return 0


def say(line: str) -> None:
    print(f"image-test: {line}", flush=True)  # noqa: T201  what a command prints


def run(*command: str, env: Mapping[str, str] | None = None, given: str | None = None) -> str:
    """What a command says. Raises ImageError with the end of its complaint."""
    done = subprocess.run(  # noqa: S603  our own commands
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise ImageError(f"`{' '.join(command)[:200]}` failed ({done.returncode}): " + " / ".join(lines))
    return done.stdout.strip()


def tools() -> None:
    """Podman and what it needs, from Debian's packages if they are not here."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if os.geteuid() != 0:
        raise ImageError("building without a daemon needs root: sudo make image-test")
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise ImageError(f"missing here: {', '.join(missing)}; install them and try again")
    say(f"installing {', '.join(missing)} from Debian's packages")
    run("apt-get", "update", "-qq")
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)


def base() -> None:
    """A root file system like that of the published base: Debian with Python, without anything else."""
    if BASE_TAR.exists():
        return
    say(f"making a base of Debian {SUITE}")
    WORK.mkdir(parents=True, exist_ok=True)
    draft = BASE_TAR.with_name("draft.tar")
    leave_out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
    run("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", *leave_out, SUITE, str(draft))
    draft.rename(BASE_TAR)


def wheels() -> None:
    """Fetch what the image installs, by hash, with this machine's way to the package registries."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    say("fetching wheels")
    run(*pip, "--dest", str(WHEELS), "-r", "requirements/demo.txt")


Podman = Callable[..., str]


@contextmanager
def storage() -> Iterator[Podman]:
    """Podman on a storage of its own, which is removed with all that was started in it."""
    WORK.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="storage-", dir=WORK))
    (folder / "tmp").mkdir()
    own = ("--root", str(folder / "root"), "--runroot", str(folder / "run"), "--runtime", "runc")

    def podman(*words: str, given: str | None = None) -> str:
        return run("podman", *own, *words, env={"TMPDIR": str(folder / "tmp")}, given=given)

    try:
        yield podman
    finally:
        for name in STARTED:
            podman("rm", "--force", "--ignore", "--volumes", "--time", "5", name)
        podman("rmi", "--all", "--force")
        run("sh", "-c", 'umount -q "$1"/root/overlay 2>/dev/null; rm -rf "$1"', "sh", str(folder))


def build(podman: Podman) -> None:
    """The image, from the published Containerfile."""
    run(sys.executable, "hatch_build.py")  # or npm would be needed inside
    podman("import", str(BASE_TAR), BASE)
    say("building deploy/Containerfile")
    arguments = {"BASE": BASE, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"}
    given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    began_s = time.monotonic()
    podman(
        "build",
        *("--format", "docker", "--isolation", "chroot", "--pull=never", "--file", "deploy/Containerfile"),
        *("--volume", f"{WHEELS}:/wheels:ro", "--tag", IMAGE, *given, "."),
    )
    (about,) = json.loads(podman("image", "inspect", IMAGE))
    user, healthcheck = about["Config"].get("User"), about.get("HealthCheck") or about.get("Healthcheck")
    wanted(user == USER, f"the image's user is {user}, not {USER}")
    wanted(bool(healthcheck), "the image has no health check")
    say(f"built in {time.monotonic() - began_s:.0f} s, {about['Size'] / 1e6:.0f} MB with its base")


def wanted(true: bool, otherwise: str) -> None:
    if not true:
        raise ImageError(otherwise)


def service(name: str) -> Mapping[str, Any]:
    """One service of deploy/compose.yaml."""
    composed = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))
    found: Mapping[str, Any] = composed["services"][name]
    return found


def hardened(given: Mapping[str, Any]) -> Sequence[str]:
    """Podman's words for how compose.yaml bounds a service."""
    words = ["--read-only"] if given["read_only"] else []
    words += [f"--cap-drop={each}" for each in given["cap_drop"]]
    words += [f"--security-opt={each.replace(':true', '')}" for each in given["security_opt"]]
    words += [f"--tmpfs={each}" for each in given["tmpfs"]]
    bounds = {"--memory": "mem_limit", "--cpus": "cpus", "--pids-limit": "pids_limit"}
    words += [f"{option}={given[name]}" for option, name in bounds.items() if name in given]
    words += [f"--env={name}={value}" for name, value in given.get("environment", {}).items()]
    return words


def look(podman: Podman) -> None:
    """Server, a stand-in node and its agent, each from the image: /healthz answers and a report comes in."""
    with tempfile.TemporaryDirectory(dir=WORK) as made:
        folder = Path(made)
        token = secrets_in(folder)
        start_server(podman, folder)
        start_node(podman)
        start_agent(podman, token)
        until("the node is up", lambda: node_of(podman).get("state") == "up")
        healthy(podman)
        bounded(podman)
        told = node_of(podman)
        say(f"one report is in: {told['name']} is {told['state']}, process seen: {process_seen(podman)}")


def secrets_in(folder: Path) -> str:
    token = secrets.token_urlsafe(24)
    (folder / "secrets").mkdir()
    for name, value in {"ingest_token": token, "read_token": secrets.token_urlsafe(24)}.items():
        (folder / "secrets" / name).write_text(value)
    (folder / "server.toml").write_text("public_references = false\n")
    folder.chmod(0o755)
    return token


def start_server(podman: Podman, folder: Path) -> None:
    given = service("server")
    mounts = {"server.toml": "/etc/vedette/server.toml", "secrets": "/run/secrets"}
    podman(
        *("run", "--detach", "--name", "server", "--network", "none", *LIMITS, *hardened(given)),
        *("--volume", "server:/var/lib/vedette"),
        *(word for name, at in mounts.items() for word in ("--volume", f"{folder / name}:{at}:ro")),
        *(IMAGE, *given["command"]),
    )
    until("/healthz", lambda: podman("exec", "server", "vedette-healthy", f"{SERVER}/healthz") == "healthy")
    say("/healthz answers")


def start_node(podman: Podman) -> None:
    """What answers as a node does, as the user that nodes run as."""
    podman(
        *("run", "--detach", "--name", "conflux", "--network", "container:server", *LIMITS),
        *("--volume", f"{ROOT / 'tests'}:/stand-in/tests:ro", "--env", "PYTHONPATH=/stand-in"),
        *("--entrypoint", "python3", IMAGE, "-m", "tests.agent.stand_ins", str(NODE_PORT)),
    )
    until("the node's port", lambda: "listening" in podman("logs", "conflux"))


def start_agent(podman: Podman, token: str) -> None:
    given = service("agent")
    beside = given["network_mode"].partition(":")[0]
    shared = [f"--network={beside}:conflux", f"--pid={beside}:conflux", "--volumes-from=conflux:ro"]
    words = [*shared, *LIMITS, *hardened(given), "--volume=agent:/var/lib/vedette-agent"]
    enrol = ["agent", "enroll", SERVER, "-", "--name", "in-a-container", "--dir", "/var/lib/vedette-agent"]
    podman("run", "--rm", "--interactive", *words, IMAGE, *enrol, given=token)
    podman("run", "--detach", "--name", "agent", *words, IMAGE, *given["command"])


NODES = """
import json, urllib.request
with urllib.request.urlopen("{url}", timeout=5) as reply:
    print(json.dumps(json.load(reply)))
"""


def asked(podman: Podman, path: str) -> Any:
    """What the server's API says, to a reader in its own network namespace."""
    script = NODES.format(url=f"{SERVER}/api/v1/{path}")
    return json.loads(podman("exec", "server", "python3", "-c", script))


def node_of(podman: Podman) -> Mapping[str, Any]:
    nodes = asked(podman, "nodes")["nodes"]
    found: Mapping[str, Any] = nodes[0] if nodes else {}
    return found


def process_seen(podman: Podman) -> str:
    """Whether the agent found the node's process, which is in another container."""
    states = asked(podman, f"nodes/{node_of(podman)['id']}").get("states") or {}
    seen = str(states.get("process.state"))
    wanted(seen == "running", f"the agent does not see the node's process: process.state is {seen}")
    return seen


def healthy(podman: Podman) -> None:
    for name in ("server", "agent"):
        podman("healthcheck", "run", name)
        say(f"{name}: health check passes")


ROOTS = ("/opt/vedette/x", "/etc/x", "/x")


def bounded(podman: Podman) -> None:
    """Nobody is root, and no root can be written."""
    for name in ("server", "agent"):
        user = podman("exec", name, "id", "-u")
        wanted(user != "0", f"{name} runs as root")
        (about,) = json.loads(podman("inspect", name))
        wanted(about["HostConfig"]["ReadonlyRootfs"], f"{name}: its root can be written")
        tried = podman("exec", name, "sh", "-c", f"touch {' '.join(ROOTS)} 2>&1 || true")
        wanted(
            tried.count("Read-only file system") == len(ROOTS), f"{name}: its root can be written: {tried}"
        )


def until(what: str, true: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE_S
    last = ""
    while time.monotonic() < end:
        try:
            if true():
                return
        except (ImageError, ValueError) as error:
            last = str(error)
        time.sleep(0.5)
    raise ImageError(f"not within {DEADLINE_S} s: {what} {last}")


if __name__ == "__main__":
    sys.exit(main())
