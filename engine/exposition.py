"""Figures of one engine as Prometheus reads them, where somebody wants them. Counterparts: `figures.py`, which counts; `deploy/`,
the dashboards.

Theory: what is told is what the window is told each second, under names of its own, so a scrape costs no more than the text. It
is off until an address is given, and nothing of it is there then.
One rule: no figure names a device, a person or a tenant.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Literal, NamedTuple, get_args

import msgspec

from domain.health import Health, Status
from domain.team import TeamState
from domain.wire import EngineState
from engine import VERSION
from engine.state import State

_log = logging.getLogger("engine")

PATH, HEALTH_PATH = "/metrics", "/health"
STALLED_S = 30.0
"""How old the engine's word about itself, which comes each second, may be before it is not well."""
REQUEST_S = 5.0
HEAD_CAP_BYTES = 8_192
AT_ONCE = 8
"""Scrapes at a time; who comes on top is closed at once."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Figure(NamedTuple):
    """A metric: what it is called after `heliograph_poller_`, and its values by label."""

    name: str
    kind: Literal["counter", "gauge"]
    what: str
    label: str
    values: Mapping[str, float]


def read_listen(text: str) -> tuple[str, int]:
    """Return host and port of "HOST:PORT", "[::1]:PORT" or "PORT", which is this computer's. Raises ValueError."""
    host, _, port = text.strip().rpartition(":")
    if not port.isdecimal() or not port.isascii() or not 0 <= int(port) <= 65_535:
        raise ValueError(f"HOST:PORT expected, got {text!r}")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def exposed(state: State) -> bytes:
    """Return all figures as Prometheus reads them."""
    lines: list[str] = []
    for name, kind, what, label, values in figures_of(state.engine, state.health.values(), state.team):
        full = f"heliograph_poller_{name}"
        lines += [f"# HELP {full} {what}", f"# TYPE {full} {kind}"]
        for value, amount in values.items():
            lines.append(f'{full}{{{label}="{value}"}} {+amount}' if label else f"{full} {+amount}")
    return "\n".join([*lines, ""]).encode()


def figures_of(
    engine: EngineState | None, health: Iterable[Health], team: TeamState | None
) -> Iterable[Figure]:
    """Return what there is to tell; of an engine without a team nothing of one."""
    by_status = Counter(one.status for one in health)
    yield _many(
        "devices", "gauge", "Devices by status.", "status", {one: by_status[one] for one in get_args(Status)}
    )
    yield _many("info", "gauge", "1; its label is the version.", "version", {VERSION: 1})
    if engine is not None:
        yield from _of_engine(engine)
    if team is not None:
        is_up = team.reachability == "online"
        yield _one("server_up", "gauge", "1 while the line to the team's server stands.", is_up)
        yield _one("judges", "gauge", "1 where this engine judges for the team.", team.lease == "here")
        yield _one(
            "untold_rows", "gauge", "Rows of the journal that the server has not kept yet.", team.untold
        )
        yield _one("pending_edits", "gauge", "Edits that the server has not confirmed.", team.pending)


def _of_engine(engine: EngineState) -> Iterable[Figure]:
    yield _many("polls_total", "counter", "Polls that ended, by the kind of probe.", "kind", engine.polls)
    yield _one("poll_failures_total", "counter", "Polls that brought no answer.", engine.poll_failures)
    yield _one("polls_in_flight", "gauge", "Polls that wait for an answer.", engine.in_flight)
    lag_s, lag_p99_s = engine.schedule_lag_ms / 1e3, engine.schedule_lag_p99_ms / 1e3
    yield _one("schedule_lag_seconds", "gauge", "How late the latest poll of the last second began.", lag_s)
    yield _one("schedule_lag_p99_seconds", "gauge", "What 99 of 100 of them stay below.", lag_p99_s)
    yield _one("waiting_rows", "gauge", "Rows that are not on disk yet.", engine.waiting_rows)
    what = "Datagrams that the system or the engine had no room for."
    yield _one("dropped_datagrams_total", "counter", what, engine.dropped_datagrams)
    what = "Values that no sane device says."
    yield _one("unbelievable_values_total", "counter", what, engine.unbelievable_values)
    yield _one("refused_values_total", "counter", "Values that were not stored.", engine.refused_values)
    what = "Samples that were lost while the disk failed."
    yield _one("dropped_samples_total", "counter", what, engine.dropped_samples)
    what = "Reports of other pollers that found no room here."
    yield _one("lost_reports_total", "counter", what, engine.lost_reports)
    what = (
        "Polls that the team's server will never have: dropped here before it was heard, or not taken by it."
    )
    yield _one("lost_polls_total", "counter", what, engine.lost_polls)
    if engine.disk is not None:
        yield _one("disk_held_bytes", "gauge", "What the database takes.", engine.disk.held_bytes)
        yield _one("disk_free_bytes", "gauge", "What is left beside it.", engine.disk.free_bytes)
    if engine.receivers is not None:
        told = engine.receivers
        yield _many("received_total", "counter", "Traps, informs and syslog messages.", "kind", told.received)
        what = "Messages above what a sender may send."
        yield _one("received_dropped_total", "counter", what, told.dropped)


def _one(name: str, kind: Literal["counter", "gauge"], what: str, value: float) -> Figure:
    return Figure(name, kind, what, "", {"": value})


def _many(
    name: str, kind: Literal["counter", "gauge"], what: str, label: str, values: Mapping[str, float]
) -> Figure:
    return Figure(name, kind, what, label, values)


def health_of(state: State, now_us: int) -> tuple[bool, dict[str, object]]:
    """Tell whether an engine is well, and of each part how it is; nothing that a stranger could use."""
    engine, team = state.engine, state.team
    is_alive = engine is not None and now_us - engine.at_us < STALLED_S * 1e6
    parts = {"engine": "up" if is_alive else "down" if engine is not None else "starting"}
    if team is not None:
        parts["server"] = "up" if team.reachability == "online" else "away"
    is_well = parts["engine"] != "down"
    return is_well, {"status": "healthy" if is_well else "unhealthy", "version": VERSION, "parts": parts}


@asynccontextmanager
async def exposing(state: State, at: tuple[str, int] | None) -> AsyncIterator[None]:
    """Answer `GET /metrics` and `GET /health` at host and port, where there are any. An address that is not to be had is
    said, and nothing else: whoever polls goes on."""
    if at is None:
        yield
        return
    open_now = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        open_now += 1
        try:
            if open_now <= AT_ONCE:
                with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                    async with asyncio.timeout(REQUEST_S):
                        head = await reader.readuntil(b"\r\n\r\n")
                        writer.write(_answered(head.split(b" ", 2)[:2], state))
                        await writer.drain()
        finally:
            open_now -= 1
            writer.close()

    try:
        server = await asyncio.start_server(answer, *at, limit=HEAD_CAP_BYTES)
    except (OSError, UnicodeError) as error:  # a name that no host can have
        _log.warning("metrics_refused", extra={"host": at[0], "port": at[1], "reason": str(error)})
        yield
        return
    _log.info("metrics_open", extra={"host": at[0], "port": server.sockets[0].getsockname()[1]})
    try:
        yield
    finally:
        server.close()


def _answered(asked: list[bytes], state: State) -> bytes:
    if asked == [b"GET", PATH.encode()]:
        return _response("200 OK", exposed(state))
    if asked == [b"GET", HEALTH_PATH.encode()]:
        is_well, said = health_of(state, time.time_ns() // 1000)
        return _response(
            "200 OK" if is_well else "503 Service Unavailable", msgspec.json.encode(said), "application/json"
        )
    return _response("404 Not Found", b"GET /metrics and GET /health are all there is here\n")


def _response(status: str, body: bytes, kind: str = CONTENT_TYPE) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
