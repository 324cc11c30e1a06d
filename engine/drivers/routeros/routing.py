"""Routing: OSPF, BGP and BFD sessions of both trees, and how many routes there are. Counterpart: `router.py`.

Sessions are told when one comes, goes or turns, and once an hour: how long one stands follows from when it was told.
One rule: routes are counted by the router, never read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from domain.device_facts import RoutingSession
from domain.observation import Value
from engine.drivers.routeros.interfaces import read_truth
from engine.drivers.routeros.router import (
    LIST_CAP,
    NAME_CAP,
    Menu,
    Router,
    Row,
    add,
    ask_all,
    ask_where,
    count_words,
)
from engine.drivers.routeros.spelling import read_duration_s, read_whole

SESSIONS_AGAIN_CYCLES = 120
Protocol = Literal["ospf", "bgp", "bfd"]
_Read = Callable[[Row], RoutingSession | None]
_COUNTS = {
    "ospf": ("ospf_neighbours", "ospf_full"),
    "bgp": ("bgp_sessions", "bgp_established"),
    "bfd": ("bfd_sessions", "bfd_up"),
}


def _sessions(protocol: Protocol, read: _Read) -> Callable[[Router, list[Row], int, list[Value]], None]:
    """Return what takes the sessions of one protocol."""

    def take(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
        found = [session for row in rows if (session := read(row)) is not None]
        told = {f"routing/{protocol}/{session.peer}": session for session in found[:LIST_CAP]}
        there, up = _COUNTS[protocol]
        add(values, there, "", float(len(found)))
        add(values, up, "", float(sum(session.is_up for session in found)))
        if protocol == "bgp" and found:
            add(values, "bgp_prefixes", "", float(sum(session.prefixes or 0 for session in found)))
        news = frozenset((field, session.state, session.is_up) for field, session in told.items())
        again = SESSIONS_AGAIN_CYCLES if told else None
        router.tell_list(f"routing/{protocol}/", told, news=news, again_cycles=again)

    return take


def _text(row: Row, *columns: str) -> str:
    return next((row[column][:NAME_CAP] for column in columns if row.get(column)), "")


def _read_ospf(row: Row) -> RoutingSession | None:
    """The address of RouterOS 7 may carry the interface ("10.0.0.2%ether1"); RouterOS 6 has a column for it."""
    address, _, interface = _text(row, "address", "router-id").partition("%")
    state = _text(row, "state")
    return (
        RoutingSession(
            "ospf",
            address,
            state,
            state.lower() == "full",
            _text(row, "interface") or interface,
            since_s=read_duration_s(row.get("adjacency", "")),
        )
        if address
        else None
    )


def _read_bgp(row: Row) -> RoutingSession | None:
    """RouterOS 7 writes its columns with dots and says "established" as a truth; a disabled peer of RouterOS 6 is none."""
    address = _text(row, "remote.address", "remote-address").partition("%")[0]
    is_up = read_truth(row.get("established")) is True or row.get("state") == "established"
    if not address or row.get("disabled") == "true":
        return None
    return RoutingSession(
        "bgp",
        address,
        _text(row, "state") or ("established" if is_up else "not established"),
        is_up,
        remote_as=read_whole(_text(row, "remote.as", "remote-as")),
        prefixes=read_whole(row.get("prefix-count", "")),
        since_s=read_duration_s(row.get("uptime", "")) if is_up else None,
    )


def _read_bfd(row: Row) -> RoutingSession | None:
    address, _, interface = _text(row, "remote-address", "address").partition("%")
    state = _text(row, "state") or ("up" if row.get("up") == "true" else "")
    return (
        RoutingSession(
            "bfd",
            address,
            state,
            state.lower() == "up",
            _text(row, "interface") or interface,
            since_s=read_duration_s(row.get("uptime", "")),
        )
        if address
        else None
    )


def _take_routes(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    count = read_whole(rows[0].get("ret", "")) if rows else None
    add(values, "routes", "", None if count is None else float(count))


_ask_v6_routes = count_words("/ip/route", "?active=true")
_ask_v7_routes = count_words("/routing/route", "?active=true")


def _ask_routes(router: Router) -> Sequence[str] | None:
    return _ask_v7_routes(router) if router.may_be((7,)) else _ask_v6_routes(router)


SESSIONS = (
    Menu(
        "ospf",
        ask_all("/routing/ospf/neighbor", "address,router-id,interface,state,adjacency"),
        _sessions("ospf", _read_ospf),
        every=2,
    ),
    Menu(
        "bgp session",
        ask_where(
            "/routing/bgp/session",
            "remote.address,remote.as,established,state,uptime,prefix-count",
            low=(7,),
        ),
        _sessions("bgp", _read_bgp),
        every=2,
    ),
    Menu(
        "bgp peer",
        ask_where(
            "/routing/bgp/peer",
            "remote-address,remote-as,established,state,uptime,prefix-count,disabled",
            below=(7,),
        ),
        _sessions("bgp", _read_bgp),
        every=2,
    ),
    Menu(
        "bfd session",
        ask_where("/routing/bfd/session", "remote-address,interface,state,uptime", low=(7,)),
        _sessions("bfd", _read_bfd),
        every=2,
    ),
    Menu(
        "bfd neighbor",
        ask_where("/routing/bfd/neighbor", "address,interface,state,up,uptime", below=(7,)),
        _sessions("bfd", _read_bfd),
        every=2,
    ),
)
ROUTES = Menu("routes", _ask_routes, _take_routes, every=20)
