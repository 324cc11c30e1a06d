"""What the past knows of a cause is read once, and told with it."""

from __future__ import annotations

import asyncio
from uuid import UUID

from domain.evidence import DerivedLink
from domain.fact import Fact
from domain.fault import Fault
from domain.inventory import Inventory
from engine.judge.fault_book import LastWords
from engine.judge.last_words import AT_ONCE, LAST_US, WEEK_US, LastWordsReader
from engine.judge.outcome import Outcome
from engine.state import State
from engine.storage import StorageFailed
from engine.storage.series import Points
from tests.unit.court import VANTAGE
from tests.unit.test_faults import CHAIN, LONG_S, RELAY, chain
from tests.unit.town import Town
from tests.unit.virtual_time import run

Asked = list[tuple[UUID, str, str, int]]


def fallen() -> Town:
    """Return the chain with its relay dead."""
    town = chain()
    town.state.facts[RELAY.id] = {("ups/main", "snmp"): Fact(RELAY.id, "ups/main", "snmp", VANTAGE, 1, {})}
    town.dead = {RELAY.id}
    town.runs(LONG_S)
    return town


def read(town: Town, values: dict[str, list[float]], fails: bool = False) -> tuple[list[LastWords], Asked]:
    """Follow the faults of a town twice; return what was told, and what was asked."""
    told: list[LastWords] = []
    asked: Asked = []

    async def series(
        device: UUID, metric: str, instance: str, from_us: int, to_us: int, points: int
    ) -> Points:
        asked.append((device, metric, instance, to_us - from_us))
        if fails:
            raise StorageFailed("the disk is gone")
        found = values.get(metric, [])
        return Points(list(range(len(found))), found, found, found)

    async def main() -> None:
        reader = LastWordsReader(town.state, series, lambda device, words: told.append(words))
        for _ in range(2):
            reader.follow(list(town.state.faults))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)

    run(main())
    return told, asked


def test_the_last_signal_stands_beside_that_of_most_days_and_is_asked_for_once() -> None:
    told, asked = read(fallen(), {"signal_dbm": [-69.0, -68.0, -69.0, -81.0]})
    assert told == [LastWords(-81.0, -69.0, False)]
    assert asked == [
        (RELAY.id, "signal_dbm", CHAIN[0].b_interface, WEEK_US),
        (RELAY.id, "on_battery", "main", LAST_US),
    ]


def test_a_supply_that_was_on_battery_is_why_it_fell_silent() -> None:
    assert read(fallen(), {"on_battery": [0.0, 1.0]})[0] == [LastWords(lost_power=True)]


def test_a_disk_that_fails_leaves_it_at_what_is_known() -> None:
    told, asked = read(fallen(), {}, fails=True)
    assert told == [] and len(asked) == 1


def test_of_many_causes_so_many_are_asked_about_at_a_time_and_none_that_is_over_by_then() -> None:
    ids = [UUID(int=n) for n in range(1, 3 * AT_ONCE + 1)]
    state = State(Inventory(), VANTAGE)
    state.faults = {id: Fault(id, "device", 1) for id in ids}
    state.facts = {id: {("ups/main", "snmp"): Fact(id, "ups/main", "snmp", VANTAGE, 1, {})} for id in ids}
    asked: list[UUID] = []

    async def main() -> None:
        gate = asyncio.Event()

        async def series(device: UUID, *_: object) -> Points:
            asked.append(device)
            await gate.wait()
            return Points([], [], [], [])

        LastWordsReader(state, series, lambda device, words: None).follow(ids)
        await asyncio.sleep(0.01)
        assert asked == ids[:AT_ONCE]
        for id in ids[-AT_ONCE:]:
            del state.faults[id]
        gate.set()
        await asyncio.sleep(0.01)

    run(main())
    assert asked == ids[:-AT_ONCE]


def test_what_is_found_out_is_told_with_the_fault() -> None:
    town, outcome = fallen(), Outcome()
    town.judge.faults.tell_last_words(RELAY.id, LastWords(-81.0, -69.0, True), outcome)
    fault = town.state.faults[RELAY.id]
    assert outcome.faults == [RELAY.id] and fault.lost_power
    assert fault.last_seen is not None and fault.last_seen.below_normal_db == 12.0


def test_a_link_that_nobody_drew_has_ports_too() -> None:
    town = fallen()
    link = town.state.inventory.tables["link"].pop(CHAIN[0].id)
    town.state.derived_links[link.id] = DerivedLink(
        link.id, CHAIN[0].a, "east", RELAY.id, "west", "wireless", (), 1.0, 1
    )
    assert read(town, {})[1][0][2] == "west"
