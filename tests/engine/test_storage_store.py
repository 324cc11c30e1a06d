"""The store: what is kept comes back the same, whole or not at all, and old things go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from domain.alerts import Act, Alert
from domain.edit import apply, change, creation, deletion, inverse
from domain.fact import Fact
from domain.health import Health, ProbeHealth
from domain.inventory import Interface, Inventory
from domain.load import LinkState
from domain.observation import Failure
from engine.storage import Batch, CycleRow, StorageFailed, Store, ageing, tables
from tests.engine.stores import (
    CREDENTIAL,
    DAY_US,
    DEVICES,
    LINKS,
    NOW_US,
    SITE,
    THINGS,
    applied,
    edit,
    filled,
    open_store,
    row,
)
from tests.unit.inventories import edits_over, inventory

VANTAGE = UUID(int=7_000_001)
FAILED = ProbeHealth(3, NOW_US - 5, 1_200, Failure("no_answer", "nothing in 2 s"))
HEALTH = Health(
    DEVICES[0].id, VANTAGE, "down", NOW_US - 9, NOW_US, {"icmp": FAILED, "snmp": ProbeHealth()}, "x"
)
FACTS = [
    Fact(DEVICES[0].id, "identity", "snmp", VANTAGE, NOW_US, "R1"),
    Fact(DEVICES[0].id, "uptime", "snmp", VANTAGE, NOW_US, 18_446_744_073_709_551_615),
    Fact(DEVICES[0].id, "nothing", "snmp", VANTAGE, NOW_US, None),
    Fact(DEVICES[0].id, "ratio", "snmp", VANTAGE, NOW_US, 0.1 + 0.2),
    Fact(DEVICES[0].id, "flag", "snmp", VANTAGE, NOW_US, True),
    Fact(
        DEVICES[0].id,
        "interface/ether1",
        "routeros",
        VANTAGE,
        NOW_US,
        msgspec.to_builtins(Interface("ether1", 1, mac="00:11:22:33:44:55", oper_up=None)),
    ),
]
ALERT = Alert(
    UUID(int=80),
    "hot",
    DEVICES[0].id,
    "critical",
    NOW_US,
    "why",
    None,
    NOW_US + 1,
    "mara",
    3,
    kind="threshold",
    instance="board",
    title="Too hot",
    value=71.5,
    limit=70.0,
    since_us=NOW_US - 9,
    acts=(Act(NOW_US + 1, "acknowledged", "mara", "<b>ü"), Act(NOW_US + 2, "assigned", "mara", to="jo")),
    assigned_to="jo",
    silenced="planned work: mast",
)
LINK_STATE = LinkState(LINKS[0].id, "up", NOW_US - 1, NOW_US, 1.5e9, None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "net.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = open_store(path)
    yield store
    store.close()


def reopened(store: Store) -> Store:
    store.close()
    return open_store(store.path)


def counted(store: Store, table: object) -> int:
    with store._transaction() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def test_a_new_database_has_a_tenant_and_an_origin_that_stay(store: Store) -> None:
    first = store.loaded
    assert (first.tenant.name, first.next_seq, first.inventory) == ("My network", 1, Inventory())
    again = reopened(store).loaded
    assert (again.tenant, again.origin) == (first.tenant, first.origin)


def test_an_inventory_comes_back_as_it_was(store: Store) -> None:
    after = filled(store)
    assert reopened(store).loaded.inventory == after


def test_a_change_a_move_and_a_delete_come_back(store: Store) -> None:
    after = filled(store)
    moved = msgspec.structs.replace(DEVICES[1], lng=9.25, lat=-47.5, site=None)
    lost = msgspec.structs.replace(DEVICES[2], lng=None, lat=None)
    steps = [
        change("device", DEVICES[1], moved),
        change("device", DEVICES[2], lost),
        deletion("link", LINKS[2]),
    ]
    after = applied(store, after, 2, *(s for s in steps if s))
    again = reopened(store)
    assert again.loaded.inventory == after
    assert again.loaded.inventory.place_of(moved) == (9.25, -47.5)
    assert again.loaded.next_seq == 3


@given(st.data())
def test_any_edits_and_their_inverses_leave_on_disk_what_they_leave_in_memory(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    edits = data.draw(edits_over(inventory(), 3))
    store = open_store(tmp_path_factory.mktemp("any") / "net.sqlite")
    after = Inventory()
    for number, each in enumerate(edits, 1):
        apply(after, each)
        store.apply_edit(each, after, row(store, number))
    back = [inverse(e, UUID(int=e.id.int + 5_000), NOW_US, "mara") for e in reversed(edits)]
    undone = data.draw(st.integers(0, len(back)))
    for number, each in enumerate(back[:undone], len(edits) + 1):
        apply(after, each)
        store.apply_edit(each, after, row(store, number))
    again = reopened(store)
    assert again.loaded.inventory == after
    again.close()


def test_repeating_an_edit_is_harmless(store: Store) -> None:
    after = filled(store)
    made = edit(2, creation("site", msgspec.structs.replace(SITE, id=UUID(int=502))))
    apply(after, made)
    assert not store.has_edit(made.id)
    assert store.apply_edit(made, after, row(store, 2))
    assert store.has_edit(made.id)
    assert not store.apply_edit(made, after, row(store, 3))
    assert [r.seq for r in store.journal(None, 10)] == [2, 1]
    assert counted(store, tables.edit) == 2


def test_an_edit_is_kept_whole_or_not_at_all(store: Store) -> None:
    after = filled(store)
    taken = row(store, 1)
    made = edit(2, deletion("link", LINKS[0]))
    apply(after, made)
    with pytest.raises(IntegrityError):
        store.apply_edit(made, after, taken)
    again = reopened(store)
    assert LINKS[0].id in again.loaded.inventory.tables["link"]
    assert not again.has_edit(made.id)


def test_an_edit_waits_to_be_sent(store: Store) -> None:
    filled(store)
    with store._transaction() as connection:
        kept = connection.execute(select(tables.edit)).one()
    assert (kept.state, kept.seq, kept.origin) == ("pending", 1, store.loaded.origin)
    assert kept.body["title"] == "Edit 1" and len(kept.body["steps"]) == len(THINGS)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE device SET role = 'toaster'",
        "UPDATE device SET subscribers = -1",
        "UPDATE device SET interval_s = 0",
        "UPDATE device SET name = ''",
        "UPDATE device SET site_id = zeroblob(16)",
        "UPDATE device SET address = NULL",
        "UPDATE link SET b_id = a_id",
        "UPDATE link SET capacity_bps = -1",
        "UPDATE edit SET state = 'lost'",
        "DELETE FROM device",
        "INSERT INTO link SELECT tenant_id, zeroblob(16), zeroblob(16), b_id, '', '', kind, 0, NULL, '', NULL FROM link",
    ],
)
def test_the_database_itself_refuses_what_no_rule_allows(store: Store, statement: str) -> None:
    filled(store)
    with pytest.raises(IntegrityError), store._transaction() as connection:
        connection.exec_driver_sql(statement)


def test_states_come_back_as_they_were(store: Store) -> None:
    filled(store)
    store.write(Batch(facts=FACTS, health=[HEALTH], link_states=[LINK_STATE], alerts=[ALERT]))
    loaded = reopened(store).loaded
    assert sorted(loaded.facts, key=lambda f: f.field) == sorted(FACTS, key=lambda f: f.field)
    assert (loaded.health, loaded.link_states, loaded.alerts) == ([HEALTH], [LINK_STATE], [ALERT])


def test_a_newer_state_takes_the_place_of_the_older(store: Store) -> None:
    filled(store)
    store.write(Batch(facts=FACTS[:1], health=[HEALTH], link_states=[LINK_STATE], alerts=[ALERT]))
    newer = Batch(
        facts=[msgspec.structs.replace(FACTS[0], value="R1b")],
        health=[Health(DEVICES[0].id, VANTAGE, "up", NOW_US + 1, NOW_US + 1, {}, "")],
        link_states=[LinkState(LINKS[0].id, "down", NOW_US + 1, NOW_US + 1)],
        alerts=[msgspec.structs.replace(ALERT, cleared_us=NOW_US + 1)],
    )
    store.write(newer)
    loaded = reopened(store).loaded
    assert Batch([], loaded.facts, loaded.health, loaded.link_states, loaded.alerts, []) == newer


def test_the_journal_is_read_newest_first_and_by_subject(store: Store) -> None:
    rows = [row(store, seq, UUID(int=seq % 2), "status", was="up", now="down") for seq in range(1, 8)]
    store.write(Batch(journal=rows))
    assert store.journal(None, 3) == rows[:3:-1]
    assert store.journal(UUID(int=0), 9) == [rows[5], rows[3], rows[1]]
    assert store.journal(UUID(int=99), 9) == []
    assert reopened(store).loaded.next_seq == 8


def test_a_journal_row_that_is_written_twice_stays_as_it_was(store: Store) -> None:
    store.write(Batch(journal=[row(store, 1, n=1)]))
    store.write(Batch(journal=[row(store, 1, n=2), row(store, 2)]))
    assert [r.body for r in store.journal(None, 9)] == [{}, {"n": 1}]


def test_a_batch_is_kept_whole_or_not_at_all(store: Store) -> None:
    filled(store)
    bad = msgspec.structs.replace(HEALTH, status="on fire")  # type: ignore[arg-type]
    sample = CycleRow(DEVICES[0].id, NOW_US, (("rtt_ms", "", 1.0),))
    with pytest.raises(IntegrityError):
        store.write(Batch(samples=[sample], journal=[row(store, 2)], facts=FACTS, health=[bad]))
    assert counted(store, tables.fact) == counted(store, tables.sample) == 0
    store.write(Batch(samples=[sample], journal=[row(store, 2)]))
    assert store.series(DEVICES[0].id, "rtt_ms", "", NOW_US, NOW_US, 9).value == [1.0]


def test_a_keyframe_stands_after_the_newest_journal_row(store: Store) -> None:
    store.write(Batch(journal=[row(store, seq) for seq in (1, 2, 3)]))
    store.keyframe(NOW_US, [HEALTH], [ALERT], [LINK_STATE])
    with store._transaction() as connection:
        kept = connection.execute(select(tables.keyframe)).one()
    assert (kept.seq, kept.at_us, kept.origin) == (3, NOW_US, store.loaded.origin)


def test_keyframes_older_than_a_week_are_thinned_to_the_first_of_each_day(store: Store) -> None:
    midnight_us = NOW_US // DAY_US * DAY_US
    times = [midnight_us - day * DAY_US + hour * 3_600_000_000 for day in (0, 6, 9, 10) for hour in (1, 2, 3)]
    for at_us in times:
        store.keyframe(at_us, [], [], [])
    store.prune(midnight_us + DAY_US // 2)
    with store._transaction() as connection:
        kept = set(connection.execute(select(tables.keyframe.c.at_us)).scalars())
    assert kept == {*times[:6], times[6], times[9]}


def test_happenings_go_after_a_year_and_the_newest_row_stays_for_its_number(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ageing, "ROWS_AT_ONCE", 3)
    after = filled(store)
    after = applied(store, after, 2, deletion("link", LINKS[0]))
    store.write(Batch(journal=[row(store, seq, kind="status") for seq in range(3, 9)]))
    day_later = [msgspec.structs.replace(row(store, seq), at_us=NOW_US + DAY_US) for seq in (9, 10)]
    store.write(Batch(journal=day_later[:1]))
    made = edit(10, deletion("link", LINKS[1]))
    apply(after, made)
    store.apply_edit(msgspec.structs.replace(made, at_us=0), after, day_later[1])
    store.prune(NOW_US + 100 + 365 * DAY_US)
    assert [r.seq for r in store.journal(None, 99)] == [10, 9]
    assert counted(store, tables.edit) == 1 and store.has_edit(made.id), "an edit goes with its journal row"
    store.prune(NOW_US + 900 * DAY_US)
    assert [r.seq for r in store.journal(None, 99)] == [10]
    again = reopened(store)
    assert again.loaded.next_seq == 11 and again.loaded.inventory == after


def test_a_journal_row_of_the_future_ends_the_pruning_and_loses_nothing(store: Store) -> None:
    store.write(Batch(journal=[row(store, seq) for seq in (1, 2, 4)]))
    store.write(Batch(journal=[msgspec.structs.replace(row(store, 3), at_us=NOW_US * 2)]))
    store.prune(NOW_US + 400 * DAY_US)
    assert [r.seq for r in store.journal(None, 9)] == [4, 3]


def test_alerts_go_a_year_after_they_were_cleared_and_keyframes_with_them(store: Store) -> None:
    cleared = [
        msgspec.structs.replace(ALERT, id=UUID(int=n), cleared_us=at)
        for n, at in ((81, NOW_US), (82, NOW_US + DAY_US), (83, None))
    ]
    store.write(Batch(alerts=cleared))
    store.keyframe(NOW_US, [], [], [])
    store.keyframe(NOW_US + DAY_US, [], [], [])
    store.prune(NOW_US + 365 * DAY_US + 1)
    assert counted(store, tables.keyframe) == 1
    assert {alert.id.int for alert in reopened(store).loaded.alerts} == {82, 83}


def test_it_is_known_which_credentials_edits_touched_lately(store: Store) -> None:
    after = filled(store)
    other = msgspec.structs.replace(CREDENTIAL, id=UUID(int=901))
    after = applied(store, after, 2, creation("credential", other))
    assert store.credentials_changed_since(NOW_US + 1) == {CREDENTIAL.id, other.id}
    assert store.credentials_changed_since(NOW_US + 2) == {other.id}
    assert store.credentials_changed_since(NOW_US + 3) == set()


def test_what_was_observed_of_a_deleted_device_survives_an_undo_and_not_a_prune(store: Store) -> None:
    after = filled(store)
    store.write(Batch(facts=FACTS, health=[HEALTH], link_states=[LINK_STATE], alerts=[ALERT]))
    gone = deletion("device", DEVICES[0]), deletion("link", LINKS[0])
    after = applied(store, after, 2, *gone)
    store = reopened(store)
    assert (store.loaded.facts, store.loaded.health, store.loaded.link_states) == ([], [], [])
    after = applied(store, after, 3, creation("device", DEVICES[0]), creation("link", LINKS[0]))
    store = reopened(store)
    assert (len(store.loaded.facts), store.loaded.health) == (len(FACTS), [HEALTH])
    applied(store, after, 4, *gone)
    store.prune(NOW_US)
    assert [counted(store, t) for t in (tables.fact, tables.health, tables.link_state)] == [0, 0, 0]
    assert reopened(store).loaded.alerts == [ALERT]


def test_a_full_disk_is_said_and_leaves_the_last_good_state(store: Store) -> None:
    filled(store)
    with store._transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    large = [replace_value(FACTS[0], f"field{n}", "x" * 5_000) for n in range(50)]
    with pytest.raises(StorageFailed, match=r"net\.sqlite: database or disk is full"):
        store.write(Batch(facts=large))
    assert counted(store, tables.fact) == 0
    with store._transaction() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    store.write(Batch(facts=large))
    assert counted(store, tables.fact) == 50


def replace_value(fact: Fact, field: str, value: object) -> Fact:
    return msgspec.structs.replace(fact, field=field, value=value)


def test_every_write_is_synced_to_the_disk_and_references_are_held(store: Store) -> None:
    asked = ("synchronous", "journal_mode", "foreign_keys", "page_size", "application_id")
    with store._transaction() as connection:
        said = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in asked]
    assert said == [2, "wal", 1, 8192, 0x48454C47]


def test_a_batch_says_how_many_rows_it_holds() -> None:
    batch = Batch(facts=FACTS, health=[HEALTH])
    assert (Batch().rows, batch.rows, replace(batch, alerts=[ALERT]).rows) == (0, 7, 8)
