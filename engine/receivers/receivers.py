"""Listens for traps and syslog as the settings say and files what comes. Counterpart: `compose.py`, which gives the callbacks.

Theory: a message is dropped by its sender's bucket or ignored before it is read; then it is a device's (a journal row, and for
a link or a start a probe at once), or a stranger's (the quarantine). A port that cannot be had is said in a sentence and tried
again. An inform is answered once it is filed; one that comes again because the answer was lost is answered again, and not
filed twice. One rule: everything runs in the loop and nothing waits; `apply` alone does, for sockets to open.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple
from uuid import UUID

from domain.errors import BadReply
from domain.fact import Fact
from domain.journal import JournalRow
from domain.receiving import (
    Listener,
    ListenerKind,
    QuarantinedMessage,
    QuarantinedSender,
    ReceivedKind,
    ReceiverSettings,
    ReceiverState,
    Severity,
    plain_address,
)
from domain.text import text_from_bytes
from engine.journal import JournalPen
from engine.protocols.notifications import Notification, decode_notification
from engine.protocols.snmp_v3_recipient import Recipient
from engine.protocols.syslog import SyslogFrames, parse_syslog
from engine.protocols.usm import SnmpUser
from engine.receivers.flood import Flood
from engine.receivers.quarantine import Quarantine
from engine.receivers.senders import Senders
from engine.receivers.traps import ACTING, tell
from engine.receivers.words import trouble_of
from engine.state import State
from engine.transport.listening import Answer, DatagramListener, StreamListener
from engine.transport.receiving import Datagram

TICK_S = 1.0
TELL_DROPPED_EVERY_S = 60.0
TRY_AGAIN_EVERY_S = 30.0
PROBE_GAP_S = 5.0
"""A device that sends one notification after the other is asked no more often than this."""

INFORMS_CAP = 1_024
"""Informs remembered, so that one that comes again is not filed twice."""

_BOOTS_SINCE_S = 1_577_836_800
"""1 January 2020: seconds since then are our boots, which so grow with every start and stay below 31 bits until 2088."""


class _Open(NamedTuple):
    """A port that is listened on, or why it is not."""

    port: int
    address: str
    listener: DatagramListener | StreamListener | None
    trouble: str = ""


class _Received(NamedTuple):
    """A message that was read: from where, by which name, how grave, what it says, and what else goes into the journal."""

    kind: ReceivedKind
    host: str
    name: str
    severity: Severity
    text: str
    body: dict[str, Any]


class Receivers:
    """Off until `apply`; `run` is its service. `carry` takes journal rows, `users` gives those of SNMPv3 when they are
    needed, None while the vault is locked."""

    def __init__(
        self,
        state: State,
        pen: JournalPen,
        *,
        carry: Callable[[list[JournalRow]], None],
        probe_now: Callable[[UUID], bool],
        users: Callable[[], list[SnmpUser] | None],
        keep: Callable[[ReceiverSettings], Awaitable[None]],
        clock: Callable[[], float],
        now_us: Callable[[], int],
        salt: int,
    ) -> None:
        self.settings = ReceiverSettings()
        self._state = state
        self._pen = pen
        self._carry = carry
        self._probe_now = probe_now
        self._users = users
        self._keep = keep
        self._clock = clock
        self._now_us = now_us
        self._open: dict[ListenerKind, _Open] = {}
        self._changing = asyncio.Lock()
        self._flood = Flood(self.settings.sender_per_s, self.settings.sender_burst, clock())
        self._quarantine = Quarantine()
        self._senders: Senders | None = None
        self._ignored: frozenset[str] = frozenset()
        self._received: dict[str, int] = {}
        self._malformed = self._locked = 0
        self._informs: OrderedDict[tuple[object, ...], None] = OrderedDict()
        self._probed_s: dict[UUID, float] = {}
        self._to_probe: set[UUID] = set()
        seed = hashlib.sha256(b"heliograph snmp engine " + state.vantage.bytes).digest()
        engine_id = (
            b"\x80\x00\x00\x00\x05" + seed[:12]
        )  # RFC 3411, SnmpEngineID: octets of nobody's enterprise
        boots = max(1, now_us() // 1_000_000 - _BOOTS_SINCE_S)
        self._recipient = Recipient(engine_id, boots, clock=clock, salt=salt)
        self._users_known = False

    # Settings

    async def set_settings(self, settings: ReceiverSettings) -> tuple[Listener, ...]:
        """Keep settings that break no rule, and listen so from now on. Raises StorageFailed."""
        async with self._changing:
            await self._keep(settings)
            await self._apply(settings)
        return self.listeners()

    async def apply(self, settings: ReceiverSettings) -> None:
        """Listen as settings say that were kept before."""
        async with self._changing:
            await self._apply(settings)

    async def close(self) -> None:
        """Listen no more."""
        await self.apply(ReceiverSettings())

    async def _apply(self, settings: ReceiverSettings) -> None:
        self.settings = settings
        self._ignored = frozenset(settings.ignored)
        self._flood.limit(settings.sender_per_s, settings.sender_burst)
        wanted: dict[ListenerKind, int | None] = {
            "traps": settings.traps_port,
            "syslog_udp": settings.syslog_udp_port,
            "syslog_tcp": settings.syslog_tcp_port,
        }
        for kind, held in list(self._open.items()):
            if held.trouble or (held.port, held.address) != (wanted[kind], settings.address):
                del self._open[kind]
                if held.listener is not None:
                    await held.listener.close()
        if all(port is None for port in wanted.values()):
            self._senders = None
            return
        self._senders = self._senders or Senders(self._state)
        for kind, port in wanted.items():
            if port is not None and kind not in self._open:
                self._open[kind] = await self._listen(kind, settings.address, port)

    async def _listen(self, kind: ListenerKind, address: str, port: int) -> _Open:
        listener: DatagramListener | StreamListener
        try:
            if kind == "syslog_tcp":
                listener = await StreamListener.open(address, port, SyslogFrames, self.take_syslog_stream)
            else:
                take = self.take_traps if kind == "traps" else self.take_syslog
                listener = DatagramListener(address, port, take)
        except OSError as error:
            return _Open(port, address, None, trouble_of(kind, address, port, error))
        return _Open(port, address, listener)

    # What changes around it

    def change_devices(self, devices: Iterable[UUID]) -> None:
        """Follow the inventory where these devices changed, came or went."""
        if self._senders is not None:
            self._senders.change(devices)
            self._quarantine.release(self._senders.has)

    def change_users(self) -> None:
        """Forget the users of SNMPv3 and their keys; they are asked for again with the next message that needs them."""
        self._recipient.set_users(())
        self._users_known = False

    def learn(self, facts: Iterable[Fact]) -> None:
        """Follow what devices tell of themselves."""
        if self._senders is not None:
            self._senders.learn(facts)

    # What is asked of it

    def listeners(self) -> tuple[Listener, ...]:
        """Return what is listened on, and what cannot be."""
        return tuple(Listener(kind, held.port, held.trouble) for kind, held in self._open.items())

    @property
    def notices(self) -> tuple[str, ...]:
        """A sentence for each port that cannot be listened on."""
        return tuple(held.trouble for held in self._open.values() if held.trouble)

    @property
    def state(self) -> ReceiverState:
        """How it fares."""
        return ReceiverState(
            self.settings,
            self.listeners(),
            dict(self._received),
            self._flood.dropped,
            self._malformed,
            len(self._quarantine),
            self._locked,
        )

    def quarantined(self, limit: int) -> list[QuarantinedSender]:
        """Return who sent without being a device, the latest first."""
        return self._quarantine.senders(limit)

    def forget(self, address: str) -> bool:
        """Drop a sender from the quarantine; False where there is none."""
        return self._quarantine.forget(address)

    # What comes

    def take_traps(self, datagrams: list[Datagram]) -> list[Answer]:
        """File notifications; return what to answer."""
        rows: list[JournalRow] = []
        answers: list[Answer] = []
        now_s = self._clock()
        try:
            for _, data, peer in datagrams:
                host = plain_host(str(peer[0]))
                if not self._admit(host, now_s):
                    continue
                try:
                    found, answer = self._notified(data, host, now_s)
                except BadReply:
                    self._malformed += 1
                    continue
                if answer is not None:
                    answers.append((answer, peer))
                if found is not None and not self._came_before(found, peer):
                    self._file_trap(found, host, rows)
        finally:
            self._carry_some(rows)
        return answers

    def take_syslog(self, datagrams: list[Datagram]) -> list[Answer]:
        """File syslog messages that came by UDP."""
        self._take_syslog((str(peer[0]), data) for _, data, peer in datagrams)
        return []

    def take_syslog_stream(self, address: str, messages: list[bytes]) -> None:
        """File syslog messages that came by TCP."""
        self._take_syslog((address, data) for data in messages)

    def _take_syslog(self, messages: Iterable[tuple[str, bytes]]) -> None:
        rows: list[JournalRow] = []
        now_s = self._clock()
        try:
            for address, data in messages:
                host = plain_host(address)
                if not self._admit(host, now_s):
                    continue
                try:
                    message = parse_syslog(data)
                except BadReply:
                    self._malformed += 1
                    continue
                body = {"facility": message.facility, "address": host}
                more = {"host": message.host, "app": message.app, "structured": message.structured}
                body.update((name, said) for name, said in more.items() if said)
                self._file(
                    _Received("syslog", host, message.host, message.severity, message.text, body), rows
                )
        finally:
            self._carry_some(rows)

    def _admit(self, host: str, now_s: float) -> bool:
        senders = self._senders
        if host in self._ignored or senders is None:
            return False
        return self._flood.admit(host, senders.has(host), now_s)

    def _notified(self, data: bytes, host: str, now_s: float) -> tuple[Notification | None, bytes | None]:
        """Return what is in a datagram, if it may be believed, and what to answer."""
        found = decode_notification(data)
        if isinstance(found, Notification):
            return found, found.answer
        if not self._users_known:
            users = self._users()
            if users is None:  # no answer: an inform comes again, and may be read then
                self._locked += 1
                return None, None
            self._recipient.set_users(users)
            self._users_known = True
        opened = self._recipient.open(found, now_s)
        if opened.doubt and self._senders is not None:
            text = f"a message of SNMPv3 user {text_from_bytes(found.user, 40)!r} that was not opened"
            message = QuarantinedMessage(self._now_us(), "trap", "notice", text)
            self._quarantine.hold(host, message, opened.doubt, self._senders.find(host).device)
        return opened.notification, opened.answer

    def _came_before(self, found: Notification, peer: tuple[Any, ...]) -> bool:
        if not found.confirmed:
            return False
        key = (*peer[:2], found.request_id, found.oid, found.uptime_ticks)
        came = key in self._informs
        self._informs[key] = None
        if len(self._informs) > INFORMS_CAP:
            self._informs.popitem(last=False)
        return came

    def _file_trap(self, found: Notification, host: str, rows: list[JournalRow]) -> None:
        device = self._senders.find(host).device if self._senders is not None else None
        told = tell(found, lambda index: self._interface(device, index))
        body = {**told.body, "address": host}
        self._file(_Received("trap", host, "", told.severity, told.text, body), rows)
        if device is not None and found.oid in ACTING:
            self._to_probe.add(device)
            self._probe_due()

    def _file(self, got: _Received, rows: list[JournalRow]) -> None:
        """Make a journal row of a device's message, or keep a stranger's in the quarantine."""
        self._received[got.kind] = self._received.get(got.kind, 0) + 1
        if self._senders is None:
            return
        sender, now_us = self._senders.find(got.host, got.name), self._now_us()
        if sender.device is not None:
            body = {"severity": got.severity, "text": got.text, **got.body}
            rows.append(self._pen.row(now_us, got.kind, sender.device, **body))
        else:
            message = QuarantinedMessage(now_us, got.kind, got.severity, got.text, got.name)
            self._quarantine.hold(got.host, message, sender.why)

    def _carry_some(self, rows: list[JournalRow]) -> None:
        """Hand on rows; each has its number, so none is lost to a bug in a later message."""
        if rows:
            self._carry(rows)

    def _interface(self, device: UUID | None, index: int) -> str:
        """Return what a device calls its port of that index, "" where it has not said."""
        if device is None:
            return ""
        for fact in self._state.facts.get(device, {}).values():
            is_port = fact.field.startswith("interface/") and isinstance(fact.value, dict)
            if is_port and fact.value.get("index") == index:
                return str(fact.value.get("name", ""))
        return ""

    # Its service

    async def run(self) -> None:
        """Ask devices that have to wait for it, tell what was dropped, try again what could not be listened on."""
        told_s = tried_s = self._clock()
        while True:
            await asyncio.sleep(TICK_S)
            now_s = self._clock()
            self._probe_due()
            if now_s - told_s >= TELL_DROPPED_EVERY_S:
                told_s = now_s
                self.tell_dropped()
            if self.notices and now_s - tried_s >= TRY_AGAIN_EVERY_S:
                tried_s = now_s
                async with self._changing:
                    await self._apply(self.settings)

    def tell_dropped(self) -> None:
        """Write one row about all that was dropped since the last."""
        dropped = self._flood.take_dropped()
        if dropped is None:
            return
        senders = [[address, count] for address, count in dropped.senders]
        body = {"count": dropped.messages, "senders": senders, "more": dropped.more}
        self._carry([self._pen.row(self._now_us(), "messages_dropped", None, **body)])

    def _probe_due(self) -> None:
        now_s = self._clock()
        for device in list(self._to_probe):
            if now_s - self._probed_s.get(device, -PROBE_GAP_S) >= PROBE_GAP_S:
                self._to_probe.discard(device)
                self._probed_s[device] = now_s
                self._probe_now(device)
        if len(self._probed_s) > INFORMS_CAP:
            self._probed_s = {id: s for id, s in self._probed_s.items() if now_s - s < PROBE_GAP_S}


def plain_host(address: str) -> str:
    """Return a socket's address as devices' are compared; IPv4 comes as it is compared already."""
    return plain_address(address) if ":" in address else address
