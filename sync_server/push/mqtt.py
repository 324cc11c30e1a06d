"""Takes telemetry of a broker: `tenant/{t}/device/{d}/telemetry` and `.../shadow`. Counterparts: mosquitto; `intake.py`.

Theory: the server is a client of the broker with a session that the broker keeps, at QoS 1, and acknowledges a message when
it is on disk: whatever was not acknowledged when this process ends comes again. What comes within a moment is stored together.
Who may publish where is the broker's to hold (its list of rights); besides, each payload carries the key of its device, and a
message under another device's or tenant's topic is not taken: so a broker that is set up wrongly lets nobody write as another.
Of several servers under one client id one takes at a time, and another goes on in the same session when that one is gone (a
`Turn`); under client ids of their own they share what comes (`$share`), and what one that is gone had got waits for its return.
What comes again because servers ended with it is counted (`again.py`), and a dead letter after the third time.
The client's library runs on a thread of its own; each connection is a client of its own, since what one connection got, only
that one may acknowledge.
One rule: a message that was judged is acknowledged, also one that is refused; it would be the same the next time.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import ssl
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions
from prometheus_client import CollectorRegistry, Gauge

from engine.tasks import end, keep, spawn
from sync_server.push.again import Deliveries, digest_of
from sync_server.push.held import Held, Message
from sync_server.push.intake import DELIVERIES, Intake
from sync_server.push.keys import PushKey
from sync_server.push.messages import Topic, Wrong, parse_packet, parse_topic
from sync_server.settings import PREFIX, SettingRefused, Settings

_log = logging.getLogger("sync_server.push")

TOPICS = ("tenant/+/device/+/telemetry", "tenant/+/device/+/shadow")
SHARED = "$share/heliograph/"
"""Those who subscribe under it get each message once, one of them."""
PAYLOAD_CAP_BYTES = 65_536
BURIED = "the server ended each time it took this"
SESSION_S = 30 * 86_400
"""How long the broker keeps what comes while no server is there."""
KEEPALIVE_S = 15
RECONNECT_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
GATHER_S = 0.01
"""How long what comes is gathered before it is worked on."""
TOGETHER, TOGETHER_BYTES = 1_000, 1 << 20
"""How much is worked on in one piece."""
CONNECT_S = 10.0
CLOSE_S = 5.0
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Broker(NamedTuple):
    """Where the broker is; `context` None for plain text, on this computer only."""

    host: str
    port: int
    context: ssl.SSLContext | None


class _Got(NamedTuple):
    """A message of a connection, to be acknowledged there."""

    client: paho.Client
    message: paho.MQTTMessage


def broker_of(settings: Settings) -> Broker | None:
    """Return where the settings' broker is, None where there is none. Raises SettingRefused."""
    if not settings.mqtt_broker:
        return None
    try:
        parts = urlsplit(settings.mqtt_broker)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    except ValueError:
        raise SettingRefused(f"{PREFIX}MQTT_BROKER: a host and a port expected") from None
    if parts.scheme == "mqtt":
        if not _is_here(host):
            raise SettingRefused(
                f"{PREFIX}MQTT_BROKER: mqtts:// expected where the broker is on another computer"
            )
        return Broker(host, port, None)
    try:
        return Broker(host, port, ssl.create_default_context(cafile=settings.mqtt_ca or None))
    except (OSError, ssl.SSLError) as error:
        raise SettingRefused(f"{PREFIX}MQTT_CA: certificates in PEM expected: {error}") from None


class Subscriber:
    """Takes messages as long as it runs. One a server; `run` is a `Turn`: one of those with this client id does it."""

    def __init__(
        self,
        broker: Broker,
        intake: Intake,
        deliveries: Deliveries,
        settings: Settings,
        registry: CollectorRegistry,
    ) -> None:
        self._broker = broker
        self._intake = intake
        self._deliveries = deliveries
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._got: deque[_Got] = deque()
        self._came = asyncio.Event()
        self._is_told = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.waiting = 0
        """Messages that were taken up and are not acknowledged yet."""
        self.is_running = False
        self.is_connected = False
        connected = Gauge("push_mqtt_connected", "1 where the broker is connected.", registry=registry)
        connected.set_function(lambda: float(self.is_connected))
        waiting = Gauge("push_mqtt_waiting", "Messages that are not acknowledged yet.", registry=registry)
        waiting.set_function(lambda: float(self.waiting))

    async def run(self) -> None:
        """Connect, take, and connect again, until cancelled; then what is under way is finished, for a few seconds."""
        working = keep("push messages", self._work)
        connection: _Connection | None = None
        failures = 0
        self.is_running = True
        try:
            while True:
                connection = _Connection(self._broker, self._settings, self._on_message)
                try:
                    await connection.open()
                except OSError as error:
                    why = str(error)
                else:
                    self.is_connected, failures = True, 0
                    _log.info("broker_connected")
                    why = await connection.lost
                    self.is_connected = False
                await connection.close()
                if not failures:
                    _log.warning("broker_lost", extra={"reason": why[:500]})
                await asyncio.sleep(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])
                failures += 1
        finally:
            self.is_running = self.is_connected = False
            await end(working)
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=CLOSE_S)
            await end(*self._tasks)
            if connection is not None:
                await connection.close()

    def _on_message(self, client: paho.Client, message: paho.MQTTMessage) -> None:
        """Take a message on the library's thread."""
        self._got.append(_Got(client, message))
        if not self._is_told:
            self._is_told = True
            self._loop.call_soon_threadsafe(self._came.set)

    async def _work(self) -> None:
        while True:
            await self._came.wait()
            await asyncio.sleep(GATHER_S)
            self._came.clear()
            self._is_told = False
            while self._got:
                some: list[_Got] = []
                size = 0
                while self._got and len(some) < TOGETHER and size < TOGETHER_BYTES:
                    some.append(self._got.popleft())
                    size += len(some[-1].message.payload)
                self.waiting += len(some)
                task = spawn("push", self._judge(some))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _judge(self, got: Sequence[_Got]) -> None:
        """Have messages stored or held, and acknowledge them; one that may have ended a server is taken alone."""
        until_done, deliveries = self._intake.until_done, self._deliveries
        again = {_digest(one) for one in got if one.message.dup}
        suspects = await until_done(lambda: deliveries.note(again), is_patient=True) if again else set()
        alone = [one for one in got if one.message.dup and _digest(one) in suspects]
        if together := [one for one in got if not (one.message.dup and _digest(one) in suspects)]:
            await self._take(together)
        for one in alone:
            async with deliveries.alone:
                digest = _digest(one)
                times = await until_done(lambda digest=digest: deliveries.count(digest), is_patient=True)  # type: ignore[misc]
                await (self._take([one]) if times <= DELIVERIES else self._bury(one, times))

    async def _take(self, got: Sequence[_Got]) -> None:
        taken: list[Message] = []
        held: list[Held] = []
        packets = [_packet(one.message) for one in got]
        keys = await self._intake.keys_of([packet.secret for packet in packets], is_patient=True)
        for packet in packets:
            some, wrong = self._read(packet, keys)
            taken += some
            held += wrong
        if taken:
            await self._intake.take(taken, is_patient=True)
        if held:
            await self._intake.hold(held, is_patient=True)
        await self._acknowledge(got)

    async def _bury(self, got: _Got, times: int) -> None:
        """Hold a message that servers ended with; where it ended one that read it for that, unread."""
        packet = _packet(got.message) if times == DELIVERIES + 1 else None
        if packet is None:
            topic, payload = parse_topic(got.message.topic), bytes(got.message.payload)
            packet = _Packet(topic, payload, wrong=Wrong("NOT_STORED", BURIED))
        keys = await self._intake.keys_of([packet.secret], is_patient=True)
        taken, held = self._read(packet, keys)
        dead = [Held(one, "dead", "NOT_STORED", BURIED, DELIVERIES) for one in taken]
        dead += [
            one._replace(kind="dead", deliveries=DELIVERIES) if one.said == BURIED else one for one in held
        ]
        for one in dead:
            _log.error("dead_letter", extra={"tenant_id": str(one.message.tenant), "reason": one.said})
        await self._intake.hold(dead, is_patient=True)
        await self._acknowledge([got])

    def _read(self, packet: _Packet, keys: Mapping[str, PushKey]) -> tuple[Sequence[Message], Sequence[Held]]:
        """Return what is to be taken of a packet, or to be held."""
        topic = packet.topic
        if topic is None:
            self._intake.count_stranger("mqtt")
            return (), ()
        key, wrong = keys.get(packet.secret), packet.wrong
        tenant: UUID = topic.tenant
        device: UUID | None = topic.device
        if key is None and wrong is None:
            wrong = Wrong("KEY_UNKNOWN", "key: one of this device's, that is not over, expected")
        elif key is not None and (key.tenant != tenant or key.device not in (None, device)):
            wrong = Wrong("TOPIC_CONFLICT", "the topic is of another device or tenant than the key")
            tenant, device = key.tenant, key.device
        if wrong is not None:
            owner = None if key is None else key.id
            heard_us = self._intake.next_us()
            one = Message(tenant, owner, device, topic.kind, "mqtt", packet.payload, heard_us)
            return (), (Held(one, "invalid", wrong.code, str(wrong)),)
        assert key is not None, "a message without a key is held"
        next_us = self._intake.next_us
        return [
            Message(tenant, key.id, device, topic.kind, "mqtt", body, next_us()) for body in packet.messages
        ], ()

    async def _acknowledge(self, got: Sequence[_Got]) -> None:
        if again := [_digest(one) for one in got if one.message.dup]:
            await self._intake.until_done(lambda: self._deliveries.forget(again), is_patient=True)
        for one in got:
            one.client.ack(one.message.mid, one.message.qos)
        self.waiting -= len(got)


class _Packet(NamedTuple):
    """A message of the broker, read as far as it can be."""

    topic: Topic | None
    payload: bytes
    secret: str = ""
    messages: Sequence[dict[str, Any]] = ()
    wrong: Wrong | None = None


class _Connection:
    """One connection to the broker. `lost` gets why it ended."""

    def __init__(
        self, broker: Broker, settings: Settings, take: Callable[[paho.Client, paho.MQTTMessage], None]
    ) -> None:
        self._broker = broker
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        self._properties.SessionExpiryInterval = SESSION_S
        self._properties.ReceiveMaximum = settings.mqtt_in_flight
        self._properties.MaximumPacketSize = PAYLOAD_CAP_BYTES
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2,
            settings.mqtt_client,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_S
        client.username_pw_set(settings.mqtt_user, settings.mqtt_password.value or None)
        if broker.context is not None:
            client.tls_set_context(broker.context)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = lambda client, _, message: take(client, message)

    async def open(self) -> None:
        """Connect and subscribe. Raises OSError."""
        where = self._broker.host, self._broker.port, KEEPALIVE_S
        await asyncio.to_thread(self._client.connect, *where, clean_start=False, properties=self._properties)
        self._client.loop_start()
        try:
            await asyncio.wait_for(asyncio.shield(self._ready), CONNECT_S)
        except TimeoutError:
            raise ConnectionError(f"no answer of the broker within {CONNECT_S:g} s") from None

    async def close(self) -> None:
        """Say goodbye; the broker keeps the session, and what was not acknowledged."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
        for future in (self._ready, self.lost):
            future.cancel()

    def _on_connect(self, client: paho.Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            self._say(self._ready, ConnectionError(f"the broker refuses this server: {reason}"))
        else:
            client.unsubscribe(list(TOPICS))  # a session of an older version has them for itself
            options = SubscribeOptions(qos=1, retainHandling=2)
            client.subscribe([(SHARED + topic, options) for topic in TOPICS])

    def _on_subscribe(self, _: Any, __: Any, ___: int, reasons: list[ReasonCode], ____: Any) -> None:
        refused = [reason for reason in reasons if reason.is_failure]
        said = (
            ConnectionError(f"the broker does not let this server subscribe: {refused[0]}")
            if refused
            else None
        )
        self._say(self._ready, said)

    def _on_disconnect(self, _: Any, __: Any, ___: Any, reason: ReasonCode, ____: Any) -> None:
        self._say(self._ready, ConnectionError(f"the broker hung up: {reason}"))
        self._loop.call_soon_threadsafe(_end, self.lost, str(reason))

    def _say(self, ready: asyncio.Future[None], error: Exception | None) -> None:
        """Tell whoever waits for the connection, from the library's thread, once."""

        def say() -> None:
            if ready.done():
                return
            if error is None:
                ready.set_result(None)
            else:
                ready.set_exception(error)

        self._loop.call_soon_threadsafe(say)


def _end(lost: asyncio.Future[str], why: str) -> None:
    if not lost.done():
        lost.set_result(why)


def _digest(got: _Got) -> bytes:
    return digest_of(got.message.topic, bytes(got.message.payload))


def _packet(message: paho.MQTTMessage) -> _Packet:
    topic, payload = parse_topic(message.topic), bytes(message.payload)
    try:
        return _Packet(topic, payload, *parse_packet(payload))
    except Wrong as error:
        return _Packet(topic, payload, wrong=error)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
