"""What a MIB module says, as plain facts. Counterpart: `standard.py` and `reader.py` make them, `tree.py` joins them.

A quarter of a million of them is possible, and none is ever part of a ring: the collector does not walk them (`gc=False`).
One rule: a fact stands as its module says it; what a name of another module means is found when all modules are there.
"""

from __future__ import annotations

import msgspec

from domain.mib import NodeKind

Oid = tuple[int, ...]

NAME_CAP = 128
UNITS_CAP = 64
HINT_CAP = 64
DESCRIPTION_CAP = 1_000
ENUM_CAP = 4_096
"""Most names of values of one syntax that are kept; IANAifType has 300."""

BASE_SYNTAXES = frozenset(
    {
        "INTEGER",
        "OCTET STRING",
        "OBJECT IDENTIFIER",
        "BITS",
        "Integer32",
        "Unsigned32",
        "Counter32",
        "Counter64",
        "Gauge32",
        "IpAddress",
        "TimeTicks",
        "Opaque",
    }
)


class Syntax(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """A type as it is written: its name, where that comes from ("" is SMI's own), what its values are called, its limits.

    `limits` are of the number, or of the length of an OCTET STRING.
    """

    name: str
    module: str = ""
    enum: dict[int, str] = {}
    limits: tuple[tuple[int, int], ...] = ()


class Convention(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """A textual convention, or a type that a module defines."""

    name: str
    syntax: Syntax
    hint: str = ""


class Node(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """One name in the tree. `index` names a row's columns, the last of them `implied`; `augments` the row whose index it has."""

    name: str
    oid: Oid
    kind: NodeKind = "node"
    syntax: Syntax | None = None
    access: str = ""
    units: str = ""
    index: tuple[str, ...] = ()
    implied: bool = False
    augments: str = ""
    status: str = ""
    description: str = ""


class Module(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """One module. `file` is the name of the user's file it was read from, "" if it came along."""

    name: str
    conventions: tuple[Convention, ...] = ()
    nodes: tuple[Node, ...] = ()
    file: str = ""
