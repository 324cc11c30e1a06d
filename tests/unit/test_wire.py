"""The messages of the chain: round trips, caps, secrets that do not show, strangers refused."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from domain import wire
from domain.alerts import Alert
from domain.edit import creation
from domain.errors import BadReply, NoAnswer, Refusal, RefusedByRule
from domain.health import Health, ProbeHealth
from domain.inventory import Tenant
from domain.journal import JournalRow
from domain.load import LinkState
from domain.observation import Failure
from tests.unit.inventories import device, edit

ID = UUID(int=7)


def test_a_batch_comes_out_as_it_went_in() -> None:
    probes = {"snmp": ProbeHealth(3, 5, 1200, Failure("no_answer", "silent"))}
    changed = wire.Changed(
        4,
        initial=True,
        more=True,
        devices=(device(1),),
        removed=(wire.Removed("link", ID),),
        health=(Health(ID, ID, "down", 3, 9, probes, "snmp: silent"),),
        link_states=(LinkState(ID, "up", 1, 2, 3.5, None),),
        alerts=(Alert(ID, "device_down", ID, "critical", 5),),
        values=(wire.LatestValues(ID, 5, (("cpu_load_pct", "", 12.0),)),),
        journal=(JournalRow(ID, 1, 2, "status", ID, {"to": "down"}),),
        engine=wire.EngineState(5, 2.5, {"snmp": 7}),
    )
    assert wire.decode_to_client(wire.encode(changed)) == changed


@pytest.mark.parametrize(
    "message",
    [
        wire.Hello(1, "test"),
        wire.Credit(3),
        wire.Alive(5),
        wire.SubmitEdit(1, edit(creation("device", device(1))), {ID: wire.Secret("hidden")}),
        wire.ActOnAlert(1, ID, "assign", "mara", to="jo"),
        wire.Watch((ID,)),
        wire.QuerySeries(1, ID, "rtt_ms", "icmp", 0, 9),
        wire.QueryJournal(1, None, 5),
        wire.ProbeNow(1, ID),
        wire.Stop(1),
    ],
)
def test_requests_survive_the_wire(message: wire.ToEngine) -> None:
    assert wire.decode_to_engine(wire.encode(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        wire.Welcome(1, "0.1", Tenant(ID, "Voralpnet"), ID, 1, 2, ("ICMP is not permitted",)),
        wire.Rejected("NEWER", "update the app"),
        wire.Reply(1, (Refusal("CODE", "words", "field", ID),), {"a": [1]}),
        wire.Alive(9),
    ],
)
def test_answers_survive_the_wire(message: wire.ToClient) -> None:
    assert wire.decode_to_client(wire.encode(message)) == message


def test_a_secret_never_shows_itself() -> None:
    message = wire.SubmitEdit(1, edit(creation("device", device(1))), {ID: wire.Secret("hunter2")})
    assert "hunter2" not in repr(message) and "***" in repr(message)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xff" * 50,
        msgspec.msgpack.encode({"type": "spaceship"}),
        msgspec.msgpack.encode({"type": "credit"}),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises((msgspec.ValidationError, msgspec.DecodeError)):
        wire.decode_to_engine(data)


def test_an_older_engines_figures_count_nothing_of_what_it_does_not_know() -> None:
    old = msgspec.msgpack.decode(wire.encode(wire.Changed(1, engine=wire.EngineState(5, 2.5))))
    for name in ("unbelievable_values", "refused_values", "dropped_samples", "lost_reports", "lost_polls"):
        del old["engine"][name]
    changed = wire.decode_to_client(msgspec.msgpack.encode(old))
    assert isinstance(changed, wire.Changed) and changed.engine == wire.EngineState(5, 2.5)


def test_a_message_above_the_cap_is_not_sent() -> None:
    with pytest.raises(ValueError, match=r"Reply of .* bytes"):
        wire.encode(wire.Reply(1, (), {"a": "x" * wire.FRAME_CAP_BYTES}))


def test_errors_say_what_and_where() -> None:
    assert str(BadReply("a length of 9 in 4 bytes", 12)) == "a length of 9 in 4 bytes (at byte 12)"
    assert str(BadReply("not BER")) == "not BER"
    assert NoAnswer.kind == "no_answer"
    both = RefusedByRule([Refusal("A", "first"), Refusal("B", "second")])
    assert str(both) == "first; second" and len(both.refusals) == 2
