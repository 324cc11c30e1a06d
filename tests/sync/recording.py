"""Freezes one frame of every message of the sync protocol, both ways, every field filled. Counterpart: `test_recorded.py`.

    python -m tests.sync.recording          # writes tests/sync/recorded/protocol-N

One rule: what a release has recorded is never written again; see `recorded/README.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

from msgspec import inspect

from domain.sync import SYNC_PROTOCOL, ToInstall, ToServer, encode

RECORDED = Path(__file__).parent / "recorded"
WAYS: dict[str, Any] = {"to_server": ToServer, "to_install": ToInstall}


def messages(union: Any) -> Iterator[tuple[str, Any]]:
    """Go over one message of every type of a union, as (its tag, the message)."""
    for type_ in get_args(union):
        yield type_.__struct_config__.tag, _filled(inspect.type_info(type_), count(1))


def _filled(info: Any, numbers: Iterator[int]) -> Any:
    """Return a value of a type that is not its default, the same each time."""
    match info:
        case inspect.StructType():
            given = {one.name: _filled(one.type, numbers) for one in info.fields}
            return info.cls(**given)
        case inspect.UnionType():
            return _filled(next(one for one in info.types if not isinstance(one, inspect.NoneType)), numbers)
        case inspect.VarTupleType() | inspect.ListType():
            return (_filled(info.item_type, numbers),)
        case inspect.TupleType():
            return tuple(_filled(one, numbers) for one in info.item_types)
        case inspect.DictType():
            return {_filled(info.key_type, numbers): _filled(info.value_type, numbers)}
        case inspect.LiteralType():
            return info.values[-1]
        case inspect.UUIDType():
            return UUID(int=next(numbers))
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return next(numbers)
        case inspect.FloatType():
            return next(numbers) + 0.5
        case inspect.BytesType():
            return bytes(8)
        case inspect.StrType() | inspect.AnyType():
            return f"text {next(numbers)}"
        case inspect.Metadata():
            return _filled(info.type, numbers)
    raise TypeError(f"no example of a {type(info).__name__}")


def write(folder: Path) -> None:
    """Write a frame of every message of today."""
    for way, union in WAYS.items():
        (folder / way).mkdir(parents=True, exist_ok=True)
        for name, message in messages(union):
            (folder / way / f"{name}.msgpack").write_bytes(encode(message))


def frames(way: str) -> list[tuple[str, bytes]]:
    """Return what was recorded one way, of every release, as (where, the frame)."""
    found = sorted(RECORDED.glob(f"*/{way}/*.msgpack"))
    return [(f"{file.parts[-3]} {file.stem}", file.read_bytes()) for file in found]


if __name__ == "__main__":
    write(RECORDED / f"protocol-{SYNC_PROTOCOL}")
    sys.stdout.write(f"{RECORDED / f'protocol-{SYNC_PROTOCOL}'}\n")
