"""What a router does for others: neighbours it hears, queues, subscribers, leases, what it watches. Counterpart: `router.py`.

One rule: what comes by the thousand (sessions, leases, dynamic queues) is counted by the router or left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.device_facts import Neighbour, Netwatch, OwnAddress
from domain.observation import Value
from engine.drivers.rates import Counted, PortRates
from engine.drivers.routeros.router import (
    LIST_CAP,
    NAME_CAP,
    Menu,
    Router,
    Row,
    add,
    ask_all,
    count_words,
    print_words,
)
from engine.drivers.routeros.spelling import read_whole

_QUEUE_COUNTERS = (
    Counted("up", "queue_in_bps", 8),
    Counted("down", "queue_out_bps", 8),
    Counted("drops", "queue_drops_per_s"),
)
_UP = {"up": True, "down": False}


def _take_neighbours(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """`interface` may name a port and the bridge it is in ("ether1,bridge"): the port is meant."""
    found: dict[str, Neighbour] = {}
    for row in rows[:LIST_CAP]:
        interface = row.get("interface", "").partition(",")[0][:NAME_CAP]
        mac = row.get("mac-address", "")[:17]
        address = (row.get("address") or row.get("address4") or row.get("address6", ""))[:NAME_CAP]
        if not interface or not (mac or address):
            continue
        found.setdefault(
            f"neighbour/{interface}/{mac or address}",
            Neighbour(
                interface,
                mac,
                address,
                row.get("identity", "")[:NAME_CAP],
                row.get("interface-name", "")[:NAME_CAP],
                row.get("platform", "")[:NAME_CAP],
                row.get("version", "")[:NAME_CAP],
                row.get("board", "")[:NAME_CAP],
                row.get("discovered-by", "")[:NAME_CAP],
            ),
        )
    router.tell_list("neighbour/", found)


def _take_queues(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """ "bytes" and "dropped" are two numbers each: what the queue's target sends, and what it receives."""
    queues: dict[str, PortRates] = {}
    for row in rows[:LIST_CAP]:
        name = row.get("name", "")[:NAME_CAP]
        if not name or name in queues or row.get("disabled") == "true":
            continue
        up, down = _pair(row.get("bytes", ""))
        drops = _pair(row.get("dropped", ""))
        queues[name] = router.queues.get(name) or PortRates(name, _QUEUE_COUNTERS)
        counts = {"up": up, "down": down, "drops": None if None in drops else sum(filter(None, drops))}
        queues[name].add(counts, at_us, router.uptime_s, values)
    router.queues = queues


def _ask_queues(router: Router) -> Sequence[str] | None:
    """A router with more queues than are told is not asked for them: that would be megabytes."""
    return _QUEUES if router.queue_count <= LIST_CAP else None


def _take_queue_count(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    router.queue_count = (read_whole(rows[0].get("ret", "")) or 0) if rows else 0


_STATIC = "?dynamic=false"
_QUEUES = print_words("/queue/simple", "name,bytes,dropped,disabled", _STATIC)


def _pair(said: str) -> tuple[int | None, int | None]:
    up, _, down = said.partition("/")
    return read_whole(up), read_whole(down)


def _take_netwatch(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    found: dict[str, Netwatch] = {}
    for row in rows[:LIST_CAP]:
        host = row.get("host", "")[:NAME_CAP]
        if not host or row.get("disabled") == "true" or f"netwatch/{host}" in found:
            continue
        is_up = _UP.get(row.get("status", ""))
        found[f"netwatch/{host}"] = Netwatch(
            host,
            is_up,
            row.get("type", "")[:NAME_CAP],
            (row.get("name") or row.get("comment", ""))[:NAME_CAP],
            row.get("since", "")[:NAME_CAP],
        )
        if is_up is not None:
            values.append(("netwatch_up", host, float(is_up)))
    router.tell_list("netwatch/", found)


def _take_addresses(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """What a message may come from: the inventory names one address, a router has more."""
    found: dict[str, OwnAddress] = {}
    for row in rows[:LIST_CAP]:
        address, _, bits = row.get("address", "")[:NAME_CAP].partition("/")
        if address and row.get("disabled") != "true":
            interface = row.get("interface", "")[:NAME_CAP]
            found.setdefault(f"address/{address}", OwnAddress(address, interface, read_whole(bits)))
    router.tell_list("address/", found)


def _counted(metric: str) -> Callable[[Router, list[Row], int, list[Value]], None]:
    def take(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
        count = read_whole(rows[0].get("ret", "")) if rows else None
        add(values, metric, "", None if count is None else float(count))

    return take


OFTEN = (
    Menu(
        "netwatch",
        ask_all("/tool/netwatch", "host,status,since,type,name,comment,disabled"),
        _take_netwatch,
        every=4,
    ),
    Menu("ppp", count_words("/ppp/active"), _counted("subscriber_sessions"), every=4),
    Menu("queue count", count_words("/queue/simple", _STATIC), _take_queue_count, every=20),
    Menu("queue", _ask_queues, _take_queues, every=4),
    Menu("dhcp", count_words("/ip/dhcp-server/lease", "?status=bound"), _counted("dhcp_leases"), every=4),
)
ADDRESSES = Menu(
    "address",
    ask_all("/ip/address", "address,interface,disabled", _STATIC),
    _take_addresses,
    every=20,
)
NEIGHBOURS = Menu(
    "neighbour",
    ask_all(
        "/ip/neighbor",
        "interface,address,address4,address6,mac-address,identity,interface-name,platform,version,board,discovered-by",
    ),
    _take_neighbours,
    every=10,
)
