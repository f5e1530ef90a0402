"""The generated clients: `scripts/clients.py write` makes them, `... check` says whether they are stale.

Both come from the server's OpenAPI document: a method for each operation, named as the operation is. What is
for agents, for browsers that signed in, or a stream, is left out.
"""

import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / "clients/python/vedette_client"
TYPESCRIPT = ROOT / "clients/typescript/src"
TYPES = ROOT / "ui/src/api-types.ts"
sys.path.insert(0, str(ROOT))

from vedette.server.app import openapi_document  # noqa: E402  the root is no package, so its folder comes first

LEFT_OUT: Final = {"agents", "live", "accounts", "push"}
JSON: Final = "application/json"
MARK: Final = (
    "Made by scripts/clients.py from the server's OpenAPI document: change the server, not this file."
)
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method of a client."""

    id: str
    method: str
    path: str
    about: str
    in_path: list[str]
    query: list[Mapping[str, Any]]
    body: Schema | None
    reply: Schema | None  # None: it is no JSON
    is_empty: bool

    @property
    def snake(self) -> str:
        return re.sub(r"(?=[A-Z])", "_", self.id).lower()


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            if not LEFT_OUT & set(told["tags"]):
                yield _operation(path, method, told)


def _operation(path: str, method: str, told: Mapping[str, Any]) -> Operation:
    good = next(reply for status, reply in told["responses"].items() if status.startswith("2"))
    parameters = told.get("parameters", [])
    return Operation(
        id=told["operationId"],
        method=method.upper(),
        path=path,
        about=" ".join(told["description"].partition("\n\n")[0].split()),
        in_path=[one["name"] for one in parameters if one["in"] == "path"],
        query=[one for one in parameters if one["in"] == "query" and one["name"] != "format"],
        body=told.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema"),
        reply=good.get("content", {}).get(JSON, {}).get("schema"),
        is_empty=not good.get("content"),
    )


# --- Python -----------------------------------------------------------------------------------------------

SCALARS: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def python_type(schema: Schema) -> str:
    """A type as Python spells it."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    for many in ("anyOf", "oneOf"):
        if many in schema:
            return " | ".join(dict.fromkeys(python_type(one) for one in schema[many]))
    if "const" in schema or "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema.get('enum', [schema.get('const')])))}]"
    return _python_plain(schema)


def _python_plain(schema: Schema) -> str:
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"tuple[{', '.join(map(python_type, schema['prefixItems']))}]"
        case "array":
            return f"list[{python_type(schema.get('items', {}))}]"
        case "object" if isinstance(schema.get("additionalProperties"), Mapping):
            return f"dict[str, {python_type(schema['additionalProperties'])}]"
        case "object":
            return "dict[str, Any]"
        case kind:
            return SCALARS.get(str(kind), "Any")


def python_shapes(document: Mapping[str, Any]) -> str:
    shapes = [_shape(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    head = f'"""The shapes of bodies and replies.\n\n{MARK}\n"""\n\nfrom __future__ import annotations\n\n'
    return head + "from typing import Any, Literal, NotRequired, TypedDict\n\n" + "\n\n".join(shapes)


def _shape(name: str, schema: Schema) -> str:
    if "properties" not in schema:
        return f"{name} = {python_type(schema)}\n"
    needed = set(schema.get("required", ()))
    if any(map(iskeyword, schema["properties"])):
        return _shape_by_call(name, schema, needed)
    fields = [
        f"    {field}: {python_type(one) if field in needed else f'NotRequired[{python_type(one)}]'}"
        for field, one in schema["properties"].items()
    ]
    if any(map(iskeyword, schema["properties"])):
        return _shape_by_call(name, schema, needed)
    about = " ".join(str(schema.get("description", "")).split())
    words = [f'    """{about}"""\n'] if about else []
    return "\n".join([f"class {name}(TypedDict):", *words, *fields, ""])


def _shape_by_call(name: str, schema: Schema, needed: Collection[str]) -> str:
    """A field is a word of Python's own, so no class can have it. Types are texts: some come later."""
    kinds = {field: python_type(one) for field, one in schema["properties"].items()}
    told = {field: kind if field in needed else f"NotRequired[{kind}]" for field, kind in kinds.items()}
    fields = ", ".join(f"{field!r}: {kind!r}" for field, kind in told.items())
    return f"{name} = TypedDict({name!r}, {{{fields}}})\n"


def python_client(document: Mapping[str, Any]) -> str:
    methods = "\n".join(map(_python_method, operations(document)))
    return (
        f'"""A method for each operation.\n\n{MARK}\n"""\n\nfrom typing import Any, Literal\n\n'
        "from vedette_client._http import Http, segment\nfrom vedette_client.shapes import *\n\n\n"
        "class Client:\n"
        '    """Asks one server, as whoever the token stands for; without one, as the public."""\n\n'
        "    def __init__(self, base_url: str, token: str | None = None, timeout_s: float = 30.0) -> None:\n"
        "        self._http = Http(base_url, token, timeout_s)\n\n"
        "    def download(self, path: str, **query: Any) -> bytes:\n"
        '        """Any list as a table: `format="csv"` or `"parquet"`. Raises VedetteError."""\n'
        '        return self._http.raw("GET", path, query)\n\n'
        f"{methods}"
    )


def _python_method(one: Operation) -> str:
    given = [f"{name}: str | int" for name in one.in_path]
    given += [f"body: {python_type(one.body)}"] if one.body else []
    query = [_python_parameter(told) for told in one.query]
    signature = ", ".join(["self", *given, *(["*", *query] if query else [])])
    path = re.sub(r"\{(\w+)\}", r"{segment(\1)}", one.path)
    names = ", ".join(f'"{told["name"]}": {told["name"]}' for told in one.query)
    asks = f'"{one.method}", {"f" if one.in_path else ""}"{path}", {{{names}}}{", body" if one.body else ""}'
    kind = "None" if one.is_empty else "str" if one.reply is None else python_type(one.reply)
    call = f"self._http.{'text' if kind == 'str' else 'json'}({asks})"
    said = f"answer: {kind} = {call}\n        return answer"
    deed = f"        {call if one.is_empty else said}\n"
    return f'    def {one.snake}({signature}) -> {kind}:\n        """{one.about}"""\n{deed}'


def _python_parameter(told: Mapping[str, Any]) -> str:
    kind = python_type(told["schema"])
    if told.get("required"):
        return f"{told['name']}: {kind}"
    return f"{told['name']}: {kind}{'' if kind.endswith('None') else ' | None'} = None"


def formatted(text: str) -> str:
    """As ruff would have it, so that a change of one operation is a change of few lines."""
    program = [sys.executable, "-m", "ruff", "format", "--line-length", "110", "-"]
    done = subprocess.run(program, input=text, capture_output=True, text=True, check=True)  # noqa: S603  ours
    return done.stdout


# --- TypeScript -------------------------------------------------------------------------------------------


def typescript_client(document: Mapping[str, Any]) -> str:
    methods = "\n".join(map(_typescript_method, operations(document)))
    return f"""// A method for each operation. {MARK}
import {{ Http, segment }} from "./http.ts";
import type {{ Options, Query }} from "./http.ts";
import type {{ operations }} from "./schema.ts";

export {{ VedetteError }} from "./http.ts";
export type {{ components, operations }} from "./schema.ts";

type Asked<O extends keyof operations> = operations[O] extends {{ parameters: {{ query?: infer Q }} }}
  ? Omit<NonNullable<Q>, "format">
  : never;
type Sent<O extends keyof operations> = operations[O] extends {{
  requestBody: {{ content: {{ "application/json": infer B }} }};
}}
  ? B
  : never;
type Json<R> = R extends {{ content: {{ "application/json": infer B }} }} ? B : null;
type Told<O extends keyof operations> = operations[O] extends {{ responses: infer R }}
  ? {{ [S in keyof R]: S extends 200 | 201 | 202 | 204 ? Json<R[S]> : never }}[keyof R]
  : null;

/** Asks one server, as whoever the token stands for; without one, as the public. */
export class Client {{
  readonly #http: Http;

  constructor(baseUrl: string, options: Options = {{}}) {{
    this.#http = new Http(baseUrl, options);
  }}

  /** Any list as a table: `format: "csv"` or `"parquet"`. */
  download(path: string, query: Query = {{}}): Promise<Uint8Array> {{
    return this.#http.bytes("GET", path, query);
  }}

{methods}}}
"""


def _typescript_method(one: Operation) -> str:
    given = [f"{name}: string | number" for name in map(camel, one.in_path)]
    given += [f'body: Sent<"{one.id}">'] if one.body else []
    needed = any(told.get("required") for told in one.query)
    given += [f'query: Asked<"{one.id}">{"" if needed else " = {}"}'] if one.query else []
    path = re.sub(r"\{(\w+)\}", lambda found: f"${{segment({camel(found[1])})}}", one.path)
    kind = "string" if one.reply is None and not one.is_empty else f'Told<"{one.id}">'
    asks = [f'"{one.method}"', f"`{path}`" if one.in_path else f'"{path}"']
    asks += ["query as Query" if one.query else "{}"] if one.query or one.body else []
    asks += ["body"] if one.body else []
    return (
        f"  /** {one.about} */\n  {one.id}({', '.join(given)}): Promise<{kind}> {{\n"
        f"    return this.#http.{'text' if kind == 'string' else 'json'}({', '.join(asks)});\n  }}\n"
    )


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


# --- all of it --------------------------------------------------------------------------------------------


def made() -> dict[Path, str]:
    """Every file's text."""
    document = json.loads(json.dumps(openapi_document()))
    return {
        PYTHON / "shapes.py": formatted(python_shapes(document)),
        PYTHON / "client.py": formatted(python_client(document)),
        TYPESCRIPT / "client.ts": typescript_client(document),
        TYPESCRIPT / "schema.ts": TYPES.read_text(),
    }


def main() -> None:
    if sys.argv[1:] == ["write"]:
        for path, text in made().items():
            path.write_text(text)
    elif sys.argv[1:] == ["check"]:
        stale = [path for path, text in made().items() if not path.is_file() or path.read_text() != text]
        if stale:
            sys.exit(f"{stale[0].relative_to(ROOT)} is stale: make page-types")
    else:
        sys.exit(f"usage: {sys.argv[0]} write|check")


if __name__ == "__main__":
    main()
