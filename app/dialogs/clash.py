"""Shows an edit that clashed: who changed it meanwhile, theirs against mine, and one click that applies mine after all.

Counterpart: `domain/clash.py` says what clashes, the journal who it was. One rule: nothing is overwritten but by that click.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.commands import Asks, Commands
from app.draft import new_id, now_us
from app.model import Model
from app.panels.text import Label, LineLabel, button
from app.words import BETWEEN, UNKNOWN, age_of, capitalized, count_of, ends_of_link
from domain.clash import Clash, FieldClash, applied_again, clashes
from domain.edit import Edit
from domain.errors import Refusal
from domain.journal import JournalRow
from domain.nouns import noun_of
from domain.wire import QueryJournal, Reply

ROWS_ASKED = 300
FIELDS_SHOWN = 12
VALUE_CHARS = 80
_NAMES = {"lng": "longitude", "lat": "latitude", "a": "from", "b": "to", "path": "bends", "pop": "POP above"}
_DELETED = "deleted"


class ClashView(QDialog):
    """One clashed edit. Reads the mirror when it opens and when mine is applied."""

    def __init__(
        self,
        edit: Edit,
        model: Model,
        asks: Asks,
        commands: Commands,
        parent: QWidget | None = None,
        *,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        """`settle` is called once somebody has decided: theirs is kept, or the engine has applied mine."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Changed meanwhile")
        self.setMinimumWidth(640)
        self._edit, self._model, self._commands = edit, model, commands
        self._settle = settle
        self._found = clashes(model.inventory, edit)
        self.who = Label("", "quiet", wrap=True)
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(20)
        self.grid.setVerticalSpacing(6)
        for column, share in enumerate((4, 3, 3, 3)):
            self.grid.setColumnStretch(column, share)
        self._fill()
        self.mine = button("Apply mine", "primary")
        self.mine.setAutoDefault(False)
        self.mine.setEnabled(self._again() is not None)
        self.mine.clicked.connect(self._apply)
        self.theirs = button("Keep theirs")
        self.theirs.setDefault(True)
        self.theirs.clicked.connect(self._keep)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.theirs)
        foot.addWidget(self.mine)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(10)
        layout.addWidget(Label(f"“{edit.title}” was not done", "title", wrap=True))
        layout.addWidget(self.who)
        layout.addLayout(self.grid)
        layout.addLayout(foot)
        self.who.setText("It was changed by somebody else meanwhile.")
        asks.request(lambda number: QueryJournal(number, None, ROWS_ASKED), self._on_journal)
        self.theirs.setFocus()

    def _fill(self) -> None:
        rows = [(clash, field) for clash in self._found for field in clash.fields or (None,)]
        for column, head in enumerate(("", "It was", "Theirs", "Mine")):
            self.grid.addWidget(Label(head, "small"), 0, column)
        for number, (clash, field) in enumerate(rows[:FIELDS_SHOWN], 1):
            for column, said in enumerate(self._row(clash, field)):
                self.grid.addWidget(LineLabel(said, "head" if column == 2 else ""), number, column)
        if len(rows) > FIELDS_SHOWN:
            left = count_of(len(rows) - FIELDS_SHOWN, "more", "more")
            self.grid.addWidget(Label(left, "quiet"), FIELDS_SHOWN + 1, 0)

    def _row(self, clash: Clash, field: FieldClash | None) -> tuple[str, str, str, str]:
        name = name_of(self._model, clash)
        if field is None:
            return (name, UNKNOWN, _DELETED, "changed") if clash.gone else (name, UNKNOWN, "made", "made")
        mine = (
            _DELETED if field.mine is None and self._is_deletion(clash) else said_of(self._model, field.mine)
        )
        what = f"{name}: {field_words(field.name)}"
        return what, said_of(self._model, field.was), said_of(self._model, field.theirs), mine

    def _is_deletion(self, clash: Clash) -> bool:
        return any(step.id == clash.id and step.after is None for step in self._edit.steps)

    def _again(self) -> Edit | None:
        return applied_again(self._model.inventory, self._edit, new_id(), now_us(), self._commands.author)

    def _apply(self) -> None:
        again, settle, tell = self._again(), self._settle, self._commands.tell_refusals

        def then(refusals: tuple[Refusal, ...]) -> None:
            tell(refusals)
            if not refusals:
                settle()

        if again is not None:
            self._commands.submit(again, {}, then)
        self.accept()

    def _keep(self) -> None:
        self._settle()
        self.reject()

    def _on_journal(self, reply: Reply) -> None:
        result = reply.result if isinstance(reply.result, dict) else {}
        touched = {str(clash.id) for clash in self._found}
        for row in msgspec.convert(result.get("rows", []), list[JournalRow]):
            names = {str(id) for _, id in row.body.get("touched", ())}
            if row.kind == "edit_applied" and names & touched and row.body.get("edit") != str(self._edit.id):
                author = str(row.body.get("author") or "Somebody")
                age = age_of(row.at_us, now_us())
                self.who.setText(f"{author} did “{row.body.get('title', '')}” {age} ago.")
                return


def name_of(model: Model, clash: Clash) -> str:
    """Return what a thing that clashed is called."""
    link = model.inventory.link(clash.id)
    if link is not None:
        return BETWEEN.join(ends_of_link(model.inventory, link))
    return str(
        getattr(model.inventory.get(clash.kind, clash.id), "name", "") or capitalized(noun_of(clash.kind).one)
    )


def field_words(name: str) -> str:
    """Return what a field is called."""
    return _NAMES.get(name, name.replace("_", " "))


def said_of(model: Model, value: Any) -> str:
    """Return a plain value of an edit in words."""
    match value:
        case None | "":
            return UNKNOWN
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6f}".rstrip("0").rstrip(".")
        case int():
            return f"{value:,}"
        case list() if all(isinstance(part, str) for part in value):
            return ", ".join(value)[:VALUE_CHARS] or UNKNOWN
        case list():
            return f"{len(value):,} of them"
        case dict():
            return "set"
    return _named(model, str(value))[:VALUE_CHARS]


def _named(model: Model, text: str) -> str:
    """Return the name of what an id names, else the text."""
    try:
        id = UUID(text)
    except ValueError:
        return text
    found = (table.get(id) for table in model.inventory.tables.values())
    return next((str(getattr(thing, "name", text)) for thing in found if thing is not None), text)
