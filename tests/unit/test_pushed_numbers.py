"""Numbers that devices push: on their way through a server, and before the judge."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.inventory import PUSHED
from domain.sync import Live, decode_to_install
from sync_server.live.pushed import NEWS_US, PART_VALUES, TENANTS_CAP, VALUES_CAP, Pushed
from sync_server.push.held import Message
from tests.unit.court import LINK, A, B
from tests.unit.inventories import device
from tests.unit.rule_court import RuleCourt

TENANT = UUID(int=1)
NOW_US = 10**15


def message(number: int, values: dict[str, Any], **more: Any) -> Message:
    return Message(TENANT, None, UUID(int=number), "telemetry", "http", {"values": values, **more}, NOW_US)


def told(pushed: Pushed) -> dict[UUID, Any]:
    """Return the numbers of all devices as who judges gets them."""
    lives = [decode_to_install(part) for due in pushed.take() for part in due.parts]
    return {id: values for live in lives if isinstance(live, Live) for id, _, values in live.pushed}


def note(pushed: Pushed, *messages: Message) -> None:
    for one in messages:
        assert one.device is not None
        pushed.note(one.tenant, {one.device: one})


def test_the_last_message_of_each_is_said_once_under_its_metrics() -> None:
    pushed = Pushed()
    note(
        pushed, message(1, {"a": 1.0}), message(1, {"a": 2.0, "if_in_bps/ether1": True}), message(2, {"b": 3})
    )
    assert told(pushed) == {
        UUID(int=1): (("if_in_bps", "ether1", 1.0), ("pushed", "a", 2.0)),
        UUID(int=2): (("pushed", "b", 3.0),),
    }
    assert pushed.take() == []


def test_history_is_a_sign_of_life_and_nothing_more() -> None:
    pushed = Pushed()
    note(
        pushed,
        message(1, {"a": 1.0}, at_us=NOW_US - NEWS_US - 1),
        message(2, {"a": 1.0}, at_us=NOW_US - NEWS_US),
    )
    (due,) = pushed.take()
    assert [id for id, _ in due.heard] == [UUID(int=1), UUID(int=2)]
    (live,) = [decode_to_install(part) for part in due.parts]
    assert isinstance(live, Live) and [id for id, *_ in live.pushed] == [UUID(int=2)]


def test_what_a_flood_brings_is_capped_and_goes_in_parts() -> None:
    pushed, names = Pushed(), {f"n{number}": 1.0 for number in range(250)}
    note(pushed, *(message(number, names) for number in range(VALUES_CAP // 250 + 5)))
    (due,) = pushed.take()
    lives = [decode_to_install(part) for part in due.parts]
    sizes = [sum(len(values) for *_, values in live.pushed) for live in lives if isinstance(live, Live)]
    assert sum(sizes) == VALUES_CAP and max(sizes) <= PART_VALUES
    assert len(due.heard) == VALUES_CAP // 250 + 5, "a sign of life costs little, and is never dropped"
    for tenant in range(TENANTS_CAP + 1):
        pushed.note(UUID(int=tenant), {})
    assert len(pushed.take()) == TENANTS_CAP


def test_what_is_pushed_is_the_load_of_a_link_and_a_sign_of_life_takes_none_of_it() -> None:
    mast = device(9, interval_s=5.0, probes=())
    court = RuleCourt(A, B, LINK, mast)
    court.passes(1)
    court.judge.take_pushed(
        A,
        (("if_oper_up", "ether1", 1.0), ("if_in_bps", "ether1", 2e6), ("if_out_bps", "ether1", 1e6)),
        court.now_us,
    )
    assert court.state.link_states[LINK.id].ab_bps == 1e6
    court.judge.take_pushed(mast, (("pushed", "door", 1.0),), court.now_us)
    court.answers(mast, probe=PUSHED)
    assert court.state.values[mast.id].values == (("pushed", "door", 1.0),)
    assert court.state.health[mast.id].status == "up"
    assert all(not one.samples for one in court.outcomes), "it is stored where it came in"
