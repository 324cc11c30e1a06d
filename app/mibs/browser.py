"""The MIB browser: search and tree at the left, what is known of a name and what a device has there at the right.

Counterpart: `engine/mibs/library.py`, which answers. One rule: nothing is read from a device before somebody presses Walk.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import msgspec
from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from app.commands import Asks
from app.dialogs.form import Board
from app.look import Look
from app.mibs.node_facts import NodeFacts
from app.mibs.tree_model import MibTreeModel
from app.mibs.tree_view import HitDelegate, MibTreeView
from app.mibs.walk import Walk
from app.model import Model
from app.panels.search_field import SearchField
from app.panels.text import Label, tip
from app.words import capitalized, count_of
from domain.mib import MibNode, MibProblem, MibState, QueryMibNode, QueryMibs, ResolvedOid, SearchMibs
from domain.wire import Reply

SIZE_PX = (1120, 740)
LEFT_PX = 360
FACTS_PX = 240
PROBLEMS_SHOWN, PROBLEMS_FRAME_PX = 5, 24
SEARCH_MS = 150
READING_MS = 400
HITS = 100
FIRST_SHOWN = "1.3.6.1.2.1.1"
"""The system group: what everybody has."""


class MibBrowser(Board):
    """The dialog. With a device it is ready to be walked."""

    def __init__(
        self, model: Model, asks: Asks, look: Look, device: UUID | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__("MIB browser", parent, width_px=860)
        self.resize(*SIZE_PX)
        self._asks, self._look = asks, look
        self._round = 0
        self._shown_state: MibState | None = None
        self.hits: list[MibNode] = []
        self.search = SearchField("names and OIDs")
        self.search.setMaximumWidth(16_777_215)
        self.search.setPlaceholderText("Search a name or an OID")
        self.search.addAction(look.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.rows = MibTreeModel(asks, self)
        self.tree = MibTreeView(look, self.rows)
        self.list = QListWidget()
        self.list.setAccessibleName("What the search found")
        self.list.setItemDelegate(HitDelegate(look, lambda: self.hits, self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.nothing = Label("", "quiet", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.places = QStackedWidget()
        for place in (self.tree, self.list, self.nothing):
            self.places.addWidget(place)
        self.facts = NodeFacts()
        self.walk = Walk(model, asks, look, lambda: (self.facts.oid, self.facts.name.text()))
        self.files = Label("", "small", wrap=True)
        self.problems = QPlainTextEdit()
        self.problems.setReadOnly(True)
        self.problems.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.problems.setAccessibleName("What is wrong with MIB files")
        self.problems.hide()
        self._lay_out()
        self.folder_button = self.verb("Open the folder")
        self.again_button = self.verb("Look again")
        self.folder_button.clicked.connect(self._open_folder)
        self.again_button.clicked.connect(lambda: self.refresh(again=True))
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(SEARCH_MS)
        self._typing.timeout.connect(self._search)
        self._reading = QTimer(self)
        self._reading.setSingleShot(True)
        self._reading.setInterval(READING_MS)
        self._reading.timeout.connect(self.refresh)
        self._connect()
        self.walk.set_device(device)
        self.search.setFocus()
        self.refresh(again=True)

    def refresh(self, *, again: bool = False) -> None:
        """Ask which MIBs there are; `again` has the folder looked at."""
        self._asks.request(lambda number: QueryMibs(number, again), self._on_state)

    def show_oid(self, oid: str, *, reveal: bool = True) -> None:
        """Show what is known of an OID or a name, and where it stands."""
        self._round += 1
        round_ = self._round

        def on_node(reply: Reply) -> None:
            if isValid(self) and round_ == self._round:
                self._on_node(reply, reveal=reveal)

        self._asks.request(lambda number: QueryMibNode(number, oid), on_node)

    # What the engine says

    def _on_state(self, reply: Reply) -> None:
        if not isValid(self):
            return
        self.say(reply.refusals)
        if reply.refusals or "state" not in reply.result:
            return
        state, before = msgspec.convert(reply.result["state"], MibState), self._shown_state
        self._shown_state = state
        self.files.setText(said_of(state))
        self.problems.setPlainText("\n".join(map(line_of, state.problems)))
        lines = min(len(state.problems), PROBLEMS_SHOWN)
        self.problems.setFixedHeight(lines * self.problems.fontMetrics().lineSpacing() + PROBLEMS_FRAME_PX)
        self.problems.setVisible(bool(state.problems) and not state.reading)
        self.again_button.setEnabled(not state.reading)
        if state.reading:
            self._reading.start()
        if before is None or (before.modules, before.names) != (state.modules, state.names):
            self.rows.begin()
            self.show_oid(self.facts.oid or FIRST_SHOWN)

    def _on_node(self, reply: Reply, *, reveal: bool) -> None:
        if reply.refusals:
            self.facts.show_nothing("; ".join(capitalized(refusal.message) for refusal in reply.refusals))
            return
        if "node" not in reply.result:
            return
        node = msgspec.convert(reply.result["node"], MibNode, strict=False)
        self.facts.show_node(node, msgspec.convert(reply.result["resolved"], ResolvedOid))
        if reveal:
            self.rows.reveal([str(above["oid"]) for above in reply.result.get("path", [])])

    def _search(self) -> None:
        text = self.search.text().strip()
        if not text:
            self.places.setCurrentWidget(self.tree)
            if self.facts.node is not None:
                self.show_oid(self.facts.oid)
            return

        def on_found(reply: Reply) -> None:
            if isValid(self) and text == self.search.text().strip():
                self._on_found(text, reply)

        self._asks.request(lambda number: SearchMibs(number, text, HITS), on_found)

    def _on_found(self, text: str, reply: Reply) -> None:
        self.hits = msgspec.convert(reply.result.get("nodes", []), list[MibNode])
        self.list.clear()
        for node in self.hits:
            item = QListWidgetItem(node.name)
            item.setToolTip(tip(f"{node.name}\n{node.oid}\n{node.module}"))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{node.name}, {node.kind} of {node.module}")
            self.list.addItem(item)
        if reply.result.get("more"):
            more = QListWidgetItem("More: type more of the name")
            more.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(more)
        self.nothing.setText(f"No MIB here has a name like {text}")
        self.places.setCurrentWidget(self.list if self.hits else self.nothing)
        if self.hits:
            self.list.setCurrentRow(0)

    # What people do

    def _on_hit(self, row: int) -> None:
        if 0 <= row < len(self.hits):
            text = self.search.text().strip()
            instance = row == 0 and (text[:1].isdigit() or "." in text)
            self.show_oid(text if instance else self.hits[row].oid, reveal=False)

    def _into_tree(self) -> None:
        """Leave the search: what it found is shown in the tree."""
        self._typing.stop()
        self.search.clear()
        self._typing.stop()
        self._search()
        self.tree.setFocus()

    def _on_chosen(self, oid: str) -> None:
        node = self.facts.node
        if node is None or node.oid != oid:
            self.show_oid(oid, reveal=False)

    def _on_down(self) -> None:
        (self.list if self.places.currentWidget() is self.list else self.tree).setFocus()

    def _open_folder(self) -> None:
        if self._shown_state is not None and Path(self._shown_state.folder).is_dir():
            QDesktopServices.openUrl(QUrl.fromLocalFile(self._shown_state.folder))

    def _connect(self) -> None:
        self.search.textChanged.connect(lambda _: self._typing.start())
        self.search.left_down.connect(self._on_down)
        self.list.currentRowChanged.connect(self._on_hit)
        self.list.itemActivated.connect(lambda _: self._into_tree())
        self.list.itemDoubleClicked.connect(lambda _: self._into_tree())
        self.tree.chosen.connect(self._on_chosen)
        self.walk.row_chosen.connect(self.show_oid)

    def _lay_out(self) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(8)
        column.addWidget(self.search)
        column.addWidget(self.places, 1)
        right = QSplitter(Qt.Orientation.Vertical)
        right.setHandleWidth(1)
        right.setChildrenCollapsible(False)
        right.addWidget(self.facts)
        right.addWidget(self.walk)
        right.setStretchFactor(1, 1)
        right.setSizes([FACTS_PX, SIZE_PX[1] - FACTS_PX])
        both = QSplitter(Qt.Orientation.Horizontal)
        both.setHandleWidth(1)
        both.setChildrenCollapsible(False)
        both.addWidget(left)
        both.addWidget(right)
        both.setStretchFactor(1, 1)
        both.setSizes([LEFT_PX, SIZE_PX[0] - LEFT_PX])
        self.body.addWidget(both, 1)
        self.body.addWidget(self.files)
        self.body.addWidget(self.problems)


def said_of(state: MibState) -> str:
    """Return in words which MIBs there are."""
    if state.reading:
        done = f"{state.read_files} of {count_of(state.files, 'file', 'files')}"
        return f"Reading your MIB files, {done} begun: {state.reading}"
    standard = f"{count_of(state.modules - len(state.own_modules), 'standard module', 'standard modules')}"
    if not state.files:
        return (
            f"{capitalized(standard)}, {state.names:,} names. None are your own yet: put the MIB files of your vendors "
            f"(.mib, .my, .txt) into {state.folder} and look again."
        )
    own = count_of(len(state.own_modules), "module of your own", "modules of your own")
    files = count_of(state.files, "file", "files")
    wrong = f"; {count_of(len(state.problems), 'problem', 'problems')}" if state.problems else ""
    return f"{standard}, {own} from {files} in {state.folder}, {state.names:,} names{wrong}"


def line_of(problem: MibProblem) -> str:
    """Return a problem as a line: which file, where in it, what."""
    place = f"{problem.file}, line {problem.line}" if problem.line else problem.file
    return f"{place}: {problem.said}" if place else capitalized(problem.said)
