"""A laptop that is away for a month: edits on its disk, its clock goes on, is killed, comes back. Counterpart: `engines.py`.

One rule: all parts are real but the clock, which goes on by itself for nobody.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch
from uuid import UUID

import msgspec

from domain.edit import Edit, change, creation
from domain.inventory import Device, Probe
from domain.wire import SubmitEdit
from engine.compose import new_id, now_us
from tests.engine.engine_process import EngineProcess
from tests.team.engines import Joined, running, team
from tests.team.servers import Reached

DAY_US, HOUR_US = 86_400_000_000, 3_600_000_000
DAYS = 30
STEPS_AN_EDIT = 500
EVERY = 10
"""Of so many devices one is changed by somebody else meanwhile."""


class Away(NamedTuple):
    """What came of it: how long a start and the merge took, and how many edits waited, were applied, and are in the tray."""

    start_s: float
    merge_s: float
    edits: int
    applied: int
    tray: int


async def found(server: Reached, profiles: Path, devices: int) -> tuple[list[Path], list[Device]]:
    """Return the folders of two members, and the devices of their network."""
    folders = await team(server, profiles, "mara", "joe")
    made = [
        Device(
            new_id(),
            f"d{n}",
            f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}",
            (Probe("icmp"),),
            "relay",
            paused=True,
        )
        for n in range(devices)
    ]
    async with running(folders[0]) as mara:
        for first in range(0, devices, STEPS_AN_EDIT):
            await mara.edit("add", *(creation("device", one) for one in made[first : first + STEPS_AN_EDIT]))
        await mara.until(lambda: mara.team.pending == 0 and mara.team.is_synced)
    return folders, made


async def work_for_a_month(
    folder: Path, made: list[Device], edits: int, prune_every_h: int
) -> dict[UUID, str]:
    """Change notes over thirty days without the server, then kill the engine; return which note each device has then."""
    began_us = now_us() - DAYS * DAY_US
    clock = [began_us]
    notes: dict[UUID, str] = {}
    with patch("engine.compose.now_us", lambda: clock[0]):
        async with running(folder) as mara:
            for hour in range(0, DAYS * 24, prune_every_h):
                clock[0] = began_us + hour * HOUR_US
                share = edits * hour // (DAYS * 24), edits * (hour + prune_every_h) // (DAYS * 24)
                for number in range(*share):
                    await _note(mara, made[number % len(made)], f"mara {number}", clock[0], notes)
                await mara.engine._store.prune(clock[0], rest_s=0.0)
            assert mara.team.pending == edits
    with EngineProcess(folder) as process:
        process.client().close()
        os.kill(process.process.pid, signal.SIGKILL)
    return notes


async def _note(mara: Joined, device: Device, note: str, at_us: int, notes: dict[UUID, str]) -> None:
    old = msgspec.structs.replace(device, note=notes.get(device.id, ""))
    step = change("device", old, msgspec.structs.replace(old, note=note))
    assert step is not None
    reply = await mara.ask(SubmitEdit(1, Edit(new_id(), at_us, "mara", "note", (step,))))
    assert not reply.refusals, reply.refusals
    notes[device.id] = note


async def change_meanwhile(folder: Path, made: list[Device]) -> set[UUID]:
    """Have the other one change some of the devices; return which."""
    async with running(folder) as joe:
        await joe.until(lambda: joe.team.is_synced)
        some = made[::EVERY]
        for first in range(0, len(some), STEPS_AN_EDIT):
            pairs = (
                (one, msgspec.structs.replace(one, note="by joe"))
                for one in some[first : first + STEPS_AN_EDIT]
            )
            await joe.edit(
                "note", *(step for old, new in pairs if (step := change("device", old, new)) is not None)
            )
        await joe.until(lambda: joe.team.pending == 0)
    return {one.id for one in some}


async def come_back(server: Reached, folder: Path, notes: dict[UUID, str], theirs: set[UUID]) -> Away:
    """Connect again; fail where anything is neither applied nor in the tray."""
    await server.owner.execute("UPDATE identity.session SET until_us = until_us - $1", DAYS * DAY_US)
    began_s = time.monotonic()
    async with running(folder) as mara:
        start_s, edits = time.monotonic() - began_s, mara.team.pending
        began_s = time.monotonic()
        await mara.until(lambda: mara.team.pending == 0 and mara.team.is_synced)
        merge_s = time.monotonic() - began_s
        tray = mara.engine._team.desk.ledger.tray  # type: ignore[union-attr]
    rows = await server.owner.fetch("SELECT id, note FROM device")
    found = {UUID(int=row["id"].int): row["note"] for row in rows}
    assert notes.keys() <= found.keys()
    assert found == {id: "by joe" if id in theirs else notes.get(id, "") for id in found}
    clashing = {step.id for entry in tray for step in entry.edit.steps}
    assert clashing == theirs & notes.keys(), "what somebody else changed is in the tray, and nothing else is"
    applied = await server.owner.fetchval(
        "SELECT count(*) FROM edit WHERE body->>'title' = 'note' AND body->>'author' <> 'joe'"
    )
    return Away(start_s, merge_s, edits, applied, len(tray))
