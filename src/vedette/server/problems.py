"""Errors as RFC 9457 spells them: a status, and one line that says what to do."""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

PROBLEM_TYPE = "application/problem+json"


class ProblemError(HTTPException):
    """A request that we cannot serve as it is."""

    def __init__(
        self, status: int, detail: str, headers: Mapping[str, str] | None = None, need: str | None = None
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.need = need  # what the page must ask for before it tries again


def problem_body(status: int, detail: str, need: str | None = None) -> bytes:
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return json.dumps(told | ({"need": need} if need else {})).encode()


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, need: str | None = None
) -> Response:
    return Response(problem_body(status, detail, need), status, dict(headers or {}), PROBLEM_TYPE)


def say_problems(app: FastAPI) -> None:
    """Make every error of the app a problem. A bug is told to the log, with its traceback."""
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_parameters)
    app.add_exception_handler(ClientDisconnect, _of_gone)
    app.add_exception_handler(Exception, _of_bug)


DETAILS = {
    404: "There is nothing at {path}. /api/openapi.json lists what there is.",
    405: "{path} does not take {method}.",
}


SECRET = frozenset({"password", "old", "new", "code", "token", "ticket", "config"})
"""Fields whose content is not repeated to anybody."""


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, ProblemError) or error.status_code not in DETAILS:
        need = getattr(error, "need", None)
        return problem(error.status_code, str(error.detail), error.headers, need)
    path, status, headers = request.url.path, error.status_code, dict(error.headers or {})
    methods = methods_at(request.app.openapi_schema or {}, path)
    if methods:  # a framework's route knows of itself alone
        status, headers["Allow"] = 405, ", ".join(methods)
    return problem(status, DETAILS[status].format(path=path[:200], method=request.method), headers)


def methods_at(document: Mapping[str, Any], path: str) -> list[str]:
    """What the OpenAPI document allows at an address; nothing where there is no such route."""
    found: set[str] = set()
    for template, methods in document.get("paths", {}).items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found |= {method.upper() for method in methods}
            if "get" in methods and not is_endless(methods["get"]):
                found.add("HEAD")
    return sorted(found)


def is_endless(operation: Mapping[str, Any]) -> bool:
    """A stream has no end, and so no reply whose body could be left out."""
    return "text/event-stream" in operation.get("responses", {}).get("200", {}).get("content", {})


async def _of_parameters(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem(422, "; ".join(_parameter(one) for one in error.errors()))


def _parameter(error: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0])
    given = error.get("input")
    shown = isinstance(given, str | int | float) and not SECRET.intersection(error["loc"])
    was = f" (you gave {str(given)[:80]!r})" if shown else ""
    return f"{name}: {error['msg']}{was}"


async def _of_gone(_: Request, __: Exception) -> Response:
    return problem(400, "The connection ended before the body did.")


async def _of_bug(_: Request, __: Exception) -> Response:
    return problem(500, "The server failed at this; its log says why. Trying again may help.")
