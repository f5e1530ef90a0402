"""Record what a real node answers: python tests/tapes/record.py URL-of-a-local-port > tests/tapes/node.json

One object a call: method, params, and the result or the error as it came.
"""

import json
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

Taped = dict[str, Any]

NOBODY = "0x" + "11" * 32


def asked(url: str, method: str, *params: Any) -> Taped:
    question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    request = urllib.request.Request(url, json.dumps(question).encode(), {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as reply:
        said = json.load(reply)
    kind = "error" if "error" in said else "result"
    return {"method": method, "params": params, kind: said[kind]}


def tape(url: str) -> Iterator[Taped]:
    yield asked(url, "cfx_clientVersion")
    yield asked(url, "cfx_getStatus")
    status = asked(url, "pos_getStatus")
    yield status
    committed, epoch = int(status["result"]["latestCommitted"], 16), int(status["result"]["epoch"], 16)
    for height in (0, 1, 2, 3, committed - 3, committed + 1000):
        yield asked(url, "pos_getBlockByNumber", hex(height))
    yield asked(url, "pos_getBlockByNumber", "latest_voted")
    for each in (0, 1, epoch, epoch + 9):
        yield asked(url, "pos_getEpochState", hex(each))
    members = asked(url, "pos_getEpochState", hex(epoch))["result"]["verifier"]["addressToValidatorInfo"]
    for address in (*sorted(members)[:2], NOBODY, "0x1234"):
        yield asked(url, "pos_getAccount", address)
    yield asked(url, "pos_noSuchMethod")


if __name__ == "__main__":
    sys.stdout.write("[\n" + ",\n".join(json.dumps(each) for each in tape(sys.argv[1])) + "\n]\n")
