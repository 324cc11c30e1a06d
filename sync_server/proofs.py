"""Whether people still are who they were, and of which version their tenant is: asked for many at once.

Counterparts: `api/kept.py`, which gives again what still holds; `sync.prove_users` and `prove_keys` in the database, which ask
`identity.admit_*`.

Theory: what was read of a tenant holds while it is of the same version, which every change of it ends. So who asks for what is
kept here needs no rows, only the database's word on two things: he is who he was, and that version is still the newest. Both
are short, and to send a question and take its answer costs more than to answer it; so who comes while others are asked about is
asked about with the next, all of them in one exchange.
One rule: nobody is answered by a question that went out before he came.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from uuid import UUID

from engine.tasks import spawn
from sync_server.database import Database, Standing

MOST = 100
"""Asked about at once."""
AT_ONCE = 2
"""Questions under way of each kind: where one is held up, the next goes past it."""


def revision_of(version: str) -> int:
    """Return the revision of a version."""
    return int(version.partition(" ")[0])


class _Waiting(NamedTuple):
    standing: Standing
    tenant: UUID
    told: asyncio.Future[str | None]


class Proofs:
    """Asks, for one server. `functions` are those of the database, by the call that a standing was said of."""

    def __init__(self, database: Database, functions: dict[str, str]) -> None:
        self._database = database
        self._functions = functions
        self._waiting: dict[str, list[_Waiting]] = {call: [] for call in functions}
        self._asking = dict.fromkeys(functions, 0)

    async def version(self, tenant: UUID, standing: Standing) -> str | None:
        """Return the version that a tenant is of; None where its member is not any more who he was.

        `tenant`: that of the standing. Raises as `Database.ask` does.
        """
        told: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._waiting[standing.call].append(_Waiting(standing, tenant, told))
        if self._asking[standing.call] < AT_ONCE:
            self._asking[standing.call] += 1
            spawn("proofs", self._ask_all(standing.call))
        return await told

    async def _ask_all(self, call: str) -> None:
        """Ask until nobody waits."""
        try:
            while waiting := self._waiting[call]:
                asked, self._waiting[call] = waiting[:MOST], waiting[MOST:]
                await self._ask(call, asked)
        finally:
            self._asking[call] -= 1

    async def _ask(self, call: str, asked: list[_Waiting]) -> None:
        columns = [
            *map(list, zip(*(one.standing.arguments for one in asked), strict=True)),
            [one.standing.said for one in asked],
            [one.tenant for one in asked],
        ]
        places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
        try:
            row = await self._database.ask(f"SELECT {self._functions[call]}({places}) AS found", *columns)
            found = row["found"] if row is not None else [None] * len(asked)
        except Exception as error:  # whoever waits says it
            for one in asked:
                if not one.told.done():
                    one.told.set_exception(error)
                    one.told.exception()  # it was looked at, even if nobody waits any more
        else:
            for one, version in zip(asked, found, strict=True):
                if not one.told.done():
                    one.told.set_result(version)
