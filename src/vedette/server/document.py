"""The OpenAPI document as it is told: names that last, and an example for everything."""

from typing import Any, Final

from fastapi.routing import APIRoute

from vedette.server.examples import Examples

JSON: Final = "application/json"
TAGS: Final = [
    {"name": "chain", "description": "The network: committees, epochs, blocks, and how far they are read."},
    {"name": "validators", "description": "Who votes, how well, and what is ahead of each."},
    {"name": "nodes", "description": "Your nodes and their past; of others what they made public."},
    {"name": "pools", "description": "Staking pools, and what a wallet has in them."},
    {"name": "incidents", "description": "What is wrong, and what was told of it."},
    {"name": "alerts", "description": "What is judged by, who is told of it, and how."},
    {"name": "accounts", "description": "Signing in, and the people of this installation."},
    {"name": "teams", "description": "Who belongs to a team, and what each may do."},
    {"name": "keys", "description": "API keys and agents' tokens: what each opens, and until when."},
    {"name": "claims", "description": "Proof that a validator is a team's own, and what it tells of itself."},
    {"name": "audit", "description": "Who did what, in a log that cannot be rewritten unseen."},
    {"name": "push", "description": "Messages to a browser."},
    {"name": "live", "description": "What happens, as it happens."},
    {"name": "metrics", "description": "For Prometheus."},
    {"name": "embeds", "description": "Badges, cards and oEmbed, for other people's pages."},
    {"name": "agents", "description": "For agents alone."},
    {"name": "system", "description": "How the server itself is."},
]


def operation_id(route: APIRoute) -> str:
    """`list_validators` is `listValidators` for ever; clients' functions bear this name."""
    first, *rest = route.name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def dressed(document: dict[str, Any]) -> dict[str, Any]:
    """With plain titles, and examples of parameters, bodies and replies."""
    made = Examples(document["components"]["schemas"])
    for operation in (one for path in document["paths"].values() for one in path.values()):
        title = operation["summary"]
        operation["summary"] = title[:1] + title[1:].lower()
        for parameter in operation.get("parameters", ()):
            if "example" not in parameter:
                parameter["example"] = _parameter(made, parameter)
        contents = [operation["requestBody"]] if "requestBody" in operation else []
        contents += [reply for status, reply in operation["responses"].items() if str(status).startswith("2")]
        for content in contents:
            _show(made, content)
    return document


def _parameter(made: Examples, parameter: dict[str, Any]) -> Any:
    schema = parameter["schema"]
    usual = schema.get("default")
    return made.of(schema, parameter["name"]) if usual in {None, ""} else usual


def _show(made: Examples, content: dict[str, Any]) -> None:
    told = content.get("content", {}).get(JSON)
    if told and told.get("schema") and "example" not in told:
        told["example"] = made.of(told["schema"])
