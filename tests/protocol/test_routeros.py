"""RouterOS API: words and lengths, conversations as tables, and all that a hostile router may send."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pytest

from domain.errors import BadReply
from engine.protocols.routeros import (
    Conversation,
    Done,
    Event,
    Kind,
    SentenceReader,
    decode_reply,
    encode_sentence,
)
from engine.protocols.routeros_login import Login
from tests.protocol.conversation import Side, play


def login_side(user: str = "watcher", password: str = "s3cret") -> Side:
    login = Login(user, password, SentenceReader())

    def do(verb: str, _: list[str]) -> bytes:
        assert verb == "start"
        return login.start()

    def hear(data: bytes) -> tuple[bytes, Iterable[Event]]:
        was_done = login.done
        reply = login.feed(data)
        return reply, [Done("login", "")] if login.done and not was_done else []

    return Side(do, hear)


def command_side() -> Side:
    conversation = Conversation(SentenceReader())

    def do(verb: str, words: list[str]) -> bytes:
        if verb == "cancel":
            return conversation.cancel(words[0])
        return conversation.start(words, stream=verb == "stream")[1]

    return Side(do, lambda data: (b"", conversation.feed(data)))


# ---- login


@pytest.mark.parametrize("bytes_at_a_time", [1, 3, 1000])
def test_a_router_of_6_43_or_later_lets_us_in_with_the_password(bytes_at_a_time: int) -> None:
    play(
        login_side(),
        """
        do start
        >> /login | =name=watcher | =password=s3cret
        << !done
        == Done(tag='login', ret='')
        """,
        bytes_at_a_time=bytes_at_a_time,
    )


def test_an_older_router_gets_an_answer_to_its_challenge() -> None:
    challenge = "856780b7411eefd3abadee2058c149a3"
    answer = hashlib.md5(b"\x00s3cret" + bytes.fromhex(challenge)).hexdigest()
    play(
        login_side(),
        f"""
        do start
        >> /login | =name=watcher | =password=s3cret
        << !done | =ret={challenge}
        >> /login | =name=watcher | =response=00{answer}
        << !done
        == Done(tag='login', ret='')
        """,
    )


def test_a_wrong_password_is_bad_credentials() -> None:
    play(
        login_side(password=""),
        """
        do start
        >> /login | =name=watcher | =password=
        << !trap | =message=invalid user name or password (6)
        !! BadCredentials: invalid user name or password (6)
        """,
    )


def test_a_wrong_answer_to_a_challenge_is_bad_credentials() -> None:
    answer = hashlib.md5(b"\x00s3cret" + bytes(16)).hexdigest()
    play(
        login_side(),
        f"""
        do start
        >> /login | =name=watcher | =password=s3cret
        << !done | =ret={"00" * 16}
        >> /login | =name=watcher | =response=00{answer}
        << !trap | =message=cannot log in
        !! BadCredentials: cannot log in
        """,
    )


def test_a_router_that_ends_the_session_at_login_has_refused() -> None:
    play(
        login_side(),
        """
        do start
        >> /login | =name=watcher | =password=s3cret
        << !fatal | too many connections
        !! Refused: too many connections
        """,
    )


@pytest.mark.parametrize("challenge", ["xyz", "00", "00" * 17, "<img onerror=x>"])
def test_a_challenge_that_is_none_is_a_bad_reply(challenge: str) -> None:
    play(
        login_side(),
        f"""
        do start
        >> /login | =name=watcher | =password=s3cret
        << !done | =ret={challenge}
        !! BadReply: expected a login challenge of 32 hexadecimal digits
        """,
    )


def test_a_router_cannot_challenge_for_ever() -> None:
    answer = hashlib.md5(b"\x00s3cret" + bytes(16)).hexdigest()
    play(
        login_side(),
        f"""
        do start
        >> /login | =name=watcher | =password=s3cret
        << !done | =ret={"00" * 16}
        >> /login | =name=watcher | =response=00{answer}
        << !done | =ret={"00" * 16}
        !! BadReply: a second challenge after the answer to the first
        """,
    )


def test_words_of_a_later_routeros_do_not_disturb_a_login() -> None:
    play(
        login_side(),
        """
        do start
        >> /login | =name=watcher | =password=s3cret
        << !motd | =message=hello
        << !empty
        << !re | =hint=x
        << !done
        == Done(tag='login', ret='')
        """,
    )


# ---- commands


@pytest.mark.parametrize("bytes_at_a_time", [1, 7, 1000])
def test_two_commands_are_answered_in_turns(bytes_at_a_time: int) -> None:
    play(
        command_side(),
        """
        do start /interface/print | =.proplist=name
        >> /interface/print | =.proplist=name | .tag=1
        do start /system/identity/print
        >> /system/identity/print | .tag=2
        << !re | .tag=1 | =name=ether1
        == Record(tag='1', attributes={'name': 'ether1'})
        << !re | =name=core 1 | .tag=2
        == Record(tag='2', attributes={'name': 'core 1'})
        << !re | .tag=1 | =name=a=b=c | =comment=
        == Record(tag='1', attributes={'name': 'a=b=c', 'comment': ''})
        << !done | .tag=2
        == Done(tag='2', ret='')
        << !done | .tag=1 | =ret=*1A
        == Done(tag='1', ret='*1A')
        """,
        bytes_at_a_time=bytes_at_a_time,
    )


def test_a_trap_is_told_and_the_other_command_goes_on() -> None:
    play(
        command_side(),
        """
        do start /nonsense
        >> /nonsense | .tag=1
        do start /ip/route/print | =count-only=
        >> /ip/route/print | =count-only= | .tag=2
        << !trap | =category=0 | =message=no such command | .tag=1
        == Trap(tag='1', message='no such command', category=0)
        << !trap | =category=99 | .tag=1
        == Trap(tag='1', message='', category=None)
        << !done | .tag=1
        == Done(tag='1', ret='')
        << !done | =ret=812345 | .tag=2
        == Done(tag='2', ret='812345')
        """,
    )


def test_an_empty_answer_of_7_18_and_unknown_words_and_strange_tags_are_skipped() -> None:
    play(
        command_side(),
        """
        do start /log/print
        >> /log/print | .tag=1
        << !empty | .tag=1
        << !hurry | .tag=1
        << !re | .tag=99 | =name=not ours
        << !re | =name=nobody's
        << !done
        << !done | .tag=1
        == Done(tag='1', ret='')
        << !done | .tag=1
        """,
    )


def test_a_cancelled_stream_ends_with_nothing_but_done() -> None:
    play(
        command_side(),
        """
        do stream /log/listen
        >> /log/listen | .tag=1
        << !re | .tag=1 | =message=link up
        == Record(tag='1', attributes={'message': 'link up'})
        do cancel 1
        >> /cancel | =tag=1 | .tag=cancel
        << !re | .tag=1 | =message=on its way
        << !trap | =category=2 | =message=interrupted | .tag=1
        << !done | .tag=cancel
        << !done | .tag=1
        == Done(tag='1', ret='')
        do cancel 1
        """,
    )


def test_a_fatal_ends_all_commands_with_its_words() -> None:
    play(
        command_side(),
        """
        do start /quit
        >> /quit | .tag=1
        << !fatal | session terminated on request
        == Fatal(message='session terminated on request')
        << !done | .tag=1
        """,
    )


def test_text_of_a_router_arrives_clean() -> None:
    reply = decode_reply(
        [b"!re", b"=name=<img onerror=x>\x1b[31m\xe2\x80\xaeexe\x00", "=comment=Höhe".encode("latin-1")]
    )
    assert reply.attributes == {"name": "<img onerror=x>exe", "comment": "Höhe"}


def test_a_sentence_that_is_no_reply_is_a_bad_one() -> None:
    with pytest.raises(BadReply, match=r"expected a reply such as !done, got 'HTTP/1.1 400'"):
        decode_reply([b"HTTP/1.1 400"])


def test_replies_to_nobody_are_counted() -> None:
    conversation = Conversation(SentenceReader())
    tag, _ = conversation.start(["/log/listen"], stream=True)
    conversation.cancel(tag)
    conversation.feed(encode_sentence(["!done", ".tag=cancel"]) + encode_sentence(["!re", ".tag=7"]))
    assert conversation.unmatched == 1


def test_a_kind_is_known_by_its_word() -> None:
    kinds = [
        decode_reply([word]).kind
        for word in (b"!re", b"!done", b"!trap", b"!fatal", b"!empty", b"!new", b"!")
    ]
    assert kinds == [Kind.RECORD, Kind.DONE, Kind.TRAP, Kind.FATAL, Kind.EMPTY, Kind.UNKNOWN, Kind.UNKNOWN]
