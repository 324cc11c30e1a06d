"""A RouterOS API that costs next to nothing: it says again what one of simnet's routers said. Counterpart: `bench_routeros.py`.

While it is asked it does not sleep: on loopback the sender pays for waking the receiver, which no network would charge it.
One rule: whoever asks is charged for asking, and for nothing of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import cast

Answers = dict[bytes, list[tuple[bytes, bytes]]]
"""By command the sentences of its answer, each as its first word and the others, without a tag and without the end."""

AWAKE_S = 0.02
_END = b"\x05!done\0"


def encode(words: Iterable[str]) -> bytes:
    """Return a sentence of short words."""
    return b"".join(bytes((len(word),)) + word.encode() for word in words) + b"\0"


async def record(address: tuple[str, int], login: Sequence[str], queries: Iterable[Sequence[str]]) -> Answers:
    """Ask a router each query, and return what it said."""
    reader, writer = await asyncio.open_connection(*address)
    answers: Answers = {}
    for words in (login, *queries):
        writer.write(encode(words))
        said = await reader.readuntil(_END)
        sentences = said.removesuffix(b"\0").split(b"\0")
        assert all(sentence[1:2] == b"!" for sentence in sentences), "a long or an empty word"
        cuts = [1 + sentence[0] for sentence in sentences]
        answers[words[0].encode()] = [
            (sentence[:cut], sentence[cut:]) for sentence, cut in zip(sentences, cuts, strict=True)
        ]
    writer.close()
    return answers


class Wakefulness:
    """Keeps the loop from sleeping for a while after it was last asked."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._until_s = 0.0

    def extend(self) -> None:
        """Somebody asks."""
        was_asleep = self._until_s < self._loop.time()
        self._until_s = self._loop.time() + AWAKE_S
        if was_asleep:
            self._look()

    def _look(self) -> None:
        if self._loop.time() < self._until_s:
            self._loop.call_soon(self._look)


class Replay(asyncio.Protocol):
    """One connection."""

    def __init__(self, answers: Answers, wakefulness: Wakefulness) -> None:
        self._answers = answers
        self._wakefulness = wakefulness
        self._held = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._wakefulness.extend()
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer the sentences that are whole, all at once; the tag is where a router has it."""
        self._wakefulness.extend()
        *whole, self._held = (self._held + data).split(b"\0")
        said: list[bytes] = []
        for sentence in whole:
            at = sentence.find(b".tag=")
            tag = sentence[at - 1 :] if at >= 0 else b""
            for head, rest in self._answers[sentence[1 : 1 + sentence[0]]]:
                said += (head, tag, rest, b"\0")
        self._transport.write(b"".join(said))
