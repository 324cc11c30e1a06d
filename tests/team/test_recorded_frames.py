"""Recorded frames of programs in the field, said to a real server. Counterpart: `tests/sync/test_recorded.py`, without one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from domain.past_numbers import Series
from domain.sync import Kept, Outcomes, Wanted
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import an_edit, living, making
from tests.server.test_live import a_team
from tests.sync.recording import frames

ANSWERED: dict[str, Any] = {
    "push": Outcomes,
    "tell": Kept,
    "cycles": Kept,
    "digests": Wanted,
    "ask_series": Series,
}


async def test_a_server_answers_every_recorded_frame_and_hangs_up_on_none(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        anna, _ = await a_team(live, "engineer")
        hers = await live.join(anna, run=uuid4())
        for where, data in frames("to_server"):
            kind = where.rpartition(" ")[2]
            if kind == "hello":
                continue  # it comes once, with a token of its own
            await hers.line.send(data)
            if kind in ANSWERED:
                await hers.hear(ANSWERED[kind])
        (outcome,) = await hers.push(an_edit(making("site", name="All is well")))
        assert outcome.revision, "it goes on"
