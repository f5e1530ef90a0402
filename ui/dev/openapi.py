# ruff: noqa: INP001 -- found by path
"""Prints an OpenAPI document of the shapes alone, for `npm run types` where no server can be started."""

import inspect
import json
import sys

from pydantic.json_schema import models_json_schema

from vedette.server.api import shapes


def document() -> dict[str, object]:
    """Every shape as the server writes it: what has a default is there all the same, so it is required."""
    models = [
        shape
        for _, shape in inspect.getmembers(shapes, inspect.isclass)
        if issubclass(shape, shapes.Shape) and shape is not shapes.Shape
    ]
    _, schema = models_json_schema(
        [(model, "serialization") for model in models], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vedette", "version": "1"},
        "paths": {},
        "components": {"schemas": schema["$defs"]},
    }


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=1)
