"""Examples for the OpenAPI document, made from its own schemas, so that none is forgotten and none is stale.

A name tells what a value looks like; where it does not, the schema alone does. Equal schemas have
equal examples.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

DEEPEST: Final = 8
ADDRESS: Final = "0x75fd897f7bac5ca72a1e630115e36cc9dd46d1899562fda0cd7377d9810bf821"
CONTRACT: Final = "cfx:acc7uawf5ubtnmezvhu9dhc6sghea0403y2dgpyfjp"

TEXTS: Final[Mapping[str, str]] = {
    "address": ADDRESS,
    "absent": ADDRESS,
    "author": "ana",
    "city": "Paris",
    "contract": CONTRACT,
    "country": "FR",
    "detail": "There is no such node, or it is not yours to see. GET /api/v1/nodes lists yours.",
    "email": "ana@example.org",
    "error": "the endpoint did not answer within 5 s",
    "folder": "/var/lib/vedette-agent",
    "hash": "0x5b7c1f0d0a4c8e1f9b3a62d7e4f508193a2b6c7d8e9f0a1b2c3d4e5f60718293",
    "html": '<iframe src="https://vedette.example.org/embed/validators/0x75fd"></iframe>',
    "id": "ab12cd34ef56ab78",
    "key": "node_down/ab12cd34ef56ab78",
    "label": "europe",
    "labels": "europe",
    "language": "en",
    "name": "paris-1",
    "node_id": "ab12cd34ef56ab78",
    "own_name": "Our pool",
    "owner": "cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg",
    "pool": CONTRACT,
    "pos_address": ADDRESS,
    "pow_address": "cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg",
    "probe": "peers",
    "provider_name": "Vedette",
    "provider_url": "https://vedette.example.org",
    "reason": "the node said so",
    "release": "3.0.2",
    "rule": "node_down",
    "states": "active",
    "strip": "ssslssssas",
    "title": "paris-1 is down",
    "type": "about:blank",
    "url": f"https://vedette.example.org/validators/{ADDRESS}",
    "version": "3.0.2",
    "vote": "s",
}
"""By the field's name. A text that its schema does not allow gives way to one that it does."""
SPARE: Final = (
    "text",
    "2026",
    "15688511370",
    "ab12cd34ef56ab78",
    "our-team",
    ADDRESS,
    "https://example.org/hook",
    "FR",
    "ab" * 16,
    "ab" * 32,
    "ab" * 64,
    "2026-08-04",
)
WHOLE: Final[Mapping[str, int]] = {
    "epoch": 36_210,
    "height": 2_172_598,
    "limit": 50,
    "points": 300,
    "round": 14,
    "score": 99,
    "status": 404,
    "votes": 676,
    "width": 480,
}
BY_END: Final = (
    ("_at_ms", 1_795_929_809_764),
    ("until_ms", 1_795_931_609_764),
    ("from_ms", 1_795_843_409_764),
    ("to_ms", 1_795_929_809_764),
    ("_epoch", 36_210),
    ("_height", 2_172_598),
    ("_ppm", 964_811),
    ("_votes", 676),
    ("_ms", 31_000),
    ("_bytes", 8_589_934_592),
)
FORMATS: Final = {
    "date": "2026-08-04",
    "date-time": "2026-08-04T12:00:00Z",
    "email": "ana@example.org",
    "uri": "https://example.org/hook",
    "uuid": "6f1d4c3e-8a0b-4d65-9d1a-0c5b7e2f4a91",
}


class Examples:
    """Makes examples of the shapes of one document."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas

    def of(self, schema: Schema, name: str = "", depth: int = 0) -> Any:
        if "$ref" in schema:
            return self.of(self._schemas[schema["$ref"].rpartition("/")[2]], name, depth + 1)
        if schema.get("examples"):
            return schema["examples"][0]
        for fixed in ("example", "const"):
            if fixed in schema:
                return schema[fixed]
        if schema.get("enum"):
            return schema["enum"][0]
        for many in ("anyOf", "oneOf", "allOf"):
            if many in schema:
                return self._one_of(schema[many], name, depth)
        return self._plain(schema, name, depth)

    def _one_of(self, schemas: list[Schema], name: str, depth: int) -> Any:
        """The first that is something; nothing where it would never end."""
        some = [one for one in schemas if one.get("type") != "null"]
        if depth > DEEPEST and len(some) < len(schemas):
            return None
        return self.of(some[0], name, depth) if some else None

    def _plain(self, schema: Schema, name: str, depth: int) -> Any:
        made: Any = None
        match schema.get("type"):
            case "object":
                made = self._object(schema, depth)
            case "array":
                made = self._array(schema, name, depth)
            case "string":
                made = text(schema, name)
            case "integer":
                made = _within(schema, _number(name, 7))
            case "number":
                made = _within(schema, _number(name, 0.25))
            case "boolean":
                made = bool(schema.get("default", True))
        return made

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        made = {name: self.of(one, name, depth + 1) for name, one in schema.get("properties", {}).items()}
        more = schema.get("additionalProperties")
        if isinstance(more, Mapping) and not made and depth <= DEEPEST:
            names = schema.get("propertyNames", {})
            key = self.of({"type": "string", **names}, "key_of") if names else "name"
            made[str(key)] = self.of(more, "", depth + 1)
        return made

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        if "prefixItems" in schema:
            return [self.of(one, name, depth + 1) for one in schema["prefixItems"]]
        least = schema.get("minItems", 0)
        if depth > DEEPEST and not least:
            return []
        one = self.of(schema.get("items", {}), name, depth + 1)
        return [] if one is None and not least else [one] * max(1, least)


def text(schema: Schema, name: str) -> str:
    """One that fits; the first of all, if none does."""
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    default = schema.get("default")
    told = [default] if isinstance(default, str) and default else []
    named = [TEXTS[name]] if name in TEXTS else []
    return next((one for one in (*named, *told, *SPARE) if _fits(schema, one)), SPARE[0])


def _fits(schema: Schema, one: str) -> bool:
    in_length = schema.get("minLength", 0) <= len(one) <= schema.get("maxLength", len(one))
    return in_length and re.search(schema.get("pattern", ""), one) is not None


def _number(name: str, otherwise: float) -> float:
    if name in WHOLE:
        return WHOLE[name]
    return next((value for end, value in BY_END if name.endswith(end)), otherwise)


def _within(schema: Schema, value: float) -> float:
    whole = schema.get("type") == "integer"
    step = 1 if whole else 1e-3
    low = schema.get("minimum", schema.get("exclusiveMinimum", value - step) + step)
    high = schema.get("maximum", schema.get("exclusiveMaximum", value + step) - step)
    found = min(max(value, low), high)
    return int(found) if whole else found
