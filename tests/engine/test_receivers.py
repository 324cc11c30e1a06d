"""Receivers on real sockets: floods, ports that cannot be had, streams, the quarantine, and all of it through the engine."""

from __future__ import annotations

import asyncio
import errno
import functools
import socket
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.edit import creation
from domain.inventory import Device
from domain.journal import JournalRow
from domain.receiving import Listener, QuarantinedSender, ReceiverSettings, ReceiverState
from domain.wire import ForgetSender, QueryJournal, QueryQuarantine, Reply, SetReceivers, SubmitEdit
from engine.protocols import ber, snmp
from engine.protocols.notifications import SYS_UPTIME, TRAP_OID
from engine.protocols.snmp import Pdu
from engine.protocols.usm import SnmpUser
from engine.receivers import receivers as receivers_module
from engine.receivers.receivers import PROBE_GAP_S
from engine.receivers.words import trouble_of
from engine.transport import listening
from engine.transport.drain import WAITING_CAP, Drain
from engine.transport.udp import UdpTransport
from tests.engine.client import TestClient
from tests.engine.engine_process import EngineProcess
from tests.engine.peers import echo_of, udp_peer, until
from tests.engine.reception import HILL, Reception, here, run, state_of
from tests.ports import free_port
from tests.protocol.test_snmp_v3_recipient import Notifier
from tests.unit.inventories import edit

LINK_DOWN, LINK_UP = "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4"
OID = "1.3.6.1.2.1.1.3.0"


def trap(name: str = LINK_DOWN, pdu: int = Pdu.TRAP, number: int = 7, uptime: int = 1) -> bytes:
    """A notification of v2c."""
    bound = [(SYS_UPTIME, ber.encode_integer(uptime, ber.TIME_TICKS)), (TRAP_OID, ber.encode_oid(name))]
    return snmp.encode_message(1, b"public", pdu, number, bound)


def send(port: int, *messages: bytes, source: str = "127.0.0.1") -> None:
    """Send datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        for message in messages:
            sock.sendto(message, ("127.0.0.1", port))


@pytest.fixture(params=["in the loop", "in a thread"])
def batch_cap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Both ways of reading; how many datagrams one delivery may hold: a thread's wait for a loop that is late."""
    if request.param == "in the loop":
        return listening.BATCH
    monkeypatch.setattr(Drain, "start", functools.partialmethod(Drain.start, in_thread=True))
    return WAITING_CAP


def test_a_flood_is_dropped_unread_and_every_poll_beside_it_is_answered_at_its_first_try(
    monkeypatch: pytest.MonkeyPatch, batch_cap: int
) -> None:
    port = free_port()
    decoded: list[bytes] = []
    plain = receivers_module.decode_notification
    monkeypatch.setattr(
        receivers_module, "decode_notification", lambda data: (decoded.append(data), plain(data))[1]
    )
    batches: list[int] = []
    ended = threading.Event()

    def flood() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while not ended.is_set():
                sock.sendto(trap(), ("127.0.0.1", port))

    async def conversation(reception: Reception) -> None:
        deliver = reception.receivers.take_traps
        reception.receivers.take_traps = lambda got: (batches.append(len(got)), deliver(got))[1]  # type: ignore[method-assign]
        await reception.receivers.apply(ReceiverSettings())
        await reception.receivers.apply(here(traps_port=port))
        udp = UdpTransport()
        flooding = threading.Thread(target=flood, daemon=True)
        flooding.start()
        try:
            async with udp_peer(echo_of) as agent:
                peer = udp.peer(*agent.address)
                while reception.receivers.state.dropped < 2_000 or len(agent.asked) < 100:
                    await udp.ask(
                        peer, functools.partial(snmp.encode_get, community=b"c", oids=(OID,)), 20.0, 0
                    )
                asked = len(agent.asked)
        finally:
            ended.set()
            await asyncio.to_thread(flooding.join)
            await udp.close()
        assert asked >= 100

    reception = run(conversation, here(traps_port=port))
    assert len(decoded) == len(reception.rows) == ReceiverSettings().sender_burst
    assert max(batches) <= batch_cap
    assert reception.probed == [HILL.id]
    reception.receivers.tell_dropped()
    row = reception.rows[-1]
    assert (row.kind, row.subject, row.body["more"]) == ("messages_dropped", None, 0)
    assert row.body["senders"] == [["127.0.0.1", row.body["count"]]] and row.body["count"] >= 2_000
    reception.receivers.tell_dropped()
    assert reception.rows[-1] is row
    assert [r.seq for r in reception.rows] == list(range(1, len(reception.rows) + 1))


def test_a_port_that_is_taken_is_said_and_had_as_soon_as_it_is_free() -> None:
    port = free_port()
    settings = here(traps_port=port)

    async def conversation(reception: Reception) -> None:
        receivers = reception.receivers
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", port))
            await receivers.apply(settings)
            (trouble,) = receivers.notices
            assert f"UDP port {port} of 127.0.0.1" in trouble and "another program listens there" in trouble
            assert receivers.state.listeners == (Listener("traps", port, trouble),)
        await receivers.apply(settings)
        assert receivers.state.listeners == (Listener("traps", port),)
        send(port, trap())
        await until(lambda: len(reception.rows) == 1)

    run(conversation, ReceiverSettings())


def test_the_service_itself_tries_again_and_tells_what_was_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TICK_S", "TRY_AGAIN_EVERY_S", "TELL_DROPPED_EVERY_S"):
        monkeypatch.setattr(receivers_module, name, 0.001)
    port = free_port()

    async def conversation(reception: Reception) -> None:
        clock = iter(range(1_000_000))
        reception.receivers._clock = lambda: float(next(clock))
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with closing(taken):
            taken.bind(("127.0.0.1", port))
            await reception.receivers.apply(here(traps_port=port))
        running = asyncio.get_running_loop().create_task(reception.receivers.run())
        await until(lambda: reception.receivers.notices == ())
        reception.receivers._flood.limit(0.1, 1)
        send(port, *[trap(uptime=n) for n in range(50)])
        await until(lambda: any(row.kind == "messages_dropped" for row in reception.rows))
        running.cancel()

    run(conversation, ReceiverSettings())


@pytest.mark.parametrize(
    ("error", "address", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "", "UDP port 162: ports below 1024 are"),
        (PermissionError(errno.EACCES, "Permission denied"), "", "such as 10162"),
        (OSError(errno.EADDRINUSE, "Address already in use"), "", "another program listens there"),
        (OSError(errno.EADDRNOTAVAIL, "no"), "10.0.0.1", "does not have that address"),
        (OSError(errno.ENOBUFS, "No buffer space available"), "", "No buffer space available"),
    ],
)
def test_a_port_that_cannot_be_had_is_a_sentence_with_a_way_out(
    error: OSError, address: str, said: str
) -> None:
    sentence = trouble_of("traps", address, 162, error)
    assert said in sentence and sentence.endswith(".")
    assert ("net.ipv4" in sentence) == (sys.platform == "linux" and isinstance(error, PermissionError))


def test_every_address_is_listened_on_unless_one_is_named() -> None:
    port = free_port()

    async def conversation(reception: Reception) -> None:
        assert reception.receivers.notices == ()
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"<13>by six", ("::1", port))
        send(port, b"<13>by four")
        await until(lambda: sum(reception.receivers.state.received.values()) == 2)

    reception = run(conversation, ReceiverSettings(syslog_udp_port=port))
    assert reception.said() == [("syslog", "by four")]
    assert [s.address for s in reception.receivers.quarantined(9)] == ["::1"]


def test_settings_change_what_is_listened_on_and_leave_the_rest_alone() -> None:
    first, second, third = free_port(), free_port(), free_port()

    async def conversation(reception: Reception) -> None:
        receivers = reception.receivers
        kept = receivers._open["traps"].listener
        await receivers.apply(here(traps_port=first, syslog_udp_port=second, syslog_tcp_port=third))
        assert receivers._open["traps"].listener is kept
        assert [listener.kind for listener in receivers.listeners()] == ["traps", "syslog_udp", "syslog_tcp"]
        await receivers.apply(here(syslog_udp_port=first, traps_port=second))  # they swap their ports
        assert receivers.notices == ()
        send(first, b"<13>to the first")
        send(second, trap())
        await until(lambda: len(reception.rows) == 2)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", third)

    run(conversation, here(traps_port=first))


def test_an_inform_that_comes_again_is_answered_again_and_filed_once() -> None:
    reception = Reception(state_of(HILL))

    async def conversation(reception: Reception) -> None:
        peer = ("127.0.0.1", 4_000)
        inform = trap(pdu=Pdu.INFORM)
        for _ in range(3):
            ((answer, to),) = reception.receivers.take_traps([(0.0, inform, peer)])
            assert to == peer and answer[0] == 0x30 and bytes((Pdu.RESPONSE,)) in answer
        assert reception.receivers.take_traps([(0.0, trap(), peer), (0.0, trap(), peer)]) == []
        assert len(reception.receivers.take_traps([(0.0, trap(pdu=Pdu.INFORM, number=8), peer)])) == 1

    run(conversation, here(traps_port=free_port()), reception)
    assert [row.body.get("confirmed", False) for row in reception.rows] == [True, False, False, True]


def test_a_port_that_flaps_has_its_device_asked_at_once_and_then_no_more_often_than_the_gap() -> None:
    async def conversation(reception: Reception) -> None:
        def hear(*names: str) -> None:
            reception.receivers.take_traps([(0.0, trap(name), ("127.0.0.1", 1)) for name in names])

        hear("1.3.6.1.6.3.1.1.5.5")
        assert reception.probed == []
        hear(LINK_DOWN)
        assert reception.probed == [HILL.id]
        hear(LINK_UP, LINK_DOWN, LINK_UP)
        reception.now_s += PROBE_GAP_S - 0.1
        reception.receivers._probe_due()
        assert reception.probed == [HILL.id]
        reception.now_s += 0.2
        reception.receivers._probe_due()
        reception.receivers._probe_due()
        assert reception.probed == [HILL.id] * 2  # the last word of the port is looked at

    run(conversation, here(traps_port=free_port()))


def test_what_an_ignored_sender_says_is_nowhere_and_garbage_is_counted() -> None:
    async def conversation(reception: Reception) -> None:
        receivers = reception.receivers
        receivers.take_traps([(0.0, trap(), ("192.0.2.1", 1)), (0.0, b"\x30junk", ("192.0.2.2", 1))])
        receivers.take_syslog([(0.0, b"<13>x", ("192.0.2.1", 1)), (0.0, b"<13>", ("192.0.2.2", 1))])
        assert receivers.state.received == {} and receivers.state.malformed == 2
        assert receivers.quarantined(9) == []

    run(conversation, msgspec.structs.replace(here(traps_port=free_port()), ignored=("192.0.2.1",)))


def test_while_the_vault_is_locked_v3_is_counted_as_locked_and_no_user_or_key_is_kept() -> None:
    anna = SnmpUser("anna", "sha1", "maplesyrup", "aes128", "ahornsirup")
    sent = [(0.0, Notifier(anna).say(), ("127.0.0.1", 1))]
    reception = Reception(state_of(HILL), [anna])

    async def conversation(reception: Reception) -> None:
        receivers, recipient = reception.receivers, reception.receivers._recipient
        receivers.take_traps(sent)
        assert recipient._users and recipient._keys
        reception.users = None
        receivers.change_users()
        assert not recipient._users and not recipient._keys
        assert receivers.take_traps([*sent, (0.0, Notifier(anna).say(Pdu.INFORM), ("127.0.0.1", 1))]) == []
        assert (receivers.state.locked, receivers.quarantined(9), len(reception.rows)) == (2, [], 1)
        reception.users = [anna]
        receivers.change_users()
        receivers.take_traps(sent)
        assert (receivers.state.locked, len(reception.rows)) == (2, 2)

    run(conversation, here(traps_port=free_port()), reception)


def test_a_stranger_is_held_until_it_is_a_device() -> None:
    async def conversation(reception: Reception) -> None:
        receivers, stranger = reception.receivers, ("::ffff:192.0.2.1", 1, 0, 0)
        receivers.take_traps([(0.0, trap(), stranger)])
        receivers.take_syslog([(0.0, b"<12>Jan  2 03:04:05 mast7 su: who", stranger)])
        (sender,) = receivers.quarantined(9)
        assert (sender.address, sender.count) == ("192.0.2.1", 2)
        assert [(m.kind, m.severity, m.text, m.host) for m in sender.messages] == [
            ("syslog", "warning", "who", "mast7"),
            ("trap", "warning", "linkDown", ""),
        ]
        mast = Device(UUID(int=2), "Mast", "192.0.2.1")
        reception.state.inventory.tables["device"][mast.id] = mast
        receivers.change_devices([mast.id])
        assert receivers.quarantined(9) == []
        receivers.take_traps([(0.0, trap(), stranger)])
        assert [row.subject for row in reception.rows] == [mast.id]

    run(conversation, here(traps_port=free_port()))


# ---- through the engine


def test_it_all_goes_through_the_engine_and_is_there_after_a_restart(tmp_path: Path) -> None:
    traps, syslog = free_port(), free_port()
    settings = ReceiverSettings(traps_port=traps, syslog_tcp_port=syslog, address="127.0.0.1")

    def quarantined(client: TestClient) -> list[QuarantinedSender]:
        reply = client.ask(QueryQuarantine)
        return msgspec.convert(reply.result["senders"], list[QuarantinedSender])

    with EngineProcess(tmp_path) as engine, engine.client() as client:
        refused: Reply = client.ask(lambda n: SetReceivers(n, ReceiverSettings(traps_port=0)))
        assert [refusal.field for refusal in refused.refusals] == ["traps_port"]
        reply = client.ask(lambda n: SetReceivers(n, settings))
        assert msgspec.convert(reply.result["listeners"], list[Listener]) == [
            Listener("traps", traps),
            Listener("syslog_tcp", syslog),
        ]
        added = edit(creation("device", HILL), number=1)
        assert client.ask(lambda n: SubmitEdit(n, added)).refusals == ()
        send(traps, trap())
        send(traps, trap(LINK_UP), source="127.0.0.9")
        row = client.wait_for(lambda: next((r for r in journal(client.heard) if r.kind == "trap"), None))
        assert (row.subject, row.body["text"]) == (HILL.id, "linkDown")
        client.wait_for(lambda: ((told := receiving(client)) and told.quarantined) or None)
        assert [s.address for s in quarantined(client)] == ["127.0.0.9"]
        assert client.ask(lambda n: ForgetSender(n, "127.0.0.9", ignore=True)).refusals == ()
        again = client.ask(lambda n: ForgetSender(n, "127.0.0.9"))
        assert [refusal.code for refusal in again.refusals] == ["SENDER_NOT_FOUND"]
        assert [r.field for r in client.ask(lambda n: ForgetSender(n, "x", ignore=True)).refusals] == [
            "ignored"
        ]
        assert engine.stop() == 0
    with EngineProcess(tmp_path) as engine, engine.client() as client:
        told = client.wait_for(lambda: receiving(client))
        assert told.settings == msgspec.structs.replace(settings, ignored=("127.0.0.9",))
        assert [(listener.kind, listener.trouble) for listener in told.listeners] == [
            ("traps", ""),
            ("syslog_tcp", ""),
        ]
        with socket.create_connection(("127.0.0.1", syslog)) as sock:
            sock.sendall(b"<30>system,info router rebooted\n")
        client.wait_for(lambda: next((r for r in journal(client.heard) if r.kind == "syslog"), None))
        reply = client.ask(lambda n: QueryJournal(n, HILL.id))
        kinds = [msgspec.convert(row, JournalRow).kind for row in reply.result["rows"]]
        assert [kind for kind in kinds if kind in ("trap", "syslog")] == ["syslog", "trap"]
        assert engine.stop() == 0


def receiving(client: TestClient) -> ReceiverState | None:
    state = client.state.get(("engine", None))
    return state.receivers if state is not None else None


def journal(heard: list[Any]) -> list[JournalRow]:
    return [row for message in heard for row in getattr(message, "journal", ())]
