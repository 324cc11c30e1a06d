"""Every message of the chain window <-> engine (and later <-> server). Counterpart: `engine/endpoint.py`, `app/engine_link.py`.

Theory: a client says Hello and gets Welcome; then the engine sends `Changed` batches, the first ones a snapshot (`initial`,
the last of them with `more` False). One batch is outstanding per client: the client answers Credit when it has merged it, and
what changes meanwhile waits in the engine with the latest value per subject winning, so that a frozen window costs a bounded
amount and delays nobody. Requests carry a number of the client's and get exactly one Reply. Heartbeats go both ways outside of
credit. One rule: messages are msgpack maps, tagged by "type"; unknown fields are ignored, unknown types refused.
"""

from __future__ import annotations

from typing import Any, Literal, get_args
from uuid import UUID

import msgspec

from domain.alerts import Alert, PersonAct
from domain.asking import Int64, NetworkRequest
from domain.blobs import BlobRequest
from domain.diagram import Diagram, Drawing, Spot
from domain.edit import Edit
from domain.errors import Refusal
from domain.evidence import Contradiction, DerivedLink
from domain.exchanging import ExchangeRequest
from domain.fact import Fact
from domain.fault import Fault
from domain.finding import Find
from domain.health import Health
from domain.inventory import KINDS, Credential, Device, Kind, Link, Site, Tenant
from domain.journal import JournalRow
from domain.load import LinkState
from domain.maps import MapFile, MapRequest
from domain.mib import MibRequest
from domain.operation import Operation
from domain.photo import Photo
from domain.receiving import ReceiverSettings, ReceiverState
from domain.retention import DiskState, Retention
from domain.searching import DiscoveryRequest
from domain.team import TeamRequest, TeamState
from domain.team_map import TeamMap
from domain.terrain import TerrainRequest
from domain.tunnels import TunnelRequest, TunnelsState
from domain.vault import Secret, VaultRequest, VaultState
from domain.watching import AlertRule, Ignored, Maintenance

PROTOCOL = 1
FRAME_CAP_BYTES = 16 * 1024 * 1024
HEARTBEAT_S = 1.0
DEAD_AFTER_MISSED = 3
SUBJECTS_PER_BATCH = 2_000
"""Most subjects in one Changed, so that a snapshot of 10,000 devices stays far below the frame cap."""


# Client to engine


class Hello(msgspec.Struct, tag="hello", frozen=True):
    """First words of a client. `client` is "window", "cli" or "test"."""

    protocol: int
    client: str
    version: str = ""


class Credit(msgspec.Struct, tag="credit", frozen=True):
    """The batch of that number is merged: send the next."""

    batch: int


class Alive(msgspec.Struct, tag="alive", frozen=True):
    """Heartbeat of either side."""

    at_us: int


class SubmitEdit(msgspec.Struct, tag="submit_edit", frozen=True):
    """Apply this edit. Reply: ok, or refusals. `secrets` by credential id go to disk sealed, with it, and nowhere else."""

    request: int
    edit: Edit
    secrets: dict[UUID, Secret] = {}


class ActOnAlert(msgspec.Struct, tag="act_on_alert", frozen=True):
    """Somebody acknowledges an alert, comments on it, assigns it, resolves it or opens it again.

    `by` and `to` (whom it is assigned to; empty is nobody) have at most 120 characters, `text` 2,000. Reply: ok, also where it is
    so already, or refusals: ALERT_NOT_FOUND, ALERT_CLOSED at "act", and what is wrong with by, text or to.
    """

    request: int
    alert: UUID
    act: PersonAct
    by: str
    text: str = ""
    to: str = ""


class Watch(msgspec.Struct, tag="watch", frozen=True):
    """Send the latest values of these devices with each cycle; replaces the former list. `discovery`: somebody looks at what
    is found, so listen on the LAN."""

    devices: tuple[UUID, ...] = ()
    discovery: bool = False


class QuerySeries(msgspec.Struct, tag="query_series", frozen=True):
    """Ask for one series. Reply.result: {"at_us", "value", "low", "high"}, lists of at most `points` (<= 500).

    A point is one poll, or the mean of a stretch of time with the lowest and highest value in it. In a team "missing" tells what
    others measured and is not here: None where nothing is missing, else {"since_us": from when on, None where it is some of the
    time before; "why": in words}.
    """

    request: int
    device: UUID
    metric: str
    instance: str
    from_us: Int64
    to_us: Int64
    points: int = 500


class QueryJournal(msgspec.Struct, tag="query_journal", frozen=True):
    """Ask for the newest journal rows of a subject (or of all). Reply.result: {"rows": [JournalRow as plain data]}."""

    request: int
    subject: UUID | None = None
    limit: int = 100


class ProbeNow(msgspec.Struct, tag="probe_now", frozen=True):
    """Poll a device at once. Reply: ok when it is scheduled."""

    request: int
    device: UUID


class QueryProfiles(msgspec.Struct, tag="query_profiles", frozen=True):
    """Ask which SNMP profiles there are. Reply.result: {"titles": {name: title}, "problems": [Refusal as plain data]}.

    A problem is what is wrong with a file in the user's profile folder; the engine reads them once.
    """

    request: int


class SetRetention(msgspec.Struct, tag="set_retention", frozen=True):
    """Keep numbers for another time from now on. Reply: ok, or refusals."""

    request: int
    retention: Retention


class SetReceivers(msgspec.Struct, tag="set_receivers", frozen=True):
    """Listen for traps and syslog so from now on, and after a restart. Reply: refusals, or ok with
    {"listeners": [Listener as plain data]}, where `trouble` says what could not be listened on."""

    request: int
    settings: ReceiverSettings


class QueryQuarantine(msgspec.Struct, tag="query_quarantine", frozen=True):
    """Ask who sent without being a device, the latest first. Reply.result: {"senders": [QuarantinedSender as plain data]}."""

    request: int
    limit: int = 100


class ForgetSender(msgspec.Struct, tag="forget_sender", frozen=True):
    """Drop a sender from the quarantine; with `ignore` nothing of it is taken any more (`ReceiverSettings.ignored`)."""

    request: int
    address: str
    ignore: bool = False


class Stop(msgspec.Struct, tag="stop", frozen=True):
    """End the engine cleanly. Reply: ok, then the endpoint closes."""

    request: int


ToEngine = (
    Hello
    | Credit
    | Alive
    | SubmitEdit
    | ActOnAlert
    | Watch
    | QuerySeries
    | QueryJournal
    | ProbeNow
    | QueryProfiles
    | MibRequest
    | NetworkRequest
    | DiscoveryRequest
    | TerrainRequest
    | ExchangeRequest
    | BlobRequest
    | MapRequest
    | SetRetention
    | SetReceivers
    | QueryQuarantine
    | ForgetSender
    | VaultRequest
    | TeamRequest
    | TunnelRequest
    | Stop
)


# Engine to client


class Welcome(msgspec.Struct, tag="welcome", frozen=True):
    """Answer to Hello: who the engine is and whose network it holds."""

    protocol: int
    version: str
    tenant: Tenant
    vantage: UUID
    pid: int
    started_us: int
    notices: tuple[str, ...] = ()
    """Sentences for the user, such as "ICMP is not permitted on this computer: ..."."""


class Rejected(msgspec.Struct, tag="rejected", frozen=True):
    """The engine closes this connection, and says why."""

    code: str
    message: str


class LatestValues(msgspec.Struct, frozen=True):
    """The newest numbers of a watched device: {(metric, instance) -> value} as a list of triples.

    `live` are those that the device streams while it is watched, at `live_at_us`: newer than the same in `values`, second by
    second, and not kept. Only RouterOS streams, over its API: the rates of its running interfaces.
    """

    device: UUID
    at_us: int
    values: tuple[tuple[str, str, float], ...]
    live: tuple[tuple[str, str, float], ...] = ()
    live_at_us: int = 0


class EngineState(msgspec.Struct, frozen=True):
    """How the engine fares: polls per second, totals by probe kind, failures, rows waiting for the disk.

    `schedule_lag_*`: how late the polls of the last second began, the worst, and 99 of 100.

    Counted since its start: `unbelievable_values` that no sane device says, `refused_values` that were not stored,
    `dropped_samples` of poll cycles that were lost while the disk failed, `lost_reports` of others that found no room. Kept over
    its starts: `lost_polls` that the team's server will never have (`LostPolls`).
    """

    at_us: int
    polls_per_s: float = 0.0
    polls: dict[str, int] = {}
    poll_failures: int = 0
    schedule_lag_ms: float = 0.0
    schedule_lag_p99_ms: float = 0.0
    in_flight: int = 0
    waiting_rows: int = 0
    dropped_datagrams: int = 0
    notices: tuple[str, ...] = ()
    unbelievable_values: int = 0
    refused_values: int = 0
    dropped_samples: int = 0
    lost_reports: int = 0
    lost_polls: int = 0
    disk: DiskState | None = None
    retention: Retention | None = None
    receivers: ReceiverState | None = None
    vault: VaultState | None = None


FoundKind = Literal["fault", "derived_link", "contradiction", "operation", "find", "map"]
"""What was found out and can be over; what people intended is a Kind."""
FOUND_KINDS: tuple[FoundKind, ...] = get_args(FoundKind)
REMOVABLE: frozenset[str] = frozenset((*KINDS, *FOUND_KINDS))


ROWS_OF: dict[Kind, str] = {kind: f"{kind}s" if kind != "ignored" else kind for kind in KINDS}
FOUND_ROWS_OF: dict[FoundKind, str] = {kind: f"{kind}s" for kind in FOUND_KINDS}
"""Where `Changed` holds the things of a kind."""


class Removed(msgspec.Struct, frozen=True):
    """A thing that is gone; an alert only where somebody looks at a moment before it."""

    kind: Kind | FoundKind | Literal["alert"]
    id: UUID


class Changed(msgspec.Struct, tag="changed", frozen=True):
    """What changed since the last batch: the newest state of each subject."""

    batch: int
    initial: bool = False
    more: bool = False
    sites: tuple[Site, ...] = ()
    devices: tuple[Device, ...] = ()
    links: tuple[Link, ...] = ()
    credentials: tuple[Credential, ...] = ()
    rules: tuple[AlertRule, ...] = ()
    maintenances: tuple[Maintenance, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    diagrams: tuple[Diagram, ...] = ()
    spots: tuple[Spot, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    photos: tuple[Photo, ...] = ()
    team_maps: tuple[TeamMap, ...] = ()
    removed: tuple[Removed, ...] = ()
    health: tuple[Health, ...] = ()
    link_states: tuple[LinkState, ...] = ()
    alerts: tuple[Alert, ...] = ()
    faults: tuple[Fault, ...] = ()
    derived_links: tuple[DerivedLink, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    operations: tuple[Operation, ...] = ()
    finds: tuple[Find, ...] = ()
    maps: tuple[MapFile, ...] = ()
    facts: tuple[Fact, ...] = ()
    values: tuple[LatestValues, ...] = ()
    journal: tuple[JournalRow, ...] = ()
    engine: EngineState | None = None
    team: TeamState | None = None
    tunnels: TunnelsState | None = None


class Reply(msgspec.Struct, tag="reply", frozen=True):
    """The one answer to a request. Empty `refusals` means done. `request` 0 answers nobody: it says what could not be sent."""

    request: int
    refusals: tuple[Refusal, ...] = ()
    result: dict[str, Any] = {}


ToClient = Welcome | Rejected | Changed | Reply | Alive

_encoder = msgspec.msgpack.Encoder()
_to_engine: msgspec.msgpack.Decoder[ToEngine] = msgspec.msgpack.Decoder(ToEngine)
_to_client: msgspec.msgpack.Decoder[ToClient] = msgspec.msgpack.Decoder(ToClient)


class FrameTooLarge(ValueError):
    """A message does not go into a frame."""


def encode(message: ToEngine | ToClient) -> bytes:
    """Return a message as one frame's bytes. Raises FrameTooLarge above the frame cap."""
    data = _encoder.encode(message)
    if len(data) > FRAME_CAP_BYTES:
        raise FrameTooLarge(
            f"{type(message).__name__} of {len(data)} bytes, at most {FRAME_CAP_BYTES} go in a frame"
        )
    return data


def decode_to_engine(data: bytes) -> ToEngine:
    """Return a client's message. Raises msgspec.ValidationError or msgspec.DecodeError."""
    return _to_engine.decode(data)


def decode_to_client(data: bytes) -> ToClient:
    """Return an engine's message. Raises msgspec.ValidationError or msgspec.DecodeError."""
    return _to_client.decode(data)
