"""The team as a window sees it: who is there, what waits, what was not applied. Counterparts: `engine/sync/`, `app/team/`.

Theory: each network is a profile's folder of its own, with its own engine: the one that a laptop has by itself, and one for
each tenant that it joined (`teams/<tenant>` beneath). To join makes such a folder and says where it is; the window then starts
an engine on it. So a team's rows never mix with another's, and to leave is to delete a folder.
One rule: `TeamState` holds nothing secret.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from domain.blobs import PictureWay
from domain.clash import Clash
from domain.edit import Edit
from domain.errors import Refusal
from domain.inventory import Kind
from domain.polling import Poller
from domain.roles import Permission
from domain.sharing import SharingRequest
from domain.sync import Person
from domain.team_map import FetchMap, MapWay
from domain.vault import Secret

Reachability = Literal["online", "connecting", "offline", "refused"]
"""Of the server: "refused" until a person does something (`TeamState.why` says what)."""
LeaseState = Literal["here", "elsewhere", "cut_off"]
"""Who polls and judges: this engine for the team; another; this one by itself, "from here", because the server is not heard."""
TRAY_CAP = 1_000
PENDING_THINGS_CAP = 2_000
"""Things that `TeamState` names as not confirmed: the last touched."""
PICTURE_WAYS_CAP = 500


LOCAL_ALERTS_CAP = 2_000
SEEN_FROM_HERE = "seen from this computer only, while the server was not heard"
"""Why an alert ended that a computer had opened for itself alone."""


class TrayEntry(msgspec.Struct, frozen=True):
    """An edit of this computer that was not applied, or not whole. `clashes`: these fields kept what others had written;
    `refusals`: nothing was applied, and why. Whoever has seen it sends it again, changed or not, or drops it."""

    edit: Edit
    at_us: int
    clashes: tuple[Clash, ...] = ()
    refusals: tuple[Refusal, ...] = ()


class TeamState(msgspec.Struct, frozen=True):
    """How this engine stands with its team; there is one where it has joined one.

    `pending`: edits of this computer that the server has not confirmed, and which things they touch; `untold`: rows of its
    journal that it has not; `tray`: edits that were not applied, or not whole, and that nobody has decided on. `synced_us`: when
    this computer last had all that the server has, 0 never; it moves on while the line stands.
    `people`: who is there now, this install too. `pollers`: the installs that a device can be assigned to, as was said last.
    `local_alerts`: those that were judged by this computer alone, while it was cut off, and are seen by nobody else.
    """

    server: str
    tenant: UUID
    tenant_name: str
    account: UUID
    name: str
    role: str
    permissions: tuple[Permission, ...]
    is_everywhere: bool
    reachability: Reachability
    why: str = ""
    retry_us: int = 0
    synced_us: int = 0
    pending: int = 0
    pending_things: tuple[tuple[Kind, UUID], ...] = ()
    tray: int = 0
    untold: int = 0
    lease: LeaseState = "elsewhere"
    holder: str = ""
    people: tuple[Person, ...] = ()
    install: UUID | None = None
    collectors: int | None = None
    """How many the team has; None: that was never heard."""
    local_alerts: tuple[UUID, ...] = ()
    pollers: tuple[Poller, ...] = ()
    hears_pushes: bool = True
    """Whether the server would hear of what devices push, as it said last."""
    is_synced: bool = True
    """Whether all that the server has is here; while not, `received` things of it came over this line, of some `to_come` (0:
    that is not known)."""
    received: int = 0
    to_come: int = 0
    pictures: tuple[PictureWay, ...] = ()
    """Those that are on their way, at most `PICTURE_WAYS_CAP`."""
    maps: tuple[MapWay, ...] = ()
    """How the team's maps stand with this computer, but for those that are here and on the server."""
    shown_certificate: str = ""
    """SHA-256 that the server shows now, where it is refused because `trusted_certificate` is expected (empty: one that the
    system vouches for); a person may agree to it (`TrustServer`). Empty while there is nothing to agree to."""
    trusted_certificate: str = ""
    login: str = ""
    """By what its person logs in, as the server said last."""
    left_out: bool = False
    """Whether the team has things that only a newer version of this program knows, and that are not here."""


def poller_of(team: TeamState | None, install: UUID) -> str:
    """Return the name of another install of the team, empty where it is this one or nobody knows it."""
    if team is None or install == team.install:
        return ""
    return next((one.name for one in team.pollers if one.install == install), "")


class LookAtServer(msgspec.Struct, tag="look_at_server", frozen=True):
    """Ask a server who it is, before anything secret is sent. `link`: its address, or an invitation (`https://host/link#token`).

    Reply.result: {"address", "fingerprint" (SHA-256 of its certificate, empty over plain HTTP), "is_trusted" (by this system),
    "tenant", "login" (of an invitation, or empty), "needs_password" (the invitation sets one)}. Where the certificate is not
    trusted, nothing is sent: the last three are empty until it is asked again with the `fingerprint` that the person agreed to.
    Refusals: NO_ANSWER, INVALID_INPUT at "link" (plain HTTP is for this computer alone), LINK_OVER, CERTIFICATE_CHANGED.
    """

    request: int
    link: str
    fingerprint: str = ""


class JoinTeam(msgspec.Struct, tag="join_team", frozen=True):
    """Join: log in (or take an invitation, whose password this becomes), register this install, make the team's folder.

    `fingerprint` is the certificate's that the person has agreed to, empty where the system trusts it. `bring`: what this network
    holds goes along, as one edit (as several where it is large), without its secrets. Reply.result: {"profile": path of the
    folder, "tenant": its name, "brought": things, "secrets_left": credentials whose secrets are to be entered again there}, or
    {"tenants": [[id, name, role]]} where there are several and none is said: ask again with one, within two minutes, with the
    same `code`. Refusals: NO_ANSWER, INVALID_INPUT, LINK_OVER, INVALID_CREDENTIALS, TOTP_REQUIRED at "code",
    CERTIFICATE_CHANGED, CERTIFICATE_UNTRUSTED, ALREADY_JOINED, and what the server says.
    """

    request: int
    link: str
    login: str = ""
    password: Secret = Secret("")
    code: str = ""
    fingerprint: str = ""
    tenant: UUID | None = None
    computer: str = ""
    bring: bool = False


class LogInAgain(msgspec.Struct, tag="log_in_again", frozen=True):
    """The session is over: open a new one. `login`: by what this person logs in, where that is another by now; empty: as the
    server said last. Reply: ok, or refusals: INVALID_CREDENTIALS, NOT_THIS_PERSON at "login" (the install is somebody else's),
    TOTP_REQUIRED at "code", NOT_A_MEMBER, NO_ANSWER, and what the server says."""

    request: int
    password: Secret
    code: str = ""
    login: str = ""


class TrustServer(msgspec.Struct, tag="trust_server", frozen=True):
    """The person agrees to another certificate of the team's server (`TeamState.shown_certificate`): its SHA-256. From then on it
    is expected, and no other; one that the system vouches for is not kept. Reply: ok, or refusals: INVALID_INPUT,
    CERTIFICATE_CHANGED (it shows yet another by now), NO_ANSWER."""

    request: int
    fingerprint: str


class LeaveTeam(msgspec.Struct, tag="leave_team", frozen=True):
    """Leave: the install is revoked on the server where it can be reached. `keep`: what is here stays as a network of one's own,
    else it is wiped when the engine ends. Edits that were not confirmed are refused with PENDING_EDITS unless `lose_pending`."""

    request: int
    keep: bool
    lose_pending: bool = False


class QueryTray(msgspec.Struct, tag="query_tray", frozen=True):
    """Ask for what is pending and what was not applied, the newest first. Reply.result: {"pending": [Edit as plain data], "tray":
    [TrayEntry as plain data], "more": how many are not told}."""

    request: int


class DropFromTray(msgspec.Struct, tag="drop_from_tray", frozen=True):
    """Whoever decides has seen it: forget an entry of the tray. Reply: ok, also where it is gone already."""

    request: int
    edit: UUID


class SetPresence(msgspec.Struct, tag="set_presence", frozen=True):
    """Tell the team what this window's person looks at or works on. Reply: ok."""

    request: int
    looks_at: UUID | None = None
    works_on: UUID | None = None


TEAMS_FOLDER = "teams"
"""Of a profile: it holds the folders of the networks that were joined."""
NETWORK_FILE = "network.json"
"""In such a folder: its `NetworkCard`, written whole before JoinTeam is answered; a folder without one is none, or is wiped."""


class NetworkCard(msgspec.Struct, frozen=True):
    """What a joined network's folder says of itself, so that a window can name it before its engine runs. `left`: the team was
    left, and what was here is kept as a network of one's own."""

    tenant: UUID
    name: str
    server: str
    left: bool = False


TeamRequest = (
    LookAtServer
    | JoinTeam
    | LogInAgain
    | TrustServer
    | LeaveTeam
    | QueryTray
    | DropFromTray
    | SetPresence
    | SharingRequest
    | FetchMap
)
