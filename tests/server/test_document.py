"""The OpenAPI document: every operation has a lasting name, words, and examples that its schemas allow."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from vedette.server.app import openapi_document
from vedette.server.document import JSON, TAGS
from vedette.server.examples import Examples

DOCUMENT = openapi_document()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
each = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))


def fits(schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    jsonschema_rs.validate(whole, value)


def contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is sent and answered as JSON, if all goes well."""
    good = [reply for status, reply in operation["responses"].items() if str(status).startswith("2")]
    for one in (operation.get("requestBody", {}), *good):
        if JSON in one.get("content", {}):
            yield one["content"][JSON]


@each
def test_an_operation_has_a_short_name_and_words(operation: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z][A-Za-z]{2,40}", operation["operationId"])
    assert operation["summary"]
    assert operation["description"].strip()
    assert len(operation["tags"]) == 1


def test_no_name_is_given_twice() -> None:
    names = Counter(operation["operationId"] for operation in OPERATIONS.values())
    assert [name for name, count in names.items() if count > 1] == []


def test_names_last() -> None:
    """Clients call them: an operation may be added, but none renamed."""
    assert {one["operationId"] for one in OPERATIONS.values()} >= {
        "network", "networkHistory", "historyProgress", "listValidators", "oneValidator", "validatorVotes",
        "validatorPerformance", "validatorEpochs", "validatorRewards", "validatorBalance", "validatorOutlook",
        "validatorElections", "validatorEvents", "actingCommittee", "committeeOfEpoch", "listEpochs",
        "oneEpoch", "listNodes", "oneNode", "changeNode", "forgetNode", "nodeSeries", "nodeStates",
        "nodeAvailability", "makeEnrolment", "enrolment", "worldMap", "versions", "listBlocks", "oneBlock",
        "listPools", "onePool", "poolFees", "poolHoldings", "oneWallet", "listIncidents", "oneIncident",
        "live", "enrol", "reports", "fleetMetrics", "oembed", "healthz", "readyz", "metrics",
    }  # fmt: skip


@each
def test_every_tag_is_explained(operation: dict[str, Any]) -> None:
    assert set(operation["tags"]) <= {tag["name"] for tag in TAGS}


@each
def test_replies_and_bodies_have_examples_that_their_schemas_allow(operation: dict[str, Any]) -> None:
    for content in contents(operation):
        assert content["schema"], "a reply in JSON has a shape"
        fits(content["schema"], content["example"])


@each
def test_parameters_have_examples_that_their_schemas_allow(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        fits(parameter["schema"], parameter["example"])


def test_a_shape_within_itself_has_an_end() -> None:
    tree = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/x/Tree"}, {"type": "null"}]},
            "all": {"type": "array", "items": {"$ref": "#/x/Tree"}}}}  # fmt: skip
    made = Examples({"Tree": tree}).of(tree)
    for _ in range(20):
        made = made and made["next"]
    assert made is None
