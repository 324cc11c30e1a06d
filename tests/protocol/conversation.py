"""Conversations written as tables. Counterpart: the protocol tests; a failure shows the table that was and the one wanted.

    do  what our side is asked to do, by its method's name
    >>  what our side sends
    <<  what the other side sends
    ==  an event our side makes of it
    !!  the error our side ends with

One rule: only `do` and `<<` lines are input; every other line must come out by itself, in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from inspect import cleandoc

from domain.errors import DeviceError
from engine.protocols.routeros import Event, SentenceReader, encode_sentence

SEPARATOR = " | "


@dataclass
class Side:
    """Our side of a conversation: what it does, and how it hears."""

    do: Callable[[str, list[str]], bytes]
    hear: Callable[[bytes], tuple[bytes, Iterable[Event]]]
    lines: list[str] = field(default_factory=list)

    def sends(self, data: bytes) -> None:
        """Write down what was sent, sentence by sentence."""
        for sentence in SentenceReader().feed(data):
            self.lines.append(">> " + SEPARATOR.join(word.decode() for word in sentence))


def play(side: Side, table: str, *, bytes_at_a_time: int = 1 << 20) -> None:
    """Say the other side's lines of `table` to ours; assert that all its own lines came as written."""
    wanted = [" ".join(line.split()) for line in cleandoc(table).splitlines() if line.strip()]
    for line in wanted:
        mark, _, rest = line.partition(" ")
        try:
            if mark == "do":
                side.lines.append(line)
                verb, _, arguments = rest.partition(" ")
                side.sends(side.do(verb, arguments.split(SEPARATOR) if arguments else []))
            elif mark == "<<":
                side.lines.append(line)
                sentence = encode_sentence(rest.split(SEPARATOR))
                for at in range(0, len(sentence), bytes_at_a_time):
                    reply, events = side.hear(sentence[at : at + bytes_at_a_time])
                    side.sends(reply)
                    side.lines.extend(f"== {event!r}" for event in events)
        except DeviceError as error:
            side.lines.append(f"!! {type(error).__name__}: {error}")
            break
    assert "\n".join(side.lines) == "\n".join(wanted)
