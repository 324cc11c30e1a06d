"""How a team comes to agree, in the model: five replicas through faults, and a laptop that comes back with 10,000 edits.

Figures: `steps`, `steps_per_s`, `edits`, `restores`, and `divergences`, `lost_edits` and `overwritten` (without a word) of the
model in `tests/sync/world.py`, which must be 0; of 10,000 edits that were made offline over 20,000 devices, while
somebody else changed 1,000 of these: `merge_s` (CPU of both ends until all is in step), `bytes_per_edit` (up),
`bytes_back_per_edit`, `clashed`;
while they are pending: `submit_us` and `entry_us` (CPU of one more edit, of one thing's news), `start_s` (CPU of a start).
On real parts (`real_sync.py`): `real_start_s` and `real_merge_s` of an engine's folder with 10,000 edits of a month, of which
`real_clashed` are in the tray; `snapshot_20k_s`, until a fresh install has joined (`join_20k_s`) and has 20,000 devices.
One rule: dice with a seed, so that a run that fails can be had again; `HELIOGRAPH_BENCH_STEPS` says how many steps,
`HELIOGRAPH_BENCH_EDITS` how many edits on real parts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

import msgspec

from domain.edit import Edit, change
from domain.inventory import Device, Inventory, Probe
from domain.sync import ENTRIES_PER_PART, Entries, Hello, Outcomes, Push, Taken, encode
from engine.sync.session import Cursor, OwnEdit, Session
from tests.bench import real_sync
from tests.sync.model_server import ModelServer
from tests.sync.world import World

STEPS = int(os.environ.get("HELIOGRAPH_BENCH_STEPS", "1000000"))
STEPS_PER_WORLD = 50_000
STEPS_PER_AGREEMENT = 500
DEVICES = 20_000
EDITS = 10_000
CHANGED_BY_OTHERS = 1_000
NOW_US = 1_780_000_000_000_000


def run() -> dict[str, Any]:
    """Return the figures."""
    figures = _model() | _return() | real_sync.run()
    return {"figures": {name: round(value, 2) for name, value in figures.items()}, "peers": {}}


def _model() -> dict[str, float]:
    totals = {"edits": 0, "divergences": 0, "lost_edits": 0, "overwritten": 0, "restores": 0}
    began_s = time.perf_counter()
    for seed in range(-(-STEPS // STEPS_PER_WORLD)):
        dice = Random(seed)
        world = World(dice)
        for step in range(min(STEPS_PER_WORLD, STEPS - seed * STEPS_PER_WORLD)):
            world.step(dice)
            if step % STEPS_PER_AGREEMENT == STEPS_PER_AGREEMENT - 1:
                world.settle()
        world.settle()
        totals["edits"] += world.edits
        totals["divergences"] += world.divergences
        totals["lost_edits"] += world.lost_edits
        totals["overwritten"] += len(world.server.broken)
        totals["restores"] += world.server.epoch_number - 1
    return {"steps": STEPS, "steps_per_s": STEPS / (time.perf_counter() - began_s), **totals}


def _return() -> dict[str, float]:
    server, devices = _network()
    session = Session(Inventory(server.kept.inventory.tables), Cursor(server.epoch, server.kept.revision, 1))
    kept = [
        _edit(devices[number], number, note=f"Swapped the radio, ticket {number}", lng=9.5, lat=47.5)
        for number in range(EDITS)
    ]
    figures = {"submit_us": _cpu_s(lambda: _submit(session, kept)) / EDITS * 1e6}
    for number in range(CHANGED_BY_OTHERS):
        theirs = _edit(devices[number * 7], EDITS + number, note="Renewed the cable")
        line, _ = server.hello(Hello(1, "", None, server.epoch, server.kept.revision), None)
        server.take(line, Push((theirs,)))
    own = [OwnEdit(edit) for edit in kept]
    confirmed = Inventory(session.confirmed.tables)
    figures["start_s"] = _cpu_s(lambda: Session(confirmed, session.cursor, own))
    news = [msgspec.structs.replace(device, role="pop") for device in devices[:EDITS:10]]
    busy = Session(confirmed, Cursor("news", 1, 1), own)
    told = [Entries(1 + place, 2 + place, True, devices=(device,)) for place, device in enumerate(news)]
    figures["entry_us"] = _cpu_s(lambda: _hear(busy, told)) / len(news) * 1e6
    sizes = {"up": 0, "back": 0}
    figures["merge_s"] = _cpu_s(lambda: _exchange(session, server, sizes))
    assert session.visible == session.confirmed == server.kept.inventory
    assert not session.pending_count
    return figures | {
        "bytes_per_edit": sizes["up"] / EDITS,
        "bytes_back_per_edit": sizes["back"] / EDITS,
        "clashed": len(session.tray),
    }


def _exchange(session: Session, server: ModelServer, sizes: dict[str, int]) -> None:
    """Connect, and let all that is new at either end get to the other."""
    cursor = session.cursor
    line, welcome = server.hello(Hello(1, "", None, cursor.epoch, cursor.revision), None)
    session.take(session.open(welcome))
    while True:
        push = session.next_push()
        back: list[Outcomes | Entries] = []
        if push is not None:
            sizes["up"] += len(encode(push))
            back += server.take(line, push)
        back += server.news(line)
        if not back:
            return
        for message in back:
            sizes["back"] += len(encode(message))
            if isinstance(message, Outcomes):
                session.take(session.outcomes(message, NOW_US))
            else:
                if (said := session.entries(message, NOW_US)) is not None:
                    session.take(said)
                server.take(line, Taken(message.revision))


def _network() -> tuple[ModelServer, list[Device]]:
    server = ModelServer(ENTRIES_PER_PART)
    devices = [
        Device(
            UUID(int=number + 1),
            f"R{number}",
            f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
            (Probe("icmp"),),
        )
        for number in range(DEVICES)
    ]
    server.kept.inventory.tables["device"].update({device.id: device for device in devices})
    server.kept.revision = 1
    server.states[1] = 0
    return server, devices


def _edit(old: Device, number: int, **fields: object) -> Edit:
    step = change("device", old, msgspec.structs.replace(old, **fields))
    assert step is not None
    return Edit(UUID(int=(1 << 80) + number), NOW_US + number, "Mara Huber", f"Change {old.name}", (step,))


def _submit(session: Session, edits: list[Edit]) -> None:
    for edit in edits:
        session.take(session.submit(edit))


def _hear(session: Session, parts: list[Entries]) -> None:
    for part in parts:
        if (said := session.entries(part, NOW_US)) is not None:
            session.take(said)


def _cpu_s(work: Callable[[], object]) -> float:
    began_s = time.process_time()
    work()
    return time.process_time() - began_s
