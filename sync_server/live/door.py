"""Who comes in: a socket is taken, says Hello with a token that opens one stream, and is welcomed or told why not.

Counterpart: `engine/sync/client.py`.
One rule: what a line may do is decided here, once, as whoever holds it: his rights change, and he comes again.
"""

from __future__ import annotations

import hashlib
import logging
from uuid import UUID, uuid4

from fastapi import APIRouter
from starlette.websockets import WebSocket

from domain.inventory import Tenant
from domain.sync import SYNC_PROTOCOL, TOPICS, Hello, Person, Welcome, encode
from domain.text import clean_text
from engine import VERSION
from sync_server.database import Transaction
from sync_server.live import polling, presence
from sync_server.live.frames import HangUp, Peer, decode
from sync_server.live.greeting import Caller, greet
from sync_server.live.hub import Hub
from sync_server.live.line import Line
from sync_server.live.reading import READS
from sync_server.security import audit
from sync_server.security.principal import Principal

_log = logging.getLogger("sync_server.live")

PATH = "/api/v1/live"
HELLO_CAP_BYTES = 64 * 1024
VERSION_CAP = 60
router = APIRouter()


@router.websocket(PATH)
async def serve_line(socket: WebSocket) -> None:
    """Serve one install, or one who listens."""
    await greet(socket, _come_in, _serve)


async def _come_in(caller: Caller) -> tuple[Line, UUID, bytes] | None:
    """Return somebody's line, its tenant and Welcome; None where he left. Raises HangUp, and as `Database.transaction` does."""
    data = await caller.first_words(HELLO_CAP_BYTES, "Hello")
    if data is None:
        return None
    hello = decode(data)
    if not isinstance(hello, Hello):
        raise HangUp("BAD_MESSAGE", "Hello comes first")
    if not SYNC_PROTOCOL - 1 <= hello.protocol <= SYNC_PROTOCOL:
        which = "server" if hello.protocol > SYNC_PROTOCOL else "app"
        said = (
            f"protocol {SYNC_PROTOCOL} or the one before expected, got {hello.protocol}: update the {which}"
        )
        raise HangUp("UPDATE_NEEDED", said)
    who, tenant = await caller.admit(hello.token)
    line, first = await _welcomed(caller.peer, caller.hub, who, tenant, hello)
    return line, tenant, first


async def _serve(caller: Caller, admitted: tuple[Line, UUID, bytes]) -> None:
    await caller.hub.serve(*admitted, caller.give_place_back)


async def _welcomed(peer: Peer, hub: Hub, who: Principal, tenant: UUID, hello: Hello) -> tuple[Line, bytes]:
    id, works = uuid4(), hub.works
    client = clean_text(hello.version, VERSION_CAP)
    async with works.database.transaction(who) as transaction:
        state = await transaction.fetchrow(_STATE)
        if state is None:
            raise HangUp("NOT_A_MEMBER", "the tenant is gone")
        person, fitness, may_tell, login = None, polling.UNFIT, False, ""
        if hello.install is not None:
            row = await transaction.fetchrow(_INSTALL, hello.install, who.id, client)
            if row is None:
                raise HangUp("INSTALL_REVOKED", "this install is not yours, not proven, or was revoked")
            if who.session is not None:
                await transaction.execute(_WORKS_AS, who.session, hello.install)
            person = Person(hello.install, who.id, who.name, row["name"], works.now_us())
            login = row["login"]
            is_collector = row["kind"] == "collector"
            may_tell = is_collector or who.may("edits:write")
            fitness = _fitness(who, is_collector=is_collector, may_tell=may_tell)
            await presence.arrive(transaction, who, person, id, fitness, hello.run)
        kept_seq = await _kept_seq(transaction, hello.install)
        revision: int = state["revision"]
        epoch = _epoch(state["epoch"], who)
        is_same = hello.epoch == epoch and 0 <= hello.revision <= revision
        is_told = hello.install is not None and who.reach.sites is None
        to_come = await transaction.fetchval(_TO_COME, hello.revision if is_same else 0) if is_told else 0
        if who.is_guest:
            read = {"method": "GET", "path": PATH}
            await audit.record(transaction, who, "tenant.read", ("tenant", tenant), read)
    line = Line(
        id,
        peer,
        works,
        who,
        person=person,
        fitness=fitness,
        run_id=hello.run,
        may_tell=may_tell,
        jumps=not is_same,
        cursor=hello.revision if is_same else 0,
        told_by=revision,
        topics=frozenset(hello.topics) & frozenset(TOPICS),
        protocol=hello.protocol,
    )
    welcome = Welcome(
        line.protocol,
        VERSION,
        Tenant(tenant, state["name"]),
        epoch,
        revision,
        who.id,
        who.name,
        who.role or "viewer",
        tuple(sorted(who.permissions)),
        who.reach.sites is None,
        kept_seq,
        works.now_us(),
        to_come,
        login,
    )
    said = {"tenant_id": str(tenant), "install": str(hello.install), "version": client, "since": line.cursor}
    _log.info("line_opened", extra={"request_id": peer.request_id, **said})
    return line, encode(welcome)


async def _kept_seq(transaction: Transaction, install: UUID | None) -> int:
    if install is None:
        return 0
    kept: int | None = await transaction.fetchval(_KEPT, install)
    return kept or 0


def _fitness(who: Principal, *, is_collector: bool, may_tell: bool) -> int:
    if not may_tell:
        return polling.UNFIT
    if who.reach.sites is not None:
        return polling.OWN
    return polling.COLLECTOR if is_collector else polling.WINDOW


def _epoch(epoch: UUID, who: Principal) -> str:
    """Return the epoch of what somebody sees: another after a restore, and where other things are in his sight."""
    kinds = sorted(kind for kind, permission in READS.items() if who.may(permission))
    sites = "" if who.reach.sites is None else ",".join(sorted(map(str, who.reach.sites)))
    extra = [permission for permission in ("edits:read", "events:read") if permission in who.permissions]
    seen = "\n".join((str(who.reach.sites is None), sites, *kinds, *extra))
    return f"{epoch.hex}-{hashlib.sha256(seen.encode()).hexdigest()[:16]}"


_STATE = (
    "SELECT t.name, t.revision, e.epoch FROM tenant t CROSS JOIN sync.epoch e WHERE t.id = current_tenant()"
)
_INSTALL = (
    "UPDATE identity.install SET seen_us = identity.now_us(), version = $3 WHERE id = $1 AND account_id = $2"
    " AND proven_us IS NOT NULL AND ended_us IS NULL"
    " RETURNING name, kind, (SELECT a.login FROM identity.account a WHERE a.id = $2) AS login"
)
_WORKS_AS = "SELECT identity.work_as($1, $2)"
"""The session ends with the install: whoever finds a computer that was revoked works by neither."""
_TO_COME = "SELECT count(*) FROM sync.touched WHERE revision > $1"
_KEPT = "SELECT max(last_seq) FROM sync.received WHERE origin = $1"
