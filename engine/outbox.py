"""What one client has yet to hear. Counterpart: `endpoint.py` sends its batches, `domain/wire.py` has their theory.

Theory: the outbox keeps names of subjects, not their values; a value is read when its batch is made. So a client that reads
nothing for an hour costs one name a subject, the latest wins by itself, and nobody waits for anybody. First comes the
snapshot; what changes meanwhile follows it. One rule: one batch is outstanding until its credit comes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Any
from uuid import UUID

from domain.alerts import Alert
from domain.inventory import Device, Link, Site
from domain.journal import JournalRow
from domain.wire import FOUND_ROWS_OF, REMOVABLE, ROWS_OF, SUBJECTS_PER_BATCH, Changed, LatestValues, Removed
from engine.state import State, Subject

JOURNAL_CAP = 500
"""Newest rows kept for a client that does not read; it asks for older ones with QueryJournal."""
WATCHED_CAP = 500
"""Most devices a client is sent values of."""

_FIELD: dict[str, str] = {
    **{str(kind): rows for kind, rows in (*ROWS_OF.items(), *FOUND_ROWS_OF.items())},
    "health": "health",
    "link_state": "link_states",
    "alert": "alerts",
    "fact": "facts",
    "values": "values",
}


class Outbox:
    """Names of what changed for one client, in the order it first did."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._snapshot = deque(state.subjects())
        self._initial = True
        self._changed: dict[Subject, None] = {}
        self._journal: deque[JournalRow] = deque(maxlen=JOURNAL_CAP)
        self.watched: frozenset[UUID] = frozenset()
        self.watches_discovery = False
        self._batch = 0
        self._outstanding = False

    def touch(self, subjects: Iterable[Subject]) -> None:
        """Note that these have a new state."""
        for subject in subjects:
            if subject.table != "values" or subject.key in self.watched:
                self._changed[subject] = None

    def note(self, rows: Iterable[JournalRow]) -> None:
        """Note what happened."""
        self._journal.extend(rows)

    def watch(self, devices: Iterable[UUID]) -> None:
        """Send values of these devices from now on, and what is known of them at once."""
        self.watched = frozenset(list(devices)[:WATCHED_CAP])
        self._changed = {s: None for s in self._changed if s.table != "values" or s.key in self.watched}
        self.touch(Subject("values", id) for id in self.watched if id in self._state.values)

    def credit(self, batch: int) -> bool:
        """Take the credit of a batch; False where that batch is not outstanding."""
        if not self._outstanding or batch != self._batch:
            return False
        self._outstanding = False
        return True

    def next_batch(self) -> Changed | None:
        """Return the next batch, which is outstanding then; None while one is, or where there is nothing to say."""
        if self._outstanding or not (self._initial or self._changed or self._journal):
            return None
        initial = self._initial
        found: dict[str, list[Any]] = {}
        weight = 0
        if initial:
            while self._snapshot and weight < SUBJECTS_PER_BATCH:
                weight += self._take(self._snapshot.popleft(), found)
            more = self._initial = bool(self._snapshot)
        else:
            found["journal"] = list(self._journal)
            self._journal.clear()
            for subject in list(islice(self._changed, SUBJECTS_PER_BATCH)):
                del self._changed[subject]
                weight += self._take(subject, found)
                if weight >= SUBJECTS_PER_BATCH:
                    break
            more = bool(self._changed)
        self._batch += 1
        self._outstanding = True
        single: dict[str, Any] = {name: found.pop(name, [None])[0] for name in ("engine", "team", "tunnels")}
        lists: dict[str, Any] = {field: tuple(values) for field, values in found.items()}
        return Changed(self._batch, initial=initial, more=more, **single, **lists)

    def _take(self, subject: Subject, found: dict[str, list[Any]]) -> int:
        if subject.table == "facts":
            facts = [
                fact for fact in self._state.facts.get(subject.key, {}).values() if fact.value is not None
            ]
            found.setdefault("facts", []).extend(facts)
            return len(facts)
        value = self._state.latest(subject)
        if value is not None:
            found.setdefault(_FIELD.get(subject.table, subject.table), []).append(value)
        elif subject.table in REMOVABLE:
            found.setdefault("removed", []).append(Removed(subject.table, subject.key))  # type: ignore[arg-type]
        return _weight_of(value)


def _weight_of(value: object) -> int:
    """Return how many ordinary subjects this one is as large as, so that a batch stays below the frame cap."""
    match value:
        case LatestValues():
            return 1 + (len(value.values) + len(value.live)) // 8
        case Link():
            return 1 + len(value.path) // 16 + len(value.note) // 256
        case Device() | Site():
            return 1 + len(value.note) // 256
        case Alert():
            return 1 + sum(len(act.text) for act in value.acts) // 256
        case _:
            return 1
