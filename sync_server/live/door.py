"""Who comes in: a socket is taken, says Hello with a token that opens one stream, and is welcomed or told why not.

Counterpart: `engine/sync/client.py`.
One rule: until somebody is admitted he gets no more than ten seconds, 64 KiB and one sentence.
"""

from __future__ import annotations

import asyncio
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
from sync_server.live.hub import LATE_S, Hub
from sync_server.live.line import Line
from sync_server.live.reading import READS
from sync_server.live.works import AWAY
from sync_server.security import audit
from sync_server.security.limits import LimitExceeded
from sync_server.security.principal import Origin, Principal
from sync_server.security.tokens import TokenInvalid
from sync_server.services import Services

_log = logging.getLogger("sync_server.live")

PATH = "/api/v1/live"
HELLO_S = 10.0
HELLO_CAP_BYTES = 64 * 1024
GREETING_CAP = 500
"""Sockets at a time that have not said who they are."""
LATER_S = 30.0
AGENT_CAP = 256
VERSION_CAP = 60
router = APIRouter()


@router.websocket(PATH)
async def serve_line(socket: WebSocket) -> None:
    """Serve one install, or one who listens."""
    services: Services = socket.app.state.services
    hub: Hub = socket.app.state.hub
    if is_foreign_page(socket, services):
        await socket.close()  # before it is taken: a page of another site gets 403
        return
    await socket.accept()
    peer = Peer(socket)
    async with peer.told_of_bugs():
        await _serve(socket, peer, services, hub)


async def _serve(socket: WebSocket, peer: Peer, services: Services, hub: Hub) -> None:
    hub.greeting += 1
    try:
        if hub.is_closing:
            raise HangUp("CLOSING", "the server stops", LATE_S)
        if hub.greeting > GREETING_CAP:
            raise HangUp("TOO_MANY", "too many connect just now", LATER_S)
        admitted = await _admitted(socket, peer, services, hub)
    except HangUp as why:
        await peer.refuse(why)
        return
    except AWAY:
        await peer.refuse(HangUp("CLOSING", "the database is away", 2.0))
        return
    finally:
        hub.greeting -= 1
    if admitted is not None:
        line, first = admitted
        assert line.who.tenant is not None
        socket.scope.setdefault("state", {})["tenant_id"] = line.who.tenant
        await hub.serve(line, line.who.tenant, first)


async def _admitted(socket: WebSocket, peer: Peer, services: Services, hub: Hub) -> tuple[Line, bytes] | None:
    """Return somebody's line and Welcome; None where he left. Raises HangUp, and as `Database.transaction` does."""
    try:
        async with asyncio.timeout(HELLO_S):
            data = await peer.receive()
    except TimeoutError:
        raise HangUp("BAD_MESSAGE", f"Hello expected within {HELLO_S:g} s") from None
    if data is None:
        return None
    if len(data) > HELLO_CAP_BYTES:
        raise HangUp("BAD_MESSAGE", f"Hello of at most {HELLO_CAP_BYTES} bytes expected, got {len(data)}")
    hello = decode(data)
    if not isinstance(hello, Hello):
        raise HangUp("BAD_MESSAGE", "Hello comes first")
    if not SYNC_PROTOCOL - 1 <= hello.protocol <= SYNC_PROTOCOL:
        which = "server" if hello.protocol > SYNC_PROTOCOL else "app"
        said = (
            f"protocol {SYNC_PROTOCOL} or the one before expected, got {hello.protocol}: update the {which}"
        )
        raise HangUp("UPDATE_NEEDED", said)
    who, tenant = await admit(socket, peer, services, hub, hello.token)
    return await _welcomed(peer, hub, who, tenant, hello)


def is_foreign_page(socket: WebSocket, services: Services) -> bool:
    """Tell whether a page of another site asks."""
    said = socket.headers.get("origin")
    return said is not None and said != services.settings.public_url


async def admit(
    socket: WebSocket, peer: Peer, services: Services, hub: Hub, token: str
) -> tuple[Principal, UUID]:
    """Return whose token it is that opens one stream, and in which tenant. Raises HangUp."""
    address = socket.client.host if socket.client is not None else ""
    agent = clean_text(socket.headers.get("user-agent", ""), AGENT_CAP)
    try:
        who = await services.admission.admit_stream(token, Origin(address, agent, peer.request_id))
    except TokenInvalid:
        raise HangUp("TOKEN_INVALID", "no stream token, used before or too old", 1.0) from None
    except LimitExceeded as full:
        raise HangUp("TOO_MANY", str(full), float(full.wait_s)) from None
    if who.tenant is None:
        raise HangUp("NOT_A_MEMBER", "that is in a tenant: enter one first")
    if not hub.has_room(who.tenant):
        raise HangUp("TOO_MANY", "as many are connected as may be", LATER_S)
    return who, who.tenant


async def _welcomed(peer: Peer, hub: Hub, who: Principal, tenant: UUID, hello: Hello) -> tuple[Line, bytes]:
    id, works = uuid4(), hub.works
    client = clean_text(hello.version, VERSION_CAP)
    async with works.database.transaction(who) as transaction:
        state = await transaction.fetchrow(_STATE)
        if state is None:
            raise HangUp("NOT_A_MEMBER", "the tenant is gone")
        person, fitness, may_tell = None, polling.UNFIT, False
        if hello.install is not None:
            row = await transaction.fetchrow(_INSTALL, hello.install, who.id, client)
            if row is None:
                raise HangUp("INSTALL_REVOKED", "this install is not yours, not proven, or was revoked")
            if who.session is not None:
                await transaction.execute(_WORKS_AS, who.session, hello.install)
            person = Person(hello.install, who.id, who.name, row["name"], works.now_us())
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
    " AND proven_us IS NOT NULL AND ended_us IS NULL RETURNING name, kind"
)
_WORKS_AS = "SELECT identity.work_as($1, $2)"
"""The session ends with the install: whoever finds a computer that was revoked works by neither."""
_TO_COME = "SELECT count(*) FROM sync.touched WHERE revision > $1"
_KEPT = "SELECT max(last_seq) FROM sync.received WHERE origin = $1"
