"""Which numbers go from this computer's disk, oldest first: what is too old, and what is above a cap. Counterpart: `store.py`,
which asks it, a piece at a time.

Theory: where a team's server is to hear of the polls, those that it has not heard yet do not go by their age, nor by the cap of
the others: only when they fill a cap of their own, or all but the last of the disk. What goes then is counted on the disk, in the
transaction that deletes it, and is said for a week.
One rule: what was not told is never deleted without being counted.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path

import msgspec
from sqlalchemy import Connection, select

from domain.retention import LostPolls, Retention
from engine.storage import rows, tables
from engine.storage.hours import PIECE_S, Hours
from engine.storage.samples import US_PER_DAY, Samples
from engine.storage.untold import Untold

_log = logging.getLogger("engine.storage")

RAW_AFTER_CAP = 0.95
"""How much of the cap is left when it was passed, so that the next prune is not due at once."""
SOURCES_AT_ONCE = 8
"""Sources pruned in one transaction, so that nobody waits long for the next."""
SPARED_BYTES = 1_000_000_000
"""Left free on the disk by polls that wait for the server: edits and the journal need room, too."""
LOST_POLLS = "lost_polls"
_NEVER_US = 2**62


class Pruning:
    """Drops numbers of one store. `transaction` is the store's."""

    def __init__(
        self,
        folder: Path,
        samples: Samples,
        hours: Hours,
        transaction: Callable[[], AbstractContextManager[Connection]],
    ) -> None:
        self.told_us: int | None = None
        """Up to when polls were told to a team's server; None where none is to hear of them."""
        self._folder = folder
        self._samples, self._hours = samples, hours
        self._untold = Untold(samples)
        self._transaction = transaction
        with transaction() as connection:
            self.lost = _read_lost(connection)
            """Polls that the team's server will never have."""

    def drop_in_pieces(self, now_us: int, retention: Retention) -> Iterator[bool]:
        """Delete numbers that are kept no longer; yields True after each piece, with nothing left open."""
        with self._transaction() as connection:
            sources = list(self._samples.sources(connection))
        told_us = _NEVER_US if self.told_us is None else self.told_us
        raw_us, hourly_us = (int(days * US_PER_DAY) for days in (retention.raw_days, retention.hourly_days))
        yield from self._drop_before(self._samples, sources, min(now_us - raw_us, told_us + 1))
        yield from self._drop_before(self._hours, sources, now_us - hourly_us)
        yield from self._drop_over(sources, retention.raw_cap_bytes, told_us + 1, now_us)
        if self.told_us is not None:
            yield from self._drop_over(sources, self._room(sources, retention), _NEVER_US, now_us)

    def note_refused(self, cycles: int, now_us: int, told_us: int) -> None:
        """Keep that the team's server did not take polls and never will, with up to when polls were told: one row, so that a kill
        leaves both or neither."""
        with self._transaction() as connection:
            lost = msgspec.structs.replace(self.lost.plus(0, cycles, now_us), told_us=told_us)
            self._keep(connection, lost)
        _log.warning("polls_lost", extra={"dropped": 0, "refused": cycles})

    def forget_told(self) -> None:
        """The clock was set back: what was told by the one before says nothing of what is to be told."""
        if self.lost.told_us:
            with self._transaction() as connection:
                self._keep(connection, msgspec.structs.replace(self.lost, told_us=0))

    def _room(self, sources: list[int], retention: Retention) -> int:
        """Return how much may be held of polls that wait for the server."""
        with self._transaction() as connection:
            held = self._samples.held_bytes(connection, sources)
            free_pages, page_bytes = (
                int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
                for name in ("freelist_count", "page_size")
            )
        free = shutil.disk_usage(self._folder).free + free_pages * page_bytes
        return max(retention.raw_cap_bytes, min(retention.untold_cap_bytes, held + free - SPARED_BYTES))

    def _drop_before(
        self, kept: Samples | Hours, sources: list[int], before_us: int, now_us: int = 0
    ) -> Iterator[bool]:
        rest = iter(sources)
        some = list(islice(rest, SOURCES_AT_ONCE))
        while some:
            until_s = time.monotonic() + PIECE_S
            with self._transaction() as connection:
                lost = 0
                while some:
                    if isinstance(kept, Samples) and self.told_us is not None and before_us > self.told_us:
                        lost += self._untold.count(connection, some, self.told_us, before_us)
                    kept.drop_before(connection, some, before_us)
                    some = list(islice(rest, SOURCES_AT_ONCE))
                    if time.monotonic() >= until_s:
                        break
                if lost:
                    self._keep(connection, self.lost.plus(lost, 0, now_us))
                    _log.warning("polls_lost", extra={"dropped": lost, "refused": 0})
            yield True

    def _drop_over(self, sources: list[int], cap: int, until_us: int, now_us: int) -> Iterator[bool]:
        """Delete the oldest polls before a moment until all fill less than a cap."""
        before = None
        while True:
            with self._transaction() as connection:
                held = self._samples.held_bytes(connection, sources)
                span = self._samples.span_us(connection, sources)
            if held <= cap or span is None or span[0] >= until_us or (held, span) == before:
                return  # the last: what is too much is of devices that came meanwhile, and the next pruning's
            before = held, span
            oldest_us, newest_us = span
            share = 1 - cap * RAW_AFTER_CAP / held
            before_us = min(oldest_us + int((newest_us - oldest_us) * share) + 1, until_us)
            yield from self._drop_before(self._samples, sources, before_us, now_us)

    def _keep(self, connection: Connection, lost: LostPolls) -> None:
        rows.upsert(connection, tables.meta, [{"name": LOST_POLLS, "value": msgspec.to_builtins(lost)}])
        self.lost = lost


def _read_lost(connection: Connection) -> LostPolls:
    query = select(tables.meta.c.value).where(tables.meta.c.name == LOST_POLLS)
    return msgspec.convert(connection.execute(query).scalar_one_or_none() or {}, LostPolls)
