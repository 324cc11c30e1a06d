"""Receivers with callbacks that keep what they are given. Counterpart: the tests of `engine/receivers`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from domain.inventory import Device, Inventory
from domain.journal import JournalRow
from domain.receiving import ReceiverSettings
from engine.journal import JournalPen
from engine.protocols.usm import SnmpUser
from engine.receivers import Receivers
from engine.state import State

VANTAGE = UUID(int=99)
HILL = Device(UUID(int=1), "Hilltop", "127.0.0.1")


async def keep_nothing(settings: ReceiverSettings) -> None:
    """A store that forgets."""


def receivers_for(
    state: State,
    pen: JournalPen,
    *,
    carry: Callable[[list[JournalRow]], None] = lambda rows: None,
    probe_now: Callable[[UUID], bool] = lambda id: True,
    users: Callable[[], list[SnmpUser] | None] = list,
    keep: Callable[[ReceiverSettings], Awaitable[None]] = keep_nothing,
    clock: Callable[[], float] = lambda: 0.0,
) -> Receivers:
    """Receivers of a state, off."""
    return Receivers(
        state,
        pen,
        carry=carry,
        probe_now=probe_now,
        users=users,
        keep=keep,
        clock=clock,
        now_us=lambda: 1_700_000_000_000_000,
        salt=7,
    )


def state_of(*devices: Device) -> State:
    """A state with these devices."""
    return State(Inventory({"device": {device.id: device for device in devices}}), VANTAGE)


@dataclass
class Reception:
    """Receivers of some devices, and what they handed on. `now_s` is their clock."""

    state: State
    users: list[SnmpUser] | None = field(default_factory=list)
    rows: list[JournalRow] = field(default_factory=list)
    probed: list[UUID] = field(default_factory=list)
    kept: list[ReceiverSettings] = field(default_factory=list)
    now_s: float = 1_000.0

    def __post_init__(self) -> None:
        self.receivers = receivers_for(
            self.state,
            JournalPen(VANTAGE, 1),
            carry=self.rows.extend,
            probe_now=self._probe,
            users=lambda: self.users,
            keep=self._keep,
            clock=lambda: self.now_s,
        )

    def _probe(self, id: UUID) -> bool:
        self.probed.append(id)
        return True

    async def _keep(self, settings: ReceiverSettings) -> None:
        self.kept.append(settings)

    def said(self) -> list[tuple[str, str]]:
        """The kind and text of each row."""
        return [(row.kind, str(row.body.get("text", ""))) for row in self.rows]


def run(
    conversation: Callable[[Reception], Awaitable[None]],
    settings: ReceiverSettings,
    reception: Reception | None = None,
) -> Reception:
    """Receive while a conversation runs."""

    async def main() -> Reception:
        receiving = reception or Reception(state_of(HILL))
        await receiving.receivers.apply(settings)
        try:
            await conversation(receiving)
        finally:
            await receiving.receivers.close()
        return receiving

    return asyncio.run(main())


def here(**ports: int) -> ReceiverSettings:
    return ReceiverSettings(**ports, address="127.0.0.1")  # type: ignore[arg-type]
