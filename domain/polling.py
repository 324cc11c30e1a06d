"""Who polls what, and how what he sees gets to the judge. Counterparts: `sync_server/live/polling.py`, which settles it;
`engine/sync/shares.py`, which keeps to it.

Theory: the devices that are assigned to nobody fall into `SLOTS` slots by their ids, and each slot is held by one run of an
engine at a time; those that are assigned to an install are held by a run of that install. Whoever holds something was granted it
for `HOLD_S` since he said a beat, and hears so again well before. A slot moves when its holder has let it go, or when the holder
must know by himself that it is over. What holders see goes to who judges as reports, about one a second, which may be lost.
The messages about it are part of those of `domain/sync.py`.
One rule: nobody asks a device whose slot he does not hold.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec

from domain.observation import Observation

SLOTS = 128
HOLD_S = 8.0
"""How long a grant holds since the beat that it answers was sent."""
BEAT_S = 2.0
REPORT_S = 1.0
"""How often an engine says a beat, and reports what it saw."""
REPORT_OBSERVATIONS = 2_000
REPORT_CAP_BYTES = 2 * 1024 * 1024


def slot_of(device: UUID) -> int:
    """Return the slot of a device that is assigned to nobody."""
    return zlib.crc32(device.bytes) % SLOTS


class Report(msgspec.Struct, frozen=True):
    """What an install saw: observations as they came, and of which devices a visit was over after how many of them, and when.

    `at_us` is its clock when it was sent.
    """

    at_us: int
    observations: tuple[Observation, ...] = ()
    visits: tuple[tuple[int, UUID, int], ...] = ()


# Install to server


class LetGo(msgspec.Struct, tag="let_go", frozen=True):
    """This run does not ask the devices of these slots any more, [slot, fence]. None: none at all, its own neither; it ends."""

    slots: tuple[tuple[int, int], ...] | None = None


class Seen(msgspec.Struct, tag="seen", frozen=True):
    """What this run saw of devices that it holds, for who judges: a `Report`. At most some a second; may be
    lost."""

    report: bytes


class AskNow(msgspec.Struct, tag="ask_now", frozen=True):
    """Have devices asked at once by whoever polls them: [device, the install that it is assigned to]. To an install: ask
    these."""

    devices: tuple[tuple[UUID, UUID | None], ...]


# Server to install


class Share(msgspec.Struct, tag="share", frozen=True):
    """What this run polls from now on: `slots` that it holds, [slot, fence], and under the fence `own` (0: not) the devices that
    are assigned to its install. It holds for `for_s` since the beat of that number was sent. `back`: slots that it holds and is
    to let go, now. `handed`: slots that another asked until he let them go."""

    beat: int
    for_s: float
    slots: tuple[tuple[int, int], ...] = ()
    own: int = 0
    back: tuple[tuple[int, int], ...] = ()
    handed: tuple[int, ...] = ()


class Heard(msgspec.Struct, tag="heard", frozen=True):
    """To who judges: what another install saw, and what it held then: these slots, and with `own` what is assigned to it. What
    the report says of other devices is nothing."""

    install: UUID
    slots: tuple[int, ...]
    own: bool
    report: bytes


class Poller(msgspec.Struct, frozen=True):
    """An install of the team that can be chosen to poll a device, and whether it is connected."""

    install: UUID
    name: str
    kind: Literal["window", "collector"]
    is_here: bool


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Report)


def encode_observation(observation: Observation) -> bytes:
    """Return an observation as bytes, for `encode_report`."""
    return _encoder.encode(observation)


def encode_report(
    at_us: int, observations: Sequence[bytes], visits: Sequence[tuple[int, UUID, int]]
) -> bytes:
    """Return a report as bytes; its observations are encoded already."""
    told = [msgspec.Raw(data) for data in observations]
    return _encoder.encode({"at_us": at_us, "observations": told, "visits": visits})


def decode_report(data: bytes) -> Report:
    """Return a report. Raises msgspec.DecodeError."""
    try:
        return _decoder.decode(data)
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise msgspec.DecodeError(str(error)) from error
