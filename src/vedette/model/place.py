"""Where a node stands, and how much of that its operator lets others know."""

from dataclasses import dataclass, replace
from typing import Literal

from vedette.model.countries import CENTROIDS

Publish = Literal["nothing", "country", "city"]
Source = Literal["operator", "address"]


@dataclass(frozen=True, slots=True)
class Place:
    """A country (ISO 3166-1 alpha-2), and what is known more precisely. Degrees, north and east positive."""

    country: str
    city: str | None
    latitude: float | None
    longitude: float | None
    source: Source
    hosting: str | None = None

    @property
    def point(self) -> tuple[float, float] | None:
        """Where to draw it: as precisely as is known, at least in the middle of its country."""
        if self.latitude is None or self.longitude is None:
            return CENTROIDS.get(self.country)
        return self.latitude, self.longitude


def published(place: Place | None, publish: Publish) -> Place | None:
    """What others may know: never finer than what was allowed, and of a city only about where it is."""
    if place is None or publish == "nothing":
        return None
    if publish == "city" and place.city is not None:
        return replace(
            place, latitude=_rough(place.latitude), longitude=_rough(place.longitude), hosting=None
        )
    latitude, longitude = CENTROIDS.get(place.country, (None, None))
    return Place(place.country, None, latitude, longitude, place.source)


def _rough(degrees: float | None) -> float | None:
    """A tenth of a degree is about ten kilometres."""
    return None if degrees is None else round(degrees, 1)
