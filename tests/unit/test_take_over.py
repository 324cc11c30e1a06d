"""What a server does when somebody takes a tunnel over: it holds up nobody else until it was written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.tunnels import TakeOver, TeamTunnel
from sync_server.live.team_tunnels import TeamTunnels
from sync_server.security import audit

VAN = UUID(int=7)
TUNNEL = TeamTunnel(UUID(int=1), UUID(int=2), "ssh", 22, "direct", 1, False)


def test_one_who_does_not_reach_the_device_holds_up_nobody_who_does(monkeypatch: pytest.MonkeyPatch) -> None:
    reaches = [None, True, True]
    relayed: list[Any] = []
    audited: list[Any] = []

    async def fetchval(*_: Any) -> object:
        return reaches.pop(0)

    async def record(_transaction: Any, who: Any, *_: Any) -> None:
        audited.append(who.name)

    @asynccontextmanager
    async def transaction(_who: Any) -> AsyncIterator[Any]:
        yield SimpleNamespace(fetchval=fetchval)

    monkeypatch.setattr(audit, "record", record)
    works: Any = SimpleNamespace(
        database=SimpleNamespace(transaction=transaction), relay=lambda *told: relayed.append(told)
    )
    tunnels = TeamTunnels(UUID(int=3), works)
    tunnels.take(msgspec.msgpack.encode([VAN, [TUNNEL]]), 0.0)
    for name in ("Eve", "Ann", "Bert"):
        who = SimpleNamespace(name=name, may=lambda _: True)
        line: Any = SimpleNamespace(who=who, person=SimpleNamespace(name=name))
        asyncio.run(tunnels.take_over(line, TakeOver(VAN, TUNNEL.id)))
    assert audited == ["Ann"], "Eve does not reach it, and for Bert it gives way already"
    assert len(relayed) == 1
