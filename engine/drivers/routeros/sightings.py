"""Who is behind which port of a router: the hosts of its bridges, and its table of addresses and MACs. Counterpart: `router.py`.

Both change all the time, and on a concentrator they are long: they are counted first, asked rarely, and told as sightings, of
which the judge keeps those of devices that it knows. One rule: a table with more rows than `ROWS_CAP` is not asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.observation import Sighting, Value
from engine.drivers.routeros.router import NAME_CAP, Menu, Router, Row, count_words, print_words
from engine.drivers.routeros.spelling import read_whole

ROWS_CAP = 2_048
EVERY_CYCLES = 40

_HOSTS, _ARP = "/interface/bridge/host", "/ip/arp"
_FOREIGN = "?local=false"
_WITH_MAC = "?mac-address"
_Take = Callable[[Router, list[Row], int, list[Value]], None]


def _take_hosts(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """The port is `on-interface`; `interface` is the same, or in old releases the bridge."""
    for row in rows[:ROWS_CAP]:
        interface = (row.get("on-interface") or row.get("interface", ""))[:NAME_CAP]
        mac = row.get("mac-address", "")[:17].upper()
        if interface and mac and row.get("local") != "true" and row.get("invalid") != "true":
            router.sightings.append(Sighting("fdb", interface, mac))


def _take_arp(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """An address that nobody answered for has no MAC."""
    for row in rows[:ROWS_CAP]:
        interface, mac = row.get("interface", "")[:NAME_CAP], row.get("mac-address", "")[:17].upper()
        is_off = row.get("disabled") == "true" or row.get("invalid") == "true"
        if interface and mac and not is_off:
            router.sightings.append(Sighting("arp", interface, mac, row.get("address", "")[:NAME_CAP]))


def _counted(path: str) -> _Take:
    def take(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
        router.row_counts[path] = (read_whole(rows[0].get("ret", "")) or 0) if rows else 0

    return take


def _ask(path: str, columns: str, query: str) -> Callable[[Router], Sequence[str] | None]:
    words = print_words(path, columns, query)
    return lambda router: words if 0 < router.row_counts.get(path, 0) <= ROWS_CAP else None


RARE = (
    Menu("host count", count_words(_HOSTS, _FOREIGN), _counted(_HOSTS), every=EVERY_CYCLES, right=""),
    Menu("arp count", count_words(_ARP, _WITH_MAC), _counted(_ARP), every=EVERY_CYCLES, right=""),
    Menu(
        "hosts",
        _ask(_HOSTS, "mac-address,on-interface,interface,local,invalid", _FOREIGN),
        _take_hosts,
        every=EVERY_CYCLES,
        right="",
    ),
    Menu(
        "arp",
        _ask(_ARP, "address,mac-address,interface,disabled,invalid", _WITH_MAC),
        _take_arp,
        every=EVERY_CYCLES,
        right="",
    ),
)
