"""What clients ask, answered over a real database: refusals by field, repeats, secrets, a disk that fails."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from domain.alerts import Alert
from domain.edit import Edit, Step, change, creation, deletion, inverse
from domain.inventory import Site
from domain.retention import Retention
from domain.vault import Secret
from domain.wire import (
    ActOnAlert,
    ProbeNow,
    QueryJournal,
    QueryProfiles,
    QuerySeries,
    SetRetention,
    Stop,
    SubmitEdit,
)
from engine.storage import StorageFailed, Store
from engine.vault import SecretNotHere, Vault
from tests.engine.request_desk import ONE, Desk, Run, runner
from tests.engine.stores import fill_disk, free_disk
from tests.unit.inventories import COMMUNITY, device, edit


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return runner(tmp_path)


def made(number: int = 1, **fields: object) -> Edit:
    """Return an edit that makes a device."""
    return edit(creation("device", device(number, **fields)), number=number)


def test_an_edit_is_on_disk_in_the_inventory_in_the_journal_and_handed_on(run: Run, tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        assert await desk.submit(made()) == []
        assert desk.state.inventory.device(ONE) == device(1)
        assert desk.applied == [([("device", ONE)], set())]
        (row,) = await desk.rows()
        assert (row.kind, row.subject, row.body["title"]) == ("edit_applied", ONE, "test")

    run(scenario)
    again = Store.open(tmp_path / "t.db", now_us=2, new_id=lambda: ONE)
    assert again.loaded.inventory.device(ONE) == device(1) and again.loaded.next_seq == 2
    again.close()


def test_all_refusals_of_an_edit_come_back_by_field_and_nothing_changes(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        bad = made(1, name="", address="10.0.0.300", lng=200.0, lat=1.0, interval_s=0.1)
        found = await desk.submit(bad)
        assert {field for field, _ in found} == {"name", "address", "lng", "interval_s"}
        assert desk.applied == [] and await desk.rows() == []
        assert list(desk.state.inventory.devices()) == []

    run(scenario)


def test_a_duplicate_address_is_refused_at_the_address(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.submit(made())
        assert await desk.submit(made(2, address=device(1).address)) == [("address", "DEVICE_ALREADY_EXISTS")]

    run(scenario)


def test_an_edit_that_is_sent_again_is_done_and_not_done_twice(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        there, back = (device(1, name=name) for name in ("there", "back"))
        first, second = made(1, name="back"), edit(change("device", back, there), number=2)  # type: ignore[arg-type]
        third = inverse(second, UUID(int=12_345), 3, "mara")
        for one in (first, second, third, first, second):
            assert await desk.submit(one) == []
        found = desk.state.inventory.device(ONE)
        assert found is not None and found.name == "back"
        assert len(desk.applied) == 3 and [row.seq for row in await desk.rows()] == [1, 2, 3]

    run(scenario)


def test_two_edits_at_once_are_made_one_after_the_other(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        found = await asyncio.gather(*(desk.submit(made(n)) for n in range(1, 21)))
        assert found == [[]] * 20 and len(list(desk.state.inventory.devices())) == 20
        assert [row.seq for row in await desk.rows()] == list(range(1, 21))

    run(scenario)


def test_a_secret_goes_to_the_vault_and_nowhere_else(run: Run, tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        assert await desk.submit(edit(creation("credential", COMMUNITY)), community="hunter2hunter2") == []
        assert desk.vault.get(COMMUNITY.id) == "hunter2hunter2"
        assert desk.applied[0][1] == {COMMUNITY.id}

    run(scenario)
    for path in tmp_path.rglob("*"):
        assert b"hunter2" not in path.read_bytes(), path


def test_a_secret_alone_may_be_replaced_without_a_step(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.submit(edit(creation("credential", COMMUNITY)), community="old")
        assert await desk.submit(edit(number=2), community="new") == []
        assert desk.vault.get(COMMUNITY.id) == "new" and desk.applied[1] == ([], {COMMUNITY.id})
        assert await desk.submit(edit(number=3)) == [("", "INVALID_INPUT")]

    run(scenario)


@pytest.mark.parametrize(("secret", "found"), [("", "secret"), ("x" * 1001, "secret")])
def test_a_secret_that_is_none_is_refused_and_nothing_is_kept(run: Run, secret: str, found: str) -> None:
    async def scenario(desk: Desk) -> None:
        refused = await desk.submit(edit(creation("credential", COMMUNITY)), community=secret)
        assert refused == [(found, "INVALID_INPUT")] and desk.applied == []
        with pytest.raises(SecretNotHere):
            desk.vault.get(COMMUNITY.id)

    run(scenario)


def test_a_secret_of_a_credential_that_does_not_exist_is_refused(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        assert await desk.submit(made(), community="x") == [("credential", "CREDENTIAL_NOT_FOUND")]

    run(scenario)


def test_a_disk_that_fails_is_told_nothing_is_applied_and_no_number_is_lost(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(desk: Desk) -> None:
        async def fail(*_: object) -> bool:
            raise StorageFailed("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(desk.store, "apply_edit", fail)
            assert await desk.submit(made()) == [("", "STORAGE_FAILED")]
        assert desk.state.inventory.device(ONE) is None and desk.applied == []
        assert await desk.submit(made()) == []
        rows = await desk.rows()
        assert [(row.seq, row.kind) for row in rows] == [(1, "edit_refused"), (2, "edit_applied")]

    run(scenario)


def test_where_the_disk_refuses_an_edit_the_old_secret_holds_on_disk_too(run: Run, tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        assert await desk.submit(edit(creation("credential", COMMUNITY)), community="old") == []
        large = [creation("site", Site(UUID(int=60 + n), "x", note="x" * 4000)) for n in range(40)]
        fill_disk(desk.store._store)
        assert await desk.submit(edit(*large, number=2), community="new") == [("", "STORAGE_FAILED")]
        free_disk(desk.store._store)
        assert desk.vault.get(COMMUNITY.id) == "old" and len(desk.applied) == 1

    run(scenario)
    again = Store.open(tmp_path / "t.db", now_us=2, new_id=lambda: ONE)
    assert Vault.open(again, tmp_path).get(COMMUNITY.id) == "old"
    again.close()


def test_an_edit_that_is_sent_again_brings_no_other_secret(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        for secret in ("first", "second"):
            assert await desk.submit(edit(creation("credential", COMMUNITY)), community=secret) == []
        assert desk.vault.get(COMMUNITY.id) == "first"

    run(scenario)


def test_secrets_without_end_are_refused_as_one(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        many = {UUID(int=n): Secret("") for n in range(20_001)}
        reply = await desk.requests.answer(SubmitEdit(1, edit(number=9), many))
        assert [r.field for r in reply.refusals] == ["secret"]
        few = dict(list(many.items())[:500])
        reply = await desk.requests.answer(SubmitEdit(1, edit(number=9), few))
        assert len(reply.refusals) == 101 and reply.refusals[-1].code == "MORE_REFUSALS"

    run(scenario)


def test_a_deletion_that_leaves_links_is_refused_with_the_reason(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        from domain.inventory import Link

        link = Link(UUID(int=70), UUID(int=1), UUID(int=2))
        steps: list[Step] = [
            creation("device", device(1)),
            creation("device", device(2)),
            creation("link", link),
        ]
        assert await desk.submit(edit(*steps)) == []
        assert (await desk.submit(edit(deletion("device", device(1)), number=2)))[0][1] == "IN_USE"

    run(scenario)


def test_what_people_do_to_an_alert_is_on_disk_before_it_is_told(run: Run, tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        alert = Alert(UUID(int=8), "device_down", ONE, "critical", 1)
        desk.state.alerts[alert.id] = alert
        for act, said in (
            ("acknowledge", {}),
            ("comment", {"text": "on my way\nwith a ladder"}),
            ("assign", {"to": "jo"}),
            ("resolve", {"text": "a new fuse"}),
            ("reopen", {}),
        ):
            ask = ActOnAlert(1, alert.id, act, "mara", **said)  # type: ignore[arg-type]
            assert (await desk.requests.answer(ask)).refusals == ()
            assert desk.store.waiting_rows == 0
        assert len(desk.acted) == 5
        kinds = [row.kind for row in await desk.rows()]
        assert kinds == [f"alert_{done}" for done in ("acknowledged", *DONE_THEN)]

    run(scenario)
    again = Store.open(tmp_path / "t.db", now_us=2, new_id=lambda: ONE)
    (kept,) = again.loaded.alerts
    again.close()
    assert kept.is_open and kept.assigned_to == "jo" and len(kept.acts) == 5


DONE_THEN = ("commented", "assigned", "resolved", "reopened")


def test_acts_that_make_no_sense_are_refused_and_repeats_are_done_already(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        alert = Alert(UUID(int=8), "device_down", ONE, "critical", 1)
        desk.state.alerts[alert.id] = alert

        async def refused(act: str, by: str = "mara", **said: str) -> list[tuple[str, str]]:
            reply = await desk.requests.answer(ActOnAlert(1, alert.id, act, by, **said))  # type: ignore[arg-type]
            return [(refusal.field, refusal.code) for refusal in reply.refusals]

        none = await desk.requests.answer(ActOnAlert(1, UUID(int=9), "acknowledge", "mara"))
        assert none.refusals[0].code == "ALERT_NOT_FOUND"
        assert await refused("acknowledge", by=" ") == [("by", "MISSING_REQUIRED_FIELD")]
        assert await refused("acknowledge", by="m" * 121) == [("by", "INVALID_INPUT")]
        assert await refused("comment", text=" ") == [("text", "MISSING_REQUIRED_FIELD")]
        assert await refused("comment", text="x" * 2001) == [("text", "INVALID_INPUT")]
        assert await refused("comment", text="\x1b[2J") == [("text", "INVALID_INPUT")]
        assert await refused("assign", to="jo\nmara") == [("to", "INVALID_INPUT")]
        assert await refused("acknowledge") == [] and await refused("acknowledge", by="tom") == []
        assert await refused("resolve") == [] and await refused("resolve") == []
        assert await refused("acknowledge") == [("act", "ALERT_CLOSED")]
        assert [row.kind for row in await desk.rows()] == ["alert_acknowledged", "alert_resolved"]

    run(scenario)


def test_questions_out_of_range_are_refused_or_cut(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        bad = await desk.requests.answer(QuerySeries(1, ONE, "nonsense", "", 0, 9))
        assert bad.refusals[0].field == "metric"
        empty = await desk.requests.answer(QuerySeries(2, ONE, "rtt_ms", "icmp", 0, 9, points=10**9))
        assert empty.result == {"at_us": [], "value": [], "low": [], "high": []}
        assert (await desk.requests.answer(QueryJournal(3, None, -5))).result == {"rows": []}

    run(scenario)


def test_probe_now_says_why_it_cannot(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        unknown = await desk.requests.answer(ProbeNow(1, ONE))
        assert unknown.refusals[0].code == "DEVICE_NOT_FOUND"
        await desk.submit(made(1))
        await desk.submit(made(2, paused=True))
        assert (await desk.requests.answer(ProbeNow(1, ONE))).refusals == ()
        paused = await desk.requests.answer(ProbeNow(1, UUID(int=2)))
        assert "paused" in paused.refusals[0].message

    run(scenario)


def test_how_long_numbers_are_kept_is_set_within_reason(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        refused = await desk.requests.answer(SetRetention(1, Retention(raw_days=0.1)))
        assert [r.field for r in refused.refusals] == ["raw_days"]
        assert desk.store.retention == Retention()
        longer = Retention(raw_days=30, raw_cap_bytes=10**10, hourly_days=700)
        assert (await desk.requests.answer(SetRetention(2, longer))).refusals == ()
        assert desk.store.retention == longer

    run(scenario)


def test_the_profiles_there_are_are_told_with_what_is_wrong_with_the_users(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "snmp-profiles"
    folder.mkdir()
    (folder / "bad.yaml").write_text("name: [")

    async def scenario(desk: Desk) -> None:
        told = (await desk.requests.answer(QueryProfiles(1))).result
        assert told["titles"]["generic"] == "Any SNMP device"
        (problem,) = told["problems"]
        assert "bad.yaml" in problem["message"] + problem["field"]

    run(scenario)


def test_stop_is_answered(run: Run) -> None:
    async def scenario(desk: Desk) -> None:
        assert (await desk.requests.answer(Stop(7))).request == 7

    assert run(scenario).stops == 1
