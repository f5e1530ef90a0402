"""A writer of small MaxMind DB files (format 2.0): the library that we read them with writes none."""

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Short(int):
    """Two bytes: the library minds the width of what the metadata says."""


class Long(int):
    """Eight bytes."""


Tree = list[Any]  # two branches, each a Tree, a record, or None


def write(
    path: Path, records: Mapping[str, Mapping[str, Any]], *, version: int = 4, built_s: int = 1_780_000_000
) -> Path:
    """A file of these networks. In one of version 6, IPv4 networks stand below ::/96."""
    root: Tree = [None, None]
    for network, record in records.items():
        _put(root, *_bits(network, version), record)
    nodes: list[Tree] = []
    _number(root, nodes)
    data, places = bytearray(), {}
    for node in nodes:
        for branch in node:
            if isinstance(branch, Mapping) and id(branch) not in places:
                places[id(branch)] = len(data)
                data += _encoded(branch)
    numbers = {id(node): index for index, node in enumerate(nodes)}
    tree = b"".join(_record(branch, numbers, places, len(nodes)) for node in nodes for branch in node)
    metadata = {
        "binary_format_major_version": Short(2), "binary_format_minor_version": Short(0),
        "build_epoch": Long(built_s), "database_type": "Test-City", "description": {"en": "made by a test"},
        "ip_version": Short(version), "languages": ["en"], "node_count": len(nodes), "record_size": Short(32),
    }  # fmt: skip
    path.write_bytes(tree + bytes(16) + bytes(data) + b"\xab\xcd\xefMaxMind.com" + _encoded(metadata))
    return path


def _bits(network: str, version: int) -> tuple[str]:
    given = ipaddress.ip_network(network)
    bits = format(int(given.network_address), f"0{given.max_prefixlen}b")[: given.prefixlen]
    return ("0" * 96 + bits if version == 6 and given.version == 4 else bits,)


def _put(root: Tree, bits: str, record: Mapping[str, Any]) -> None:
    node = root
    for bit in bits[:-1]:
        if node[int(bit)] is None:
            node[int(bit)] = [None, None]
        node = node[int(bit)]
    node[int(bits[-1])] = record


def _number(node: Tree, nodes: list[Tree]) -> None:
    nodes.append(node)
    for branch in node:
        if isinstance(branch, list):
            _number(branch, nodes)


def _record(branch: Any, numbers: Mapping[int, int], places: Mapping[int, int], count: int) -> bytes:
    if branch is None:
        return struct.pack(">I", count)
    if isinstance(branch, list):
        return struct.pack(">I", numbers[id(branch)])
    return struct.pack(">I", count + 16 + places[id(branch)])


def _control(kind: int, size: int) -> bytes:
    assert size < 285, "small things only"
    first, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return (bytes([kind << 5 | first]) if kind < 8 else bytes([first, kind - 7])) + more


def _encoded(value: Any) -> bytes:
    if isinstance(value, Mapping):
        pairs = b"".join(_encoded(name) + _encoded(one) for name, one in value.items())
        return _control(7, len(value)) + pairs
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encoded, value))
    if isinstance(value, str):
        return _control(2, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return _control(3, 8) + struct.pack(">d", value)
    assert isinstance(value, int)
    width = 2 if isinstance(value, Short) else 8 if isinstance(value, Long) else 4
    return _control({2: 5, 4: 6, 8: 9}[width], width) + value.to_bytes(width, "big")
