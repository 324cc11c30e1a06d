"""Our RouterOS codec against librouteros: as its router, as its client, and length by length."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import librouteros
import pytest
from hypothesis import given
from hypothesis import strategies as st
from librouteros import login as their_login
from librouteros import protocol as theirs
from librouteros.api import Api
from librouteros.connections import SocketTransport

from domain.errors import BadCredentials
from engine.protocols.routeros import (
    Conversation,
    Done,
    Event,
    Record,
    SentenceReader,
    Trap,
    encode_length,
    encode_sentence,
)
from engine.protocols.routeros_login import Login

CHALLENGE = "856780b7411eefd3abadee2058c149a3"
ROUTES = 300


@contextmanager
def opposite(serve: Callable[[socket.socket], None]) -> Iterator[socket.socket]:
    """Run `serve` on the other end of a connection; what it raises is raised here at the end."""
    ours, other = socket.socketpair()
    ours.settimeout(60)
    other.settimeout(60)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            serve(other)
        except (ConnectionError, librouteros.exceptions.ConnectionClosed):
            pass  # our end has heard enough
        except BaseException as failure:
            failures.append(failure)
        finally:
            other.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield ours
    finally:
        ours.close()
        thread.join(60)
    assert not failures, failures


# ---- librouteros is the client, our codec the router


def router_of_ours(connection: socket.socket) -> None:
    """Answer as a router, words cut and written by our codec."""
    reader = SentenceReader()
    while data := connection.recv(65_536):
        for sentence in reader.feed(data):
            command, words = sentence[0].decode(), {word.decode() for word in sentence[1:]}
            if command == "/login" and not words:
                replies = [["!done", f"=ret={CHALLENGE}"]]
            elif command == "/login":
                right = {
                    "=password=pässword",
                    f"=response={their_login.encode_password(CHALLENGE, 'password')}",
                }
                replies = [["!done"]] if words & right else [["!trap", "=message=cannot log in"], ["!done"]]
            elif command == "/interface/print":
                replies = [
                    ["!re", "=.id=*1", "=name=Höhe", "=mtu=1500", "=running=true"],
                    ["!re", "=name=" + "x" * 20_000],
                    ["!done"],
                ]
            elif command == "/log/print":
                replies = [["!empty"], ["!done"]]
            else:
                replies = [["!trap", "=category=0", "=message=no such command prefix"], ["!done"]]
            connection.sendall(b"".join(map(encode_sentence, replies)))


@contextmanager
def librouteros_api() -> Iterator[Api]:
    with opposite(router_of_ours) as connection:
        yield Api(theirs.ApiProtocol(SocketTransport(connection), encoding="utf-8"))


def test_librouteros_logs_in_to_our_codec_and_lists() -> None:
    with librouteros_api() as api:
        librouteros.plain(api, "watcher", "pässword")
        rows = list(api.path("interface"))
        assert rows[0] == {".id": "*1", "name": "Höhe", "mtu": 1500, "running": True}
        assert rows[1] == {"name": "x" * 20_000}


def test_librouteros_answers_our_challenge() -> None:
    with librouteros_api() as api:
        librouteros.token(api, "watcher", "password")
        assert list(api("/log/print")) == []


def test_librouteros_understands_our_traps() -> None:
    with librouteros_api() as api:
        with pytest.raises(librouteros.exceptions.TrapError, match="cannot log in"):
            librouteros.plain(api, "watcher", "wrong")
        with pytest.raises(librouteros.exceptions.TrapError, match="no such command prefix"):
            tuple(api("/nonsense"))


# ---- librouteros reads and writes for the router, we are the client


def router_of_theirs(connection: socket.socket, *, old: bool) -> None:
    """Answer as a router of before or after 6.43, words cut and written by librouteros."""
    protocol = theirs.ApiProtocol(SocketTransport(connection), encoding="utf-8")
    expected = (
        f"=response={their_login.encode_password(CHALLENGE, 'password')}" if old else "=password=password"
    )
    while True:
        command, words = protocol.readSentence()
        tag = tuple(word for word in words if word.startswith(".tag="))
        if command == "/login" and expected in words:
            protocol.writeSentence("!done")
        elif command == "/login" and old and not any(word.startswith("=response=") for word in words):
            protocol.writeSentence("!done", f"=ret={CHALLENGE}")
        elif command == "/login":
            protocol.writeSentence("!trap", "=message=invalid user name or password (6)")
            protocol.writeSentence("!done")
        elif command == "/ip/route/print":
            for number in range(ROUTES):
                protocol.writeSentence(
                    "!re", f"=dst-address=10.0.{number}.0/24", "=comment=" + "ü" * number, *tag
                )
            protocol.writeSentence("!done", *tag)
        elif command == "/log/print":
            protocol.writeSentence("!empty", *tag)
            protocol.writeSentence("!done", *tag)
        else:
            protocol.writeSentence("!trap", "=category=0", "=message=no such command", *tag)
            protocol.writeSentence("!done", *tag)


def log_in(connection: socket.socket, password: str) -> SentenceReader:
    reader = SentenceReader()
    login = Login("watcher", password, reader)
    connection.sendall(login.start())
    while not login.done:
        connection.sendall(login.feed(connection.recv(4096)))
    return reader


@pytest.mark.parametrize("old", [False, True])
def test_we_log_in_and_run_three_tagged_commands_against_librouteros(old: bool) -> None:
    with opposite(lambda connection: router_of_theirs(connection, old=old)) as connection:
        conversation = Conversation(log_in(connection, "password"))
        events: list[Event] = []
        tags = []
        for words in (["/ip/route/print"], ["/nonsense"], ["/log/print"]):
            tag, to_send = conversation.start(words)
            tags.append(tag)
            connection.sendall(to_send)
        while sum(isinstance(event, Done) for event in events) < 3:
            events += conversation.feed(connection.recv(1000))
    routes, nonsense, log = tags
    records = [event for event in events if isinstance(event, Record)]
    assert [record.attributes["dst-address"] for record in records] == [
        f"10.0.{n}.0/24" for n in range(ROUTES)
    ]
    assert records[200].attributes["comment"] == "ü" * 200
    assert events[ROUTES:] == [
        Done(routes, ""),
        Trap(nonsense, "no such command", 0),
        Done(nonsense, ""),
        Done(log, ""),
    ]


@pytest.mark.parametrize("old", [False, True])
def test_a_wrong_password_against_librouteros_is_bad_credentials(old: bool) -> None:
    with (
        opposite(lambda connection: router_of_theirs(connection, old=old)) as connection,
        pytest.raises(BadCredentials, match="invalid user name"),
    ):
        log_in(connection, "wrong")


# ---- function by function


@given(st.integers(0, 0xFFF_FFFF))
def test_lengths_are_written_as_librouteros_writes_them(size: int) -> None:
    assert encode_length(size) == theirs.encode_length(size)
    assert theirs.decode_length(encode_length(size)) == size


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300), min_size=1, max_size=6
    )
)
def test_sentences_are_written_as_librouteros_writes_them(words: list[str]) -> None:
    written = theirs.encode_sentence(*words, encoding="utf-8")
    assert encode_sentence(words) == written
    assert SentenceReader().feed(written) == [[word.encode() for word in words]]
