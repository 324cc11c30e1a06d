"""One router between cycles: what is known of it, and what is to be told of it. Counterpart: the menus, which fill it.

A list of things (clients, neighbours, packages) is told whole, and only when it is news. What was told is remembered by its
hash: ten thousand routers are held at a time. One rule: nothing is asked here; `words` of a menu say what is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from domain.inventory import Interface
from domain.metrics import is_believable
from domain.observation import Reading, Sighting, Value
from engine.drivers.rates import Counted, PortRates

Row = dict[str, str]

NAME_CAP = 64
TEXT_CAP = 256
LIST_CAP = 256
"""Most things of one kind that are told of one router."""


class Port:
    """One interface: what is known of it and the history of its counters. `is_optic`: a transceiver goes in there."""

    __slots__ = ("id", "interface", "is_optic", "rates")

    def __init__(self, interface: Interface, id: str, counters: tuple[Counted, ...]) -> None:
        self.interface = interface
        self.id = id
        self.is_optic = False
        self.rates = PortRates(interface.name, counters)


class Router:
    """What is known of one router. `wants_list`: the interfaces changed; `restarted`: it was, since the driver looked last.

    `door` is the right that lets our user in.
    """

    def __init__(self, user: str = "", door: str = "api") -> None:
        self.user = user
        self.needed_rights = ("read", door, "test")
        self.group = ""
        self.release: tuple[int, ...] = ()
        self.uptime_s: float | None = None
        self.restarted = False
        self.cycle = 0
        self.ports: dict[str, Port] = {}
        self.by_kind: dict[str, list[Port]] = {}
        self.poe_ports: tuple[str, ...] = ()
        self.w60g_stations: dict[str, tuple[str, str]] = {}
        """By their names, their ids and the radios they hang on."""
        self.queues: dict[str, PortRates] = {}
        self.queue_count = LIST_CAP + 1
        """Until they were counted there may be too many."""
        self.row_counts: dict[str, int] = {}
        """Of tables that are asked for only where they are short, by their paths."""
        self.sightings: list[Sighting] = []
        self.wants_list = True
        self.missing_rights: set[str] = set()
        self.refused_menus: set[str] = set()
        self._told: dict[str, tuple[int, int]] = {}
        self._untold: dict[str, Any] = {}
        self._untold_whole: set[str] = set()

    @property
    def rights(self) -> str:
        """What our user's group should have, for messages; "test" is for monitors."""
        return ", ".join(self.needed_rights)

    def ports_of(self, *kinds: str) -> list[Port]:
        """Return the interfaces of some kinds."""
        return [port for kind in kinds for port in self.by_kind.get(kind, ())]

    def set_ports(self, ports: dict[str, Port]) -> None:
        """Take up a new list of interfaces, and tell it: one that is not in it is gone."""
        self.ports = ports
        self.by_kind = {}
        for port in ports.values():
            self.by_kind.setdefault(port.interface.kind, []).append(port)
        fields = {f"interface/{name}": port.interface for name, port in ports.items()}
        self._tell_whole(("interface/",), fields)

    def may_be(self, low: tuple[int, ...], below: tuple[int, ...] = (99,)) -> bool:
        """Tell whether its version is at least `low` and less than `below`; it may be where it is not known."""
        return not self.release or low <= self.release < below

    def tell(self, field: str, said: Any) -> None:
        """Note a fact, if it is news."""
        if said and self._is_news(field, said, None):
            self._untold[field] = list(said) if isinstance(said, tuple) else said

    def withdraw(self, prefix: str) -> None:
        """Note that there is nothing more to say under a prefix."""
        self._tell_whole((prefix,), {})
        for topic in [topic for topic in self._told if topic.startswith(prefix)]:
            del self._told[topic]

    def tell_list(
        self,
        prefix: str,
        things: Mapping[str, msgspec.Struct],
        *,
        news: Hashable = None,
        again_cycles: int | None = None,
        within: tuple[str, ...] = (),
    ) -> None:
        """Note all things by their fields under a prefix, if they are news; what is not among them is gone.

        `news` is what has to change for it, if not the things themselves; after `again_cycles` it is news anyway. `within`
        are the prefixes that are told whole, if it is not the one.
        """
        if self._is_news(prefix, frozenset(things.items()) if news is None else news, again_cycles):
            self._tell_whole(within or (prefix,), things)

    def tell_port(self, port: Port, interface: Interface) -> None:
        """Note what an interface has become, if it is news."""
        if interface != port.interface:
            port.interface = interface
            self._untold[f"interface/{interface.name}"] = msgspec.to_builtins(interface)

    def take_reading(self, values: Sequence[Value]) -> Reading:
        """Return a reading of these values and of all that was noted since the last."""
        whole = tuple(sorted(self._untold_whole))
        reading = Reading(tuple(values), tuple(self._untold.items()), whole, tuple(self.sightings))
        self.sightings.clear()
        self._untold.clear()
        self._untold_whole.clear()
        return reading

    def _is_news(self, topic: str, said: Hashable, again_cycles: int | None) -> bool:
        old, digest = self._told.get(topic), hash(said)
        fresh = again_cycles is None or (old is not None and self.cycle - old[1] < again_cycles)
        if old is not None and old[0] == digest and fresh:
            return False
        self._told[topic] = digest, self.cycle
        return True

    def _tell_whole(self, prefixes: tuple[str, ...], things: Mapping[str, msgspec.Struct]) -> None:
        self._untold = {field: said for field, said in self._untold.items() if not field.startswith(prefixes)}
        self._untold |= {field: msgspec.to_builtins(thing) for field, thing in things.items()}
        self._untold_whole.update(prefixes)


class Menu(NamedTuple):
    """What one command asks, and what its rows say. `words` are None where the router has nothing of the kind.

    It has its turn every so many cycles. `right` is what a user lacks who may not ask, empty where that is no loss.
    """

    name: str
    words: Callable[[Router], Sequence[str] | None]
    take: Callable[[Router, list[Row], int, list[Value]], None]
    every: int = 1
    needed: bool = False
    right: str = "read"


def print_words(path: str, columns: str, *queries: str) -> tuple[str, ...]:
    """Return the command that prints these columns of a menu."""
    return (f"{path}/print", f"=.proplist={columns}", *queries)


def ask_all(path: str, columns: str, *queries: str) -> Callable[[Router], Sequence[str] | None]:
    """Return the command for every router."""
    words = print_words(path, columns, *queries)
    return lambda _router: words


def ask_where(
    path: str, columns: str, *kinds: str, low: tuple[int, ...] = (), below: tuple[int, ...] = (99,)
) -> Callable[[Router], Sequence[str] | None]:
    """Return the command for routers of some versions, with interfaces of some kinds or, without any named, for all."""
    words = print_words(path, columns)
    return lambda router: (
        words if router.may_be(low, below) and (not kinds or router.ports_of(*kinds)) else None
    )


def count_words(path: str, *queries: str) -> Callable[[Router], Sequence[str] | None]:
    """Return the command that counts the rows of a menu; the number comes as the row {"ret": ...}."""
    words = (f"{path}/print", "=count-only=", *queries)
    return lambda _router: words


def add(values: list[Value], metric: str, instance: str, value: float | None) -> None:
    """Append a value, if there is one and it can be believed."""
    if value is not None and is_believable(metric, value):
        values.append((metric, instance, value))
