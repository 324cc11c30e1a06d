"""Region, POP, site, device as a tree with rolled-up status. Counterpart: `tree.py` paints it; `domain/hierarchy.py` says
what stands in what and how it fares.

Theory: nodes live in our own lists and are named by number in Qt's indexes, so that a stale index finds nothing instead of
freed memory. A change that puts a thing elsewhere, or another filter, builds the rows anew out of the old nodes, so that what
is expanded and selected stays so; a change of health touches only the nodes on the way up.
One rule: siblings stand in fault order, then by name; regions by name alone, because people find them by place. A row says how
all that stands there fares, whatever the filter leaves of it. A site that holds but one device of its own name is one row,
the device's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, Literal
from uuid import UUID

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer

from app.model import Delta, Model
from app.panels.text import tip
from app.panels.tree_marks import Signs, TreeMarks
from app.symbols import RANK
from app.words import count_of, counted, subscribers
from domain.hierarchy import NO_SITE, Hierarchy, Key
from domain.inventory import Device

Index = QModelIndex | QPersistentModelIndex
NodeKind = Literal["region", "site", "device"]
ORDER_MS = 500
"""Symbols turn at once; rows change places at most twice a second, so that they can be read and clicked."""
NO_SITE_WORDS, NO_REGION_WORDS = "No site", "No region"


class Node:
    """One row. `number` names it in Qt's indexes; `right` is what stands at its end, before it of what holds several
    devices how many of them have which status."""

    __slots__ = (
        "address",
        "alone",
        "children",
        "counts",
        "key",
        "kind",
        "name",
        "number",
        "parent",
        "right",
        "row",
        "status",
    )

    def __init__(self, number: int, kind: NodeKind, key: Key) -> None:
        self.number = number
        self.kind = kind
        self.key = key
        self.parent: Node | None = None
        self.row = 0
        self.children: list[Node] = []
        self.status = "unknown"
        self.name = ""
        self.right = ""
        self.address = ""
        self.alone = False
        """Whether it is a device that stands for its site."""
        self.counts: dict[str, int] = {}

    @property
    def depth(self) -> int:
        """How far in it stands."""
        return 0 if self.parent is None else self.parent.depth + 1

    @property
    def holds_places(self) -> bool:
        """Whether sites stand in it: a region or a POP."""
        return self.kind == "region" or any(child.stands_for_site for child in self.children)

    @property
    def stands_for_site(self) -> bool:
        """Whether it is a site, or the one device of one."""
        return self.kind == "site" or self.alone

    def order(self) -> tuple[int, int, str]:
        """Where it stands among its siblings: of a POP its own devices before the sites under it."""
        if self.kind == "region":
            return (0, int(self.key in (NO_SITE, ("region", ""))), self.name.casefold())
        return (RANK[self.status], int(self.stands_for_site), self.name.casefold())


class TreeModel(QAbstractItemModel):
    """The inventory's tree under a filter."""

    def __init__(self, model: Model, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.hierarchy = Hierarchy(model.inventory, model.status_of)
        """What stands in what; as the mirror is when `model.changed` has been heard here."""
        self._numbers = itertools.count(1)
        self._by_key: dict[Key, Node] = {}
        self._by_number: dict[int, Node] = {}
        self._roots: list[Node] = []
        self._marks = TreeMarks(model)
        self.text = ""
        self.statuses: frozenset[str] = frozenset()
        self._order = QTimer(self)
        self._order.setSingleShot(True)
        self._order.setInterval(ORDER_MS)
        self._order.timeout.connect(self.restore_order)
        self._build()
        model.changed.connect(self._on_changed)

    # Qt's side

    def node(self, index: Index) -> Node | None:
        """Return the row behind an index, or None."""
        return self._by_number.get(index.internalId()) if index.isValid() else None

    def index_of(self, key: Key) -> QModelIndex:
        """Return where a thing stands now, or an invalid index."""
        node = self._by_key.get(key)
        return self.createIndex(node.row, 0, node.number) if node else QModelIndex()

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        """Return the index of a child."""
        above = self.node(parent)
        rows = above.children if above else self._roots
        return self.createIndex(row, 0, rows[row].number) if 0 <= row < len(rows) else QModelIndex()

    def parent(self, index: Index = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008
        """Return the index of what a row is under."""
        node = self.node(index)
        above = node.parent if node else None
        return self.createIndex(above.row, 0, above.number) if above else QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many rows are under one."""
        if not parent.isValid():
            return len(self._roots)
        node = self.node(parent)
        return len(node.children) if node else 0

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """One column: a row is painted whole."""
        return 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the name, what a screen reader says, or the whole story on hover."""
        node = self.node(index)
        if node is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return node.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{node.name}, {node.status}{self.signs(node).said}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip("\n".join([self._story(node), *self.signs(node).story]))
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Return what can be done with a row."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    # The filter

    def set_filter(self, text: str, statuses: frozenset[str]) -> None:
        """Show only devices whose name, address, role, a tag, site or region holds `text`, of one of these `statuses`."""
        text = text.strip().casefold()
        if (text, statuses) != (self.text, self.statuses):
            self.text, self.statuses = text, statuses
            self._rebuild()

    @property
    def filtered(self) -> bool:
        """Whether anything may be hidden."""
        return bool(self.text or self.statuses)

    @property
    def device_count(self) -> int:
        """How many devices are shown."""
        return sum(node.kind == "device" for node in self._by_number.values())

    def device_ids(self) -> list[UUID]:
        """Return the devices that are shown."""
        return [id for kind, id in self._by_key if kind == "device" and isinstance(id, UUID)]

    # What changes

    def signs(self, node: Node) -> Signs:
        """Return what stands at a row of its device or site, and of the site that it stands for."""
        id = node.key[1]
        if not isinstance(id, UUID):
            return Signs(is_pending=False, tunnels=None)
        device = self._model.inventory.device(id) if node.alone else None
        return self._marks.at(id, device.site if device is not None else None)

    def _on_changed(self, delta: Delta) -> None:
        self._mark(self._marks.turn(delta))
        turned = self.hierarchy.turn(delta.health | delta.devices)
        is_other = self._follow(delta)
        if is_other or self._is_filtered_anew(delta.health):
            self._rebuild()
            return
        nodes = [node for key in turned if (node := self._by_key.get(key)) is not None]
        if nodes:
            self._show_statuses(nodes)

    def _mark(self, turned: frozenset[UUID]) -> None:
        for node in [*self._by_number.values()] if turned else ():
            if node.key[1] in turned or node.alone:
                index = self.createIndex(node.row, 0, node.number)
                self.dataChanged.emit(index, index)

    def _follow(self, delta: Delta) -> bool:
        """Take what people changed into the hierarchy; True where other rows have to be shown, or other words."""
        if delta.initial:
            self.hierarchy.read(self._model.inventory, self._model.status_of)
            return True
        gone: dict[str, list[UUID]] = {"site": [], "device": []}
        for thing in delta.removed:
            gone.get(thing.kind, []).append(thing.id)
        sites, devices = [*delta.sites, *gone["site"]], [*delta.devices, *gone["device"]]
        if not sites and not devices:
            return False
        moved = self.hierarchy.take(sites, devices)
        return moved or bool(sites) or self.filtered or any(map(self._is_another, delta.devices))

    def _is_another(self, id: UUID) -> bool:
        """Whether a device's row is to say something else, or stand elsewhere."""
        device, node = self._model.inventory.device(id), self._by_key.get(("device", id))
        if device is None or node is None:
            return True
        return (node.name, node.address, node.right) != (device.name, device.address, _end_of(device, node))

    def _is_filtered_anew(self, turned: Iterable[UUID]) -> bool:
        """Whether the status filter is to show other devices than it does."""
        shown = ((id, ("device", id) in self._by_key) for id in turned)
        return bool(self.statuses) and any(
            is_shown != (self._model.status_of(id) in self.statuses) for id, is_shown in shown
        )

    def _show_statuses(self, nodes: list[Node]) -> None:
        for node in nodes:
            self._read(node)
        parents = {node.parent.number: node.parent for node in nodes if node.parent is not None}
        families = [parent.children for parent in parents.values()] + [self._roots]
        if any(_is_out_of_order(rows) for rows in families) and not self._order.isActive():
            self._order.start()
        for node in nodes:
            index = self.createIndex(node.row, 0, node.number)
            self.dataChanged.emit(index, index)

    def restore_order(self) -> None:
        """Put siblings into fault order now."""
        self._order.stop()
        families = [node.children for node in self._by_key.values() if node.children]
        unsorted = [rows for rows in [*families, self._roots] if _is_out_of_order(rows)]
        if unsorted:
            self._rearrange(lambda: _sort_all(unsorted))

    def _rebuild(self) -> None:
        self._rearrange(self._build)

    def _rearrange(self, work: Callable[[], None]) -> None:
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        work()
        after = []
        for index in before:
            node = self._by_number.get(index.internalId())
            after.append(self.createIndex(node.row, 0, node.number) if node else QModelIndex())
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _build(self) -> None:
        old, self._by_key = self._by_key, {}
        tops = self.hierarchy.tops()
        if tops == [("region", "")]:
            grown = (self._grow(old, key, is_hit=not self.text) for key in self.hierarchy.below(tops[0]))
        else:
            grown = (self._grow(old, key, is_hit=not self.text) for key in tops)
        self._roots = [node for node in grown if node is not None]
        for node in self._roots:
            node.parent = None
        _sort(self._roots)
        self._by_number = {node.number: node for node in self._by_key.values()}

    def _grow(self, old: dict[Key, Node], key: Key, *, is_hit: bool) -> Node | None:
        """Return the node of a thing with what is shown of it; `is_hit`: something above it is what is looked for."""
        kind, id = key
        if kind == "device":
            device = self._model.inventory.device(id)  # type: ignore[arg-type]
            return self._grow_device(old, device, is_hit=is_hit) if device is not None else None
        site = self._model.inventory.site(id) if kind == "site" else None  # type: ignore[arg-type]
        name = (
            site.name if site is not None else NO_SITE_WORDS if kind == "none" else str(id) or NO_REGION_WORDS
        )
        is_hit = is_hit or (key not in (NO_SITE, ("region", "")) and self.text in name.casefold())
        below = self.hierarchy.below(key)
        children = [node for child in below if (node := self._grow(old, child, is_hit=is_hit)) is not None]
        if not children and (self.statuses or not is_hit):
            return None
        if kind == "site" and len(below) == len(children) == 1 and _is_twin(children[0], name):
            children[0].alone = True
            self._read(children[0])
            return children[0]
        node = self._node(old, "site" if kind == "site" else "region", key, name)
        node.children = children
        for child in children:
            child.parent = node
        self._read(node)
        _sort(children)
        return node

    def _node(self, old: dict[Key, Node], kind: NodeKind, key: Key, name: str) -> Node:
        node = old.get(key) or Node(next(self._numbers), kind, key)
        node.name = name
        node.parent = None
        node.children = []
        self._by_key[key] = node
        return node

    def _grow_device(self, old: dict[Key, Node], device: Device, *, is_hit: bool) -> Node | None:
        if self.statuses and self._model.status_of(device.id) not in self.statuses:
            return None
        if not is_hit and self.text not in _words_of(device):
            return None
        node = self._node(old, "device", ("device", device.id), device.name)
        node.alone = False
        node.address = device.address
        self._read(node)
        return node

    def _read(self, node: Node) -> None:
        """Read anew how a row fares, and what stands at its end."""
        if node.kind == "device":
            device = self._model.inventory.device(node.key[1])  # type: ignore[arg-type]
            node.status = self._model.status_of(node.key[1])  # type: ignore[arg-type]
            node.right = _end_of(device, node) if device is not None else ""
            return
        rollup = self.hierarchy.rollup(node.key)
        node.status, node.counts = rollup.worst, rollup.counts
        node.right = f"{rollup.total:,}" if node.kind == "region" else subscribers(rollup.subscribers)

    def _story(self, node: Node) -> str:
        if node.kind == "device":
            return f"{node.name}\n{node.address}, {node.status}"
        rollup = self.hierarchy.rollup(node.key)
        parts = [count_of(rollup.total, "device", "devices")]
        below = sum(1 for _ in self.hierarchy.sites(node.key))
        if below:
            parts.insert(0, count_of(below, "site", "sites") + (" below" if node.kind == "site" else ""))
        parts.append(count_of(rollup.subscribers, "subscriber", "subscribers"))
        return "\n".join(filter(None, (node.name, ", ".join(parts), counted(rollup.counts))))


def _is_twin(node: Node, name: str) -> bool:
    return node.kind == "device" and node.name == name


def _end_of(device: Device, node: Node) -> str:
    """Return what stands at the end of a device's row."""
    return subscribers(device.subscribers) if node.alone else "" if device.role == "other" else device.role


def _is_out_of_order(rows: list[Node]) -> bool:
    return any(a.order() > b.order() for a, b in itertools.pairwise(rows))


def _sort_all(families: list[list[Node]]) -> None:
    for rows in families:
        _sort(rows)


def _sort(rows: list[Node]) -> None:
    rows.sort(key=Node.order)
    for row, node in enumerate(rows):
        node.row = row


def _words_of(device: Device) -> str:
    """Return what a filter looks at of a device itself."""
    return "\n".join((device.name, device.address, device.role, *device.tags)).casefold()
