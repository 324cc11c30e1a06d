"""Walks a subtree of one SNMP agent, a page at a time. Counterpart: `library.py`, which says what the values mean.

One rule: nothing is ever set; a page ends at its rows, its time, the subtree's end, or an OID that does not grow.
"""

from __future__ import annotations

from time import monotonic
from typing import NamedTuple

from domain.errors import BadReply
from engine.drivers.snmp_session import MAX_VALUE_BYTES, SnmpSession
from engine.protocols.ber import Absent, Value

PAGE_S = 2.0
"""After so long a page is handed over as it is, if there is anything in it."""
LIMIT_S = 20.0
"""How long a page may take at all, with an agent that is slow or loses what it is asked."""
_REPETITIONS = 40


class Page(NamedTuple):
    """Values in their order, and the OID after which the next page begins; "" at the end."""

    values: list[tuple[str, Value]]
    next: str


class WalkSession(SnmpSession):
    """One agent, asked for what follows what. `is_known`: `version` is one that it answers."""

    is_known = False

    async def page(self, root: str, after: str, rows: int) -> Page:
        """Return what is at and below `root`, behind `after`. Raises DeviceError."""
        self.limit(LIMIT_S)
        if not self.is_known:
            await self.find_version()
            self.is_known = True
        ends_s = monotonic() + PAGE_S
        values: list[tuple[str, Value]] = []
        at, key = after or root, _arcs(after or root)
        while len(values) < rows and (not values or monotonic() < ends_s):
            found = await self.following((at,), min(_REPETITIONS, rows - len(values)))
            ended = not found
            for oid, value in found:
                if (
                    not oid.startswith(root + ".")
                    or isinstance(value, Absent)
                    or (oid == at and value is None)
                ):
                    ended = True
                    break
                arcs = _arcs(oid)
                if arcs <= key:
                    raise BadReply(f"{self.where} answers with {oid} after {at}: an OID that grows expected")
                values.append((oid, value[:MAX_VALUE_BYTES] if isinstance(value, bytes) else value))
                at, key = oid, arcs
            if ended:
                return Page(values or ([] if after else await self._itself(root)), "")
        return Page(values, at)

    async def _itself(self, oid: str) -> list[tuple[str, Value]]:
        """Return what is at an OID: it has nothing below it, so it may be one value's own."""
        value = (await self.get([(oid,)]))[0].values.get(oid)
        return [] if value is None or isinstance(value, Absent) else [(oid, value)]


def _arcs(oid: str) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))
