"""The dialog of an import: what a file would change, which of it is wanted. Counterpart: `choice.py`; the engine reads the file.

Theory: each question to the engine has a number; only the answer to the newest is shown, and whatever is chosen anew is asked
anew. What was left stays left when the same file is read again.
One rule: nothing changes before the button is pressed, and then it is one edit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.commands import Asks, Then
from app.dialogs.form import MARGIN_PX
from app.exchange.asked_by import AskedBy
from app.exchange.choice import Area, Choice, RowKey
from app.exchange.files import TITLES, FileTrouble, read_file
from app.exchange.rows import ACTIONS, PlanTable, Row, rows_of
from app.look import Look
from app.model import Model
from app.panels.search_field import SearchField
from app.panels.segments import Segments
from app.panels.text import Label, LineLabel, button, caption
from app.words import capitalized, count_of
from domain.edit import Step
from domain.errors import Refusal
from domain.exchanging import ImportPlan, PlanImport
from domain.wire import Reply

SIZE_PX = (1080, 680)
READING_MS = 150
"""A file that is read sooner says nothing of it."""
PROMISE = "Nothing changes until you press the button, and Undo takes all of it back."
TRY = "Choose another file, or mend this one and read it again."
_FILTERS = {"all": "All", **ACTIONS, "refused": "Refused"}
Submit = Callable[[str, tuple[Step, ...], Then], None]
"""Sends an edit by title and steps."""


class ImportDialog(QDialog):
    """One file. `imported`: it was taken, and there it is on the map, if it has places."""

    imported = Signal(object)
    another_wanted = Signal()

    def __init__(  # noqa: PLR0917
        self, path: Path, model: Model, asks: Asks, look: Look, submit: Submit, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Import")
        self.resize(*SIZE_PX)
        self._path, self._model, self._asks, self._submit = path, model, asks, submit
        self._asked = 0
        self._left: set[RowKey] = set()
        self._rows: list[Row] = []
        self._area: Area | None = None
        self.choice: Choice | None = None
        self.told = Label(PROMISE, "small")
        self.options = AskedBy(model.inventory)
        self.filters = Segments(_FILTERS, small=True)
        self.search = SearchField("what would change")
        self.tick_all, self.tick_none = button("Tick all shown", "link"), button("Untick all shown", "link")
        self.table = PlanTable(look)
        self.note = Label("", "quiet", wrap=True)
        self.note.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.note.setContentsMargins(0, 12, 0, 0)
        self.rest = Label("", "refusal", wrap=True)
        self.rest.hide()
        self.again, self.another = button("Read it again"), button("Another file…")
        self.cancel, self.submit_button = button("Cancel"), button("Import", "primary")
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(READING_MS)
        self._late.timeout.connect(lambda: self._say(f"Reading {path.name}…"))
        self._lay_out(path.name)
        self._connect()
        self.read()

    def read(self) -> None:
        """Read the file and ask what it would change."""
        self._keep_left()
        self._asked += 1
        number = self._asked
        self.choice = None
        self.rest.hide()
        self._update()
        try:
            data = read_file(self._path)
        except FileTrouble as error:
            self._late.stop()
            self._say(f"{error}.\n\n{TRY}")
            return
        probes, site = self.options.probes(), self.options.site_id()
        self._late.start()
        self._asks.request(
            lambda request: PlanImport(request, self._path.name, data, probes=probes, site=site),
            lambda reply: self._on_plan(number, reply),
        )

    def submit(self) -> None:
        """Send what is ticked as one edit; the dialog closes when the engine has taken it."""
        choice = self.choice
        if choice is None or not self.submit_button.isEnabled():
            return
        self._area = choice.area(self._model.inventory)
        self._lock(is_locked=True)
        self.rest.hide()
        self._submit(choice.title(self._path.name), choice.steps(), self._on_answer)

    # Inside

    def _keep_left(self) -> None:
        if self.choice is not None:
            self._left = self.choice.left()

    def _on_plan(self, number: int, reply: Reply) -> None:
        if not isValid(self) or number != self._asked:
            return
        self._late.stop()
        if reply.refusals:
            said = "\n".join(refusal.message for refusal in reply.refusals)
            self._say(f"{said}.\n\n{TRY}")
            return
        plan = msgspec.convert(reply.result.get("plan"), ImportPlan)
        self.choice = self.table.choice = Choice(plan, self._left)
        self._rows = rows_of(plan, {})
        counts = f"{TITLES[plan.format]}, {count_of(len(plan.rows), 'row', 'rows')}."
        self.told.setText(f"{counts} {PROMISE}")
        self._show_rows()
        if not plan.rows:
            self._say(f"{' '.join(plan.notes) or 'There is nothing in it.'}\n\n{TRY}")
        elif self.search.isHidden() or not self.search.hasFocus():
            self.table.setFocus()

    def _on_answer(self, refusals: tuple[Refusal, ...]) -> None:
        if not isValid(self):
            return
        self._lock(is_locked=False)
        if not refusals:
            self.imported.emit(self._area)
            self.accept()
        elif self.choice is not None:
            self._refuse(self.choice, refusals)

    def _refuse(self, choice: Choice, refusals: tuple[Refusal, ...]) -> None:
        of_rows, rest = choice.rows_refused(refusals)
        said = [capitalized(refusal.message) for refusal in rest]
        if of_rows:
            where = "row was" if len(of_rows) == 1 else "rows were"
            said.insert(
                0,
                f"Nothing was imported: {len(of_rows):,} {where} refused. Untick there, or mend the file and read it again.",
            )
        self.rest.setText("\n".join(said))
        self.rest.show()
        self._rows = rows_of(choice.plan, of_rows)
        if of_rows:
            self.filters.choose("refused")
        self._show_rows()

    def _show_rows(self) -> None:
        """Show what filter and search leave, and how many there are of each."""
        numbers = Counter[str](row.row.action for row in self._rows)
        numbers["all"], numbers["refused"] = len(self._rows), sum(bool(row.refused) for row in self._rows)
        for key, title in _FILTERS.items():
            self.filters.set_title(key, f"{title} {numbers[key]:,}")
            self.filters.buttons[key].setVisible(numbers[key] > 0)
        if not numbers[self.filters.current]:
            self.filters.choose("all")
        key = self.filters.current
        shown = [
            row for row in self._rows if key in ("all", row.row.action) or (key == "refused" and row.refused)
        ]
        self.table.show_rows(shown)
        self.table.setMaximumHeight(16_777_215)
        self._update()

    def _on_search(self, text: str) -> None:
        self.table.search(text)
        self._update()

    def _say(self, text: str) -> None:
        self.note.setText(text)
        self._pages.setCurrentIndex(1)

    def _update(self) -> None:
        """Say on the button what it does, and show the table where there is one."""
        choice = self.choice
        verb = choice.verb() if choice is not None else ""
        self.submit_button.setText(caption(verb or "Import"))
        self.submit_button.setEnabled(bool(verb))
        self.filters.setVisible(choice is not None and bool(self._rows))
        self.search.setVisible(choice is not None and bool(self._rows))
        for tick in (self.tick_all, self.tick_none):
            tick.setVisible(
                choice is not None and any(choice.can_take(n) for n in self.table.numbers_shown())
            )
        if choice is not None and self._rows:
            if self.table.rows.rows:
                self._pages.setCurrentIndex(0)
            else:
                self._say(f"No row holds “{self.search.text().strip()}”.")
            if not choice.plan.steps:
                self.submit_button.setText("Nothing to change")
        elif choice is None:
            self.note.setText("")
            self._pages.setCurrentIndex(1)

    def _lock(self, *, is_locked: bool) -> None:
        for widget in (self.options, self.table, self.again, self.another, self.tick_all, self.tick_none):
            widget.setEnabled(not is_locked)
        if is_locked:
            self.submit_button.setEnabled(False)
            self.submit_button.setText("Importing…")
        else:
            self._update()

    def _tick_shown(self, *, take: bool) -> None:
        if self.choice is not None:
            (self.choice.take if take else self.choice.leave)(self.table.numbers_shown())
            self.table.viewport().update()
            self._update()

    def _connect(self) -> None:
        self.options.changed.connect(self.read)
        self.filters.chosen.connect(lambda _: self._show_rows())
        self.search.textChanged.connect(self._on_search)
        self.search.left_down.connect(self.table.setFocus)
        self.table.typed.connect(self._begin_search)
        self.table.ticked.connect(self._update)
        self.tick_all.clicked.connect(lambda: self._tick_shown(take=True))
        self.tick_none.clicked.connect(lambda: self._tick_shown(take=False))
        self.again.clicked.connect(self.read)
        self.another.clicked.connect(self.another_wanted)
        self.cancel.clicked.connect(self.reject)
        self.submit_button.clicked.connect(self.submit)
        QShortcut(QKeySequence("Ctrl+Return"), self, self.submit)

    def _begin_search(self, letter: str) -> None:
        self.search.setFocus()
        self.search.setText(self.search.text() + letter)

    def _lay_out(self, name: str) -> None:
        above, foot = QHBoxLayout(), QHBoxLayout()
        above.setSpacing(8)
        above.addWidget(self.filters)
        above.addWidget(self.tick_all)
        above.addWidget(self.tick_none)
        above.addStretch(1)
        above.addWidget(self.search)
        foot.setSpacing(8)
        for verb in (self.again, self.another):
            foot.addWidget(verb)
        foot.addStretch(1)
        for verb in (self.cancel, self.submit_button):
            foot.addWidget(verb)
        for verb in (
            self.again,
            self.another,
            self.cancel,
            self.submit_button,
            self.tick_all,
            self.tick_none,
        ):
            verb.setAutoDefault(False)
        for verb in self.filters.buttons.values():
            verb.setAutoDefault(False)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.table)
        self._pages.addWidget(self.note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN_PX, 20, MARGIN_PX, 20)
        layout.setSpacing(12)
        layout.addWidget(LineLabel(f"Import {name}", "title"))
        layout.addWidget(self.told)
        layout.addWidget(self.options)
        layout.addLayout(above)
        layout.addWidget(self.rest)
        layout.addWidget(self._pages, 1)
        layout.addLayout(foot)
