"""The tree of names, asked for as far as it is opened. Counterpart: `QueryMibChildren` of `domain/mib.py`.

Theory: a node's children are asked for when it is first opened, a page at a time; what is to be shown (`reveal`) is a path of
OIDs that is opened step by step as the answers come. One rule: nothing is asked twice, and a late answer to a tree that was
begun anew is dropped.
"""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from shiboken6 import isValid

from app.commands import Asks
from app.panels.text import tip
from domain.mib import MibNode, QueryMibChildren
from domain.wire import Reply

Index = QModelIndex | QPersistentModelIndex


class Row:
    """One name of the tree and what is known below it."""

    def __init__(self, number: int, node: MibNode, parent: Row | None, place: int) -> None:
        self.number = number
        self.node = node
        self.parent = parent
        self.place = place
        self.children: list[Row] = []
        self.complete = node.children == 0
        self.asked = False

    @property
    def depth(self) -> int:
        """How far in it stands."""
        return 0 if self.parent is None or not self.parent.node.oid else self.parent.depth + 1


class MibTreeModel(QAbstractItemModel):
    """The rows that were asked for so far."""

    revealed = Signal(object)
    """The index that `reveal` was for."""

    def __init__(self, asks: Asks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._asks = asks
        self._numbers = itertools.count(1)
        self._round = 0
        self._wanted: list[str] = []
        self._rows: dict[int, Row] = {}
        self._by_oid: dict[str, Row] = {}
        self.root = Row(0, MibNode("", "", children=1), None, 0)

    def begin(self) -> None:
        """Forget everything and ask for the root anew."""
        self.beginResetModel()
        self._round += 1
        self._wanted = []
        self._rows.clear()
        self._by_oid.clear()
        self.root = Row(0, MibNode("", "", children=1), None, 0)
        self.endResetModel()
        self._ask(self.root)

    def reveal(self, path: list[str]) -> None:
        """Open what is above the last OID of a path, which begins at the root; `revealed` tells when it is there."""
        self._wanted = list(path)
        self._go_on()

    def row(self, index: Index) -> Row:
        """Return the row behind an index; the root where there is none."""
        return self._rows.get(index.internalId(), self.root) if index.isValid() else self.root

    def index_of(self, row: Row) -> QModelIndex:
        """Return where a row stands."""
        return self.createIndex(row.place, 0, row.number) if row is not self.root else QModelIndex()

    # Qt's side

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        """Return the index of a child."""
        rows = self.row(parent).children
        return self.createIndex(row, 0, rows[row].number) if 0 <= row < len(rows) else QModelIndex()

    def parent(self, index: Index = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008
        """Return the index of what a row is under."""
        above = self.row(index).parent if index.isValid() else None
        return self.index_of(above) if above is not None else QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many rows are known under one."""
        return len(self.row(parent).children)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """One column: a row is painted whole."""
        return 1

    def hasChildren(self, parent: Index = QModelIndex()) -> bool:  # noqa: B008
        """Tell whether there is anything below, asked for or not."""
        return self.row(parent).node.children > 0

    def canFetchMore(self, parent: Index) -> bool:
        """Tell whether more is to be asked for."""
        row = self.row(parent)
        return not row.complete and not row.asked

    def fetchMore(self, parent: Index) -> None:
        """Ask for what is below."""
        if self.canFetchMore(parent):
            self._ask(self.row(parent))

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the name, what a screen reader says, or the OID on hover."""
        node = self.row(index).node
        if role == Qt.ItemDataRole.DisplayRole:
            return node.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{node.name}, {node.kind}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(f"{node.name}\n{node.oid}\n{node.module}")
        return None

    # What the engine says

    def _ask(self, row: Row) -> None:
        row.asked = True
        round_, after = self._round, row.children[-1].node.oid if row.children else ""

        def on_answer(reply: Reply) -> None:
            if isValid(self) and round_ == self._round:
                self._take(row, reply)

        self._asks.request(lambda number: QueryMibChildren(number, row.node.oid, after), on_answer)

    def _take(self, row: Row, reply: Reply) -> None:
        nodes = msgspec.convert(reply.result.get("nodes", []), list[MibNode])
        row.asked = False
        row.complete = not reply.result.get("more") or not nodes
        if nodes:
            first = len(row.children)
            self.beginInsertRows(self.index_of(row), first, first + len(nodes) - 1)
            for place, node in enumerate(nodes, first):
                made = Row(next(self._numbers), node, row, place)
                row.children.append(made)
                self._rows[made.number] = self._by_oid[node.oid] = made
            self.endInsertRows()
        self._go_on()

    def _go_on(self) -> None:
        """Go a step further to what is to be revealed."""
        if not self._wanted:
            return
        row = self.root
        for oid in self._wanted:
            below = self._by_oid.get(oid)
            if below is None:
                if row.complete:  # the tree has changed since the path was told
                    self._wanted = []
                elif not row.asked:
                    self._ask(row)
                return
            row = below
        self._wanted = []
        self.revealed.emit(self.index_of(row))
