"""The API's page of the reference: its examples are replies, and its lists are whole."""

import json
import re
from pathlib import Path

import pytest

from vedette.model.performance import Why
from vedette.server.api import claim_shapes, history_shapes, shapes
from vedette.server.api.history_shapes import ValidatorEpoch
from vedette.server.api.ordering import VALUES
from vedette.server.api.shapes import Shape
from vedette.server.api.sheets import columns
from vedette.server.app import openapi_document
from vedette.server.standings import WINDOWS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text()
EXAMPLES = re.findall(
    r"^`GET (/api/v1/[^?`]+)[^`]*`\n\n```json\n(.*?)```", PAGE, flags=re.MULTILINE | re.DOTALL
)


def shape_of(path: str) -> type[Shape]:
    """What the document says that a GET of this path is answered with."""
    paths = openapi_document()["paths"]
    fits = [one for one in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), path)]
    (template,) = sorted(fits, key=lambda one: one.count("{"))[:1]
    reply = paths[template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    name = reply["$ref"].rpartition("/")[2]
    found = next(
        getattr(room, name) for room in (history_shapes, claim_shapes, shapes) if hasattr(room, name)
    )
    assert isinstance(found, type)
    assert issubclass(found, Shape)
    return found


@pytest.mark.parametrize(("path", "text"), EXAMPLES, ids=[path for path, _ in EXAMPLES])
def test_an_example_is_a_reply(path: str, text: str) -> None:
    """Every field is there and none besides, of the right kind."""
    shape_of(path).model_validate_json(text, strict=True)
    assert shape_of(path).model_fields.keys() == json.loads(text).keys()


def test_every_part_of_the_past_has_an_example() -> None:
    shown = {shape_of(path) for path, _ in EXAMPLES}
    answered = {
        shape_of(re.sub(r"\{\w+\}", "x", path))
        for path, route in openapi_document()["paths"].items()
        if set(route.get("get", {}).get("tags", [])) & {"validators", "chain"}
    }
    told_elsewhere = {
        shapes.Network,
        claim_shapes.ValidatorInFull,
        shapes.Blocks,
    }  # rows of these are in other examples
    assert answered - told_elsewhere <= shown


def test_reasons_windows_and_orders_are_all_there() -> None:
    named = set(re.findall(r"`([^`]+)`", PAGE))
    assert {why.value for why in Why} <= named
    assert WINDOWS.keys() <= named
    assert VALUES.keys() <= named


def test_the_table_has_the_columns_of_the_json() -> None:
    (head,) = re.findall(r"^```csv\n(.*)$", PAGE, flags=re.MULTILINE)
    assert head.split(",") == columns(ValidatorEpoch)
