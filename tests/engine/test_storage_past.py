"""Seeking in the past: what held then; a clock set back; things deleted; keyframes thinned, old or unreadable."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import select, update

from domain.alerts import Alert, fingerprint, next_alert
from domain.edit import change, deletion
from domain.health import Health, ProbeHealth
from domain.journal import JournalRow
from domain.load import LinkState
from engine.storage import Batch, DeviceThen, LinkThen, Past, Store, keyframes, past, tables
from engine.upkeep import Upkeep, is_keyframe_worth_it
from tests.engine.stores import DAY_US, DEVICES, LINKS, NOW_US, applied, filled, open_store

A, B, C = (device.id for device in DEVICES[:3])
LINK = LINKS[0].id
MINUTE_US = 60_000_000
PROBES = {"icmp": ProbeHealth(0, NOW_US, 9)}
OTHER_ORIGIN = UUID(int=42)


class History:
    """Writes a journal as the judge does, and knows what holds."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.seq = 0
        self.devices: dict[UUID, DeviceThen] = {}
        self.links: dict[UUID, LinkThen] = {}
        self.alerts: dict[UUID, Alert] = {}

    def happen(self, at_us: int, kind: str, subject: UUID | None, **body: Any) -> JournalRow:
        """Write one row and follow it."""
        self.seq += 1
        row = JournalRow(self.store.loaded.origin, self.seq, at_us, kind, subject, body)  # type: ignore[arg-type]
        self.store.write(Batch(journal=[row]))
        if subject is not None and kind == "status":
            self.devices[subject] = DeviceThen(subject, body["status"], at_us, body["reason"])
        elif subject is not None and kind == "link_status":
            self.links[subject] = LinkThen(subject, body["status"], at_us)
        elif subject is not None and kind.startswith("alert_"):
            alert = next_alert(self.alerts.get(fingerprint(body["rule"], subject)), row)
            assert alert is not None
            self.alerts[alert.id] = alert
        return row

    def turn(self, at_us: int, device: UUID, status: str, reason: str = "") -> None:
        """Let a device's status turn."""
        self.happen(at_us, "status", device, was="?", status=status, reason=reason)

    def keep(self, at_us: int) -> None:
        """Keep a keyframe."""
        origin = self.store.loaded.origin
        health = [
            Health(d.device, origin, d.status, d.since_us, at_us, PROBES, d.reason)
            for d in self.devices.values()
        ]
        links = [LinkState(link.link, link.status, link.since_us, at_us, 5e6) for link in self.links.values()]
        self.store.keyframe(at_us, health, list(self.alerts.values()), links)

    def seen(self) -> tuple[object, object, object]:
        """Return what holds now."""
        return dict(self.devices), dict(self.links), dict(self.alerts)


def seen(found: Past) -> tuple[object, object, object]:
    return devices_of(found), links_of(found), alerts_of(found)


def devices_of(found: Past) -> dict[UUID, DeviceThen]:
    return {device.device: device for device in found.devices}


def links_of(found: Past) -> dict[UUID, LinkThen]:
    return {link.link: link for link in found.links}


def alerts_of(found: Past) -> dict[UUID, Alert]:
    return {alert.id: alert for alert in found.alerts}


def statuses(found: Past) -> dict[UUID, str]:
    return {device.device: device.status for device in found.devices}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "net.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def history(store: Store) -> History:
    return History(store)


def test_before_the_first_row_nothing_is_known(history: History) -> None:
    history.turn(NOW_US, A, "up")
    history.keep(NOW_US)
    found = history.store.state_at(NOW_US - 1)
    assert seen(found) == ({}, {}, {})
    assert (found.seq, found.from_us, found.events) == (0, None, [])


def test_without_a_keyframe_rows_are_folded_from_the_first(history: History) -> None:
    history.turn(NOW_US, A, "up")
    history.turn(NOW_US + 5, A, "down", "icmp: no answer in 2 s")
    found = history.store.state_at(NOW_US + 7)
    assert found.devices == [DeviceThen(A, "down", NOW_US + 5, "icmp: no answer in 2 s")]
    assert (found.seq, found.from_us) == (2, None)
    assert statuses(history.store.state_at(NOW_US + 4)) == {A: "up"}


def test_a_keyframe_gives_what_rows_do_not_tell(history: History) -> None:
    """The status of a device whose journal was cut off by now, and the reason that changed without a turn."""
    health = Health(B, UUID(int=1), "degraded", NOW_US - DAY_US, NOW_US, PROBES, "snmp: no answer")
    load = LinkState(LINK, "up", NOW_US - 9, NOW_US, 5e6, 6e6)
    history.store.keyframe(NOW_US, [health], [], [load])
    history.turn(NOW_US + 1, A, "up")
    found = history.store.state_at(NOW_US + 1)
    assert devices_of(found)[B] == DeviceThen(B, "degraded", NOW_US - DAY_US, "snmp: no answer")
    assert found.links == [LinkThen(LINK, "up", NOW_US - 9)]
    assert statuses(found) == {A: "up", B: "degraded"}
    assert found.from_us == NOW_US


def test_alerts_are_as_they_were_with_their_count_and_who_took_them(history: History) -> None:
    for start_us in (NOW_US, NOW_US + 100):
        history.happen(start_us, "alert_opened", A, rule="device_down", reason="silent")
        history.happen(start_us + 1, "alert_acknowledged", A, rule="device_down", by="mara")
        history.happen(start_us + 2, "alert_cleared", A, rule="device_down", reason="")
        history.keep(start_us + 50)
    history.happen(NOW_US + 200, "alert_opened", A, rule="device_down", reason="again")
    id = fingerprint("device_down", A)
    first, taken, third = (alerts_of(history.store.state_at(NOW_US + n))[id] for n in (0, 101, 250))
    assert (first.count, first.is_open, first.acknowledged_by) == (1, True, "")
    assert (taken.count, taken.is_open, taken.acknowledged_by) == (2, True, "mara")
    assert (third.count, third.reason, third.acknowledged_by) == (3, "again", "")
    assert not alerts_of(history.store.state_at(NOW_US + 150))[id].is_open


@pytest.mark.parametrize("seed", range(5))
def test_at_every_moment_of_a_random_history_what_held_then_is_found(history: History, seed: int) -> None:
    dice = random.Random(seed)
    at_us, held = NOW_US, []
    for _ in range(120):
        at_us += dice.randrange(1, 1000)
        device = dice.choice((A, B, C))
        match dice.randrange(5):
            case 0:
                history.turn(at_us, device, dice.choice(("up", "down", "degraded", "stale")), f"at {at_us}")
            case 1:
                history.happen(at_us, "link_status", LINK, was="?", status=dice.choice(("up", "down")))
            case 2:
                history.happen(at_us, "alert_opened", device, rule="device_down", reason=f"at {at_us}")
            case 3:
                if fingerprint("device_down", device) in history.alerts:
                    history.happen(at_us, "alert_cleared", device, rule="device_down")
            case _:
                history.happen(at_us, "syslog", device, text="x")
                if dice.random() < 0.4:
                    history.keep(at_us)
        held.append((at_us, history.seen()))
    for then_us, state in held:
        assert seen(history.store.state_at(then_us)) == state
    assert seen(history.store.state_at(at_us + DAY_US // 2)) == held[-1][1]


def test_a_clock_set_back_shows_the_second_time_a_moment_came_and_never_mixes_the_two(
    history: History,
) -> None:
    hour_us = 60 * MINUTE_US
    history.turn(NOW_US, A, "up")
    history.keep(NOW_US)
    history.turn(NOW_US + 30 * MINUTE_US, A, "down")
    history.turn(NOW_US + 40 * MINUTE_US, B, "down")
    history.keep(NOW_US + 45 * MINUTE_US)
    back_us = NOW_US + 50 * MINUTE_US - hour_us
    history.happen(back_us, "judgement_suspended", None, jump_s=-3600.0)
    history.keep(back_us)  # as upkeep does
    history.turn(back_us + 20 * MINUTE_US, A, "up")
    history.turn(back_us + 75 * MINUTE_US, B, "up")
    at = history.store.state_at
    assert statuses(at(back_us)) == {A: "down", B: "down"}
    assert statuses(at(NOW_US + 30 * MINUTE_US)) == {A: "up", B: "down"}, "the second half past"
    assert statuses(at(back_us + 75 * MINUTE_US)) == {A: "up", B: "up"}
    moments = [at(back_us + n * MINUTE_US).seq for n in range(-5, 90)]
    assert moments == sorted(moments), "later is never earlier in the journal"


def test_rows_of_a_clock_that_ran_ahead_count_once_it_is_right_again(history: History) -> None:
    history.turn(NOW_US, A, "up")
    history.turn(NOW_US + 900 * DAY_US, A, "down")
    history.turn(NOW_US + 5, B, "up")
    assert statuses(history.store.state_at(NOW_US + 1)) == {A: "up"}
    assert statuses(history.store.state_at(NOW_US + 5)) == {A: "down", B: "up"}


def test_a_deleted_device_and_a_link_with_other_ends_are_not_carried_on(store: Store) -> None:
    after = filled(store)
    history = History(store)
    history.seq = 1
    history.turn(NOW_US + 2, A, "up")
    history.turn(NOW_US + 2, B, "up")
    for link in LINKS[:2]:
        history.happen(NOW_US + 2, "link_status", link.id, was="unknown", status="up")
    history.happen(NOW_US + 2, "link_status", LINKS[2].id, was="unknown", status="up")
    noted = change("link", LINKS[2], msgspec.structs.replace(LINKS[2], note="new mast"))
    moved = change("link", LINKS[1], msgspec.structs.replace(LINKS[1], a_interface="ether9"))
    assert noted is not None and moved is not None
    applied(store, after, 7, deletion("link", LINKS[0]), deletion("device", DEVICES[0]), moved, noted)
    assert set(devices_of(store.state_at(NOW_US + 6))) == {A, B}
    assert set(links_of(store.state_at(NOW_US + 6))) == {link.id for link in LINKS}
    assert set(devices_of(store.state_at(NOW_US + 7))) == {B}
    assert set(links_of(store.state_at(NOW_US + 7))) == {LINKS[2].id}


def test_of_another_origin_only_what_was_said_of_alerts_counts(history: History) -> None:
    history.happen(NOW_US, "alert_opened", A, rule="device_down", reason="silent")
    history.turn(NOW_US + 9, A, "down")
    foreign = [
        JournalRow(OTHER_ORIGIN, 7, NOW_US + 5, "status", A, {"was": "down", "status": "up", "reason": ""}),
        JournalRow(
            OTHER_ORIGIN, 8, NOW_US + 6, "alert_acknowledged", A, {"rule": "device_down", "by": "ivo"}
        ),
    ]
    history.store.write(Batch(journal=foreign))
    found = history.store.state_at(NOW_US + 20)
    assert statuses(found) == {A: "down"}
    assert alerts_of(found)[fingerprint("device_down", A)].acknowledged_by == "ivo"
    assert found.seq == 2


def test_rows_that_change_no_state_come_with_the_moment_newest_first(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.happen(NOW_US, "syslog", A, text="before the keyframe")
    history.keep(NOW_US + 1)
    rows = [history.happen(NOW_US + n, "syslog", A, text=str(n)) for n in range(2, 8)]
    history.turn(NOW_US + 8, A, "down")
    history.happen(NOW_US + 9, "trap", A, text="later")
    assert history.store.state_at(NOW_US + 8).events == rows[::-1]
    monkeypatch.setattr(past, "EVENTS_CAP", 2)
    assert history.store.state_at(NOW_US + 8).events == [rows[5], rows[4]]


def test_seeking_is_as_exact_after_keyframes_were_thinned(history: History) -> None:
    held = []
    start_us = NOW_US // DAY_US * DAY_US
    for step in range(60):
        at_us = start_us + step * DAY_US // 20
        history.turn(at_us, (A, B, C)[step % 3], "down" if step % 2 else "up", str(step))
        history.keep(at_us + 1)
        held.append((at_us, history.seen()))
    history.store.prune(start_us + 30 * DAY_US)
    with history.store._transaction() as connection:
        assert len(connection.execute(select(tables.keyframe.c.at_us)).all()) == 3
    for then_us, state in held:
        assert seen(history.store.state_at(then_us)) == state


def test_thinning_leaves_a_keyframe_for_so_many_rows_of_a_busy_day(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.storage.ageing.ROWS_WITHOUT_KEYFRAME", 10)
    start_us = NOW_US // DAY_US * DAY_US
    for number in range(1, 41):
        history.turn(start_us + number, A, "up")
        if number % 4 == 0:
            history.keep(start_us + number)
    history.store.prune(start_us + 30 * DAY_US)
    with history.store._transaction() as connection:
        kept = connection.execute(select(tables.keyframe.c.seq).order_by("seq")).scalars().all()
    assert kept == [4, 12, 20, 32, 40]


@pytest.mark.parametrize("body", [b"", b"no zlib", zlib.compress(b""), zlib.compress(b"\x93\x01\x02\x03")])
def test_a_keyframe_that_cannot_be_read_is_as_if_it_were_not_there(history: History, body: bytes) -> None:
    history.turn(NOW_US, A, "up")
    history.keep(NOW_US)
    history.turn(NOW_US + 10, B, "down")
    history.keep(NOW_US + 11)
    history.turn(NOW_US + 12, C, "up")
    table = tables.keyframe
    with history.store._transaction() as connection:
        connection.execute(update(table).where(table.c.at_us == NOW_US + 11).values(body=body))
    assert seen(history.store.state_at(NOW_US + 12)) == history.seen()
    with history.store._transaction() as connection:
        connection.execute(update(table).values(body=body))
    found = history.store.state_at(NOW_US + 12)
    assert (seen(found), found.from_us) == (history.seen(), None)


def test_a_keyframe_of_the_first_release_is_read(history: History) -> None:
    history.turn(NOW_US, A, "up")
    history.keep(NOW_US)
    health = Health(A, history.store.loaded.origin, "up", NOW_US, NOW_US, PROBES)
    whole = {"health": [health], "alerts": [], "link_states": [LinkState(LINK, "up", 7, 8, 9.0)]}
    body = zlib.compress(msgspec.msgpack.encode(whole), 1)
    history.links[LINK] = LinkThen(LINK, "up", 7)
    with history.store._transaction() as connection:
        connection.execute(update(tables.keyframe).values(body=body))
    found = history.store.state_at(NOW_US)
    assert (seen(found), found.from_us) == (history.seen(), NOW_US)


def test_a_keyframe_of_many_things_is_read_in_pieces_and_whole() -> None:
    health = [Health(UUID(int=n), A, "up", n) for n in range(2_500)]
    pieces = list(keyframes.decode_keyframe(keyframes.encode_keyframe(NOW_US, health, [], [])))
    assert [len(piece.health) for piece in pieces] == [1_000, 1_000, 500]
    assert [row.device for piece in pieces for row in piece.health] == [row.device for row in health]


def test_an_alert_that_ended_a_day_before_is_not_of_the_moment_and_yet_not_forgotten(
    history: History,
) -> None:
    rule = {"rule": "device_down"}
    history.happen(NOW_US, "alert_opened", A, **rule, reason="silent")
    history.happen(NOW_US + 9, "alert_cleared", A, **rule)
    history.keep(NOW_US + 2 * DAY_US)
    id = fingerprint("device_down", A)
    assert id in alerts_of(history.store.state_at(NOW_US + DAY_US))
    assert history.store.state_at(NOW_US + 2 * DAY_US).alerts == []
    said = history.happen(
        NOW_US + 3 * DAY_US, "alert_commented", A, **rule, by="mara", text="it was the mast"
    )
    found = alerts_of(history.store.state_at(said.at_us))
    assert found == history.alerts and not found[id].is_open, "a word about what ended opens nothing"
    assert history.store.state_at(said.at_us + 2 * DAY_US).alerts == []


def test_a_keyframe_is_kept_at_the_start_when_it_is_worth_it_and_when_the_clock_went_back() -> None:
    upkeep = Upkeep(None, None, lambda: 0, None)  # type: ignore[arg-type]
    assert upkeep.take_keyframe_due(NOW_US, 100.0)
    upkeep.rows_since_keyframe = 4_999
    assert not upkeep.take_keyframe_due(NOW_US + 1, 101.0)
    upkeep.rows_since_keyframe += 1
    assert upkeep.take_keyframe_due(NOW_US + 2, 102.0)
    assert upkeep.rows_since_keyframe == 0
    assert not upkeep.take_keyframe_due(NOW_US + 3, 103.0)
    assert upkeep.take_keyframe_due(NOW_US - 60 * MINUTE_US, 104.0)
    assert not upkeep.take_keyframe_due(NOW_US - 59 * MINUTE_US, 105.0)


@pytest.mark.parametrize(
    ("rows", "age_s", "is_worth_it"),
    [(5_000, 1, True), (249, 600, False), (250, 600, True), (250, 599, False), (0, 3_600, True)],
)
def test_a_keyframe_is_worth_it_by_rows_and_age(rows: int, age_s: float, is_worth_it: bool) -> None:
    assert is_keyframe_worth_it(rows, age_s) is is_worth_it
