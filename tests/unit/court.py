"""A judge with its state and clock, for tests that are conversations: observations, edits and time in, outcomes out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.alert_rules import rules_by_key
from domain.alerts import Act, Alert, Counters, counters, fingerprint
from domain.edit import apply
from domain.inventory import Device, Entity, Inventory, Link, Probe
from domain.journal import JournalRow
from domain.observation import Failure, Observation, Reading, Value
from engine.journal import JournalPen
from engine.judge.judge import Judge
from engine.judge.outcome import Outcome
from engine.state import State
from tests.unit.inventories import device, edit, inventory

VANTAGE = UUID(int=77)
SNMP, ICMP, ROUTEROS = Probe("snmp", 161), Probe("icmp"), Probe("routeros", 8728)
A = device(1, probes=(SNMP,), interval_s=5.0)
B = device(2, probes=(SNMP,), interval_s=5.0)
LINK = Link(UUID(int=500), A.id, B.id, "ether1", "wlan2", capacity_bps=100_000_000)
START_S = 1_000.0
DEFAULTS = rules_by_key(Inventory())


def ports(name: str, up: float = 1, took: float = 0, sent: float = 0) -> tuple[Value, ...]:
    """Return what a device tells of one interface."""
    return (("if_oper_up", name, up), ("if_in_bps", name, took), ("if_out_bps", name, sent))


class Court:
    """A judge with its state and clock; times are seconds since its start."""

    def __init__(self, *entities: Entity, state: State | None = None) -> None:
        self.state = state or State(inventory(*entities), VANTAGE)
        self.outcomes: list[Outcome] = []
        self.now_s = 0.0
        self.set_back_s = 0.0
        self.judge = self.make_judge(self.state, JournalPen(VANTAGE, 1))

    def make_judge(self, state: State, pen: JournalPen) -> Judge:
        """Return a judge of a state as it is now."""
        return Judge(state, pen, self.outcomes.append, self.now_us, START_S + self.now_s)

    @property
    def now_us(self) -> int:
        return int((START_S + self.now_s - self.set_back_s) * 1e6)

    def answers(
        self, of: Device, values: tuple[Value, ...] = (), probe: str = "snmp", **reading: Any
    ) -> None:
        """Have a device answer now."""
        told = Reading(values, tuple(reading.get("facts", {}).items()), reading.get("whole", ()))
        self.judge.observe(Observation(of.id, probe, VANTAGE, self.now_us, 1500, told))

    def misses(self, of: Device, times: int = 1, probe: str = "snmp", kind: str = "no_answer") -> None:
        """Have a device miss so many polls, a second apart."""
        for _ in range(times):
            self.now_s += 1
            self.misses_now(of, probe, kind)

    def misses_now(self, of: Device, probe: str = "icmp", kind: str = "no_answer") -> None:
        """Have a device miss a poll now."""
        failure = Failure(kind, f"{probe}: {kind}")
        self.judge.observe(Observation(of.id, probe, VANTAGE, self.now_us, None, None, failure))

    def passes(self, seconds: float) -> None:
        """Let time pass, tick by tick."""
        for _ in range(int(seconds)):
            self.now_s += 1
            self.judge.tick(self.now_us, START_S + self.now_s)

    def edits(self, *steps: Any) -> None:
        """Apply an edit."""
        before = self.state.inventory
        after = Inventory(before.tables)
        touched = apply(after, edit(*steps))
        self.state.inventory = after
        self.judge.change_inventory(before, touched, self.now_us)

    def visits(self, of: Device, *values: Value, probe: str = "snmp", **reading: Any) -> None:
        """Have a device answer now, and its visit be over."""
        self.answers(of, values, probe, **reading)
        self.judge.end_visit(of.id, self.now_us)

    def polls(self, of: Device, seconds: float, *values: Value) -> None:
        """Have a device tell the same at each of its polls, for so long."""
        for _ in range(int(seconds / of.interval_s)):
            self.now_s += of.interval_s
            self.visits(of, *values)

    def acts(self, alert: Alert, what: Any, by: str = "mara", **said: str) -> None:
        """Have a person do something to an alert."""
        self.outcomes.append(self.judge.act(alert, Act(self.now_us, what, by, **said)))

    def restarts(self, after_s: float = 0.0) -> None:
        """Kill the judge and make a new one of what is stored."""
        self.now_s += after_s
        state = State(
            self.state.inventory, VANTAGE, health=dict(self.state.health), alerts=dict(self.state.alerts)
        )
        state.link_states = dict(self.state.link_states)
        self.state = state
        self.judge = self.make_judge(state, JournalPen(VANTAGE, len(self.rows) + 1))

    @property
    def rows(self) -> list[JournalRow]:
        rows = [row for outcome in self.outcomes for row in outcome.journal]
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1)), "gaps in the journal"
        return rows

    @property
    def journal(self) -> list[tuple[str, Any]]:
        return [(r.kind, r.body.get("status") or r.body.get("rule") or r.body.get("by")) for r in self.rows]

    @property
    def alert_rows(self) -> list[str]:
        """What was said of alerts: "opened device_down"."""
        told = [row for row in self.rows if row.kind.startswith("alert_")]
        return [f"{row.kind.removeprefix('alert_')} {row.body['rule']}" for row in told]

    @property
    def open_alerts(self) -> list[str]:
        """The rules of the alerts that are open, and what they are about where it is a port or sensor."""
        still_open = [alert for alert in self.state.alerts.values() if alert.is_open]
        return sorted(f"{alert.rule} {alert.instance}".strip() for alert in still_open)

    @property
    def counters(self) -> Counters:
        return counters(self.state.alerts.values())

    def alert(self, rule: str, subject: UUID, instance: str = "") -> Alert | None:
        return self.state.alerts.get(fingerprint(rule, subject, instance))

    def told(self, rule: str, subject: UUID, instance: str = "") -> Alert:
        """Return an alert that must be there."""
        found = self.alert(rule, subject, instance)
        assert found is not None
        return found

    def status(self, of: Device) -> str:
        return self.state.health[of.id].status
