"""Who may hold a login's secret, chosen in words. Counterpart: `domain/sharing.py`; the server lets nobody else have it.

Theory: who could be named, how many collectors there are and who holds what is the server's to say, and comes after the dialog is
open; what is chosen can be said without it, and waits. Where the team has no collector, engineers are suggested, with the reason.
One rule: of each choice it is said what can be polled then, before it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from uuid import UUID

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QFrame, QRadioButton, QScrollArea, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.commands import Asks
from app.dialogs.form import Form
from app.panels.text import Label, caption, tip
from app.team.rights import role_words
from app.words import count_of, isolated
from domain.errors import Refusal
from domain.sharing import (
    AUDIENCE_KINDS,
    Audience,
    AudienceKind,
    Member,
    QuerySharing,
    SetAudience,
    SharingState,
    audience_refusals,
    usual_audience,
)
from domain.team import TeamState
from domain.wire import Reply

TITLES: dict[AudienceKind, str] = {
    "server": "Server and collectors",
    "engineers": "Engineers, and collectors",
    "people": "People only",
}
STORIES: dict[AudienceKind, str] = {
    "server": "Collectors hold it and poll with it. No person's computer has it.",
    "engineers": "People who may change logins have it on their computers too.",
    "people": "Only computers of the people you name hold it. The server can neither open it nor poll with it: what needs it is "
    "asked only while one of these computers polls.",
}
NO_COLLECTOR = "This team has no collector: with “Server and collectors” nobody could hold it, and nothing would be polled."
PEOPLE_HIGH_PX = 132
NAME_PX = 380
NAMED = 3
Then = Callable[[tuple[Refusal, ...]], None]


def audience_words(audience: Audience, people: Iterable[Member]) -> str:
    """Return who may hold a secret, in a few words."""
    if audience.kind != "people":
        words = TITLES[audience.kind]
    else:
        names = {one.account: isolated(one.name) for one in people}
        known = sorted(names[one] for one in audience.people if one in names)
        more = len(audience.people) - len(known[:NAMED])
        words = ", ".join([*known[:NAMED], *([f"{more:,} more"] if more and known else [])])
        words = f"Only {words}" if words else f"Only {count_of(more, 'person', 'people')}"
    return (
        f"{words}, at {count_of(len(audience.sites), 'site', 'sites')}"
        if audience.sites is not None
        else words
    )


class AudienceField(QWidget):
    """The choice. `old` None: of a login that is new; `sites`: where it is used, empty where that cannot be said."""

    def __init__(self, team: TeamState, old: Audience | None = None, sites: Iterable[UUID] = ()) -> None:
        super().__init__()
        self._team, self._old = team, old
        self._sites = frozenset(sites) | (old.sites or frozenset() if old else frozenset())
        self.radios = {kind: QRadioButton(TITLES[kind]) for kind in AUDIENCE_KINDS}
        self.stories = {kind: Label(STORIES[kind], "small", wrap=True) for kind in AUDIENCE_KINDS}
        self.why = Label(NO_COLLECTOR, "quiet", wrap=True)
        self.boxes: dict[UUID, QCheckBox] = {}
        self._list = QWidget()
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(24, 2, 8, 2)
        self.people = QScrollArea()
        self.people.setWidgetResizable(True)
        self.people.setFrameShape(QFrame.Shape.NoFrame)
        self.people.setWidget(self._list)
        self.alone = Label(
            "Who could be named is not known while the server is not heard.", "small", wrap=True
        )
        count = count_of(len(self._sites), "site", "sites")
        self.at_sites = QCheckBox(f"Also for those who reach only the {count} where it is used")
        self.at_sites.setVisible(bool(self._sites))
        self.at_sites.setChecked(old is not None and old.sites is not None)
        self._lay_out()
        self._named = {*old.people} if old is not None else {team.account}
        self._show_people(())
        self.choose((old or usual_audience(team.collectors)).kind)
        self.show_collectors(team.collectors)

    @property
    def kind(self) -> AudienceKind:
        """What is chosen."""
        return next(kind for kind, radio in self.radios.items() if radio.isChecked())

    def choose(self, kind: AudienceKind) -> None:
        """Choose one of the three."""
        self.radios[kind].setChecked(True)

    def audience(self) -> Audience:
        """Return what is chosen."""
        sites = self._sites if self.at_sites.isChecked() and self._sites else None
        people = frozenset(self._named) if self.kind == "people" else frozenset()
        return Audience(self.kind, sites, people)

    @property
    def is_other(self) -> bool:
        """Whether it is another one than there was."""
        return self.audience() != self._old

    def show_state(self, state: SharingState) -> None:
        """Take who could be named, and whether there are collectors."""
        self._show_people(state.people)
        self.show_collectors(len(state.collectors))

    def show_collectors(self, count: int | None) -> None:
        """Say why engineers are suggested where the team has no collector."""
        self.why.setVisible(count == 0)

    def refuse(self, refusals: Iterable[Refusal]) -> list[Refusal]:
        """Return the refusals as a form shows them: at this field."""
        return [msgspec.structs.replace(one, field="audience") for one in refusals]

    def _show_people(self, people: Iterable[Member]) -> None:
        for box in self.boxes.values():
            box.deleteLater()
        self.boxes = {}
        for one in people:
            words = f"{isolated(one.name)}   ({role_words(one.role)})"
            box = QCheckBox()
            box.setText(caption(box.fontMetrics().elidedText(words, Qt.TextElideMode.ElideMiddle, NAME_PX)))
            box.setToolTip(tip(words))
            box.setChecked(one.account in self._named)
            box.toggled.connect(partial(self._on_checked, one.account))
            self._column.addWidget(box)
            self.boxes[one.account] = box
        needed_px = self._list.sizeHint().height()
        self.people.setFixedHeight(min(needed_px, PEOPLE_HIGH_PX))
        self._show()

    def _on_checked(self, account: UUID, checked: bool) -> None:
        (self._named.add if checked else self._named.discard)(account)

    def _show(self) -> None:
        is_people = self.radios["people"].isChecked()
        self.people.setVisible(is_people and bool(self.boxes))
        self.alone.setVisible(is_people and not self.boxes)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        group = QButtonGroup(self)
        for kind, radio in self.radios.items():
            group.addButton(radio)
            radio.toggled.connect(self._show)
            column.addWidget(radio)
            self.stories[kind].setIndent(24)
            column.addWidget(self.stories[kind])
        column.addWidget(self.people)
        column.addWidget(self.alone)
        column.addWidget(self.why)
        column.addWidget(self.at_sites)


def ask_sharing(asks: Asks, owner: QWidget, then: Callable[[SharingState], None], fail: Then) -> None:
    """Ask how secrets are shared; an answer that comes after its owner was closed is nothing."""

    def take(reply: Reply) -> None:
        if not isValid(owner):
            return
        if reply.refusals:
            fail(reply.refusals)
        else:
            then(msgspec.convert(reply.result, SharingState))

    asks.request(QuerySharing, take)


def say_audience(asks: Asks, credentials: Iterable[UUID], audience: Audience, then: Then) -> None:
    """Say who may hold some logins' secrets; `then` hears what was refused."""
    ids = tuple(credentials)
    asks.request(lambda number: SetAudience(number, ids, audience), lambda reply: then(reply.refusals))


class AudienceForm(Form):
    """Says of one or more logins who may hold their secrets."""

    def __init__(  # noqa: PLR0917
        self,
        asks: Asks,
        title: str,
        ids: Iterable[UUID],
        field: AudienceField,
        then: Callable[[], None],
        parent: QWidget,
    ) -> None:
        super().__init__(title, "Save", parent, width_px=500)
        self._asks, self._ids, self._field, self._then = asks, tuple(ids), field, then
        self.body.addWidget(self.fields.add("audience", "Who may hold the secret", field))
        taken = "Who may hold it no longer loses it, and it is sealed under another key. What somebody wrote down stays known."
        self.body.addWidget(Label(taken, "small", wrap=True))
        self.body.addStretch(1)
        for radio in field.radios.values():
            radio.toggled.connect(self.fit_soon)

    def submit(self) -> None:
        """Say it."""
        if not self.submit_button.isEnabled():
            return
        found = audience_refusals(self._field.audience())
        if found:
            self.refuse(self._field.refuse(found))
            return
        self.begin()
        say_audience(self._asks, self._ids, self._field.audience(), self._on_reply)

    def _on_reply(self, refusals: tuple[Refusal, ...]) -> None:
        self._then()
        self.on_answer(tuple(self._field.refuse(refusals)[:1]))
