"""What a team's folder keeps: own edits through all their states, the cursor, the past by revision."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from domain.edit import Edit, change, creation
from domain.inventory import Device, Link, Tenant
from domain.journal import JournalRow
from domain.newer import known
from domain.sync import EditRow, Entries
from domain.team import TrayEntry
from engine.storage import Store
from engine.storage.loading import Born
from engine.storage.store import OWN_EDITS_KEPT_US
from engine.storage.team import DoesNotFitHere, TeamStore
from engine.sync.session import Change, Cursor, OwnEdit

TENANT, INSTALL, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
A = Device(UUID(int=10), "a", "192.0.2.1", (), "relay")
B = Device(UUID(int=11), "b", "192.0.2.2", (), "relay")


def _open(folder: Path) -> Store:
    born = Born(Tenant(TENANT, "Team"), INSTALL)
    store = Store.open(folder / "t.db", now_us=1, new_id=lambda: UUID(int=99), born=born)
    if not store.setting("team"):
        TeamStore(store).make()
        store.keep_setting("team", {"any": "thing"})
    return store


def _edit(number: int, *steps: object) -> Edit:
    return Edit(UUID(int=number), number, "mara", f"edit {number}", tuple(steps))  # type: ignore[arg-type]


def _row(origin: UUID, seq: int, at_us: int, kind: str, subject: UUID | None, **body: object) -> JournalRow:
    return JournalRow(origin, seq, at_us, kind, subject, body)  # type: ignore[arg-type]


def test_a_folder_is_its_tenants_and_its_installs(tmp_path: Path) -> None:
    store = _open(tmp_path)
    assert (store.loaded.tenant, store.loaded.origin) == (Tenant(TENANT, "Team"), INSTALL)
    store.close()


def test_own_edits_keep_their_order_through_all_their_states(tmp_path: Path) -> None:
    store = _open(tmp_path)
    team = TeamStore(store)
    edits = [_edit(n, creation("device", A)) for n in (30, 20, 25)]
    for edit in edits:
        team.write(Change(Cursor(), edits=(OwnEdit(edit),)))
    there = Cursor("e", 4, 4, known=known())
    team.write(Change(there, edits=(OwnEdit(edits[1], "accepted", 5),)))
    entry = TrayEntry(edits[2], 7)
    team.write(Change(there, edits=(OwnEdit(edits[2], "refused"),), tray={edits[2].id: entry}))
    store.close()
    store = _open(tmp_path)
    team = TeamStore(store)
    kept = team.read()
    assert kept.cursor == there and kept.tray == [entry]
    assert kept.edits == [OwnEdit(edits[0]), OwnEdit(edits[1], "accepted", 5)]
    team.write(Change(kept.cursor, edits=(OwnEdit(edits[1], "confirmed", 5),), tray={edits[2].id: None}))
    assert team.read().tray == [] and team.read().edits == [OwnEdit(edits[0])]
    assert team.own_edits() == edits[:2] and team.has_edit(edits[1].id) and not team.has_edit(UUID(int=77))
    store.close()


def test_what_breaks_the_database_is_refused_whole_and_moves_no_cursor(tmp_path: Path) -> None:
    store = _open(tmp_path)
    team = TeamStore(store)
    loose = Link(UUID(int=50), A.id, B.id)
    told = {("device", A.id): A, ("link", loose.id): loose}
    with pytest.raises(DoesNotFitHere):
        team.write(Change(Cursor("e", 9), told))  # type: ignore[arg-type]
    assert team.read().cursor == Cursor(known=known())
    store.close()
    assert not _open(tmp_path).loaded.inventory.tables["device"]


def test_the_past_of_a_team_is_rewound_by_revision_and_by_what_is_pending(tmp_path: Path) -> None:
    store = _open(tmp_path)
    team = TeamStore(store)
    moved = Device(A.id, "a", "192.0.2.1", (), "relay", note="moved")
    step = change("device", A, moved)
    assert step is not None
    made, move = _edit(20, creation("device", A)), _edit(21, step)
    news = Entries(
        0,
        4,
        complete=True,
        edits=(EditRow(2, made), EditRow(4, move)),
        journal=(
            _row(TENANT, 2, 1_000, "edit_applied", A.id, edit=str(made.id)),
            _row(OTHER, 1, 1_500, "status", A.id, was="unknown", status="down", reason="silent"),
            _row(TENANT, 4, 2_000, "edit_applied", A.id, edit=str(move.id)),
        ),
    )
    pending = _edit(22, creation("device", B))
    team.write(Change(Cursor("e", 4, 4), {("device", A.id): moved}, (OwnEdit(pending),), news=(news,)))
    then = store.state_at(1_600)
    assert (then.revision, [(one.device, one.status) for one in then.devices]) == (2, [(A.id, "down")])
    assert store.steps_since(then.seq, then.revision) == [*pending.steps, *move.steps]
    assert store.steps_since(0, 0) == [*pending.steps, *move.steps, *made.steps]
    store.close()


def test_a_snapshot_takes_the_place_of_all_that_the_team_said(tmp_path: Path) -> None:
    store = _open(tmp_path)
    team = TeamStore(store)
    made = _edit(20, creation("device", A))
    row = _row(TENANT, 2, 1_000, "edit_applied", A.id)
    first = Entries(0, 2, complete=True, edits=(EditRow(2, made),), journal=(row,))
    team.write(Change(Cursor("e", 2, 2), {("device", A.id): A}, news=(first,)))
    other = _edit(21, creation("device", B))
    again = Entries(0, 2, complete=True, edits=(EditRow(2, other),), journal=(row,))
    team.write(Change(Cursor("f", 2, 2), {("device", A.id): None, ("device", B.id): B}, news=(again,)))
    assert [step.id for step in store.steps_since(0, 0)] == [B.id]
    store.close()
    assert [*_open(tmp_path).loaded.inventory.tables["device"]] == [B.id]


def test_confirmed_edits_go_after_as_long_as_a_backup_may_be_old_and_others_never(tmp_path: Path) -> None:
    store = _open(tmp_path)
    team = TeamStore(store)
    edits = [_edit(n, creation("device", A)) for n in (30, 20, 25, 27)]
    states = [("confirmed", 3), ("confirmed", 0), ("confirmed", 7), ("pending", 0)]
    own = [OwnEdit(edit, state, rev) for edit, (state, rev) in zip(edits, states, strict=True)]  # type: ignore[arg-type]
    rows = tuple(_row(TENANT, seq, at_us, "edit_applied", None) for seq, at_us in ((3, 1_000), (7, 2_000)))
    team.write(Change(Cursor("e", 7, 7), edits=tuple(own), news=(Entries(1, 7, True, journal=rows),)))
    store.prune(OWN_EDITS_KEPT_US + 1_001)
    assert [edit.id for edit in team.own_edits()] == [edit.id for edit in edits[1:]]
    store.prune(OWN_EDITS_KEPT_US + 2_001)
    assert [edit.id for edit in team.own_edits()] == [edits[3].id]
    store.close()
