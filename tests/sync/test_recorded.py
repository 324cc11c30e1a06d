"""What programs in the field say is understood, whole: recorded frames against today's messages, session and server."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.inventory import Inventory
from domain.sync import (
    SYNC_PROTOCOL,
    Entries,
    Hello,
    Outcomes,
    Welcome,
    decode_to_install,
    decode_to_server,
    encode,
)
from engine.sync.session import Cursor, OwnEdit, Session
from sync_server.live.frames import HangUp, decode
from tests.sync.recording import WAYS, frames, messages

DECODERS: dict[str, Any] = {"to_server": decode_to_server, "to_install": decode_to_install}
ALL = [pytest.param(way, data, id=f"{way} {where}") for way in WAYS for where, data in frames(way)]


def lacks(recorded: Any, now: Any, at: str = "") -> list[str]:
    """Return the places of what was recorded that is not there now, or is another."""
    if isinstance(recorded, dict):
        if not isinstance(now, dict):
            return [at]
        return [
            place
            for name, value in recorded.items()
            for place in (lacks(value, now[name], f"{at}/{name}") if name in now else [f"{at}/{name}"])
        ]
    if isinstance(recorded, list):
        if not isinstance(now, list) or len(now) != len(recorded):
            return [at]
        return [place for one, other in zip(recorded, now, strict=True) for place in lacks(one, other, at)]
    return [] if recorded == now else [at]


def with_more(value: Any) -> Any:
    """Return plain data with a field in every map of names that nobody knows yet."""
    if isinstance(value, dict):
        more = {name: with_more(one) for name, one in value.items()}
        return {**more, "of_a_later_release": {"x": [1]}} if "type" in value or "id" in value else more
    return [with_more(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("way", "data"), ALL)
def test_a_recorded_frame_is_understood_with_every_value(way: str, data: bytes) -> None:
    again = encode(DECODERS[way](data))
    assert lacks(msgspec.msgpack.decode(data), msgspec.msgpack.decode(again)) == []


@pytest.mark.parametrize(("way", "data"), ALL)
def test_fields_of_a_later_release_are_ignored(way: str, data: bytes) -> None:
    later = msgspec.msgpack.encode(with_more(msgspec.msgpack.decode(data)))
    assert len(later) > len(data)
    assert DECODERS[way](later) == DECODERS[way](data)


def test_every_kind_of_message_is_recorded_of_this_protocol() -> None:
    for way, union in WAYS.items():
        recorded = {where for where, _ in frames(way)}
        lacking = {name for name, _ in messages(union) if f"protocol-{SYNC_PROTOCOL} {name}" not in recorded}
        assert not lacking, f"record them: python -m tests.sync.recording ({way})"


def test_a_kind_of_a_later_release_is_refused_with_what_to_do() -> None:
    unknown = msgspec.msgpack.encode({"type": "of_a_later_release", "number": 1})
    with pytest.raises(HangUp) as refused:
        decode(unknown)
    assert refused.value.refused.code == "UPDATE_NEEDED" and "update the app" in refused.value.refused.message


def test_recorded_words_of_a_server_are_taken_by_todays_session() -> None:
    for release in {where.partition(" ")[0] for where, _ in frames("to_install")}:
        told = {where: decode_to_install(data) for where, data in frames("to_install")}
        welcome, entries, outcomes = (
            told[f"{release} {name}"] for name in ("welcome", "entries", "outcomes")
        )
        assert (
            isinstance(welcome, Welcome) and isinstance(entries, Entries) and isinstance(outcomes, Outcomes)
        )
        welcome = msgspec.structs.replace(welcome, revision=entries.revision)
        own = OwnEdit(msgspec.structs.replace(entries.edits[0].edit, id=outcomes.outcomes[0].id))
        session = Session(Inventory(), Cursor(welcome.epoch, entries.since), [own])
        session.take(session.open(welcome))
        assert session.pending_count == 1 and session.next_push() is not None
        session.take(session.outcomes(outcomes, 5))
        assert session.pending_count == 0 and own.edit.id in session.tray
        change = session.entries(entries, 5)
        assert change is not None
        session.take(change)
        assert session.cursor.revision == entries.revision
        for kind, rows in (("device", entries.devices), ("site", entries.sites), ("rule", entries.rules)):
            for row in rows:
                assert session.confirmed.get(kind, row.id) == row


def test_a_recorded_hello_is_of_a_protocol_that_the_server_speaks() -> None:
    for where, data in frames("to_server"):
        if where.endswith(" hello"):
            hello = decode_to_server(data)
            assert isinstance(hello, Hello) and isinstance(hello.install, UUID)
            assert int(where.partition(" ")[0].removeprefix("protocol-")) in (
                SYNC_PROTOCOL,
                SYNC_PROTOCOL - 1,
            )
