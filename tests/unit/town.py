"""A court whose devices stand in a network: what dies or is cut silences what lies behind it, and polls follow the schedule.

One rule: devices are asked as the monitor asks them: each in its phase, in doubt after a second, at once where the judge asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import msgspec

from domain.inventory import Device, Entity, Inventory, Link, Probe
from engine.journal import JournalPen
from engine.judge.judge import Judge
from engine.state import State
from tests.unit.court import START_S, VANTAGE, Court
from tests.unit.inventories import device

ICMP = Probe("icmp")
INTERVAL_S = 30.0
DOUBT_S = 1.0
DEAD_S = 60.0
"""How rarely the dead are asked."""


def node(number: int, name: str = "", role: str = "relay", subscribers: int = 0, **fields: object) -> Device:
    """Return a device that is pinged."""
    made = device(number, probes=(ICMP,), interval_s=INTERVAL_S)
    return msgspec.structs.replace(
        made, name=name or f"N{number}", role=role, subscribers=subscribers, **fields
    )


def join(number: int, a: Device, b: Device) -> Link:
    """Return a link between two devices."""
    return Link(UUID(int=10_000 + number), a.id, b.id, f"to{b.name}", f"to{a.name}")


class Town(Court):
    """Polls, faults and time. `source` is the device that the poller stands at; without it nothing is reached."""

    def __init__(self, source: Device, *entities: Entity) -> None:
        self.source = source.id
        self.dead: set[UUID] = set()
        self.cut: set[UUID] = set()
        self.is_out = False
        self._due_s: dict[UUID, float] = {}
        self._doubts: dict[UUID, int] = {}
        self._answered: set[UUID] = set()
        self._mapped: Inventory | None = None
        self._at: dict[UUID, list[tuple[UUID, UUID]]] = {}
        self.asked = 0
        super().__init__(*entities)
        for place, one in enumerate(self.state.inventory.devices()):
            self._due_s[one.id] = place * 7.3 % INTERVAL_S

    def make_judge(self, state: State, pen: JournalPen) -> Judge:
        """Return a judge that can ask."""
        return Judge(
            state,
            pen,
            self.outcomes.append,
            self.now_us,
            START_S + self.now_s,
            ask=self.ask,
            has_way=lambda address: not self.is_out,
        )

    def ask(self, id: UUID) -> None:
        """Have a device polled at the next step."""
        self.asked += 1
        self._due_s[id] = min(self._due_s.get(id, self.now_s), self.now_s)

    def reached(self) -> set[UUID]:
        """Return the devices that the poller gets to."""
        if self.is_out or self.source in self.dead:
            return set()
        found, waiting = {self.source}, [self.source]
        for one in waiting:
            for link, other in self._ways(one):
                if link not in self.cut and other not in found and other not in self.dead:
                    found.add(other)
                    waiting.append(other)
        return found

    def _ways(self, one: UUID) -> list[tuple[UUID, UUID]]:
        """Return the links of a device, and where each leads."""
        if self._mapped is not self.state.inventory:
            self._mapped, self._at = self.state.inventory, {}
            for link in self.state.inventory.links():
                self._at.setdefault(link.a, []).append((link.id, link.b))
                self._at.setdefault(link.b, []).append((link.id, link.a))
        return self._at.get(one, [])

    def runs(self, seconds: float) -> None:
        """Let the network be polled for so long."""
        for _ in range(int(seconds)):
            self.now_s += 1
            reached = self.reached()
            for one in list(self.state.inventory.devices()):
                if not one.paused and self._due_s.setdefault(one.id, self.now_s) <= self.now_s:
                    self._poll(one, one.id in reached)
            self.judge.tick(self.now_us, START_S + self.now_s)

    def _poll(self, one: Device, answers: bool) -> None:
        if answers:
            self._doubts.pop(one.id, None)
            self._due_s[one.id] += one.interval_s
            while self._due_s[one.id] <= self.now_s:
                self._due_s[one.id] += one.interval_s
            self.answers(one, self._ports(one), probe="icmp")
            return
        misses = self._doubts[one.id] = self._doubts.get(one.id, 0) + 1
        self._due_s[one.id] = self.now_s + (DOUBT_S if misses < 3 else DEAD_S)
        self.misses_now(one)

    def _ports(self, one: Device) -> tuple[tuple[str, str, float], ...]:
        found: list[tuple[str, str, float]] = []
        for id, other in self._ways(one.id):
            link = self.state.inventory.link(id)
            if link is not None and (link.a_interface or link.b_interface):
                name = link.a_interface if one.id == link.a else link.b_interface
                found.append(("if_oper_up", name, float(id not in self.cut and other not in self.dead)))
        return tuple(found)

    # What came of it

    def causes(self) -> list[str]:
        """The names of what faults are about, links as "a-b"."""
        return sorted(self.name_of(id) for id in self.state.faults)

    def affected(self) -> set[str]:
        """The names of what lies behind a fault."""
        return {self.name_of(id) for fault in self.state.faults.values() for id in fault.affected}

    def open_names(self, *rules: str) -> list[str]:
        """What open alerts are about, by rule and name."""
        still = [alert for alert in self.state.alerts.values() if alert.is_open]
        return sorted(f"{a.rule} {self.name_of(a.subject)}" for a in still if not rules or a.rule in rules)

    def opened(self, rule: str = "") -> list[str]:
        """What alerts were ever opened about, in order."""
        rows = [row for row in self.rows if row.kind in ("alert_opened", "alert_reopened")]
        return [self.name_of(row.subject) for row in rows if row.subject and rule in ("", row.body["rule"])]

    def name_of(self, id: UUID) -> str:
        """Return what a thing is called in a test."""
        found, link = self.state.inventory.device(id), self.state.inventory.link(id)
        if found is not None:
            return found.name
        if link is None:
            return "uplink" if id == VANTAGE else "gone"
        return "-".join(self.name_of(end) for end in (link.a, link.b))


def named(ids: Iterable[UUID], town: Town) -> set[str]:
    """Return names."""
    return {town.name_of(id) for id in ids}
