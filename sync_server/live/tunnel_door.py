"""Who comes with an end of a tunnel: whether he may, to which device, and who is to carry it. Counterpart: `crossings.py`.

Theory: the device is read as whoever asks, so that one of another tenant or beyond his sites is not there. The port must be one
that the device is administered by. Who carries is whoever polls the device, if that is a collector; it is told on its line, at
whichever server that is, and comes to this door by itself. Of several servers behind one address it may come to another: it is
told so, and comes again. Who carries is asked about as who opens is, when he comes and as long as he carries (`hub.py`).
One rule: opened, closed and refused are rows of the audit, written here and not by either end.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from fastapi import APIRouter
from starlette.websockets import WebSocket

from domain.crossing import PATH, Answer, Begin, Met, decode_to_door, encode
from domain.inventory import Device
from domain.polling import slot_of
from domain.roles import Permission
from domain.sync import DEAD_AFTER_S, Refused
from domain.sync import encode as encode_line
from domain.text import clean_text
from domain.tunnels import Meet, services_of
from sync_server import inventory
from sync_server.database import Transaction, Work
from sync_server.live import relaying
from sync_server.live.crossings import Crossing
from sync_server.live.frames import HangUp, Peer
from sync_server.live.greeting import LATER_S, Caller, greet
from sync_server.live.hub import OWN_INSTALL, Hub
from sync_server.live.works import AWAY, hang_up_of
from sync_server.security import audit
from sync_server.security.principal import Principal

_log = logging.getLogger("sync_server.live")

HELLO_CAP_BYTES = 4096
NEEDS: Permission = "tunnels:write"
ELSEWHERE_S = 0.2
router = APIRouter()


class Carrier(NamedTuple):
    """Who polls a device: an install, its computer and its kind."""

    install: UUID
    name: str
    kind: str


@router.websocket(PATH)
async def serve_tunnel(socket: WebSocket) -> None:
    """Serve one end of a tunnel for as long as the tunnel is."""
    await greet(socket, _come_in, _serve)


async def _come_in(caller: Caller) -> tuple[Principal, Crossing | Answer] | None:
    """Return who comes, and the tunnel that he opens or the one that he is to carry; None where he left. Raises HangUp, and as
    `Database.transaction` does."""
    data = await caller.first_words(HELLO_CAP_BYTES, "Begin or Answer")
    if data is None:
        return None
    try:
        hello = decode_to_door(data)
    except msgspec.MsgspecError:
        raise HangUp("BAD_MESSAGE", "Begin or Answer expected") from None
    who, tenant = await caller.admit(hello.token)
    await _check_install(caller.hub, who, hello.install)
    return who, hello if isinstance(hello, Answer) else await _begun(caller.hub, who, tenant, hello)


async def _serve(caller: Caller, admitted: tuple[Principal, Crossing | Answer]) -> None:
    who, wanted = admitted
    if isinstance(wanted, Answer):
        await _answer(caller.hub, who, wanted, caller.peer)
    else:
        await _carry(caller, wanted)


async def _check_install(hub: Hub, who: Principal, install: UUID) -> None:
    async with hub.works.database.transaction(who) as transaction:
        if not await transaction.fetchval(OWN_INSTALL, install, who.id):
            raise HangUp("INSTALL_REVOKED", "this install is not yours, not proven, or was revoked")


# Who opens


async def _begun(hub: Hub, who: Principal, tenant: UUID, begin: Begin) -> Crossing:
    """Return a tunnel whose other end is called. Raises HangUp, which is in the audit then."""
    detail: dict[str, Any] = {"tunnel": str(begin.tunnel), "port": begin.port}
    try:
        async with hub.works.database.transaction(who) as transaction:
            device = await _device(transaction, who, begin)
        if begin.via is not None:
            carrier = _sharer(hub, tenant, begin.via, begin)
        else:
            async with hub.works.database.transaction(Work(tenant)) as transaction:
                carrier = await _carrier(transaction, device)
        if why := hub.crossings.why_full(who):
            raise HangUp("TOO_MANY", why, LATER_S)
        if begin.tunnel in hub.crossings.all:
            raise HangUp("TOO_MANY", "this tunnel is open already", 1.0)
    except HangUp as why:
        hub.crossings.ended[why.refused.code] += 1
        async with hub.works.database.transaction(who) as transaction:
            refused = {**detail, "why": why.refused.message}
            await audit.record(transaction, who, "tunnel.refused", ("device", begin.device), refused)
        raise
    crossing = Crossing(
        begin.tunnel,
        who,
        device.id,
        device.address,
        begin.port,
        carrier.install,
        carrier.name,
        is_shared=begin.via is not None,
    )
    hub.crossings.begin(crossing)  # before anything is awaited: nobody else has that id
    try:
        async with hub.works.database.transaction(who) as transaction:
            opened = {**detail, "address": device.address, "name": device.name, "by_way_of": carrier.name}
            await audit.record(transaction, who, "tunnel.opened", ("device", device.id), opened)
    except BaseException:
        hub.crossings.end(crossing, HangUp("CLOSING", "the database is away"))
        raise
    meet = Meet(begin.tunnel, device.id, begin.port, carrier.install, who.name)
    hub.relay(tenant, relaying.MEET, encode_line(meet))
    return crossing


async def _device(transaction: Transaction, who: Principal, begin: Begin) -> Device:
    if not who.may(NEEDS):
        raise HangUp("NOT_ALLOWED", f"the permission {NEEDS} is needed")
    device: Device | None = await inventory.thing(transaction, "device", begin.device)
    if device is None:
        raise HangUp("NOT_FOUND", "the device is not there")
    if begin.port not in services_of(device):
        raise HangUp("PORT_NOT_ALLOWED", f"port {begin.port} is none that the device is administered by")
    return device


async def _carrier(transaction: Transaction, device: Device) -> Carrier:
    """Return who is to carry a tunnel to a device. Raises HangUp where there is nobody."""
    query, given = (_OWN, device.polled_by) if device.polled_by is not None else (_SHARED, slot_of(device.id))
    row = await transaction.fetchrow(query, given, round(DEAD_AFTER_S * 1e6))
    if row is None:
        raise HangUp("NOBODY", "nobody is there who polls the device, so nobody can carry it", 2.0)
    carrier = Carrier(UUID(int=row["id"].int), clean_text(row["name"], 120), row["kind"])
    if carrier.kind != "collector":
        said = (
            f"the device is polled from {carrier.name}, which is no collector and carries nothing for others"
        )
        raise HangUp("NOBODY", said)
    return carrier


def _sharer(hub: Hub, tenant: UUID, via: UUID, begin: Begin) -> Carrier:
    """Return the colleague by whose shared tunnel another goes. Raises HangUp where he shares none there."""
    room = hub.rooms.get(tenant)
    shared = room.tunnels.shared(via, begin.device, begin.port) if room is not None else None
    if shared is None:
        raise HangUp("NOBODY", "that tunnel is not shared, or is over", 1.0)
    return Carrier(via, clean_text(shared.computer, 120), "window")


async def _carry(caller: Caller, crossing: Crossing) -> None:
    hub, peer = caller.hub, caller.peer
    why = HangUp("INTERNAL_ERROR", "something is wrong with the server")
    try:
        why = await crossing.run(peer)
    finally:
        hub.crossings.end(crossing, why)
        caller.give_place_back()
        await crossing.end_far(why)
        await peer.refuse(why)
        await _note_end(hub, crossing, why.refused)


async def _note_end(hub: Hub, crossing: Crossing, why: Refused) -> None:
    for_s = round(asyncio.get_running_loop().time() - crossing.began_s)
    detail = {"tunnel": str(crossing.id), "why": why.message, "for_s": for_s}
    detail |= {"to_bytes": crossing.passed["to"], "from_bytes": crossing.passed["from"]}
    _log.info("tunnel_closed", extra={"device_id": str(crossing.device), **detail})
    with suppress(*AWAY):
        async with hub.works.database.transaction(crossing.who) as transaction:
            await audit.record(
                transaction, crossing.who, "tunnel.closed", ("device", crossing.device), detail
            )


# Who carries


async def _answer(hub: Hub, who: Principal, answer: Answer, peer: Peer) -> None:
    crossing = hub.crossings.all.get(answer.tunnel)
    if crossing is None or crossing.who.tenant != who.tenant or crossing.carrier != answer.install:
        elsewhere = HangUp("ELSEWHERE", "this tunnel does not wait here", ELSEWHERE_S)
        await peer.refuse(await hub.crossings.lead_astray(who, peer, elsewhere))
        return
    try:
        refusal = clean_text(answer.refusal, 300) or await hub.why_not_carried(crossing, who)
    except AWAY as failed:
        await peer.refuse(hang_up_of(failed))
        return
    if not crossing.arrive(peer, who, refusal):
        await peer.refuse(HangUp("TOO_MANY", "somebody carries this tunnel already"))
        return
    if refusal:
        await peer.send(encode(Met()))
    await crossing.ended.wait()


_KNOWN = """identity.install i JOIN sync.line l ON l.install_id = i.id AND l.heard_us > identity.now_us() - $2::bigint
    WHERE i.ended_us IS NULL"""
_OWN = f"SELECT i.id, i.name, i.kind FROM {_KNOWN} AND i.id = $1"
_SHARED = f"""
    SELECT i.id, i.name, i.kind FROM {_KNOWN} AND i.id =
        (SELECT p.install_id FROM sync.slot s JOIN sync.poller p USING (tenant_id, run_id) WHERE s.slot = $1 LIMIT 1)
"""
