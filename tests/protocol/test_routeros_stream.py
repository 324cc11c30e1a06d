"""RouterOS API as a stream: lengths, cutting, and all that a hostile router may send."""

from __future__ import annotations

import contextlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadCredentials, BadReply, Refused
from engine.protocols import routeros
from engine.protocols.routeros import (
    Conversation,
    Record,
    SentenceReader,
    decode_mixed,
    decode_reply,
    encode_length,
    encode_sentence,
    encode_word,
)
from engine.protocols.routeros_login import Login
from engine.protocols.routeros_plain import Row, read_plain

sentences = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200), min_size=1, max_size=8
)


# ---- words


@pytest.mark.parametrize(
    ("size", "octets"),
    [
        (0, "00"),
        (0x7F, "7f"),
        (0x80, "80 80"),
        (0x3FFF, "bf ff"),
        (0x4000, "c0 40 00"),
        (0x1F_FFFF, "df ff ff"),
        (0x20_0000, "e0 20 00 00"),
        (0xFFF_FFFF, "ef ff ff ff"),
        (0x1000_0000, "f0 10 00 00 00"),
        (0xFFFF_FFFF, "f0 ff ff ff ff"),
    ],
)
def test_a_length_is_written_in_the_form_for_its_size_and_read_back(size: int, octets: str) -> None:
    written = encode_length(size)
    assert written == bytes.fromhex(octets)
    if size >= 0x80:
        assert routeros._length_bytes(written[0], 0) == len(written)
        assert routeros._read_length(written, 0, len(written)) == size


def test_an_empty_word_in_a_sentence_of_ours_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="empty word"):
        encode_sentence(["/ip/address/print", ""])


@given(st.lists(sentences, max_size=5), st.lists(st.integers(1, 50), min_size=1))
def test_sentences_survive_any_cutting_of_the_stream(said: list[list[str]], cuts: list[int]) -> None:
    stream = b"".join(encode_sentence(words) for words in said)
    reader, heard, at, turn = SentenceReader(), [], 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        heard += reader.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert heard == [[word.encode() for word in words] for words in said]
    assert reader.held_bytes == 0


def test_a_length_in_a_longer_form_than_needed_is_read() -> None:
    assert SentenceReader().feed(b"\x80\x05!done\xf0\x00\x00\x00\x02ab\x00") == [[b"!done", b"ab"]]


def test_empty_sentences_between_others_are_nothing() -> None:
    assert SentenceReader().feed(b"\x00\x00\x05!done\x00\x00\x00") == [[b"!done"]]


# ---- hostile


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_stream_is_sentences_or_a_bad_reply_and_holds_no_more_than_the_caps(pieces: list[bytes]) -> None:
    reader = SentenceReader(max_word_bytes=30, max_sentence_bytes=60, max_sentence_words=5)
    total = 0
    try:
        for piece in pieces:
            for sentence in reader.feed(piece):
                assert 1 <= len(sentence) <= 5
                assert sum(map(len, sentence)) <= 60
                assert max(map(len, sentence)) <= 30
            total += len(piece)
            assert reader.held_bytes <= 60 + 35
    except BadReply as error:
        assert 0 <= error.offset <= total + 60
        assert reader.held_bytes == 0


hostile_words = st.binary(min_size=1, max_size=20) | st.sampled_from(
    [
        b"!re",
        b"!done",
        b"!trap",
        b"!fatal",
        b".tag=1",
        b".tag=",
        b"=",
        b"==",
        b"=ret=\xff",
        b"=category=9",
        b"!",
    ]
)


@given(st.lists(st.lists(hostile_words, min_size=1, max_size=5), max_size=8))
def test_any_sentences_are_events_or_a_bad_reply(said: list[list[bytes]]) -> None:
    stream = b"".join(b"".join(encode_length(len(word)) + word for word in words) + b"\x00" for words in said)
    conversation, login = Conversation(SentenceReader()), Login("u", "p", SentenceReader())
    conversation.start(["/x"])
    with contextlib.suppress(BadReply):
        conversation.feed(stream)
    with contextlib.suppress(BadReply, BadCredentials, Refused):
        login.feed(stream)


def test_a_word_of_250_megabytes_is_refused_when_it_is_announced() -> None:
    reader = SentenceReader()
    with pytest.raises(
        BadReply, match="a word of 250000000 bytes is announced, the cap is 1048576"
    ) as caught:
        reader.feed(b"\x03!re" + encode_length(250_000_000) + bytes(1000))
    assert caught.value.offset == 4
    assert reader.held_bytes == 0
    with pytest.raises(BadReply, match="250000000"):
        reader.feed(b"\x05!done\x00")


def test_a_reserved_length_byte_is_refused() -> None:
    for first in range(0xF8, 0x100):
        with pytest.raises(BadReply, match="is reserved"):
            SentenceReader().feed(bytes((first, 0, 0, 0, 0)))


def test_a_sentence_without_end_is_refused() -> None:
    with pytest.raises(BadReply, match="more than 1024 words"):
        SentenceReader().feed(b"\x01x" * 1025)
    with pytest.raises(BadReply, match="more than 2097152 bytes"):
        word = encode_length(700_000) + bytes(700_000)
        reader = SentenceReader()
        for _ in range(4):
            reader.feed(word)


def test_a_megabyte_word_that_comes_byte_by_byte_costs_its_bytes_and_little_more() -> None:
    reader = SentenceReader()
    reader.feed(encode_length(1 << 20))
    tracemalloc.start()
    try:
        for _ in range(200_000):
            assert reader.feed(b"x") == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_an_endless_answer_is_refused_but_an_endless_stream_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routeros, "MAX_RECORDS", 10)
    record = b"".join(map(encode_word, ("!re", ".tag=1", "=n=1"))) + b"\x00"
    streaming, answering = Conversation(SentenceReader()), Conversation(SentenceReader())
    streaming.start(["/log/listen"], stream=True)
    answering.start(["/ip/route/print"])
    assert streaming.feed(record * 50) == [Record("1", {"n": "1"})] * 50
    assert len(answering.feed(record * 10)) == 10
    with pytest.raises(BadReply, match="an answer of more than 10 records"):
        answering.feed(record)


def test_a_cancelled_stream_that_does_not_stop_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routeros, "MAX_RECORDS", 10)
    record = b"".join(map(encode_word, ("!re", ".tag=1"))) + b"\x00"
    conversation = Conversation(SentenceReader())
    conversation.start(["/log/listen"], stream=True)
    conversation.feed(record * 50)
    conversation.cancel("1")
    assert conversation.feed(record * 10) == []
    with pytest.raises(BadReply, match="an answer of more than 10 records"):
        conversation.feed(record)


def test_an_answer_of_too_many_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routeros, "MAX_ANSWER_BYTES", 1000)
    conversation = Conversation(SentenceReader())
    conversation.start(["/file/print"])
    with pytest.raises(BadReply, match="an answer of more than 1000 bytes"):
        conversation.feed(encode_sentence(["!re", ".tag=1", "=contents=" + "x" * 1000]))


def test_an_answer_that_drips_in_is_counted_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routeros, "MAX_ANSWER_BYTES", 1000)
    conversation = Conversation(SentenceReader())
    conversation.start(["/file/print"])
    sentence = encode_sentence(["!re", ".tag=1", "=contents=" + "x" * 1000])
    conversation.feed(sentence[:-1])
    with pytest.raises(BadReply, match="an answer of more than 1000 bytes"):
        conversation.feed(sentence[-1:])


def test_a_long_first_word_that_drips_in_is_not_looked_at_with_each_of_its_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[int] = []

    def read(block: bytes, max_sentence_bytes: int) -> tuple[int, list[Row]]:
        looked.append(len(block))
        return read_plain(block, max_sentence_bytes)

    monkeypatch.setattr(routeros, "read_plain", read)
    reader = SentenceReader()
    word = "!" + "x" * 1000
    found = [found for byte in encode_sentence([word]) for found in reader.feed_mixed(bytes((byte,)))]
    assert found == [[word.encode()]]
    assert sum(looked) < 10


_WORDS = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.sampled_from(
        [b".tag=1", b".tag=", b"=name=ether1", b"=comment= a  b ", b"=x==", b"==v", b"=n", b"!re"]
    ),
    st.builds(lambda name, value: b"=" + name + b"=" + value, *[st.binary(max_size=12)] * 2),
)


_ROWS = st.lists(
    st.lists(_WORDS, max_size=6).map(lambda words: [b"!re", *words]) | st.lists(_WORDS, max_size=3),
    min_size=1,
    max_size=5,
)


def stream_of(sentences: list[list[bytes]]) -> bytes:
    """Return sentences as they come over the wire; an empty one is only its end."""
    return b"".join(
        b"".join(encode_length(len(word)) + word for word in words) + b"\0" for words in sentences
    )


def replies_in(stream: bytes, cuts: list[int], *, thoroughly: bool = False) -> list[object]:
    """Read a stream in pieces; the last item is the error that it ended with, or what is held of the next sentence."""
    reader = SentenceReader()
    found: list[object] = []
    at = 0
    try:
        for cut in [*sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]:
            piece = stream[at:cut]
            if thoroughly:
                for words in reader.feed(piece):
                    found.append(decode_reply(words))
            else:
                for sentence in reader.feed_mixed(piece):
                    found.append(decode_mixed(sentence))
            at = cut
    except BadReply as error:
        return [*found, str(error)]
    return [*found, reader.held_bytes]


@given(_ROWS, st.lists(st.integers(0, 1000), max_size=3))
def test_many_replies_are_read_as_each_of_them_is(sentences: list[list[bytes]], cuts: list[int]) -> None:
    stream = stream_of(sentences)
    assert replies_in(stream, cuts) == replies_in(stream, cuts, thoroughly=True)


_ROW_WORDS = st.sampled_from(
    [".tag=1", "=name=ether1", '=comment="a\\" b', "=a=b=c", "=n", "==", "=§=1", "=¶=1", "=x=" + "y" * 28]
    + ["=x=" + "y" * size for size in (29, 30, 58, 91, 92, 123, 124, 125)]
    + ["=a= b", "=a =b", "= a=b", "=a=b ", "=a=b  c", "=a=b\nc", "=a=b\x01c", "!re", "word", '","', "=a\t=b"]
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["!re", "!done", "!trap", "!empty", "!fatal", "!new", "!", "word"]),
            st.lists(_ROW_WORDS, max_size=4),
        ),
        max_size=4,
    ),
    st.binary(max_size=3) | st.just(b""),
    st.lists(st.integers(0, 1000), max_size=3),
)
def test_rows_that_are_nearly_plain_are_read_as_each_of_them_is(
    rows: list[tuple[str, list[str]]], tail: bytes, cuts: list[int]
) -> None:
    stream = stream_of([[word.encode() for word in (kind, *words)] for kind, words in rows]) + tail
    assert replies_in(stream, cuts) == replies_in(stream, cuts, thoroughly=True)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_any_bytes_are_read_alike_both_ways(data: bytes, cut: int) -> None:
    assert replies_in(data, [cut]) == replies_in(data, [cut], thoroughly=True)


@given(
    st.lists(
        st.sampled_from([b"\x03!re", b"\x04=a=b", b"\x02=a", b"\x00", b"!", b"=", b" ", b"\x01", b"\x1f"])
    )
)
def test_lengths_that_do_not_fit_are_read_alike_both_ways(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert replies_in(data, []) == replies_in(data, [], thoroughly=True)


def test_plain_records_are_read_in_one_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [
        [b"!re", b".tag=7", b"=name=ether1", b"=rx-byte=12"],
        [b"!re", b"=name=a b", b".tag=8", b"=comment=of more than thirty-one characters"],
    ]
    monkeypatch.setattr(routeros, "decode_reply", None)
    monkeypatch.setattr(SentenceReader, "_cut", lambda self, block, most: pytest.fail() if block else [])
    reader = SentenceReader()
    assert [
        (reply.tag, reply.attributes) for reply in map(decode_mixed, reader.feed_mixed(stream_of(sentences)))
    ] == [
        ("7", {"name": "ether1", "rx-byte": "12"}),
        ("8", {"name": "a b", "comment": "of more than thirty-one characters"}),
    ]


def test_a_foreign_letter_in_one_row_leaves_the_others_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [[b"!re", b".tag=7", b"=name=ether%d" % n] for n in range(3)]
    sentences[1].append("=comment=Zürich".encode())
    slow: list[list[bytes]] = []

    def decode(words: list[bytes]) -> routeros.Reply:
        slow.append(words)
        return decode_reply(words)

    monkeypatch.setattr(routeros, "decode_reply", decode)
    replies = [decode_mixed(sentence) for sentence in SentenceReader().feed_mixed(stream_of(sentences))]
    assert [reply.attributes["name"] for reply in replies] == ["ether0", "ether1", "ether2"]
    assert replies[1].attributes["comment"] == "Zürich"
    assert slow == [sentences[1]]


@pytest.mark.parametrize(("words", "fits"), [(3, True), (4, False)])
def test_a_plain_sentence_is_held_to_the_caps_as_well(words: int, fits: bool) -> None:
    stream = stream_of(2 * [[b"!re", *([b"=a"] * (words - 1))]])
    reader = SentenceReader(max_sentence_words=3)
    if fits:
        assert len(reader.feed_mixed(stream)) == 2
    else:
        with pytest.raises(BadReply, match="a sentence of more than 3 words"):
            reader.feed_mixed(stream)


def test_a_login_is_not_remembered() -> None:
    before = routeros._encode_command.cache_info().currsize
    Login("u", "a secret that nobody keeps", SentenceReader()).start()
    assert routeros._encode_command.cache_info().currsize == before
