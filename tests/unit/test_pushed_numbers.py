"""Numbers that devices push: on their way through a server, and before the judge."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.inventory import PUSHED
from domain.sync import Live, decode_to_install
from sync_server.live.pushed import NEWS_US, PART_VALUES, TENANT_CAP, TENANTS_CAP, VALUES_CAP, Pushed
from sync_server.push.held import Message
from tests.unit.court import LINK, A, B
from tests.unit.inventories import device
from tests.unit.rule_court import RuleCourt
from tests.unit.test_rule_numbers import hot, rule

TENANT = UUID(int=1)
NOW_US = 10**15


def message(number: int, values: dict[str, Any], **more: Any) -> Message:
    return Message(TENANT, None, UUID(int=number), "telemetry", "http", {"values": values, **more}, NOW_US)


def told(pushed: Pushed, tenant: UUID = TENANT) -> dict[UUID, list[Any]]:
    """Return the numbers of all devices of a tenant as who judges gets them."""
    found: dict[UUID, list[Any]] = {}
    for part in pushed.numbers().get(tenant, iter(())):
        live = decode_to_install(part)
        assert isinstance(live, Live) and sum(len(values) for *_, values in live.pushed) <= PART_VALUES
        for id, _, values in live.pushed:
            found.setdefault(id, []).extend(values)
    return found


def test_the_newest_of_each_name_is_said_once_under_its_metric() -> None:
    pushed = Pushed()
    shadow = message(1, {})._replace(kind="shadow", body={"reported": {}})
    ports, late = message(1, {"a": 2.0, "if_in_bps/ether1": True}), message(1, {"a": 9.0}, at_us=NOW_US - 5)
    pushed.note(TENANT, [message(1, {"a": 1.0, "c": 4.0}), ports, late, shadow, message(2, {"b": 3})])
    assert told(pushed) == {
        UUID(int=1): [("pushed", "a", 2.0), ("pushed", "c", 4.0), ("if_in_bps", "ether1", 1.0)],
        UUID(int=2): [("pushed", "b", 3.0)],
    }
    assert pushed.numbers() == {}


def test_history_is_a_sign_of_life_and_nothing_more() -> None:
    pushed = Pushed()
    old, new = (message(n, {"a": 1.0}, at_us=NOW_US - NEWS_US - 2 + n) for n in (1, 2))
    pushed.note(TENANT, [old, new])
    assert pushed.heard() == {TENANT: {UUID(int=1): NOW_US, UUID(int=2): NOW_US}}
    assert list(told(pushed)) == [UUID(int=2)]
    assert pushed.heard() == {}


def test_what_a_flood_brings_is_capped_for_each_tenant_and_goes_in_parts() -> None:
    pushed, names = Pushed(), {f"n{number}": 1.0 for number in range(250)}
    many = TENANT_CAP // 250 + 5
    pushed.note(TENANT, [message(number, names) for number in range(many)])
    other = UUID(int=2)
    pushed.note(other, [message(1, {"a": 1.0})])
    assert len(pushed.heard()[TENANT]) == many, "a sign of life costs little, and is never dropped"
    for tenant in range(3, 3 + VALUES_CAP // TENANT_CAP):
        pushed.note(UUID(int=tenant), [message(number, names) for number in range(many)])
    numbers = {tenant: list(parts) for tenant, parts in pushed.numbers().items()}
    sizes = {tenant: sum(_size(part) for part in parts) for tenant, parts in numbers.items()}
    assert sizes[TENANT] == TENANT_CAP and sizes[other] == 1 and sum(sizes.values()) == VALUES_CAP
    for tenant in range(TENANTS_CAP + 1):
        pushed.note(UUID(int=tenant), [])
    assert len(pushed.heard()) == TENANTS_CAP


def _size(part: bytes) -> int:
    live = decode_to_install(part)
    assert isinstance(live, Live)
    return sum(len(values) for *_, values in live.pushed)


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


def test_what_a_probe_tells_goes_before_what_is_pushed_and_a_push_ends_no_visit() -> None:
    court = RuleCourt(A, rule(for_s=0.0))
    court.polls(A, 5, hot(20))
    court.judge.take_pushed(A, (hot(95),), court.now_us)
    assert court.open_alerts == [] and hot(95) not in court.state.values[A.id].values
    court.judge.take_pushed(A, (hot(95, "roof"),), court.now_us)
    assert len(court.open_alerts) == 1
    court.polls(A, 5, hot(20))
    assert len(court.open_alerts) == 1, "the poll says nothing of the roof"


def test_what_is_pushed_piece_by_piece_adds_up_and_what_does_not_come_again_is_forgotten() -> None:
    court = RuleCourt(A, B, LINK, rule(for_s=0.0))
    court.passes(1)
    court.judge.take_pushed(A, (("if_oper_up", "ether1", 1.0), ("if_out_bps", "ether1", 1e6)), court.now_us)
    court.judge.take_pushed(A, (hot(95, "roof"),), court.now_us)
    assert court.state.link_states[LINK.id].ab_bps == 1e6 and len(court.open_alerts) == 1
    court.answers(A, (hot(20),))
    for _ in range(30):
        court.passes(1)
        court.answers(A, (hot(20),))
    assert court.state.link_states[LINK.id].ab_bps is None and court.open_alerts == []
    assert court.state.health[A.id].status == "up"
