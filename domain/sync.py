"""Every message between an install and the server of its team. Counterparts: `engine/sync/`, `sync_server/live/`.

Theory: one WebSocket an install, both ways, each frame one msgpack map tagged by "type". The server gives every change of a
tenant the next `revision`; an install names the newest that it has, and is told what was touched since, as it is now: a thing
that was touched ten times comes once, one that is gone comes as `Gone`. So a snapshot is the same as news since 0, and to be
told something twice is harmless. Entries come in parts; what they bring holds once the last part (`complete`) is there, all
at once. Changes of people go up as edits, in the order in which they were made, each with an id of its own; what machines say
goes up as states (the latest wins) and as rows of the install's journal, which are numbered without a gap: so to say
something twice is harmless too. Two parts of entries are outstanding at most: the install answers `Taken` as each is on its disk,
and gets the next.
One rule: unknown fields are ignored, unknown types are answered with `Refused` ("update the app") by the server, and what only a
newer server knows is left out by an install (`newer.py`); nothing is acknowledged that is not on disk.
"""

from __future__ import annotations

from typing import Literal, TypeVar, get_args
from uuid import UUID

import msgspec

from domain.alerts import Alert
from domain.clash import Clash
from domain.diagram import Diagram, Drawing, Spot
from domain.edit import Edit
from domain.errors import Refusal
from domain.fact import Fact
from domain.health import Health
from domain.inventory import Credential, Device, Kind, Link, Site, Tenant
from domain.journal import JournalRow
from domain.load import LinkState
from domain.past_numbers import AskPorts, AskSeries, PortsThen, Series
from domain.photo import Photo
from domain.polling import AskNow, Heard, LetGo, Poller, Seen, Share
from domain.roles import Permission, Role
from domain.team_map import TeamMap
from domain.tunnels import GiveWay, Meet, TakeOver, TeamTunnel, TellTunnels
from domain.watching import AlertRule, Ignored, Maintenance

_Message = TypeVar("_Message")

SYNC_PROTOCOL = 1
"""The server speaks this one and the one before."""
FRAME_CAP_BYTES = 4 * 1024 * 1024
HEARTBEAT_S = 5.0
DEAD_AFTER_S = 13.0
"""A side that has heard nothing for so long hangs up: it is known within 15 s. Each sends `Alive` every `HEARTBEAT_S`."""
ENTRIES_PER_PART = 2_000
EDITS_PER_PUSH = 200
DEVICES_WATCHED = 500
"""Most devices that a Subscribe or an AskNow names."""
ROWS_PER_TELL = 2_000
RECONNECT_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""How long is waited before the next attempt, the last one from there on; each with up to a fifth more or less by chance."""

Topic = Literal[
    "device_status", "metric_update", "alert_fired", "config_push", "firmware_progress", "presence"
]
"""What a line wants to hear of. All entries come to an install; to who only listens those of alerts with "alert_fired", others
with "device_status". People come with "presence", numbers and loads with "metric_update". Nothing comes with "config_push" and
"firmware_progress" yet: no install changes how a device is configured or what it runs, so there is no step of either to tell of.
To want them already is no fault."""
TOPICS: tuple[Topic, ...] = get_args(Topic)
Numbers = tuple[UUID, int, tuple[tuple[str, str, float], ...]]
"""What a device measured in one poll cycle: [device, at_us, [[metric, instance, value], ...]]."""
Load = tuple[UUID, float | None, float | None]
"""What a link carries each way in bit/s, None where that is not known: [link, from a to b, from b to a]."""
LOADS_AT_ONCE = 2_000
StateKind = Literal["alert", "health", "link_state", "fact"]
"""What adds up, and is not intended: by alert, by device, by link; all facts of a device."""


# Install to server


class Hello(msgspec.Struct, tag="hello", frozen=True):
    """First words. `token` opens one stream, once (`POST /auth/stream-token`). `install` None: a page or a program that only
    listens and has no journal. `run`: the engine from its start to its end, without which it polls nothing. `epoch` and
    `revision` say what it has: ("", 0) is nothing. `topics`: what else it wants to hear; durable entries come to whoever has an
    install, and to others with "device_status" or "alert_fired"."""

    protocol: int
    token: str
    install: UUID | None = None
    epoch: str = ""
    revision: int = 0
    version: str = ""
    topics: tuple[Topic, ...] = ()
    run: UUID | None = None

    def __repr__(self) -> str:
        return f"Hello(install={self.install}, revision={self.revision})"


class Taken(msgspec.Struct, tag="taken", frozen=True):
    """The part of entries of this revision is on disk (merged where nothing is kept; in memory, if not its batch's last)."""

    revision: int


class Push(msgspec.Struct, tag="push", frozen=True):
    """Edits in the order in which they were made, at most EDITS_PER_PUSH. Answer: Outcomes, one for each, in that order."""

    edits: tuple[Edit, ...]


class Tell(msgspec.Struct, tag="tell", frozen=True):
    """What this install saw and did: rows of its journal without a gap after the last that was kept, and states by then.

    Answer: Kept. Statuses, link states and alerts of the judge count for the team where `fence` is the lease's that it holds.
    """

    number: int
    journal: tuple[JournalRow, ...] = ()
    health: tuple[Health, ...] = ()
    link_states: tuple[LinkState, ...] = ()
    facts: tuple[Fact, ...] = ()
    fence: int = 0


class Cycles(msgspec.Struct, tag="cycles", frozen=True):
    """Numbers of some poll cycles: [device, at_us, [[metric, instance, value], ...]]. Answer: Kept, once they are on disk."""

    number: int
    cycles: tuple[Numbers, ...]


class Digests(msgspec.Struct, tag="digests", frozen=True):
    """What this install knows of devices, 8 bytes each over their facts. Answer: Wanted, those that the server knows
    otherwise."""

    facts: dict[UUID, bytes]


class Subscribe(msgspec.Struct, tag="subscribe", frozen=True):
    """From now on these topics, and numbers of these devices (at most 500); replaces what was wanted before. Who adds a
    topic of entries is told them all, from 0 on, as they are now."""

    topics: tuple[Topic, ...]
    devices: tuple[UUID, ...] = ()


class Present(msgspec.Struct, tag="present", frozen=True):
    """What this install's person looks at or works on; empty ids: nothing in particular."""

    looks_at: UUID | None = None
    works_on: UUID | None = None


class Alive(msgspec.Struct, tag="alive", frozen=True):
    """Heartbeat of either side. `at_us`: its clock; `untold`: rows of an install's journal that it has not told. An install
    numbers its beats, from 1: a grant answers one. `hears_pushes`: whether the server hears what devices push; where not, none
    that only pushes is missed. `revision`: its newest, as far as it knows. `sees_nothing`: an install judges, and no device
    at all answers it: its own line has failed, and whoever else is there is to judge."""

    at_us: int
    untold: int = 0
    beat: int = 0
    hears_pushes: bool = True
    revision: int = 0
    sees_nothing: bool = False


class Loads(msgspec.Struct, tag="loads", frozen=True):
    """What links carry, as who judges sees it, for those who look; at most `LOADS_AT_ONCE`. Under another fence than that of the
    lease it is nothing. Some each few seconds, and all of them each minute; may be lost."""

    fence: int
    links: tuple[Load, ...]


ToServer = (
    Hello
    | Taken
    | Push
    | Tell
    | Cycles
    | Digests
    | Subscribe
    | AskSeries
    | AskPorts
    | Present
    | Alive
    | LetGo
    | Seen
    | Loads
    | AskNow
    | TellTunnels
    | TakeOver
)


# Server to install


class Welcome(msgspec.Struct, tag="welcome", frozen=True):
    """Answer to Hello. `epoch` is another after a restore: what was confirmed may be gone, so everything is told anew, and
    everything kept is sent anew. `revision` is the newest; `kept_seq` the last row of this install's journal that is kept;
    `to_come` about how many things are told now, 0 for who reaches some sites only; `login` by what this person logs in now."""

    protocol: int
    version: str
    tenant: Tenant
    epoch: str
    revision: int
    account: UUID
    name: str
    role: Role
    permissions: tuple[Permission, ...]
    is_everywhere: bool
    kept_seq: int
    at_us: int
    to_come: int = 0
    login: str = ""


class Gone(msgspec.Struct, frozen=True):
    """A thing that is deleted, or that is not within reach any more."""

    kind: Kind | StateKind
    id: UUID


class EditRow(msgspec.Struct, frozen=True):
    """An edit as it was applied, and what of it was not because somebody was quicker."""

    revision: int
    edit: Edit
    clashes: tuple[Clash, ...] = ()


class Entries(msgspec.Struct, tag="entries", frozen=True):
    """What was touched after `since`, as it is by `revision`; `since` 0 takes the place of all that was there before.

    Parts of one batch have the same `since`; each may have been read later than the one before, and what it says of a thing
    holds. They hold all at once when one is `complete`, by its revision; within a part, what goes, goes after what comes.
    `facts` are all of a device's that come at once; of a device that is told of, others are gone.
    """

    since: int
    revision: int
    complete: bool
    sites: tuple[Site, ...] = ()
    credentials: tuple[Credential, ...] = ()
    devices: tuple[Device, ...] = ()
    links: tuple[Link, ...] = ()
    rules: tuple[AlertRule, ...] = ()
    maintenances: tuple[Maintenance, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    diagrams: tuple[Diagram, ...] = ()
    spots: tuple[Spot, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    photos: tuple[Photo, ...] = ()
    team_maps: tuple[TeamMap, ...] = ()
    gone: tuple[Gone, ...] = ()
    alerts: tuple[Alert, ...] = ()
    health: tuple[Health, ...] = ()
    link_states: tuple[LinkState, ...] = ()
    facts: tuple[Fact, ...] = ()
    journal: tuple[JournalRow, ...] = ()
    edits: tuple[EditRow, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """What became of a pushed edit. `revision` is its own, 0 where nothing of it was applied; `clashes` are fields that kept
    the server's value, and things that were gone or there already; `refusals`: nothing of it was applied, and why."""

    id: UUID
    revision: int
    clashes: tuple[Clash, ...] = ()
    refusals: tuple[Refusal, ...] = ()


class Outcomes(msgspec.Struct, tag="outcomes", frozen=True):
    """Answer to Push."""

    outcomes: tuple[Outcome, ...]


class Kept(msgspec.Struct, tag="kept", frozen=True):
    """A Tell or Cycles of this number is on disk. `retry_after_s` above 0: it is not, for want of room; send it again then.
    `refused`: rows or cycles that were not taken for what they are, and never will be; of these cycles `lost` are kept by nobody:
    of days that it does not keep, hours ahead of its clock, of no shape that it knows, or beyond what it keeps of a tenant."""

    number: int
    kept_seq: int = 0
    retry_after_s: float = 0.0
    refused: int = 0
    lost: int = 0


class Wanted(msgspec.Struct, tag="wanted", frozen=True):
    """Answer to Digests: tell the facts of these devices."""

    devices: tuple[UUID, ...]


class Lease(msgspec.Struct, tag="lease", frozen=True):
    """Whether this install judges for the team. `fence` 0: somebody else does (`holder` says who, empty: nobody).

    It holds for `for_s` from when it was received, and comes anew well before. One that is cut off goes on by itself, "from
    here", once the lease of whoever held it must be over.
    """

    fence: int
    for_s: float
    holder: str = ""


class Person(msgspec.Struct, frozen=True):
    """Somebody who is there: an install that is connected, whose, and what they look at or work on."""

    install: UUID
    account: UUID
    name: str
    computer: str
    since_us: int
    looks_at: UUID | None = None
    works_on: UUID | None = None


class Live(msgspec.Struct, tag="live", frozen=True):
    """What is told while somebody listens and is kept by nobody. `people` None: nobody came, went or moved; else all who are
    there, and `pollers` is every install of the team, the connected ones first.

    `numbers`: the newest of watched devices, [device, at_us, [[metric, instance, value], ...]]. `heard`: [device, at_us], when
    those who poll heard devices last that go on as they are; it comes with "device_status", of what one reaches. `loads`: what
    links carry that one reaches; it comes with "metric_update". `pushed`: what devices pushed last, for who judges alone.
    `tunnels`: all that people have open to devices that one reaches, None: as before; it comes with "presence".
    """

    people: tuple[Person, ...] | None = None
    pollers: tuple[Poller, ...] = ()
    numbers: tuple[Numbers, ...] = ()
    heard: tuple[tuple[UUID, int], ...] = ()
    loads: tuple[Load, ...] = ()
    pushed: tuple[Numbers, ...] = ()
    tunnels: tuple[TeamTunnel, ...] | None = None


class Refused(msgspec.Struct, tag="refused", frozen=True):
    """Why the server hangs up now. Codes: TOKEN_INVALID, NOT_A_MEMBER, INSTALL_REVOKED, UPDATE_NEEDED, BAD_MESSAGE, TOO_MANY,
    SESSION_OVER, CLOSING. `retry_after_s` 0: to try again needs a person."""

    code: str
    message: str
    retry_after_s: float = 0.0


ToInstall = (
    Welcome
    | Entries
    | Outcomes
    | Kept
    | Wanted
    | Series
    | PortsThen
    | Lease
    | Share
    | Heard
    | AskNow
    | Meet
    | GiveWay
    | Live
    | Refused
    | Alive
)

_encoder = msgspec.msgpack.Encoder()
_to_server: msgspec.msgpack.Decoder[ToServer] = msgspec.msgpack.Decoder(ToServer)
_to_install: msgspec.msgpack.Decoder[ToInstall] = msgspec.msgpack.Decoder(ToInstall)


def encode(message: ToServer | ToInstall) -> bytes:
    """Return a message as one frame's bytes."""
    return _encoder.encode(message)


def decode_to_server(data: bytes) -> ToServer:
    """Return an install's message. Raises msgspec.DecodeError (of which ValidationError is one)."""
    return _decoded(_to_server, data)


def decode_to_install(data: bytes) -> ToInstall:
    """Return a server's message. Raises msgspec.DecodeError (of which ValidationError is one)."""
    return _decoded(_to_install, data)


def _decoded(decoder: msgspec.msgpack.Decoder[_Message], data: bytes) -> _Message:
    try:
        return decoder.decode(data)
    except (UnicodeDecodeError, RecursionError) as error:  # a text that is none, a value that is too deep
        raise msgspec.DecodeError(str(error)) from error
