"""All that is known of one name. Counterpart: `QueryMibNode` of `domain/mib.py`.

One rule: a line that has nothing to say is left out; the OID can always be taken along.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.panels.text import Label, LineLabel, button
from domain.mib import MibNode, ResolvedOid

ENUM_SHOWN = 120
LABEL_PX = 84
_KIND_WORDS = {
    "node": "A name",
    "module": "The module's own name",
    "scalar": "One value",
    "table": "A table",
    "row": "A table's row",
    "column": "A table's column",
    "notification": "A notification",
}


def lines_of(node: MibNode, resolved: ResolvedOid) -> list[tuple[str, str]]:
    """Return what is known of a node as label and words."""
    syntax = node.syntax if node.base in ("", node.syntax) else f"{node.syntax}: {node.base}"
    lines = [
        ("Is", f"{_KIND_WORDS[node.kind]} of {node.module}"),
        ("Instance", resolved.name if resolved.oid != node.oid else ""),
        ("Its index", resolved.index),
        ("Type", f"{syntax} ({node.limits})" if node.limits and syntax else syntax),
        ("Unit", node.units),
        (
            "Values",
            ", ".join(f"{number}\u00a0{name}" for number, name in list(node.enum.items())[:ENUM_SHOWN]),
        ),
        ("", f"and {len(node.enum) - ENUM_SHOWN} more" if len(node.enum) > ENUM_SHOWN else ""),
        ("Shown as", node.hint),
        ("Access", node.access),
        ("Row by", ", ".join(node.index)),
        ("Adds to", node.augments),
        ("Status", node.status if node.status not in ("", "current", "mandatory") else ""),
        ("File", node.file),
        ("Says", node.description),
    ]
    return [(label, said) for label, said in lines if said]


class NodeFacts(QScrollArea):
    """The facts of the chosen node, or what to do where none is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.node: MibNode | None = None
        self.oid = ""
        self.name = LineLabel("", "name")
        self.number = LineLabel("", "quiet")
        self.number.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.copy_oid, self.copy_name = button("Copy OID", "link"), button("Copy name", "link")
        self.copy_oid.clicked.connect(lambda: _copy(self.oid))
        self.copy_name.clicked.connect(lambda: _copy(self.name.text()))
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(12)
        self.grid.setVerticalSpacing(5)
        self.grid.setColumnMinimumWidth(0, LABEL_PX)
        self.grid.setColumnStretch(1, 1)
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.number, 1)
        for copy in (self.copy_oid, self.copy_name):
            copy.setAutoDefault(False)
            head.addWidget(copy)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(16, 0, 8, 8)
        layout.setSpacing(6)
        layout.addWidget(self.name)
        layout.addLayout(head)
        layout.addLayout(self.grid)
        layout.addStretch(1)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("What is known of the chosen name")
        self.setWidget(inner)
        self.show_nothing("Choose a name to see what it means")

    @property
    def text(self) -> str:
        """What is shown, line by line."""
        items = [self.grid.itemAt(n) for n in range(self.grid.count())]
        labels = [item.widget() for item in items if item is not None]
        return "\n".join(label.text() for label in labels if isinstance(label, Label))

    def show_nothing(self, why: str) -> None:
        """Say why there is nothing."""
        self.node, self.oid = None, ""
        self._show(why, "", [])

    def show_node(self, node: MibNode, resolved: ResolvedOid) -> None:
        """Show a node, or the instance of it that was asked for."""
        self.node, self.oid = node, resolved.oid
        self._show(node.name, resolved.oid, lines_of(node, resolved))
        self.verticalScrollBar().setValue(0)

    def _show(self, name: str, number: str, lines: list[tuple[str, str]]) -> None:
        self.name.setText(name)
        self.number.setText(number)
        for copy in (self.copy_oid, self.copy_name):
            copy.setVisible(bool(number))
        while (item := self.grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for row, (label, said) in enumerate(lines):
            self.grid.addWidget(Label(label, "quiet"), row, 0, Qt.AlignmentFlag.AlignTop)
            told = Label(said, wrap=True)
            told.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.grid.addWidget(told, row, 1)


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
