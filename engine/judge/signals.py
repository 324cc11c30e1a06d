"""How far radio links are from what they should hear, as numbers of their ends. Counterpart: `domain/radio_budget.py`.

Theory: when a device tells how it hears, each radio link at it is held against free space and against the other direction. Of
a radio with several links the worst counts. A difference of both directions is one number of the link, so one end tells it.
One rule: what comes of it is a number like any other: rules, charts and storage know nothing of radio.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from domain.inventory import Link
from domain.observation import Value
from domain.radio_budget import End, Told, asymmetry_db, budget_of, heard_of, radios_of, read_told
from engine.state import State

GAP, ASYMMETRY = "signal_gap_db", "signal_asymmetry_db"
_LOOKED_AT = frozenset({"signal_dbm", "wireless_clients", "frequency_mhz", "tx_power_dbm"})
_ANSWERS = frozenset({"up", "degraded"})


class Signals:
    """The radio links by their ends."""

    def __init__(self, state: State, links: Iterable[Link]) -> None:
        self._state = state
        self._links: dict[UUID, Link] = {}
        self._at: dict[UUID, set[UUID]] = {}
        for link in links:
            self.set(link)

    def set(self, link: Link) -> None:
        """Take up a link, or a change of it."""
        self.drop(link.id)
        if link.kind != "wireless" and link.radio is None:
            return
        self._links[link.id] = link
        for end in (link.a, link.b):
            self._at.setdefault(end, set()).add(link.id)

    def drop(self, id: UUID) -> None:
        """Forget a link."""
        link = self._links.pop(id, None)
        for end in (link.a, link.b) if link is not None else ():
            self._at[end].discard(id)
            if not self._at[end]:
                del self._at[end]

    def compare(self, device: UUID, values: Sequence[Value]) -> list[Value]:
        """Return what a reading means for the radio links at a device: signals that are missing, directions that differ."""
        if device not in self._at or not any(metric == "signal_dbm" for metric, _, _ in values):
            return []
        own = self._told(device, _numbers(values))
        found: dict[tuple[str, str], float] = {}
        for id in self._at[device]:
            for key, value in self._of_link(self._links[id], device, own):
                found[key] = max(value, found.get(key, value))
        return [(metric, interface, value) for (metric, interface), value in found.items()]

    def _of_link(self, link: Link, device: UUID, own: Told) -> Iterable[tuple[tuple[str, str], float]]:
        is_a = device == link.a
        peer = link.b if is_a else link.a
        latest = self._state.values.get(peer)
        other = self._told(peer, _numbers(latest.values if latest is not None else ()))
        a = End(own if is_a else other, link.a_interface)
        b = End(other if is_a else own, link.b_interface)
        here = a if is_a else b
        if not here.interface:
            return
        inventory = self._state.inventory
        radios, heard = radios_of(inventory, link, a, b), heard_of(a, b)
        budget = budget_of(inventory, link, radios)
        expected = (budget.at_a_dbm if is_a else budget.at_b_dbm) if budget is not None else None
        level = heard.at_a_dbm if is_a else heard.at_b_dbm
        if expected is not None and level is not None:
            yield (GAP, here.interface), round(expected - level, 1)
        apart = asymmetry_db(heard, radios)
        if apart is not None and (is_a or a.number("signal_dbm") is None):
            yield (ASYMMETRY, here.interface), round(apart, 1)

    def _told(self, device: UUID, numbers: Mapping[tuple[str, str], float]) -> Told:
        """Return what a device tells; who does not answer says nothing any more, but still has its MACs."""
        told = read_told(self._state.facts.get(device, {}), numbers)
        health = self._state.health.get(device)
        return told if health is not None and health.status in _ANSWERS else told._replace(clients={})


def _numbers(values: Iterable[Value]) -> dict[tuple[str, str], float]:
    return {(metric, instance): value for metric, instance, value in values if metric in _LOOKED_AT}
