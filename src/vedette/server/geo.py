"""Places of addresses, from a file that the operator brought. An address is looked up and forgotten."""

import ipaddress
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import maxminddb
from maxminddb import InvalidDatabaseError, Reader

from vedette.model.errors import SettingError
from vedette.model.place import Place

log = logging.getLogger(__name__)

ATTRIBUTION = "IP geolocation by DB-IP (https://db-ip.com), CC BY 4.0"
"""What the licence of the data wants to be told beside it."""
CITY_CHARS_MAX = 80
FIRST_NETWORKS = 2_000
"""So many are looked at for a country, before a file is taken for one of places."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class GeoFile:
    """One file of places, open."""

    path: Path
    reader: Reader

    @property
    def built_on(self) -> date:
        return datetime.fromtimestamp(self.reader.metadata().build_epoch, UTC).date()

    @property
    def is_of_ipv4_alone(self) -> bool:
        return bool(self.reader.metadata().ip_version == 4)  # noqa: PLR2004  the version's number

    def place(self, address: Address) -> Place | None:
        if self.is_of_ipv4_alone and address.version != 4:  # noqa: PLR2004
            return None
        return place_in(self.reader.get(address))


def open_file(path: Path) -> GeoFile:
    """Raises SettingError, in one line, when it is no file of places."""
    try:
        file = GeoFile(path, maxminddb.open_database(path))
        found = any(place_in(record) for _, record in islice(file.reader, FIRST_NETWORKS))
    except OSError as error:
        raise SettingError(f"cannot read {path}: {error.strerror}") from error
    except (InvalidDatabaseError, ValueError) as error:
        raise SettingError(f"{path} is no MaxMind DB file, or a damaged one") from error
    if not found:
        file.reader.close()
        raise SettingError(f"{path} is a MaxMind DB file, but not of countries or cities")
    return file


def ipv6_beside(path: Path) -> Path:
    """Where the file for IPv6 is, when there is one for each."""
    return path.with_name(f"{path.stem}-ipv6{path.suffix}")


class Geo:
    """The file of the settings, and its twin for IPv6 if there is one; changed files are taken over."""

    def __init__(self, path: Path) -> None:
        self._paths = (path, ipv6_beside(path))
        self._seen: tuple[int | None, ...] | None = None
        self._files: tuple[GeoFile, ...] = ()

    def look(self) -> bool:
        """Open what is new, and say once what is missing or wrong; whether anything changed."""
        seen = tuple(_changed_at_ns(path) for path in self._paths)
        if seen == self._seen:
            return False
        self._seen = seen
        before, self._files = self._files, tuple(self._opened())
        for file in before:
            file.reader.close()
        if not self._files:
            log.info(
                "nodes are not placed by their addresses: %s is not there or of no use; bring one with"
                " `vedette geo update`",
                self._paths[0],
            )
        return True

    def _opened(self) -> Iterator[GeoFile]:
        for path in self._paths:
            if path.exists():
                try:
                    yield open_file(path)
                except SettingError as error:
                    log.warning("%s", error)

    @property
    def is_open(self) -> bool:
        return bool(self._files)

    @property
    def as_of(self) -> date | None:
        """The day of the oldest of the files in use."""
        return min((file.built_on for file in self._files), default=None)

    def place(self, host: str) -> Place | None:
        """Where that address is said to be; None for one of a private network, and for an unknown one."""
        address = public_address(host)
        if address is None:
            return None
        return next((place for file in self._files if (place := file.place(address))), None)


def _changed_at_ns(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def public_address(host: str) -> Address | None:
    """An address that stands for a place on the internet."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address  # how a dual socket spells IPv4
    return address if address.is_global else None


def place_in(record: object) -> Place | None:
    """The place in a record, in either of the layouts in which DB-IP's files come."""
    if not isinstance(record, Mapping):
        return None
    nested = isinstance(record.get("country"), Mapping)
    told = _of_nested(record) if nested else _of_flat(record)
    country, city, latitude, longitude = told
    if not isinstance(country, str) or not re.fullmatch(r"[A-Z]{2}", country):
        return None
    point = _point(latitude, longitude)
    return Place(country, _city(city), point and point[0], point and point[1], "address")


def _of_flat(record: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
    return tuple(record.get(name) for name in ("country_code", "city", "latitude", "longitude"))  # type: ignore[return-value]


def _of_nested(record: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
    city, location = (
        part if isinstance(part := record.get(name), Mapping) else {} for name in ("city", "location")
    )
    names = city.get("names")
    name = names.get("en") if isinstance(names, Mapping) else None
    return record["country"].get("iso_code"), name, location.get("latitude"), location.get("longitude")


def _city(name: object) -> str | None:
    """A city's name; what is odd there is not shown to anybody."""
    plain = isinstance(name, str) and name.isprintable() and name.strip()
    return str(name).strip()[:CITY_CHARS_MAX] if plain else None


def _point(latitude: object, longitude: object) -> tuple[float, float] | None:
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    if not -90 <= latitude <= 90 or not -180 <= longitude <= 180:  # noqa: PLR2004  degrees
        return None
    return round(latitude, 4), round(longitude, 4)
