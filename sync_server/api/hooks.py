"""`/hooks`: where a foreign monitor's messages come in and become alerts. Counterpart: `identity.find_hook`, `domain/alerts.py`.

Theory: a hook has a secret, shown once, kept sealed. Each message is signed with it over the time it was sent and its bytes, so
that nobody makes one up or plays an old one again:
    X-Timestamp: seconds since 1970, at most five minutes off
    X-Signature: sha256=HMAC-SHA256(secret, timestamp + "." + body) in hex
A message names what it is about by its own `key`: one key about one device is one alert. That it fires while it is open, or is
resolved when it is not, changes nothing, and one that was sent before the last about its alert comes too late, by the monitor's
clock alone: to send again is harmless. Who can send an API key may post the same message to `/alerts`.
One rule: an unknown hook and a wrong signature are answered alike.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import msgspec
from fastapi import Header

from domain.alerts import TEXT_CAP, Alert, Beginning, body_of, fingerprint
from domain.roles import PERMISSIONS, Permission, Reach, Role, key_permissions
from domain.text import clean_text
from domain.watching import Severity
from sync_server.api.checks import check_name
from sync_server.api.errors import refused
from sync_server.api.ids import new_id
from sync_server.api.routes import Body, Call, Routes
from sync_server.ledger import Ledger
from sync_server.security import audit
from sync_server.security.keyring import DoesNotOpen
from sync_server.security.principal import Principal

routes = Routes("hooks")
SKEW_S = 300
PURPOSE = "hook"
_HEADER = Header(max_length=128)


class Hook(msgspec.Struct, frozen=True):
    """A hook, without its secret. Times are microseconds since 1970 UTC; `heard_us`: when a message was taken last. `is_on`: it
    takes messages; one whose maker was removed or switched off does not, though nobody has ended it."""

    id: UUID
    name: str
    maker: UUID
    made_us: int
    ended_us: int | None
    heard_us: int | None
    is_on: bool


class NewHook(Body, frozen=True):
    """A hook to make."""

    name: str


class MadeHook(msgspec.Struct, frozen=True):
    """A hook and its secret, which is shown once."""

    hook: Hook
    secret: str


class Message(Body, frozen=True):
    """What a foreign monitor says of a device, which it names by its id here or by its address.

    `key` is the monitor's own name for what is wrong; `text` says why.
    """

    key: str
    title: str
    device: UUID | None = None
    address: str = ""
    state: Literal["firing", "resolved"] = "firing"
    severity: Severity = "warning"
    text: str = ""
    value: float | None = None


_HEARD = "SELECT a.at_us FROM identity.audit a WHERE (a.tenant_id, a.actor) = (h.tenant_id, h.id) ORDER BY a.seq DESC LIMIT 1"
_ROLE = "(SELECT f.maker_role FROM identity.find_hook(h.id) f) AS maker_role"
_SELECT = f"SELECT h.id, h.name, h.maker, h.made_us, h.ended_us, ({_HEARD}) AS heard_us, {_ROLE} FROM identity.hook h"


@routes.route("GET", "/hooks", allow="keys:read", gives=list[Hook], paged=True)
async def list_hooks(call: Call) -> list[Hook]:
    """List the tenant's hooks by name, those that have ended too."""
    return [_hook_of(row) for row in await call.rows_by("name", _SELECT)]


@routes.route("POST", "/hooks", allow="keys:write", takes=NewHook, gives=MadeHook, status=201)
async def make_hook(call: Call) -> MadeHook:
    """Make a hook."""
    check_name(call.body.name)
    id, secret = new_id(call), f"hgh_{secrets.token_urlsafe(32)}"
    sealed = call.services.keyring.seal(PURPOSE, id.bytes, secret.encode())
    await call.transaction.execute(
        "INSERT INTO identity.hook (tenant_id, id, name, sealed, maker, made_us)"
        " VALUES (current_tenant(), $1, $2, $3, $4, identity.now_us())",
        id,
        call.body.name,
        sealed,
        call.who.id,
    )
    await call.record("hook.made", ("hook", id), {"name": call.body.name})
    return MadeHook(await read_hook(call, id), secret)


@routes.route("DELETE", "/hooks/{id}", allow="keys:write", status=204)
async def end_hook(call: Call, id: UUID) -> None:
    """End a hook: its messages are refused from now on, its alerts stay."""
    before = await read_hook(call, id)
    await call.transaction.execute(
        "UPDATE identity.hook SET ended_us = coalesce(ended_us, identity.now_us()) WHERE id = $1", id
    )
    await call.record("hook.ended", ("hook", id), {"name": before.name})


@routes.route("POST", "/hooks/{id}", allow="anybody", takes=Message, gives=Alert)
async def take_message(
    call: Call,
    id: UUID,
    *,
    x_timestamp: Annotated[str, _HEADER] = "",
    x_signature: Annotated[str, _HEADER] = "",
) -> Alert:
    """Take a signed message of a foreign monitor."""
    services = call.services
    await services.admission.spend("api", f"hook {id.hex}", call.origin.address)
    row = await services.database.ask("SELECT * FROM identity.find_hook($1)", id)
    if row is None or not _is_signed(call, id, row["sealed"], x_timestamp, x_signature):
        raise refused("HOOK_NOT_FOUND", "there is no such hook, or this is not signed with its secret now")
    sites = None if row["sites"] is None else frozenset(UUID(bytes=site.bytes) for site in row["sites"])
    who = Principal(
        kind="key",
        id=id,
        name=row["name"],
        tenant=row["tenant_id"],
        role=None,
        permissions=_permissions(row["maker_role"]),
        reach=Reach(sites),
        origin=call.origin,
    )
    if not who.may("alerts:write"):
        raise refused("HOOK_NOT_FOUND", "there is no such hook, or this is not signed with its secret now")
    async with services.database.transaction(who) as transaction:
        ledger = await Ledger.open(transaction, who, round(services.now_s() * 1_000_000))
        alert = await _take(call, ledger, f"hook {id}", int(x_timestamp) * 1_000_000)
        await audit.record(transaction, who, *_told(call.body, alert))
    return alert


@routes.route("POST", "/alerts", allow="alerts:write", takes=Message, gives=Alert)
async def post_alert(call: Call) -> Alert:
    """Take a message of a foreign monitor that has an API key: as at a hook, without a signature."""
    ledger = await Ledger.open(call.transaction, call.who, round(call.services.now_s() * 1_000_000))
    alert = await _take(call, ledger, f"{call.who.kind} {call.who.id}", None)
    await call.record(*_told(call.body, alert))
    return alert


def _is_signed(call: Call, id: UUID, sealed: bytes, timestamp: str, signature: str) -> bool:
    if not (timestamp.isascii() and timestamp.isdecimal()):
        return False
    if len(timestamp) > 12 or abs(call.services.now_s() - int(timestamp)) > SKEW_S:
        return False
    try:
        secret = call.services.keyring.open(PURPOSE, id.bytes, sealed)
    except DoesNotOpen:  # the setting's secret was lost: the hook has to be made anew
        return False
    expected = hmac.new(secret, f"{timestamp}.".encode() + call.raw, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={expected}".encode(), signature.encode("utf-8", "replace"))


async def _take(call: Call, ledger: Ledger, source: str, sent_us: int | None) -> Alert:
    """Do what a message of a source says, sent at that time; None: in the order of hearing, for our clock may go back.

    Raises RefusedByRule.
    """
    body: Message = call.body
    check_name(body.key, "key")
    check_name(body.title, "title")
    text = clean_text(body.text, TEXT_CAP)
    subject = await ledger.device(body.device, body.address)
    old = await ledger.alert(id := fingerprint(source, subject, body.key))
    before_us = 0 if sent_us is None else await ledger.told_before(id, sent_us)
    sent_us = ledger.now_us if sent_us is None else sent_us
    if body.state == "resolved":
        if old is None:
            raise refused("ALERT_NOT_FOUND", "nothing of this key was firing")
        if old.cleared_us is not None or sent_us < before_us:
            return old
        return await ledger.tell(
            old, "alert_cleared", subject, body_of(old, why=text or "the monitor says so")
        )
    if old is not None and (old.is_open or sent_us <= before_us):
        return old
    if old is not None and old.cleared_us is None:  # a person's word, and the monitor still sees it
        return await ledger.tell(old, "alert_reopened", subject, body_of(old))
    begun = Beginning(
        rule=source,
        kind="external",
        severity=body.severity,
        count=1 if old is None else old.count + 1,
        opened_us=ledger.now_us,
        since_us=min(sent_us, ledger.now_us),
        instance=body.key,
        title=body.title,
        reason=text,
        value=body.value,
    )
    return await ledger.tell(old, "alert_opened", subject, body_of(begun))


def _told(body: Message, alert: Alert) -> tuple[str, tuple[str, object], dict[str, Any]]:
    detail = {"state": body.state, "key": body.key, "subject": str(alert.subject), "count": alert.count}
    return "alert.told", ("alert", alert.id), detail


async def read_hook(call: Call, id: UUID) -> Hook:
    """Return a hook. Raises RefusedByRule."""
    row = await call.transaction.fetchrow(f"{_SELECT} WHERE h.id = $1", id)
    if row is None:
        raise refused("HOOK_NOT_FOUND", "there is no such hook")
    return _hook_of(row)


def _hook_of(row: asyncpg.Record) -> Hook:
    told = dict(row)
    role = told.pop("maker_role")
    return Hook(**told, is_on=role is not None and "alerts:write" in _permissions(role))


def _permissions(role: Role) -> frozenset[Permission]:
    """Return what a hook may do whose maker has a role."""
    return key_permissions(("write_alert",), PERMISSIONS[role])
