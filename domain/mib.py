"""What a MIB browser asks and is told: nodes, values in words, what is wrong with files. Counterpart: `engine/mibs/`.

The questions are part of the messages of `wire.py`, which shows nothing else of them.
One rule: every text here came from a file or a device and was cleaned where it was read.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

NodeKind = Literal["node", "scalar", "table", "row", "column", "notification", "module"]

SEARCH_CAP = 200
"""Most nodes that one search or one look at a node's children returns; more are asked for from where it ended."""
RESOLVE_CAP = 500
"""Most OIDs in one question."""
WALK_ROWS_CAP = 5_000
"""Most values that a window collects in one walk."""
WALK_S = 300.0
"""How long a window goes on with one walk."""
WALK_PAGE_ROWS = 200
"""Most values of one answer; the next question goes on where it ended."""


class MibProblem(msgspec.Struct, frozen=True):
    """What is wrong with a MIB file. `line` 0: no line can be named. `missing`: a module that it needs and that is not there."""

    file: str
    said: str
    line: int = 0
    module: str = ""
    missing: str = ""


class MibState(msgspec.Struct, frozen=True):
    """Which MIBs there are: all modules and names, the modules of the user's files, and what is wrong with those.

    `folder` is where the user's files go. While they are read `reading` is the file at hand, `read_files` of `files` are done.
    """

    folder: str
    modules: int = 0
    names: int = 0
    own_modules: tuple[str, ...] = ()
    files: int = 0
    read_files: int = 0
    reading: str = ""
    problems: tuple[MibProblem, ...] = ()


class MibNode(msgspec.Struct, frozen=True):
    """One name in the tree, with all that is known of it. `parent` is the nearest OID above that has a name.

    `syntax` is the type as it was written, `base` what it is in the end; `enum` are the names of its values by number. `index`
    are the columns a row is found by. `file` is the user's file it was read from, "" of what came along.
    """

    oid: str
    name: str
    module: str = ""
    kind: NodeKind = "node"
    parent: str = ""
    children: int = 0
    syntax: str = ""
    base: str = ""
    hint: str = ""
    units: str = ""
    access: str = ""
    status: str = ""
    enum: dict[int, str] = {}
    limits: str = ""
    index: tuple[str, ...] = ()
    augments: str = ""
    description: str = ""
    file: str = ""


class ResolvedOid(msgspec.Struct, frozen=True):
    """An OID in words: "ifDescr.3", the node that named it, what follows it as the row's index in words ("ifIndex 3")."""

    oid: str
    name: str
    node: str = ""
    module: str = ""
    index: str = ""


class WalkedValue(msgspec.Struct, frozen=True):
    """One value of a walk: where, what it is called, what it means ("up"), what was sent ("1"), its type and unit."""

    oid: str
    name: str
    value: str
    raw: str = ""
    syntax: str = ""
    units: str = ""
    index: str = ""


class QueryMibs(msgspec.Struct, tag="query_mibs", frozen=True):
    """Ask which MIBs there are. Reply.result: {"state": MibState as plain data}.

    The first question has the engine load them and read what is new in the user's folder; `again` has it look there anew.
    """

    request: int
    again: bool = False


class QueryMibChildren(msgspec.Struct, tag="query_mib_children", frozen=True):
    """Ask what is next below an OID, "" for the root. Reply.result: {"nodes": [MibNode as plain data, in brief], "more": bool};
    with `after` a child's OID it goes on behind that. INVALID_INPUT at "oid" or "after" for what is none."""

    request: int
    oid: str = ""
    after: str = ""


class SearchMibs(msgspec.Struct, tag="search_mibs", frozen=True):
    """Ask which nodes a text names: an OID, MODULE::name, a name, parts of one. Reply.result: {"nodes": [MibNode, in brief],
    "more": bool}, the closest first, at most `limit` (<= SEARCH_CAP)."""

    request: int
    text: str
    limit: int = 50


class QueryMibNode(msgspec.Struct, tag="query_mib_node", frozen=True):
    """Ask all that is known of an OID, by number or name ("ifDescr.3"). Reply.result: {"path": [MibNode, in brief, from the
    root], "node": MibNode, "resolved": ResolvedOid}; NODE_NOT_FOUND where neither it nor anything above it has a name."""

    request: int
    oid: str


class ResolveOids(msgspec.Struct, tag="resolve_oids", frozen=True):
    """Ask what OIDs are called, at most RESOLVE_CAP. Reply.result: {"resolved": [ResolvedOid], in their order}."""

    request: int
    oids: tuple[str, ...]


class WalkDevice(msgspec.Struct, tag="walk_device", frozen=True):
    """Ask a device for what it has at and below an OID; nothing is written and nothing kept. Reply.result: {"values":
    [WalkedValue], "next": what to ask with as `after` to go on, "" at the end}, at most `rows` (<= WALK_PAGE_ROWS) values.

    Who walks asks for page after page, and stops by asking no more. Refused with what the device's probe would say.
    """

    request: int
    device: UUID
    oid: str
    after: str = ""
    rows: int = 100


MibRequest = QueryMibs | QueryMibChildren | SearchMibs | QueryMibNode | ResolveOids | WalkDevice
