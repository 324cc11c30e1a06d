"""What is said at the server's door where the two ends of a tunnel meet. Counterparts: `engine/access/relay.py`,
`sync_server/live/crossings.py`.

Theory: whoever opens a tunnel dials the server and says `Begin`; the server has whoever carries it told `Meet` on his own line,
and he dials and says `Answer`. Then both hear `Met`, and from there the server passes frames on and looks into none. A frame
that begins with `SERVER_SAYS` or above is the server's own (`Refused`): those of the two ends begin with less.
One rule: who may is asked when they meet, of the server's own rows; nothing that either end says of itself counts.
"""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

import msgspec

from domain.sync import Refused

_Message = TypeVar("_Message")

PATH = "/api/v1/live/tunnel"
SERVER_SAYS = 0x80
MEET_S = 10.0
"""How long one end waits for the other."""
BEAT_S = 5.0
FRAME_CAP_BYTES = 64 * 1024 + 16


class Begin(msgspec.Struct, tag="begin", frozen=True):
    """A tunnel to a port of a device is to be carried. `token` opens one stream, once; `install` is who dials;
    `via` the install of a colleague whose shared tunnel is to carry it."""

    token: str
    install: UUID
    tunnel: UUID
    device: UUID
    port: int
    via: UUID | None = None

    def __repr__(self) -> str:
        return f"Begin(tunnel={self.tunnel}, device={self.device}, port={self.port})"


class Answer(msgspec.Struct, tag="answer", frozen=True):
    """Whoever was told `Meet` is here, or says why he carries it not."""

    token: str
    install: UUID
    tunnel: UUID
    refusal: str = ""

    def __repr__(self) -> str:
        return f"Answer(tunnel={self.tunnel}, refusal={self.refusal!r})"


class Met(msgspec.Struct, tag="met", frozen=True):
    """The other end is here. `carrier`: the computer that carries it, by its name."""

    carrier: str = ""


_encoder = msgspec.msgpack.Encoder()
_to_door: msgspec.msgpack.Decoder[Begin | Answer] = msgspec.msgpack.Decoder(Begin | Answer)
_from_door: msgspec.msgpack.Decoder[Met | Refused] = msgspec.msgpack.Decoder(Met | Refused)


def encode(message: Begin | Answer | Met | Refused) -> bytes:
    """Return a message as one frame's bytes."""
    return _encoder.encode(message)


def decode_to_door(data: bytes) -> Begin | Answer:
    """Return what one end says. Raises msgspec.DecodeError (of which ValidationError is one)."""
    return _decoded(_to_door, data)


def decode_from_door(data: bytes) -> Met | Refused:
    """Return what the server says. Raises msgspec.DecodeError (of which ValidationError is one)."""
    return _decoded(_from_door, data)


def _decoded(decoder: msgspec.msgpack.Decoder[_Message], data: bytes) -> _Message:
    try:
        return decoder.decode(data)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
