"""All modules together: which name an OID has, what is below it, what its values mean. Counterpart: `facts.py`, `values.py`.

Theory: a node's parent is the nearest OID above it that has a name, for vendors skip arcs. Where several modules name one OID
the user's own is believed, then an object before a mere name, then the newer module.
One rule: a tree never changes; other files make another tree.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from domain.mib import MibNode, ResolvedOid
from engine.mibs.facts import BASE_SYNTAXES, Convention, Module, Node, Oid, Syntax
from engine.mibs.values import Meaning, words_of_index

OUTDATED = frozenset({"RFC1213-MIB", "RFC1271-MIB"})
"""Modules that others replaced name by name."""
OID_ARCS_CAP = 128

_NUMERIC = re.compile(r"\.?\d{1,10}(?:\.\d{1,10}){0,127}\.?")
_WITH_SUFFIX = re.compile(r"(?:([\w-]+)::)?([A-Za-z][\w-]*)((?:\.\d{1,10}){0,127})")
_DEPTH_CAP = 16
"""Of conventions that are made of conventions, and of rows that augment rows."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A node and whose it is."""

    node: Node
    module: Module


def oid_of(text: str) -> Oid | None:
    """Return an OID that is written in numbers, with or without a dot before it; None where it is none."""
    if not _NUMERIC.fullmatch(text):
        return None
    oid = tuple(map(int, text.strip(".").split(".")))
    return oid if max(oid) < 2**32 else None


def text_of(oid: Oid) -> str:
    """Return an OID in numbers."""
    return ".".join(map(str, oid))


class Tree:
    """The tree of a set of modules."""

    def __init__(self, modules: Iterable[Module]) -> None:
        own_first = sorted(modules, key=lambda module: (not module.file, module.name in OUTDATED))
        self.modules = {module.name: module for module in reversed(own_first)}
        self._entries: dict[Oid, Entry] = {}
        self._names: dict[str, list[Oid]] = {}
        self._conventions: dict[tuple[str, str], Convention] = {}
        self._loose: dict[str, Convention] = {}
        for module in own_first:
            if self.modules[module.name] is module:
                self._take(module)
        for oid, entry in [(oid, entry) for oid, entry in self._entries.items() if entry.node.kind == "node"]:
            above = self._entries.get(self._named_above(oid))
            if above is not None and above.node.kind in ("scalar", "column"):
                del self._entries[
                    oid
                ]  # a name for one instance, such as sysUpTimeInstance: its object says more
                self._names[entry.node.name].remove(oid)
        self._children: dict[Oid, list[Oid]] = {}
        for oid in self._entries:
            self._children.setdefault(self._named_above(oid), []).append(oid)
        for children in self._children.values():  # a sort of all at once would stop every other thread
            children.sort()
        self._folded = [(entry.node.name.casefold(), oid) for oid, entry in self._entries.items()]

    def __len__(self) -> int:
        return len(self._entries)

    def entry(self, oid: Oid) -> Entry | None:
        """Return what has exactly that OID."""
        return self._entries.get(oid)

    def nearest(self, oid: Oid) -> Entry | None:
        """Return what has that OID, or the nearest above it that has a name."""
        return self._entries.get(oid) or self._entries.get(self._named_above(oid))

    def children(self, oid: Oid, after: Oid = (), cap: int = 200) -> list[Entry]:
        """Return what is next below an OID, in the order of the tree; () is the root."""
        found = self._children.get(oid, [])
        start = bisect_left(found, (*after, -1)) if after else 0
        start += bool(after) and start < len(found) and found[start] == after
        return [self._entries[child] for child in found[start : start + cap]]

    def path(self, oid: Oid) -> list[Entry]:
        """Return the named nodes from the root down to an OID, or to the nearest above it."""
        path = []
        while oid:
            entry = self._entries.get(oid)
            if entry is not None:
                path.append(entry)
            oid = self._named_above(oid)
        return path[::-1]

    def search(self, text: str, cap: int) -> list[Entry]:
        """Return what a text names: an OID, MODULE::name, a name or a part of one; the closest first."""
        text = text.strip()
        oid = oid_of(text)
        if oid is not None:
            near = self.nearest(oid)
            return [near] if near is not None else []
        exact = self.oid_named(text)
        found = [near] if exact is not None and (near := self.nearest(exact)) is not None else []
        module, _, name = text.rpartition("::")
        wanted, words = (
            (module.casefold(), name.casefold().split()) if module else ("", text.casefold().split())
        )
        if not words and not wanted:
            return found
        ranked: list[tuple[int, int, str, Oid]] = []
        for folded, at in self._folded:
            if all(word in folded for word in words):
                entry = self._entries[at]
                if wanted and entry.module.name.casefold() != wanted:
                    continue
                first = words[0] if words else ""
                rank = 0 if folded == first else 1 if folded.startswith(first) else 2
                ranked.append((rank, len(folded), folded, at))
        ranked.sort()
        seen = {id(entry.node) for entry in found}
        found += [e for _, _, _, at in ranked if id((e := self._entries[at]).node) not in seen]
        return found[:cap]

    def oid_named(self, text: str) -> Oid | None:
        """Return the OID of a name as people write it: "ifDescr", "IF-MIB::ifDescr", "sysUpTime.0", "1.3.6"."""
        oid = oid_of(text.strip())
        if oid is not None:
            return oid
        match = _WITH_SUFFIX.fullmatch(text.strip())
        if match is None:
            return None
        module, name, suffix = match.groups()
        for found in self._names.get(name, ()):
            if not module or self._entries[found].module.name == module:
                return found + (oid_of(suffix) or ()) if suffix else found
        return None

    def meaning(self, node: Node) -> Meaning:
        """Return what a node's values are in the end: through all conventions down to SMI's own types."""
        return self._meaning_of(node.syntax) if node.syntax is not None else Meaning("")

    def index_of(self, oid: Oid) -> list[tuple[str, Meaning]] | None:
        """Return the parts of a column's or row's index by name; None where it has none."""
        row = self._row_of(oid)
        return self._index_of_row(row) if row is not None and row.node.index else None

    def is_implied(self, oid: Oid) -> bool:
        """Tell whether the last part of a column's index goes without its length."""
        row = self._row_of(oid)
        return row is not None and row.node.implied

    def resolve(self, oid: Oid) -> ResolvedOid:
        """Return an OID in words."""
        entry = self.nearest(oid)
        if entry is None:
            return ResolvedOid(text_of(oid), text_of(oid))
        suffix = oid[len(entry.node.oid) :]
        name = ".".join([entry.node.name, *map(str, suffix)])
        index = ""
        parts = self.index_of(entry.node.oid) if suffix and entry.node.kind == "column" else None
        if parts:
            index = words_of_index(parts, suffix, implied=self.is_implied(entry.node.oid), name=self.name_of)
        return ResolvedOid(text_of(oid), name, text_of(entry.node.oid), entry.module.name, index)

    def name_of(self, oid: Oid) -> str:
        """Return the name of an OID, with what follows it in numbers."""
        entry = self.nearest(oid)
        if entry is None:
            return text_of(oid)
        return ".".join([entry.node.name, *map(str, oid[len(entry.node.oid) :])])

    def tell(self, entry: Entry, *, briefly: bool = False) -> MibNode:
        """Return a node as clients are told of it; `briefly` without what only one node at a time needs."""
        node, module = entry.node, entry.module
        brief = MibNode(
            text_of(node.oid),
            node.name,
            module.name,
            node.kind,
            text_of(self._named_above(node.oid)),
            len(self._children.get(node.oid, ())),
        )
        if briefly:
            return brief
        meaning = self.meaning(node)
        row = self._row_of(node.oid)
        return msgspec.structs.replace(
            brief,
            syntax=node.syntax.name if node.syntax is not None else "",
            base=meaning.base,
            hint=meaning.hint,
            units=node.units,
            access=node.access,
            status=node.status,
            enum=dict(meaning.enum),
            limits=", ".join(str(low) if low == high else f"{low}..{high}" for low, high in meaning.limits),
            index=row.node.index if row is not None else (),
            augments=node.augments,
            description=node.description,
            file=module.file,
        )

    def _take(self, module: Module) -> None:
        for convention in module.conventions:
            self._conventions.setdefault((module.name, convention.name), convention)
            self._loose.setdefault(convention.name, convention)
        for node in module.nodes:
            self._names.setdefault(node.name, [])
            if node.oid not in self._names[node.name]:
                self._names[node.name].append(node.oid)
            known = self._entries.get(node.oid)
            better = known is None or (known.node.kind == "node" and node.kind != "node")
            if better:
                self._entries[node.oid] = Entry(node, module)

    def _named_above(self, oid: Oid) -> Oid:
        above = oid[:-1]
        while above and above not in self._entries:
            above = above[:-1]
        return above

    def _meaning_of(self, syntax: Syntax) -> Meaning:
        hint, enum, limits = "", syntax.enum, syntax.limits
        for _ in range(_DEPTH_CAP):
            if syntax.name in BASE_SYNTAXES:
                return Meaning(syntax.name, hint, enum, limits)
            convention = self._conventions.get((syntax.module, syntax.name)) or self._loose.get(syntax.name)
            if convention is None:
                break
            syntax = convention.syntax
            hint = hint or convention.hint
            enum, limits = enum or syntax.enum, limits or syntax.limits
        return Meaning("", hint, enum, limits)

    def _indexed(self, row: Entry) -> Entry | None:
        """Return the row that has the index: itself, or the one that it augments."""
        for _ in range(_DEPTH_CAP):
            if row.node.index or not row.node.augments:
                return row
            found = next(
                (
                    e
                    for o in self._names.get(row.node.augments, ())
                    if (e := self._entries[o]).node.kind == "row"
                ),
                None,
            )
            if found is None:
                return None
            row = found
        return None

    def _row_of(self, oid: Oid) -> Entry | None:
        """Return the row that has the index of a row or a column."""
        entry = self._entries.get(oid)
        if entry is not None and entry.node.kind == "column":
            entry = self._entries.get(self._named_above(oid))
        return self._indexed(entry) if entry is not None and entry.node.kind == "row" else None

    def _index_of_row(self, row: Entry) -> list[tuple[str, Meaning]] | None:
        parts = []
        for name in row.node.index:
            oids = self._names.get(name, ())
            near = [o for o in oids if self._entries[o].module is row.module] or list(oids)
            if not near:
                return None
            parts.append((name, self.meaning(self._entries[near[0]].node)))
        return parts
