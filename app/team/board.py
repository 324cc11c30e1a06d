"""The team's board: who is there, what waits for the server, what was not applied. Counterpart: `domain/team.py`.

Theory: people and how it stands come with the state; edits are asked for (`QueryTray`) when their number changes while the board
is open, once a second at most. What was not applied is shown field by field by the view that the window has for clashes: theirs
beside mine; mine is applied as a new edit and the entry is dropped once that is done.
One rule: an entry goes only when somebody has decided on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QTableWidget, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.commands import Asks, Commands
from app.dialogs.clash import ClashView, field_words, name_of, said_of
from app.dialogs.form import Board, fill_row, plain_table
from app.draft import new_id, now_us
from app.look import Look
from app.model import Delta, Model
from app.panels.segments import Segments
from app.panels.text import Label, button, set_property
from app.team.rights import role_words, switch, why_not
from app.team.words import LEFT_OUT, entry_words, others_in, polled_words, sentence_of, stand_of, untold_words
from app.words import age_of, capitalized, clock, count_of, isolated, name_of_link
from domain.clash import applied_again
from domain.edit import Edit
from domain.errors import Refusal
from domain.roles import permission_to_edit
from domain.sync import Person
from domain.team import DropFromTray, QueryTray, TeamState, TrayEntry
from domain.wire import Reply

_Row = TypeVar("_Row")
WIDTH_PX = 640
TABLE_HIGH_PX = 220
ASK_MS = 1_000
LINES_SHOWN = 8
_HEADS = {
    "people": ("Who", "Computer", "Since", "Looks at"),
    "pending": ("Edit", "Things", "Age"),
    "tray": ("Edit", "Why", "Age"),
}
_NOTHING = {
    "people": "Nobody else is there now.",
    "pending": "Nothing waits: the server has confirmed all that was changed on this computer.",
    "tray": "Everything was applied as it was meant.",
}


class Hands(Protocol):
    """What the window does for it."""

    def select(self, id: UUID | None, *, fly: bool = False) -> None:
        """Choose a thing, and bring it into view."""


class TeamBoard(Board):
    """Stays open beside the map, so that one can go there and come back."""

    login_wanted = Signal()
    leave_wanted = Signal()

    def __init__(  # noqa: PLR0917
        self, model: Model, asks: Asks, commands: Commands, look: Look, hands: Hands, parent: QWidget
    ) -> None:
        team = _team_of(model)
        super().__init__(team.tenant_name if team is not None else "Team", parent, width_px=WIDTH_PX)
        self._model, self._asks, self._commands = model, asks, commands
        self._look, self._hands = look, hands
        self.pending: list[Edit] = []
        self.tray: list[TrayEntry] = []
        self._more = 0
        self._seen: tuple[int, int] | None = None
        self._people: list[Person] = []
        self.sentence = Label("", "head", wrap=True)
        self.story = Label("", "quiet", wrap=True)
        self.login = button("Log in again…", "primary")
        self.segments = Segments({"people": "There now", "pending": "Waiting", "tray": "Not applied"})
        self.tables = {
            "people": plain_table(_HEADS["people"], 0, (2,), prose=(3,)),
            "pending": plain_table(_HEADS["pending"], 0, (1, 2)),
            "tray": plain_table(_HEADS["tray"], 0, (2,), prose=(1,)),
        }
        self.notes = {key: Label(said, "quiet", wrap=True) for key, said in _NOTHING.items()}
        self.detail = Label("", wrap=True)
        self.go = button("Go there")
        self.compare, self.again = button("Compare…", "primary"), button("Send again")
        self.drop = button("Drop")
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(ASK_MS)
        self._later.timeout.connect(self._ask_if_new)
        self._lay_out()
        model.changed.connect(self._on_changed)
        self.refresh()
        self.show_page("tray" if team is not None and team.tray else "people")

    def show_page(self, key: str) -> None:
        """Show who is there, what waits or what was not applied."""
        self.segments.choose(key)
        self._pages.setCurrentIndex(list(_HEADS).index(key))
        self.tables[key].setFocus()
        self._on_chosen()

    def refresh(self) -> None:
        """Show how it stands now."""
        live, team, now = self._model.today or self._model, _team_of(self._model), now_us()
        if team is None:
            self.close()
            return
        theme = self._look.theme
        level = stand_of(team, now).level
        inks = {"cut": theme.status_text["degraded"], "act": theme.status_text["down"]}
        refused = team.reachability == "refused"
        loud = level == "cut" or refused
        self.sentence.setStyleSheet(f"color: {inks[level] if loud else theme.text.text};")
        self.sentence.setText(sentence_of(team, now))
        role = f"You are {isolated(team.name)}, {role_words(team.role)}"
        where = "" if team.is_everywhere else ", at some of its sites"
        untold = untold_words(team, live.engine.lost_polls if live.engine is not None else 0)
        newer = LEFT_OUT if team.left_out else ""
        said = [polled_words(team), f"{role}{where}", *filter(None, [untold, newer])]
        self.story.setText("".join(f"{one}. " for one in said).rstrip())
        self.login.setVisible(refused)
        self.login.setText(entry_words(team))
        self._show_people(team)
        self.segments.set_title("people", f"There now {len(team.people):,}")
        self.segments.set_title("pending", f"Waiting {team.pending:,}")
        self.segments.set_title("tray", f"Not applied {team.tray:,}")
        self._ask_if_new()

    # People

    def _show_people(self, team: TeamState) -> None:
        people = sorted(team.people, key=lambda p: (p.install == team.install, p.name.casefold(), p.since_us))
        table, now = self.tables["people"], now_us()
        if people != self._people:
            former = _at(table, self._people)
            self._people = people
            table.setRowCount(len(people))
            installs = [person.install for person in people]
            kept = former is not None and former.install in installs
            if people:
                table.selectRow(installs.index(former.install) if kept and former is not None else 0)
            for row, person in enumerate(people):
                me = " (you)" if person.install == team.install else ""
                place = self._place_words(person)
                since = clock(person.since_us, now)
                fill_row(table, row, (f"{isolated(person.name)}{me}", person.computer, since, place), (2,))
        alone = not others_in(team)
        heard = team.reachability == "online"
        said = _NOTHING["people"] if heard else "Who is there is not known while the server is not heard."
        self.notes["people"].setText(said)
        self.notes["people"].setVisible(alone)
        table.setVisible(bool(people))
        self._on_chosen()

    def _place_words(self, person: Person) -> str:
        if (worked := self._name(person.works_on)) is not None:
            return f"works on {worked}"
        return self._name(person.looks_at) or ""

    def _name(self, id: UUID | None) -> str | None:
        inventory = self._model.inventory
        if id is None:
            return None
        if (link := inventory.link(id)) is not None:
            return name_of_link(inventory, link)
        thing = inventory.device(id) or inventory.site(id)
        return isolated(thing.name) if thing is not None else None

    def _go(self) -> None:
        person = _at(self.tables["people"], self._people)
        if person is not None:
            self._hands.select(person.works_on or person.looks_at, fly=True)

    # Edits

    def _ask_if_new(self) -> None:
        team = _team_of(self._model)
        wanted = (team.pending, team.tray) if team is not None else None
        if wanted is None or wanted == self._seen or self._later.isActive():
            return
        self._seen = wanted
        self._later.start()
        self._asks.request(QueryTray, self._on_tray)

    def _on_tray(self, reply: Reply) -> None:
        if not isValid(self):
            return
        self.say(reply.refusals)
        if reply.refusals:
            return
        told = reply.result
        self.pending = msgspec.convert(told.get("pending", []), list[Edit])
        self.tray = msgspec.convert(told.get("tray", []), list[TrayEntry])
        self._more, now = int(told.get("more", 0)), now_us()
        edits = [(e.title, f"{len(e.steps):,}", age_of(e.at_us, now)) for e in self.pending]
        entries = [(t.edit.title, _why(t), age_of(t.at_us, now)) for t in self.tray]
        for key, rows, numbers in (("pending", edits, (1, 2)), ("tray", entries, (2,))):
            table, chosen = self.tables[key], self.tables[key].currentRow()
            table.setRowCount(len(rows))
            for row, texts in enumerate(rows):
                fill_row(table, row, texts, numbers)
            table.setVisible(bool(rows))
            self.notes[key].setVisible(not rows)
            if rows:
                table.selectRow(min(max(chosen, 0), len(rows) - 1))
        if self._more:
            self.notes["pending"].setText(f"And {self._more:,} older ones.")
            self.notes["pending"].show()
        else:
            self.notes["pending"].setText(_NOTHING["pending"])
        self._on_chosen()

    def _entry(self) -> TrayEntry | None:
        return _at(self.tables["tray"], self.tray)

    def _on_chosen(self) -> None:
        page = self.segments.current
        person, entry = _at(self.tables["people"], self._people), self._entry()
        self.go.setVisible(page == "people")
        self.go.setEnabled(person is not None and self._name(person.works_on or person.looks_at) is not None)
        in_tray = page == "tray" and entry is not None
        for verb in (self.compare, self.again, self.drop):
            verb.setVisible(in_tray)
        self.detail.setVisible(in_tray)
        if entry is None:
            return
        self.detail.setText(self._details(entry))
        why = why_not(self._model, *sorted({permission_to_edit(s.kind) for s in entry.edit.steps}))
        self.compare.setVisible(in_tray and bool(entry.clashes))
        self.again.setVisible(in_tray and not entry.clashes)
        set_property(self.again, "kind", "primary")
        for verb in (self.compare, self.again):
            switch(verb, why)

    def _details(self, entry: TrayEntry) -> str:
        lines = [f"{capitalized(refusal.message)}." for refusal in entry.refusals]
        for clash in entry.clashes:
            name = isolated(name_of(self._model, clash))
            if clash.gone or clash.there:
                lines.append(f"{name}: {'somebody deleted it' if clash.gone else 'somebody made it too'}")
            for field in clash.fields:
                what = field_words(field.name)
                theirs, mine = (isolated(said_of(self._model, v)) for v in (field.theirs, field.mine))
                lines.append(f"{name}, {what}: theirs {theirs}, mine {mine}")
        shown = lines[:LINES_SHOWN]
        if len(lines) > LINES_SHOWN:
            shown.append(count_of(len(lines) - LINES_SHOWN, "more", "more"))
        return "\n".join(shown)

    def _compare(self) -> None:
        entry = self._entry()
        if entry is not None:
            settle = partial(self._forget, entry.edit.id)
            ClashView(entry.edit, self._model, self._asks, self._commands, self, settle=settle).open()

    def _send_again(self) -> None:
        entry = self._entry()
        if entry is None:
            return
        edit = entry.edit
        again = applied_again(self._model.inventory, edit, new_id(), now_us(), self._commands.author)
        if again is None:
            self.say([Refusal("DONE", "nothing of it is left to do: drop it")])
            return

        def then(refusals: tuple[Refusal, ...]) -> None:
            self.say(refusals)
            if not refusals:
                self._forget(edit.id)

        self._commands.submit(again, {}, then)

    def _drop(self) -> None:
        entry = self._entry()
        if entry is not None:
            self._forget(entry.edit.id)

    def _forget(self, edit: UUID) -> None:
        def then(reply: Reply) -> None:
            self.say(reply.refusals)
            if isValid(self) and not reply.refusals:
                self._seen = None
                self._later.stop()
                self._ask_if_new()

        self._asks.request(lambda number: DropFromTray(number, edit), then)

    # Inside

    def _on_changed(self, delta: Delta) -> None:
        if delta.team and self.isVisible():
            self.refresh()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.sentence, 1)
        head.addWidget(self.login)
        self._pages = QStackedWidget()
        for key, table in self.tables.items():
            table.setMinimumHeight(TABLE_HIGH_PX // 2)
            page = QWidget()
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 0, 0, 0)
            column.addWidget(table, 1)
            column.addWidget(self.notes[key])
            column.addStretch(0)
            table.itemSelectionChanged.connect(self._on_chosen)
            self._pages.addWidget(page)
        self._pages.setMinimumHeight(TABLE_HIGH_PX)
        self.tables["people"].itemActivated.connect(lambda _: self._go())
        self.segments.chosen.connect(self.show_page)
        verbs: Sequence[tuple[QPushButton, object]] = (
            (self.go, self._go),
            (self.compare, self._compare),
            (self.again, self._send_again),
            (self.drop, self._drop),
        )
        line = QHBoxLayout()
        line.addStretch(1)
        for verb, do in verbs:
            verb.setAutoDefault(False)
            verb.clicked.connect(do)
            line.addWidget(verb)
        self.login.setAutoDefault(False)
        self.login.clicked.connect(self.login_wanted)
        self.verb("Leave the team…", "link").clicked.connect(self.leave_wanted)
        chosen = QHBoxLayout()
        chosen.addWidget(self.segments)
        chosen.addStretch(1)
        self.body.addLayout(head)
        self.body.addWidget(self.story)
        self.body.addLayout(chosen)
        self.body.addWidget(self._pages, 1)
        self.body.addWidget(self.detail)
        self.body.addLayout(line)


def _team_of(model: Model) -> TeamState | None:
    return (model.today or model).team


def _why(entry: TrayEntry) -> str:
    if entry.refusals:
        return capitalized(entry.refusals[0].message)
    fields = sum(len(clash.fields) or 1 for clash in entry.clashes)
    return f"{count_of(fields, 'field', 'fields')} changed by others"


def _at(table: QTableWidget, rows: Sequence[_Row]) -> _Row | None:
    """Return what the chosen row shows."""
    chosen = {index.row() for index in table.selectedIndexes()}
    return rows[chosen.pop()] if len(chosen) == 1 and max(chosen) < len(rows) else None
