"""Long work (a sweep, an import, an upgrade) as data: how far it is, how it ended. Counterpart: `engine/operations.py`.

Theory: running <-> paused, and from either to done, failed or cancelled, which is the end.
One rule: time is an argument, and what has ended never changes: a transition that does not fit returns what was given.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

OperationState = Literal["running", "paused", "done", "failed", "cancelled"]
ENDED: frozenset[str] = frozenset({"done", "failed", "cancelled"})

WORDS_CAP = 500
"""Characters kept of how an operation ended."""


class Operation(msgspec.Struct, frozen=True):
    """One piece of long work. `phase` is what it does now, in words; `total` 0 where nobody knows yet how much there is."""

    id: UUID
    kind: str
    title: str
    phase: str = ""
    done: int = 0
    total: int = 0
    state: OperationState = "running"
    started_us: int = 0
    ended_us: int | None = None
    result_words: str = ""

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more will come of it."""
        return self.state in ENDED


def start(id: UUID, kind: str, title: str, at_us: int, total: int = 0) -> Operation:
    """Return an operation that begins."""
    return Operation(id, kind, title, total=max(0, total), started_us=at_us)


def advance(
    old: Operation, done: int | None = None, total: int | None = None, phase: str | None = None
) -> Operation:
    """Return it further on; what is None stays. It never goes back, and never beyond its total where there is one."""
    if old.has_ended:
        return old
    now_total = old.total if total is None else max(0, total)
    now_done = old.done if done is None else max(old.done, done)
    if now_total:
        now_done = min(now_done, now_total)
    return msgspec.structs.replace(
        old, done=now_done, total=now_total, phase=old.phase if phase is None else phase
    )


def pause(old: Operation) -> Operation:
    """Return it at rest, if it runs."""
    return msgspec.structs.replace(old, state="paused") if old.state == "running" else old


def resume(old: Operation) -> Operation:
    """Return it running again, if it rests."""
    return msgspec.structs.replace(old, state="running") if old.state == "paused" else old


def finish(old: Operation, at_us: int, words: str) -> Operation:
    """Return it done: all of it, if it was known how much there is."""
    return _end(msgspec.structs.replace(old, done=old.total or old.done), "done", at_us, words, old)


def fail(old: Operation, at_us: int, words: str) -> Operation:
    """Return it ended by what went wrong, in words."""
    return _end(old, "failed", at_us, words, old)


def cancel(old: Operation, at_us: int, words: str) -> Operation:
    """Return it ended because somebody wanted that."""
    return _end(old, "cancelled", at_us, words, old)


def _end(new: Operation, state: OperationState, at_us: int, words: str, old: Operation) -> Operation:
    if old.has_ended:
        return old
    return msgspec.structs.replace(
        new, state=state, ended_us=max(at_us, old.started_us), result_words=words[:WORDS_CAP]
    )
