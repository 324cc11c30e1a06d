"""Which random faults a network is given, and what should be said of them. Counterpart: `bench_faults.py` does them and listens.

One rule: what is right follows from the graph alone, without anything of the engine.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

WEIGHTS = {
    "relay": 22,
    "access": 12,
    "pop": 10,
    "link": 16,
    "ring link": 10,
    "two": 10,
    "nested": 12,
    "pop and ring link": 8,
}
"""Kinds of faults, and how many in a hundred are of each."""
MOST_DARK = 0.3
"""The share of a network that may be without a path at once."""
TRIES = 40


class Act(NamedTuple):
    """What is done: a router's name, or a link's."""

    verb: Literal["kill", "cut"]
    what: str

    @property
    def undone_by(self) -> tuple[str, str]:
        """Return the command that takes it back."""
        return ("revive" if self.verb == "kill" else "mend", self.what)


class Cause(NamedTuple):
    """An act that can be told from where the poller stands, and the names that are right for it."""

    act: Act
    names: frozenset[str]


class Scenario(NamedTuple):
    """A fault. `inner` lies behind the others, and cannot be told before those are mended."""

    kind: str
    outer: tuple[Act, ...]
    inner: tuple[Act, ...] = ()

    @property
    def acts(self) -> tuple[Act, ...]:
        """Return all that is done."""
        return self.outer + self.inner


class Plan:
    """A simulated network as its inventory draws it; names are those of its routers and links."""

    def __init__(self, inventory: dict[str, Any], dice: random.Random) -> None:
        self._dice = dice
        self._near: dict[str, dict[str, str]] = {given["name"]: {} for given in inventory["devices"]}
        self._roles = {given["name"]: given["role"] for given in inventory["devices"]}
        (self._entry,) = (given["name"] for given in inventory["devices"] if given["is_entry"])
        self.links: dict[str, tuple[str, str]] = {}
        for given in inventory["links"]:
            a, b = given["a"], given["b"]
            name = f"{a} - {b}"
            self.links[name] = a, b
            self._near[a][b] = self._near[b][a] = name
        behind = {link: self.dark([Act("cut", link)]) for link in self.links}
        self._trees = [link for link, lost in behind.items() if lost]
        self._rings = [link for link, lost in behind.items() if not lost]

    def dark(self, acts: Iterable[Act]) -> frozenset[str]:
        """Return the routers that have no path to the poller, the dead ones too."""
        done = list(acts)
        dead = {act.what for act in done if act.verb == "kill"}
        cut = {act.what for act in done if act.verb == "cut"}
        found = {self._entry} - dead
        waiting = list(found)
        for router in waiting:
            for far, link in self._near[router].items():
                if link not in cut and far not in dead and far not in found:
                    found.add(far)
                    waiting.append(far)
        return frozenset(self._near.keys() - found)

    def causes(self, acts: Iterable[Act]) -> list[Cause]:
        """Return what can be told of these acts: what has no path only because of others is none."""
        done = list(acts)
        dark = self.dark(done)
        cut = {act.what for act in done if act.verb == "cut"}
        found = []
        for act in done:
            if act.verb == "kill":
                near = self._near[act.what].items()
                if any(far not in dark and link not in cut for far, link in near):
                    found.append(Cause(act, frozenset((act.what,))))
            elif not dark.issuperset(self.links[act.what]):
                found.append(Cause(act, frozenset((act.what, *dark.intersection(self.links[act.what])))))
        return found

    def kinds(self, count: int) -> list[str]:
        """Return so many kinds of faults, as many of each as its weight says, in any order."""
        whole = sum(WEIGHTS.values())
        found = [kind for kind, weight in WEIGHTS.items() for _ in range(max(1, count * weight // whole))]
        found += self._dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=max(0, count - len(found)))
        self._dice.shuffle(found)
        return found[:count]

    def round(self, kinds: list[str], most: int) -> list[Scenario]:
        """Return faults of these kinds that do not touch each other; the kinds that found a place are taken out."""
        chosen: list[Scenario] = []
        for kind in list(kinds):
            if len(chosen) == most:
                break
            for _ in range(TRIES):
                made = self._make(kind)
                if made is not None and self._is_apart(made, chosen):
                    chosen.append(made)
                    kinds.remove(kind)
                    break
        return chosen

    def _is_apart(self, new: Scenario, chosen: list[Scenario]) -> bool:
        there = [act for one in chosen for act in one.acts]
        both = (*there, *new.acts)
        before, dark = self.dark(there), self.dark(new.acts)
        is_sum = self.dark(both) == before | dark and not before & dark
        is_told = sorted(self.causes(both)) == sorted((*self.causes(there), *self.causes(new.acts)))
        touches = any(far in before for router in dark for far in self._near[router])
        return is_sum and is_told and not touches and len(before | dark) <= MOST_DARK * len(self._near)

    def _make(self, kind: str) -> Scenario | None:
        if kind in ("relay", "access", "pop"):
            return Scenario(kind, (self._kill(kind),))
        if kind == "two":
            acts = self._kill("relay", "access", "pop"), self._dice.choice((self._kill("relay"), self._cut()))
            is_apart = self._is_apart(Scenario("", acts[1:]), [Scenario("", acts[:1])])
            return Scenario(kind, acts) if is_apart else None
        if kind == "nested":
            return self._nest()
        if kind == "pop and ring link":
            return self._break_ring()
        return Scenario(kind, (self._cut() if kind == "link" else self._cut_ring(),))

    def _kill(self, *roles: str) -> Act:
        found = [name for name, role in self._roles.items() if role in roles and name != self._entry]
        return Act("kill", self._dice.choice(found))

    def _cut(self) -> Act:
        return Act("cut", self._dice.choice(self._trees))

    def _cut_ring(self) -> Act:
        return Act("cut", self._dice.choice(self._rings))

    def _nest(self) -> Scenario | None:
        outer = self._dice.choice((self._kill("relay", "pop"), self._cut()))
        dark = self.dark([outer])
        routers = sorted(dark - {outer.what})
        links = [link for link in self._trees if dark.issuperset(self.links[link])]
        if not routers:
            return None
        killed = Act("kill", self._dice.choice(routers))
        inner = Act("cut", self._dice.choice(links)) if links and self._dice.random() < 0.4 else killed
        is_hidden = [cause.act for cause in self.causes((outer, inner))] == [outer]
        return Scenario("nested", (outer,), (inner,)) if is_hidden else None

    def _break_ring(self) -> Scenario | None:
        """Return a dead POP and a cut link elsewhere: where there is such a one, one that has more lose their path."""
        pop = self._kill("pop")
        dark = self.dark([pop])
        cuts = [Act("cut", link) for link in self._rings if dark.isdisjoint(self.links[link])]
        worse = [cut for cut in cuts if self.dark((pop, cut)) != dark]
        if not cuts:
            return None
        return Scenario("pop and ring link", (pop, self._dice.choice(worse or cuts)))
