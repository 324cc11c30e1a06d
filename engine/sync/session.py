"""What an install holds of its team's inventory: what is confirmed, its own edits on their way over it, and what was not applied.

Counterparts: `domain/sync.py`, the messages; `domain/merge.py`, which lays the edits; `client.py`, the connection; the server's
ledger. Pure: no IO, no clock.

Theory: what is *visible* is what is confirmed and over it the install's own edits, in the order in which they were made, merged
thing by thing. So what a thing is follows from its confirmed state and from those edits that name it: news of one thing costs as
much as there are edits on it, however many others are on their way. But a link without its ends is not shown: where a device was
deleted meanwhile, what people did to its links waits for the server's word. An edit is

    pending    -> accepted    the server applied it, under a revision that has not come down yet: it stays laid over
               -> confirmed   it came down, or nothing of it was left to do
               -> refused     nothing of it was applied: it is in the tray; so is one of which fields clashed, beside the above
    confirmed  -> again       the server was restored: it is asked anew, and not laid over, for what was done since may be right

After a restore (another epoch) all that this install had confirmed and still keeps is sent again with what is pending, in the
order in which it was made. The server knows what it has by the edits' ids, so only what the restore lost is merged anew; what
clashes then with what others did meanwhile is in the tray as always. What is shown stays until the new snapshot is complete.
One rule: asked what a message changes the session answers with a `Change` and is as it was; the change is written to disk, in one
transaction, then the session takes it (`take`), and then it is shown and acknowledged.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from domain.edit import Edit, Step
from domain.errors import Refusal
from domain.inventory import KINDS, Entity, Inventory, Kind, Link
from domain.merge import Thing, laid, things_of
from domain.newer import cannot_stand
from domain.sync import EDITS_PER_PUSH, FRAME_CAP_BYTES, Entries, Outcome, Outcomes, Push, Taken, Welcome
from domain.team import TrayEntry

PUSH_CAP_BYTES = FRAME_CAP_BYTES - 4096
"""Most that the edits of one push take; one edit alone has to fit."""
_TABLES: dict[Kind, str] = {
    "site": "sites",
    "credential": "credentials",
    "device": "devices",
    "link": "links",
    "rule": "rules",
    "maintenance": "maintenances",
    "ignored": "ignored",
    "diagram": "diagrams",
    "spot": "spots",
    "drawing": "drawings",
    "photo": "photos",
    "team_map": "team_maps",
}

LINK: Final = "link"
OwnState = Literal["pending", "again", "accepted", "confirmed", "refused"]
Things = Mapping[Thing, Entity | None]
"""Things as they are now; None is gone."""


class Cursor(msgspec.Struct, frozen=True):
    """What is confirmed here: all up to `revision` of `epoch`. `met`: the newest revision when this install first heard of it, or
    of an epoch before it whose restore it has not had all answers of yet. `left_out`: some of that only a newer program knows;
    `known`: what the program knows that took it (`domain/newer.py`)."""

    epoch: str = ""
    revision: int = 0
    met: int = 0
    left_out: bool = False
    known: str = ""

    def taken_by(self, known: str) -> Cursor:
        """Return it for a program that knows so much: one that knows something else has all told anew."""
        return self if known == self.known else msgspec.structs.replace(self, revision=0, known=known)


class OwnEdit(msgspec.Struct, frozen=True):
    """An edit of this install and what became of it. `revision` is the server's, 0 before it has one."""

    edit: Edit
    state: OwnState = "pending"
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What a message or an edit changes here.

    On disk, in one transaction: `cursor`, `confirmed`, `edits` (by their new state; one that is new stands behind all others),
    `tray` (None: dropped), and of `news` what is no inventory. To be shown then: `shown`. To be sent then: `answer`.
    `news`: the parts of entries that are complete; where their `since` is 0 they take the place of all that was there.
    """

    cursor: Cursor
    confirmed: Things = field(default_factory=dict)
    edits: tuple[OwnEdit, ...] = ()
    tray: Mapping[UUID, TrayEntry | None] = field(default_factory=dict)
    shown: Things = field(default_factory=dict)
    news: tuple[Entries, ...] = ()
    answer: Taken | None = None
    answered: frozenset[UUID] = frozenset()
    """Edits of the push that is out of which the server said what became of them."""


class Session:
    """Made from what is on disk. Use by one at a time: ask, write the change, `take` it."""

    def __init__(
        self,
        confirmed: Inventory,
        cursor: Cursor,
        edits: Iterable[OwnEdit] = (),
        tray: Iterable[TrayEntry] = (),
    ) -> None:
        """`edits`: those that are pending, again or accepted, in the order in which they were made."""
        self.confirmed = confirmed
        self.visible = Inventory(confirmed.tables)
        self.cursor = cursor
        self.tray = {entry.edit.id: entry for entry in tray}
        self._edits: dict[UUID, OwnEdit] = {}
        self._unsent: dict[UUID, Edit] = {}
        self._over: dict[Thing, dict[UUID, list[Step]]] = {}
        self._accepted: dict[UUID, int] = {}
        self._parts: list[Entries] = []
        self._left_out = False
        self._out: set[UUID] = set()
        self._is_open = False
        self._loose: set[UUID] = set()
        self._note(edits)
        _put(self.visible, {thing: self._seen(thing, confirmed.get(*thing)) for thing in self._over})
        _put(self.visible, self._tied({(LINK, link.id): link for link in self.visible.links()}))
        self._note_loose([*confirmed.tables[LINK], *(id for kind, id in self._over if kind == LINK)])

    # What there is

    @property
    def pending(self) -> list[Edit]:
        """Edits of which the server has not said what became of them, in the order in which they were made."""
        return list(self._unsent.values())

    @property
    def pending_count(self) -> int:
        """How many those are."""
        return len(self._unsent)

    def is_pending(self, kind: str, id: UUID) -> bool:
        """Tell whether an edit of a thing is on its way, so that what is shown is not confirmed."""
        return (kind, id) in self._over

    # What this install does

    def size_refusals(self, edit: Edit) -> list[Refusal]:
        """Return why an edit cannot be told to a server, whatever it changes."""
        size = len(_encoder.encode(edit))
        if size <= PUSH_CAP_BYTES:
            return []
        said = f"the edit takes {size:,} bytes, at most {PUSH_CAP_BYTES:,} are told to a server at once: do it in parts"
        return [Refusal("INVALID_INPUT", said)]

    def submit(self, edit: Edit) -> Change:
        """Return what an edit changes that was judged on `visible` by the rules; nothing where it is here already."""
        if edit.id in self._edits:
            return Change(self.cursor)
        shown = {thing: laid(self._laid_so_far(thing), steps) for thing, steps in things_of(edit).items()}
        return Change(self.cursor, edits=(OwnEdit(edit),), shown=self._tied(shown))

    def drop(self, edit: UUID) -> Change:
        """Return the change after which an entry of the tray is forgotten."""
        return Change(self.cursor, tray={edit: None} if edit in self.tray else {})

    # The connection

    def begins_anew(self, welcome: Welcome) -> bool:
        """Tell whether a server is not the one that confirmed what is here: another epoch, or it is behind us in the same."""
        return welcome.epoch != self.cursor.epoch or welcome.revision < self.cursor.revision

    def open(self, welcome: Welcome, kept: Sequence[Edit] = ()) -> Change:
        """Return what the server's first words change: nothing, but where it `begins_anew`.

        `kept`: all edits of this install that are on disk, in the order in which they were made; needed only then.
        """
        self.close()
        self._is_open = True
        if not self.begins_anew(welcome):
            return Change(self.cursor)
        made = {edit.id: OwnEdit(edit, "again") for edit in kept}
        made |= {id: own if own.state == "again" else OwnEdit(own.edit) for id, own in self._edits.items()}
        met = welcome.revision
        if any(own.state == "again" for own in self._edits.values()):  # the last restore's answers are lost
            met = min(met, self.cursor.met)
        cursor = msgspec.structs.replace(self.cursor, epoch=welcome.epoch, revision=0, met=met)
        return Change(cursor, edits=tuple(made.values()))

    def close(self) -> None:
        """The connection is over: what was out is sent again on the next, and half-told entries are told anew."""
        self._parts.clear()
        self._left_out = False
        self._out.clear()
        self._is_open = False

    def next_push(self) -> Push | None:
        """Return the edits to be sent now, or None: all are sent, one push is out, or there is no connection."""
        if self._out or not self._is_open or not self._unsent:
            return None
        edits: list[Edit] = []
        room = PUSH_CAP_BYTES
        for edit in islice(self._unsent.values(), EDITS_PER_PUSH):
            room -= len(_encoder.encode(edit))
            if room < 0 and edits:
                break
            edits.append(edit)
        self._out = {edit.id for edit in edits}
        return Push(tuple(edits))

    def outcomes(self, message: Outcomes, at_us: int) -> Change:
        """Return what became of edits; of one that is here no more, or was answered already, nothing changes."""
        told = {one.id: one for one in message.outcomes}
        become = self._become(told.values())
        return self._change(self.cursor, {}, become, at_us, told, answered=frozenset(self._out & told.keys()))

    def entries(self, part: Entries, at_us: int, *, left_out: bool = False) -> Change | None:
        """Return what entries change once they are complete; None until then, which is answered too.

        `left_out`: there is more to the part, which only a newer program knows.
        What does not follow on the cursor changes nothing; where we are, the answer says.
        """
        here = self.cursor.revision
        read = self._parts[-1].revision if self._parts else here
        if part.since != here or part.revision < read:
            return Change(self.cursor, answer=Taken(here)) if part.complete else None
        self._parts.append(part)
        self._left_out |= left_out
        if not part.complete:
            return None
        parts, self._parts = tuple(self._parts), []
        left_out, self._left_out = self._left_out or (self.cursor.left_out and part.since > 0), False
        cursor = msgspec.structs.replace(self.cursor, revision=part.revision, left_out=left_out)
        rows = {row.edit.id: row for one in parts for row in one.edits}
        told = {id: Outcome(id, row.revision, row.clashes) for id, row in rows.items() if id in self._unsent}
        become = self._become(told.values(), part.revision)
        for id, revision in self._accepted.items():
            if revision <= part.revision:
                become[id] = OwnEdit(self._edits[id].edit, "confirmed", revision)
        answer = Taken(part.revision)
        confirmed = self._told(parts, left_out=left_out)
        return self._change(cursor, confirmed, become, at_us, told, news=parts, answer=answer)

    def take(self, change: Change) -> None:
        """Be as a change says; it is on disk, and nothing was taken since it was asked for."""
        self._note(change.edits)
        self.cursor = change.cursor
        _put(self.confirmed, change.confirmed)
        _put(self.visible, change.shown)
        steps = (step for own in change.edits for step in own.edit.steps)
        touched = [*change.confirmed, *change.shown, *((step.kind, step.id) for step in steps)]
        self._note_loose([*self._loose, *(id for kind, id in touched if kind == LINK)])
        for id, entry in change.tray.items():
            if entry is None:
                self.tray.pop(id, None)
            else:
                self.tray[id] = entry
        self._out -= change.answered

    # How

    def _become(self, outcomes: Iterable[Outcome], revision: int | None = None) -> dict[UUID, OwnEdit]:
        """Return the new states of edits of which the server told; `revision` is what is confirmed by then."""
        here = self.cursor.revision if revision is None else revision
        become: dict[UUID, OwnEdit] = {}
        for one in outcomes:
            own = self._edits.get(one.id)
            if own is None or own.state == "accepted":
                continue
            if one.refusals or (one.clashes and not one.revision):
                become[one.id] = OwnEdit(own.edit, "refused")
            else:
                is_here = own.state == "again" or one.revision <= here
                become[one.id] = OwnEdit(own.edit, "confirmed" if is_here else "accepted", one.revision)
        return become

    def _change(
        self,
        cursor: Cursor,
        confirmed: Things,
        become: Mapping[UUID, OwnEdit],
        at_us: int,
        told: Mapping[UUID, Outcome],
        **more: Any,
    ) -> Change:
        over = {id for id, own in become.items() if own.state in {"confirmed", "refused"}}
        touched = dict.fromkeys(confirmed)
        for id in over:
            touched |= dict.fromkeys(things_of(self._edits[id].edit))
        shown = {
            thing: self._seen(thing, confirmed.get(thing, self.confirmed.get(*thing)), over)
            for thing in touched
        }
        tray = {
            id: TrayEntry(own.edit, at_us, told[id].clashes, told[id].refusals)
            for id, own in become.items()
            if id in told and self._is_news(told[id])
        }
        return Change(cursor, confirmed, tuple(become.values()), tray, self._tied(shown), **more)

    def _is_news(self, outcome: Outcome) -> bool:
        """Tell whether a person has to hear of it: not of clashes of what was applied before the server was restored."""
        was_there = 0 < outcome.revision <= self.cursor.met
        is_again = self._edits[outcome.id].state == "again"
        return bool(outcome.refusals or (outcome.clashes and not (is_again and was_there)))

    def _told(self, parts: Sequence[Entries], *, left_out: bool) -> dict[Thing, Entity | None]:
        """Return what is another by these parts than what is confirmed."""
        now: dict[Thing, Entity | None] = {}
        if parts[0].since == 0:
            now = {(kind, id): None for kind in KINDS for id in self.confirmed.tables[kind]}
        for part in parts:  # a later one was read later: what it says of a thing holds
            for kind, name in _TABLES.items():
                now.update({(kind, entity.id): entity for entity in getattr(part, name)})
            for gone in part.gone:
                if gone.kind in KINDS:
                    now[gone.kind, gone.id] = None
        if left_out:  # nothing hangs on what is not here
            now |= dict.fromkeys(cannot_stand(now, self.confirmed.get))
        return {thing: entity for thing, entity in now.items() if self.confirmed.get(*thing) != entity}

    def _seen(self, thing: Thing, confirmed: Entity | None, over: Container[UUID] = ()) -> Entity | None:
        """Return a thing as it is shown: confirmed, and the edits laid over it but for those that are `over`."""
        for id, steps in self._over.get(thing, {}).items():
            if id not in over:
                confirmed = laid(confirmed, steps)
        return confirmed

    def _laid_so_far(self, thing: Thing) -> Entity | None:
        """Return a thing as it is shown, or would be if it had its ends."""
        if thing[0] == LINK and thing[1] in self._loose:
            return self._seen(thing, self.confirmed.get(*thing))
        return self.visible.get(*thing)

    def _tied(self, now: dict[Thing, Entity | None]) -> dict[Thing, Entity | None]:
        """Return what is to be shown otherwise than it is, where things are so now: without links that lack an end."""
        gone = {id for (kind, id), device in now.items() if kind == "device" and device is None}
        asked = [id for kind, id in now if kind == LINK] + list(self._loose)
        if gone:
            asked += [link.id for link in self.visible.links() if link.a in gone or link.b in gone]
        for id in asked:
            link = now[LINK, id] if (LINK, id) in now else self._laid_so_far((LINK, id))
            ends: list[Thing] = [("device", link.a), ("device", link.b)] if isinstance(link, Link) else []
            has_ends = all(now[end] if end in now else self.visible.get(*end) for end in ends)
            now[LINK, id] = link if has_ends else None
        return {thing: entity for thing, entity in now.items() if self.visible.get(*thing) != entity}

    def _note_loose(self, links: Iterable[UUID]) -> None:
        """Have those of these links that are not shown for want of an end."""
        for id in links:
            is_link = self._seen((LINK, id), self.confirmed.tables[LINK].get(id)) is not None
            if is_link and id not in self.visible.tables[LINK]:
                self._loose.add(id)
            else:
                self._loose.discard(id)

    def _note(self, edits: Iterable[OwnEdit]) -> None:
        """Have edits in their new states; what is to be sent goes behind what is to be sent already."""
        for own in edits:
            id = own.edit.id
            self._unsent.pop(id, None)
            self._accepted.pop(id, None)
            if own.state in {"confirmed", "refused"}:
                if self._edits.pop(id, None) is not None:
                    self._lift(own.edit)
                continue
            self._edits[id] = own
            if own.state == "accepted":
                self._accepted[id] = own.revision
            else:
                self._unsent[id] = own.edit
            if own.state != "again":
                for thing, steps in things_of(own.edit).items():
                    self._over.setdefault(thing, {}).setdefault(id, steps)

    def _lift(self, edit: Edit) -> None:
        for thing in things_of(edit):
            laid_over = self._over.get(thing, {})
            laid_over.pop(edit.id, None)
            if not laid_over:
                self._over.pop(thing, None)


def _put(inventory: Inventory, things: Things) -> None:
    for (kind, id), entity in things.items():
        if entity is None:
            inventory.tables[kind].pop(id, None)
        else:
            inventory.tables[kind][id] = entity


_encoder = msgspec.msgpack.Encoder()
