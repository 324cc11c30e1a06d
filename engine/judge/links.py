"""The state of links from what their ends tell. Counterpart: `domain/load.py`, which folds two views into one state.

Theory: a device's interfaces that carry a link are looked up in each reading and kept as views, by probe; RouterOS is
believed before SNMP. A probe that has failed takes its views with it. Of a link of several ports its members are looked up as
well: what they are together counts where the aggregate does not tell itself. A link that was down when the engine stopped is
not up again before both its ends were heard, if they are asked: the one that runs is often the first to tell.
One rule: an end that does not answer is EndView().
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from domain.fact import SOURCE_RANK, Fact
from domain.inventory import Link
from domain.lag import Bonds, Lag, Member, joined, lag_of
from domain.load import EndView, LinkState, next_link_state
from domain.observation import Value

_NOTHING = EndView()
_FIELDS = {"if_oper_up": 0, "if_in_bps": 1, "if_out_bps": 2}


class Links:
    """All links by their ends, and the newest view of each end."""

    def __init__(
        self,
        states: dict[UUID, LinkState],
        links: Iterable[Link],
        unasked: Iterable[UUID] = (),
        facts: Mapping[UUID, Mapping[tuple[str, str], Fact]] | None = None,
    ) -> None:
        self._states = states
        self._links: dict[UUID, Link] = {}
        self._at: dict[UUID, set[UUID]] = {}
        self._views: dict[UUID, dict[str, dict[str, EndView]]] = {}
        self._bonds = Bonds()
        for of_device in (facts or {}).values():
            self.learn(of_device.values())
        self._unsure = {id for id, state in states.items() if state.status == "down"}
        for link in links:
            self.set(link)
        self._lags = {link.id for link in self._links.values() if self._lag(link) is not None}
        for device in unasked if self._unsure else ():
            self._unsure -= self._at.get(device, set())

    def set(self, link: Link) -> None:
        """Take up a link, or a change of it."""
        self.drop(link.id)
        self._links[link.id] = link
        for end in (link.a, link.b):
            self._at.setdefault(end, set()).add(link.id)

    def drop(self, id: UUID) -> None:
        """Forget a link."""
        link = self._links.pop(id, None)
        for end in (link.a, link.b) if link else ():
            self._at[end].discard(id)
            if not self._at[end]:
                del self._at[end]

    def see(self, device: UUID, probe: str, values: tuple[Value, ...]) -> bool:
        """Keep what a reading says of the interfaces that carry links; return whether that is anything."""
        ports = [name for name in self.interfaces(device) if name]
        wanted = {name for port in ports for name in (port, *self._bonds.members(device, port))}
        if not wanted:
            return False
        found: dict[str, list[float | None]] = {}
        for metric, instance, value in values:
            if instance in wanted and metric in _FIELDS:
                found.setdefault(instance, [None, None, None])[_FIELDS[metric]] = value
        views = self._views.setdefault(device, {})
        had = views.get(probe)
        views[probe] = {
            name: EndView(None if up is None else up > 0, took, sent)
            for name, (up, took, sent) in found.items()
        }
        return bool(found or had)

    def lose(self, device: UUID, probe: str | None = None) -> bool:
        """Forget what a probe of a device, or all of them, said: it does not answer. Return whether it had said anything."""
        if self._unsure:
            self._unsure -= self._at.get(device, set())
        if probe is None:
            return bool(self._views.pop(device, None))
        return bool(self._views.get(device, {}).pop(probe, None))

    def learn(self, facts: Iterable[Fact]) -> None:
        """Take up what ports tell of the aggregates whose members they are."""
        for fact in facts:
            self._bonds.learn(fact)

    def forget(self, device: UUID) -> None:
        """Drop what a device said that was deleted."""
        self.lose(device)
        self._bonds.forget(device)

    def lags(self, device: UUID) -> Iterator[tuple[Link, Lag | None]]:
        """Go over the links of a device that are made of several ports, as their ends tell now; None: it is one line now."""
        for id in self._at.get(device, ()):
            link = self._links[id]
            lag = self._lag(link)
            if lag is not None or id in self._lags:
                (self._lags.add if lag is not None else self._lags.discard)(id)
                yield link, lag

    def turn(self, device: UUID, at_us: int) -> Iterator[tuple[LinkState | None, LinkState]]:
        """Go over the links of a device whose state is another than before, as (old, new)."""
        for id in self._at.get(device, ()):
            link, old = self._links[id], self._states.get(id)
            new = next_link_state(
                old, id, self._view(link.a, link.a_interface), self._view(link.b, link.b_interface), at_us
            )
            if self._is_unsure(link, new):
                continue
            if old is None or (old.status, old.ab_bps, old.ba_bps) != (new.status, new.ab_bps, new.ba_bps):
                self._states[id] = new
                yield old, new

    def _is_unsure(self, link: Link, new: LinkState) -> bool:
        if link.id not in self._unsure:
            return False
        ends = ((link.a, link.a_interface), (link.b, link.b_interface))
        unheard = any(interface and end not in self._views for end, interface in ends)
        if unheard and new.status != "down":
            return True
        self._unsure.discard(link.id)
        return False

    def interfaces(self, device: UUID) -> Iterator[str]:
        """Go over the ports of a device that carry links."""
        for id in self._at.get(device, ()):
            link = self._links[id]
            yield link.a_interface if link.a == device else link.b_interface

    def _lag(self, link: Link) -> Lag | None:
        ends = ((link.a, link.a_interface), (link.b, link.b_interface))
        return lag_of(*(self._members(*end) for end in ends))

    def _members(self, device: UUID, bond: str) -> list[Member]:
        views = {port: self._told(device, port) for port in self._bonds.members(device, bond)}
        return [
            Member(device, port, view.oper_up, 0, view.in_bps, view.out_bps) for port, view in views.items()
        ]

    def _view(self, device: UUID, interface: str) -> EndView:
        own = self._told(device, interface)
        members = self._bonds.members(device, interface)
        return joined(own, [self._told(device, member) for member in members]) if members else own

    def _told(self, device: UUID, interface: str) -> EndView:
        views = self._views.get(device)
        if not views or not interface:
            return _NOTHING
        for probe in sorted(views, key=_rank):
            if interface in views[probe]:
                return views[probe][interface]
        return _NOTHING


def _rank(probe: str) -> int:
    return SOURCE_RANK.get(probe.partition(":")[0], 9)
