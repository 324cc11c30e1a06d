"""Five installs and a server between which all goes wrong that can: cuts, loss, repetition, reorder, kills, restores.

Counterparts: `model_server.py`; `test_replicas.py`, where Hypothesis drives it, and `bench_sync.py`, where dice do. One rule: an
install's disk changes only by a `Change` that is written whole; what was not written is gone with the process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Generic, TypeVar
from uuid import UUID

from domain.edit import Edit, inverse
from domain.inventory import Inventory
from domain.rules import refusals
from domain.sync import Entries, Hello, Outcomes, Push, Taken
from domain.team import TrayEntry
from engine.sync.session import Change, Cursor, OwnEdit, Session
from tests.sync.model_server import Line, ModelServer, Reach, mark_of
from tests.sync.people import SITES, edit_of

REPLICAS = 5
DAY_US = 86_400_000_000
NOW_US = 1_780_000_000_000_000
ROUNDS_CAP = 200
"""Rounds in which all must be in step once nothing goes wrong any more."""

_Message = TypeVar("_Message")


class DiskFull(Exception):
    """Nothing of it was written."""


class Killed(Exception):
    """It was written, and then the process was gone."""


@dataclass
class Disk:
    """What an install keeps."""

    confirmed: Inventory = field(default_factory=Inventory)
    cursor: Cursor = field(default_factory=Cursor)
    edits: dict[UUID, OwnEdit] = field(default_factory=dict)
    tray: dict[UUID, TrayEntry] = field(default_factory=dict)

    def write(self, change: Change) -> None:
        """Write a change whole."""
        self.cursor = change.cursor
        for (kind, id), thing in change.confirmed.items():
            self.confirmed.tables[kind].pop(id, None)
            if thing is not None:
                self.confirmed.tables[kind][id] = thing
        for own in change.edits:
            if own.state == "refused":
                del self.edits[own.edit.id]
            else:
                self.edits[own.edit.id] = own
        for id, entry in change.tray.items():
            self.tray.pop(id, None)
            if entry is not None:
                self.tray[id] = entry

    def session(self) -> Session:
        """Return what starts from here."""
        edits = [own for own in self.edits.values() if own.state != "confirmed"]
        return Session(Inventory(self.confirmed.tables), self.cursor, edits, self.tray.values())


class Way(Generic[_Message]):
    """One direction of a connection: what is under way, and what was.

    Worse than a stream, but for this: parts of entries come once and in order, and where one is lost the connection is.
    """

    def __init__(self) -> None:
        self.waiting: list[_Message] = []
        self._past: list[_Message] = []

    def clear(self) -> None:
        """All is lost."""
        self.waiting.clear()
        self._past.clear()

    def draw(self, dice: Random, faulty: bool) -> _Message | None:
        """Take a message: the first, or with faults any; then it may be lost, and one may come that came before."""
        if faulty and self._past and dice.random() < 0.1:
            return dice.choice(self._past)
        if not self.waiting:
            return None
        place = dice.randrange(len(self.waiting)) if faulty and dice.random() < 0.3 else 0
        message = self.waiting.pop(place)
        match message:
            case Taken() | Entries(complete=False):
                pass
            case _:
                self._past = [*self._past[-5:], message]
        is_lost = faulty and not isinstance(message, Entries) and dice.random() < 0.1
        return None if is_lost else message


class Replica:
    """One install: its disk, the session of its running engine, and its connection with all that is on the way."""

    def __init__(self, number: int, reach: Reach, clock_us: int) -> None:
        self.number = number
        self.reach = reach
        self.clock_us = clock_us
        self.disk = Disk()
        self.session = self.disk.session()
        self.line: Line | None = None
        self.up: Way[Push | Taken] = Way()
        self.down: Way[Outcomes | Entries] = Way()
        self.acknowledged: dict[UUID, Edit] = {}
        self.seen: set[UUID] = set()
        """Entries of the tray that somebody dropped."""
        self.fault: DiskFull | Killed | None = None
        """What the next write meets."""

    def do(self, change: Change) -> None:
        """Write, be so, acknowledge. Raises DiskFull or Killed, and then nobody has heard of it."""
        fault, self.fault = self.fault, None
        if not isinstance(fault, DiskFull):
            self.disk.write(change)
        if fault is not None:
            raise fault
        self.session.take(change)
        if change.answer is not None and self.line is not None:
            self.up.waiting.append(change.answer)

    def hang_up(self) -> None:
        """The connection is over, and what was on the way is lost."""
        self.session.close()
        self.line = None
        self.up.clear()
        self.down.clear()

    def restart(self) -> None:
        """The process was killed and is there again."""
        self.hang_up()
        self.session = self.disk.session()


class World:
    """All of them. Each act takes the dice that decide what happens in particular."""

    def __init__(self, dice: Random) -> None:
        self.server = ModelServer()
        limited = frozenset(SITES[:2])
        self.replicas = [
            Replica(number, limited if number == REPLICAS - 1 else None, NOW_US + (number - 2) * 3 * DAY_US)
            for number in range(REPLICAS)
        ]
        self._next_id = 1
        self.edits = self.divergences = self.lost_edits = 0
        self._dice = dice

    def new_id(self) -> UUID:
        """Return the next id of an edit."""
        self._next_id += 1
        return UUID(int=(7 << 100) + self._next_id)

    # Acts

    def edit(self, replica: Replica, dice: Random) -> None:
        """Somebody changes something that they see."""
        steps = edit_of(replica.session.visible, replica.reach, dice)
        replica.clock_us += 1 + dice.randrange(1000)
        if steps:
            self._submit(replica, Edit(self.new_id(), replica.clock_us, "mara", "Change", tuple(steps)))

    def undo(self, replica: Replica, dice: Random) -> None:
        """Somebody takes back what they did before."""
        if replica.acknowledged:
            done = dice.choice(list(replica.acknowledged.values())[-8:])
            self._submit(replica, inverse(done, self.new_id(), replica.clock_us, "mara"))

    def resend(self, replica: Replica, dice: Random) -> None:
        """Somebody looks at what was not applied, and drops it or tries again as a new edit."""
        if not replica.disk.tray:
            return
        id, entry = dice.choice(list(replica.disk.tray.items()))
        again = Edit(self.new_id(), replica.clock_us, "mara", entry.edit.title, entry.edit.steps)
        if dice.random() < 0.5:
            self._submit(replica, again)
        replica.seen.add(id)
        self._do(replica, replica.session.drop(id))

    def connect(self, replica: Replica) -> None:
        """An install that is cut off reaches the server."""
        if replica.line is not None:
            return
        cursor = replica.session.cursor
        hello = Hello(1, "token", UUID(int=replica.number), cursor.epoch, cursor.revision)
        replica.line, welcome = self.server.hello(hello, replica.reach)
        is_anew = replica.session.begins_anew(welcome)
        kept = [own.edit for own in replica.disk.edits.values()] if is_anew else []
        self._do(replica, replica.session.open(welcome, kept))

    def push(self, replica: Replica) -> None:
        """An install sends what is to be sent."""
        message = replica.session.next_push()
        if message is not None:
            replica.up.waiting.append(message)

    def serve(self, replica: Replica, dice: Random, faulty: bool = True) -> None:
        """The server takes a message of an install, and tells what is new."""
        if replica.line is None:
            return
        message = replica.up.draw(dice, faulty)
        if message is not None:
            replica.down.waiting += self.server.take(replica.line, message)
        replica.down.waiting += self.server.news(replica.line)

    def hear(self, replica: Replica, dice: Random, faulty: bool = True) -> None:
        """An install takes a message of the server."""
        message = replica.down.draw(dice, faulty)
        match message:
            case Outcomes():
                self._do(replica, replica.session.outcomes(message, replica.clock_us))
            case Entries() if faulty and dice.random() < 0.03:
                replica.hang_up()
            case Entries():
                self._hear(replica, message)

    def _hear(self, replica: Replica, part: Entries) -> None:
        change = replica.session.entries(part, replica.clock_us)
        if change is None:
            replica.up.waiting.append(Taken(part.revision))
        elif self._do(replica, change):
            self._compare(replica)

    def restore(self) -> None:
        """The server is lost, and restored from its last backup."""
        self.server.restore()
        for replica in self.replicas:
            replica.hang_up()

    def step(self, dice: Random) -> None:
        """Let something happen."""
        replica, what = dice.choice(self.replicas), dice.random()
        if what < 0.18:
            self.edit(replica, dice)
        elif what < 0.21:
            self.undo(replica, dice)
        elif what < 0.23:
            self.resend(replica, dice)
        elif what < 0.30:
            self.connect(replica)
        elif what < 0.42:
            self.push(replica)
        elif what < 0.68:
            self.serve(replica, dice)
        elif what < 0.94:
            self.hear(replica, dice)
        elif what < 0.965:
            replica.hang_up()
        elif what < 0.97:
            replica.restart()
        elif what < 0.98:
            replica.fault = Killed() if dice.random() < 0.5 else DiskFull()
        elif what < 0.982:
            self.server.back_up()
        elif what < 0.984:
            self.restore()
        elif what < 0.986:
            self.check(replica)

    # What must hold

    def settle(self) -> None:
        """Let everything arrive, and count what is not as it must be."""
        for replica in self.replicas:
            replica.fault = None
            replica.hang_up()
        for _ in range(ROUNDS_CAP):
            for replica in self.replicas:
                self.connect(replica)
                self.push(replica)
                while replica.up.waiting or replica.down.waiting or self._has_news(replica):
                    self.serve(replica, self._dice, faulty=False)
                    self.hear(replica, self._dice, faulty=False)
            if all(self._is_in_step(replica) for replica in self.replicas):
                break
        for replica in self.replicas:
            self.check(replica)
            truth = self.server.view(replica.reach)
            if replica.session.visible != truth or replica.session.confirmed != truth:
                self.divergences += 1
            self.lost_edits += sum(self._is_lost(replica, id) for id in replica.acknowledged)
            self._forget(replica)

    def check(self, replica: Replica) -> None:
        """Count what an install's memory has otherwise than its disk, and what it acknowledged and does not have."""
        fresh = replica.disk.session()
        same = (fresh.visible, fresh.confirmed, fresh.tray, fresh.pending) == (
            replica.session.visible,
            replica.session.confirmed,
            replica.session.tray,
            replica.session.pending,
        )
        devices = replica.session.visible.tables["device"]
        loose = [link for link in replica.session.visible.links() if not {link.a, link.b} <= devices.keys()]
        self.divergences += not same or bool(loose)
        known = replica.disk.edits.keys() | replica.disk.tray.keys() | replica.seen
        self.lost_edits += len(replica.acknowledged.keys() - known)

    def _compare(self, replica: Replica) -> None:
        """What is confirmed is what the server had at that revision."""
        cursor = replica.session.cursor
        if replica.reach is None and cursor.epoch == self.server.epoch:
            self.divergences += mark_of(replica.session.confirmed) != self.server.states[cursor.revision]

    def _is_in_step(self, replica: Replica) -> bool:
        newest = replica.session.cursor.revision == self.server.kept.revision
        return newest and not replica.session.pending_count

    def _has_news(self, replica: Replica) -> bool:
        line = replica.line
        return line is not None and line.out is None and line.at != self.server.kept.revision

    def _is_lost(self, replica: Replica, id: UUID) -> bool:
        """Tell whether what somebody did is neither with the server, whole, nor in the tray, once all has arrived."""
        if id in replica.disk.tray or id in replica.seen:
            return False
        answer = self.server.kept.answers.get(id)
        return answer is None or bool(answer.clashes or answer.refusals)

    def _forget(self, replica: Replica) -> None:
        """Keep the last edits only, so that a long run stays small; a backup that is older would need them."""
        self.server.back_up()
        for id in list(replica.acknowledged)[:-50]:
            del replica.acknowledged[id]
            own = replica.disk.edits.get(id)
            if own is not None and own.state == "confirmed":
                del replica.disk.edits[id]
            replica.seen.discard(id)

    def _submit(self, replica: Replica, edit: Edit) -> None:
        if not refusals(replica.session.visible, edit) and self._do(replica, replica.session.submit(edit)):
            replica.acknowledged[edit.id] = edit
            self.edits += 1

    def _do(self, replica: Replica, change: Change) -> bool:
        try:
            replica.do(change)
        except DiskFull:
            replica.hang_up()
            return False
        except Killed:
            replica.restart()
            return False
        return True
