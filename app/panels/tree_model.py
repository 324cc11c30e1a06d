"""Region, site, device as a tree with rolled-up status. Counterpart: `tree.py` paints it; `Model` is what it is made from.

Theory: nodes live in our own lists and are named by number in Qt's indexes, so that a stale index finds nothing instead of
freed memory. A change of the inventory or the filter builds the tree anew out of the old nodes, so that what is expanded and
selected stays so; a change of health touches only the nodes on the way up.
One rule: siblings stand in fault order, then by name; regions by name alone, because people find them by place. A site that
holds but one device of its own name is one row, the device's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, Literal
from uuid import UUID

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer

from app.model import Delta, Model
from app.panels.text import tip
from app.symbols import RANK
from app.words import count_of, subscribers
from domain.inventory import Device, Site

Index = QModelIndex | QPersistentModelIndex
Key = tuple[str, UUID | str | None]
NodeKind = Literal["region", "site", "device"]
ORDER_MS = 500
"""Symbols turn at once; rows change places at most twice a second, so that they can be read and clicked."""
NO_SITE, NO_REGION = "No site", "No region"


class Node:
    """One row. `number` names it in Qt's indexes; `right` is what stands at its end."""

    __slots__ = (
        "address",
        "children",
        "key",
        "kind",
        "name",
        "number",
        "parent",
        "right",
        "row",
        "status",
        "subscribers",
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
        self.subscribers = 0

    @property
    def depth(self) -> int:
        """How far in it stands."""
        return 0 if self.parent is None else self.parent.depth + 1

    def order(self) -> tuple[int, str]:
        """Where it stands among its siblings."""
        if self.kind == "region":
            return (int(self.name in (NO_SITE, NO_REGION)), self.name.casefold())
        return (RANK[self.status], self.name.casefold())

    def devices(self) -> Iterable[Node]:
        """Go over the devices at or below it."""
        if self.kind == "device":
            yield self
        for child in self.children:
            yield from child.devices()


class TreeModel(QAbstractItemModel):
    """The inventory's tree under a filter."""

    def __init__(self, model: Model, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._numbers = itertools.count(1)
        self._by_key: dict[Key, Node] = {}
        self._by_number: dict[int, Node] = {}
        self._roots: list[Node] = []
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
            return f"{node.name}, {node.status}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(self._story(node))
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Return what can be done with a row."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    # The filter

    def set_filter(self, text: str, statuses: frozenset[str]) -> None:
        """Show only devices whose name, address, site or region holds `text` and whose status is one of `statuses`."""
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

    # What changes

    def _on_changed(self, delta: Delta) -> None:
        if delta.inventory:
            self._rebuild()
            return
        moved: dict[int, Node] = {}
        for id in delta.health:
            node = self._by_key.get(("device", id))
            status = self._model.status_of(id)
            if node is None:
                if self.statuses and status in self.statuses:
                    self._rebuild()
                    return
            elif node.status != status:
                moved[node.number] = node
        if not moved:
            return
        if self.statuses:
            self._rebuild()
            return
        self._take_statuses(list(moved.values()))

    def _take_statuses(self, nodes: list[Node]) -> None:
        touched: dict[int, Node] = {}
        for node in nodes:
            node.status = self._model.status_of(node.key[1])  # type: ignore[arg-type]
            above: Node | None = node
            while above is not None:
                touched[above.number] = above
                above = above.parent
        parents = sorted((n for n in touched.values() if n.children), key=lambda n: -n.depth)
        for parent in parents:
            parent.status = min((child.status for child in parent.children), key=RANK.__getitem__)
        families = [parent.children for parent in parents] + [self._roots]
        if any(_is_out_of_order(rows) for rows in families) and not self._order.isActive():
            self._order.start()
        for node in touched.values():
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
        old = self._by_key
        self._by_key = {}
        by_site: dict[UUID | None, list[Device]] = {}
        inventory = self._model.inventory
        for device in inventory.devices():
            by_site.setdefault(device.site, []).append(device)
        regions: dict[str, list[Node]] = {}
        for site in inventory.sites():
            there = by_site.pop(site.id, [])
            shown = self._shown(there, site)
            if len(there) == 1 and there[0].name == site.name:
                regions.setdefault(site.region, []).extend(
                    self._device_node(old, d, alone=True) for d in shown
                )
            elif shown or not self.filtered:
                node = self._node(old, "site", ("site", site.id), site.name)
                self._fill(node, [self._device_node(old, device) for device in shown])
                regions.setdefault(site.region, []).append(node)
        self._roots = [
            self._fill(self._node(old, "region", ("region", name), name or NO_REGION), nodes)
            for name, nodes in regions.items()
            if name or len(regions) > 1
        ]
        if len(regions) == 1 and "" in regions:
            self._roots = regions[""]
            for node in self._roots:
                node.parent = None
        homeless = self._shown([device for rows in by_site.values() for device in rows], None)
        if homeless:
            nodes = [self._device_node(old, device) for device in homeless]
            self._roots.append(self._fill(self._node(old, "region", ("none", None), NO_SITE), nodes))
        _sort(self._roots)
        self._by_number = {node.number: node for node in self._by_key.values()}

    def _shown(self, devices: list[Device], site: Site | None) -> list[Device]:
        if self.statuses:
            devices = [d for d in devices if self._model.status_of(d.id) in self.statuses]
        text = self.text
        if not text or (
            site is not None and (text in site.name.casefold() or text in site.region.casefold())
        ):
            return devices
        return [d for d in devices if text in d.name.casefold() or text in d.address]

    def _node(self, old: dict[Key, Node], kind: NodeKind, key: Key, name: str) -> Node:
        node = old.get(key) or Node(next(self._numbers), kind, key)
        node.name = name
        node.parent = None
        node.children = []
        self._by_key[key] = node
        return node

    def _device_node(self, old: dict[Key, Node], device: Device, *, alone: bool = False) -> Node:
        node = self._node(old, "device", ("device", device.id), device.name)
        node.status = self._model.status_of(device.id)
        node.address = device.address
        node.subscribers = device.subscribers
        node.right = "" if device.role == "other" else device.role
        if alone:
            node.right = subscribers(device.subscribers)
        return node

    def _fill(self, node: Node, children: list[Node]) -> Node:
        node.children = children
        node.subscribers = 0
        for child in children:
            child.parent = node
            node.subscribers += child.subscribers
        _sort(children)
        worst = min((RANK[child.status] for child in children), default=RANK["unknown"])
        node.status = next(status for status, rank in RANK.items() if rank == worst)
        if node.kind == "region":
            node.right = f"{len(children):,}"
        else:
            node.right = subscribers(node.subscribers)
        return node

    def _story(self, node: Node) -> str:
        if node.kind == "device":
            return f"{node.name}\n{node.address}, {node.status}"
        devices = count_of(sum(1 for _ in node.devices()), "device", "devices")
        behind = count_of(node.subscribers, "subscriber", "subscribers")
        if node.kind == "site":
            return f"{node.name}\n{devices}, {behind}"
        sites = count_of(len(node.children), "site", "sites")
        return f"{node.name}\n{sites}, {devices}, {behind}"


def _is_out_of_order(rows: list[Node]) -> bool:
    return any(a.order() > b.order() for a, b in itertools.pairwise(rows))


def _sort_all(families: list[list[Node]]) -> None:
    for rows in families:
        _sort(rows)


def _sort(rows: list[Node]) -> None:
    rows.sort(key=Node.order)
    for row, node in enumerate(rows):
        node.row = row
