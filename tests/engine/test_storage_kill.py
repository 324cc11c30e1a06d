"""kill -9 at any moment: what was acknowledged is there, whole, and the journal has no gap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from engine.storage import tables
from tests.engine.stores import open_store

WRITER = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from domain.edit import apply, creation
from domain.inventory import Inventory, Site
from engine.storage import Batch, CycleRow, StoreThread
from tests.engine.stores import DEVICES, NOW_US, applied, edit, filled, open_store, row

async def write(path):
    store = open_store(Path(path))
    after = filled(store)
    thread = StoreThread(store, flush_after_s=0.005)
    seq = 2
    while True:
        for _ in range(3):
            values = tuple(("if_in_bps", f"ether{n}", 1.0) for n in range(20))
            thread.put(Batch(samples=[CycleRow(DEVICES[0].id, NOW_US + seq, values)], journal=[row(store, seq, kind="status")]))
            seq += 1
        made = edit(seq, creation("site", Site(UUID(int=50_000 + seq), f"Site {seq}", lng=1.0, lat=2.0)))
        apply(after, made)
        kept = asyncio.gather(thread.apply_edit(made, after, row(store, seq)))
        await asyncio.sleep(0)
        thread.put(Batch(journal=[row(store, seq + 1, kind="status")]))
        await kept
        print(seq, flush=True)
        seq += 2

asyncio.run(write(sys.argv[1]))
"""


@pytest.mark.parametrize("edits", [1, 7, 40])
def test_every_acknowledged_edit_is_there_after_kill_9(tmp_path: Path, edits: int) -> None:
    path = tmp_path / "net.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(edits)]
        writer.kill()
        told += [int(line) for line in writer.stdout.read().splitlines()]
    store = open_store(path)
    sites = {site.name for site in store.loaded.inventory.sites()}
    with store._transaction() as connection:
        edited = set(connection.execute(select(tables.edit.c.seq)).scalars())
        numbers = sorted(connection.execute(select(tables.journal.c.seq)).scalars())
    assert {f"Site {seq}" for seq in told} <= sites
    assert set(told) <= edited <= set(numbers)
    assert numbers == list(range(1, store.loaded.next_seq))
    assert {f"Site {seq}" for seq in edited - {1}} == {name for name in sites if name.startswith("Site ")}
    store.close()
