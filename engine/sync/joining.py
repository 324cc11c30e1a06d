"""Joins a team: looks at a server, logs in, registers this install, makes the team's folder. Counterpart: `domain/team.py`.

Theory: the folder is made under another name and gets its own when all is in it, on disk: there is a whole one or none. What the
server has by then and the folder does not (a session, an install) is ended where something fails; where that fails too it is over
by itself, since nobody holds its key. Where a login has several tenants the session waits for the choice, because a code of an
authenticator opens one session only.
One rule: nothing secret is sent before the certificate is trusted, by the system or by the person.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import logging
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from domain.blobs import is_digest
from domain.edit import Edit, Step, creation
from domain.errors import BadReply, DeviceError, Refusal, RefusedByRule, Untrusted
from domain.inventory import Device, Inventory, Kind, Tenant
from domain.roles import permission_to_edit
from domain.rules import NAME_CAP
from domain.sharing import InstallKind
from domain.team import NETWORK_FILE, TEAMS_FOLDER, JoinTeam, LookAtServer, NetworkCard
from domain.text import clean_text
from domain.vault import Secret
from domain.wire import Reply
from engine.blobs import PICTURES_FOLDER
from engine.storage import StorageFailed, StorageRefused, Store
from engine.storage.loading import Born
from engine.storage.rows import INVENTORY
from engine.storage.team import TeamStore
from engine.sync.address import Pasted, read_link
from engine.sync.calls import Me, Opened, ServerCalls
from engine.sync.membership import LOGIN_CAP, MEMBERSHIP, Membership
from engine.sync.pictures import shown_in
from engine.sync.session import Change, Cursor, OwnEdit
from engine.transport.tcp import TcpTransport
from engine.transport.tls import fingerprint
from engine.vault import NewPlace, Vault

_log = logging.getLogger("engine.sync")

CHOICE_S = 120.0
"""How long an opened session waits for somebody to choose a tenant."""
BROUGHT_STEPS = 1_000
"""Most things in one edit that brings a network along: it has to fit into a frame."""
CHALLENGE = b"heliograph 1 install "
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_PIN_LETTERS = frozenset("0123456789abcdef")


class _Waiting(NamedTuple):
    """A session that waits for a choice of tenant: whose, and until when."""

    link: str
    login: str
    password: Secret
    opened: Opened
    until_s: float


class _Team(NamedTuple):
    """All that a new folder is made of."""

    membership: Membership
    key: X25519PrivateKey
    refresh: Secret


class Joining:
    """Joins from one profile, whose network is what `inventory` returns. `new_place`: where keys of new folders go."""

    def __init__(
        self,
        folder: Path,
        tcp: TcpTransport,
        inventory: Callable[[], Inventory],
        *,
        new_place: NewPlace,
        new_id: Callable[[], UUID],
        now_us: Callable[[], int],
        kind: InstallKind = "window",
    ) -> None:
        self._folder = folder
        self._tcp = tcp
        self._inventory = inventory
        self._new_place: NewPlace = new_place
        self._new_id = new_id
        self._now_us = now_us
        self._kind: InstallKind = kind
        self._waiting: _Waiting | None = None
        self._one_at_a_time = asyncio.Lock()

    async def answer(self, request: LookAtServer | JoinTeam) -> Reply:
        """Return the one reply."""
        try:
            async with self._one_at_a_time:
                match request:
                    case LookAtServer():
                        return await self._look(request)
                    case JoinTeam():
                        return await self._join(request)
        except RefusedByRule as error:
            return Reply(request.request, tuple(_worded(one) for one in error.refusals))
        except Untrusted as error:
            code = "CERTIFICATE_CHANGED" if request.fingerprint else "CERTIFICATE_UNTRUSTED"
            return Reply(request.request, (Refusal(code, str(error), "fingerprint"),))
        except DeviceError as error:
            return Reply(request.request, (Refusal("NO_ANSWER", str(error), "link"),))
        except (StorageFailed, StorageRefused) as error:
            return Reply(request.request, (Refusal("STORAGE_FAILED", error.message),))
        except OSError as error:
            said = f"the team's folder cannot be made: {error.strerror or error}"
            return Reply(request.request, (Refusal("STORAGE_FAILED", said),))

    # Looking

    async def _look(self, request: LookAtServer) -> Reply:
        pasted, pin = read_link(request.link), read_pin(request.fingerprint)
        calls = ServerCalls(self._tcp, pasted.server, pin)
        told = {"address": str(pasted.server), "fingerprint": pin, "is_trusted": True}
        told |= {"tenant": "", "login": "", "needs_password": False}
        try:
            stream = await calls.connect()
        except Untrusted as error:
            if pin:
                raise
            return Reply(request.request, result={**told, "fingerprint": error.seen, "is_trusted": False})
        try:
            if stream.certificate is not None:
                told["fingerprint"] = fingerprint(stream.certificate)
                told["is_trusted"] = not pin
        finally:
            stream.close()
        if pasted.token.value:
            found = await calls.look(pasted.token)
            if found.purpose == "founding":
                raise RefusedByRule(
                    [Refusal("LINK_OVER", "this link makes a server's administrator", "link")]
                )
            told |= {"tenant": found.tenant_name, "login": found.login}
            told["needs_password"] = not found.has_password
        return Reply(request.request, result=told)

    # Joining

    async def _join(self, request: JoinTeam) -> Reply:
        pasted = read_link(request.link)
        calls = ServerCalls(self._tcp, pasted.server, read_pin(request.fingerprint))
        computer = clean_text(request.computer or platform.node() or "computer", NAME_CAP)
        opened = await self._open(request, pasted, calls)
        if opened.tenant is None or (
            request.tenant is None and len(opened.tenants) > 1 and not pasted.token.value
        ):
            return await self._offer(request, calls, opened)
        try:
            team = await self._register(request, calls, opened, computer)
            folder, brought, secrets = await asyncio.to_thread(self._make, team, request.bring)
        except BaseException:
            with contextlib.suppress(RefusedByRule, DeviceError, asyncio.CancelledError):
                await calls.log_out(opened.access_token)
            raise
        name = team.membership.tenant_name
        _log.info("team_joined", extra={"tenant": team.membership.tenant, "install": team.membership.install})
        told = {"profile": str(folder), "tenant": name, "brought": brought, "secrets_left": secrets}
        return Reply(request.request, result=told)

    async def _open(self, request: JoinTeam, pasted: Pasted, calls: ServerCalls) -> Opened:
        """Return a session in the tenant that is wanted, or in one of several."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and request.tenant is not None and _is_same(waiting, request):
            switched = await calls.switch(waiting.opened.access_token, request.tenant)
            refresh = switched.refresh_token or waiting.opened.refresh_token
            return msgspec.structs.replace(switched, refresh_token=refresh)
        login, tenant = request.login, request.tenant
        if pasted.token.value:
            found = await calls.look(pasted.token)
            login, tenant = found.login or login, found.tenant or tenant
            await calls.take(pasted.token, request.password)
        if not login.strip() or not request.password.value:
            field = "login" if not login.strip() else "password"
            raise RefusedByRule([Refusal("INVALID_INPUT", f"a {field} is needed", field)])
        return await calls.log_in(login.strip(), request.password, request.code, tenant)

    async def _offer(self, request: JoinTeam, calls: ServerCalls, opened: Opened) -> Reply:
        if not opened.tenants:
            await calls.log_out(opened.access_token)
            said = "this login is a member of no team here"
            return Reply(request.request, (Refusal("NOT_A_MEMBER", said, "login"),))
        self._waiting = _Waiting(
            request.link, request.login, request.password, opened, time.monotonic() + CHOICE_S
        )
        choices = [[str(one.id), one.name, one.role] for one in opened.tenants]
        return Reply(request.request, result={"tenants": choices})

    async def _register(self, request: JoinTeam, calls: ServerCalls, opened: Opened, computer: str) -> _Team:
        access = opened.access_token
        me = await calls.me(access)
        assert opened.tenant is not None
        if (self._teams / str(opened.tenant)).exists():
            said = "this computer has joined this team before"
            raise RefusedByRule([Refusal("ALREADY_JOINED", said, "tenant", opened.tenant)])
        if request.bring:
            self._refuse_to_bring(me)
        key = X25519PrivateKey.generate()
        public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        made = await calls.register(access, computer, self._kind, public)
        try:
            answer = _SUITE.decrypt(base64.b64decode(made.challenge), key, CHALLENGE + made.id.bytes)
        except (InvalidTag, ValueError):
            raise BadReply(f"{calls.server} seals its challenge as no Heliograph server does") from None
        await calls.prove(access, made.id, base64.b64encode(answer).decode())
        name = next((one.name for one in me.tenants if one.id == opened.tenant), "")
        membership = Membership(
            calls.server,
            read_pin(request.fingerprint),
            opened.tenant,
            clean_text(name, NAME_CAP) or "Team",
            me.id,
            clean_text(me.login, LOGIN_CAP) or clean_text(request.login, LOGIN_CAP),
            clean_text(me.name, NAME_CAP),
            me.role or "",
            me.known_permissions,
            me.sites is None,
            made.id,
            self._kind,
            computer,
        )
        return _Team(membership, key, Secret(opened.refresh_token))

    def _refuse_to_bring(self, me: Me) -> None:
        tables = self._inventory().tables
        lacking = {permission_to_edit(kind) for kind in INVENTORY if tables[kind]} - {*me.permissions}
        if lacking or me.sites is not None:
            said = "what is here cannot be brought along: you may not make all of it there"
            raise RefusedByRule([Refusal("INSUFFICIENT_PERMISSIONS", said, "bring")])

    # The folder

    @property
    def _teams(self) -> Path:
        """Where teams are kept: below one's own network; who joins from a team's has the new one beside it."""
        here = self._folder
        return here.parent if here.parent.name == TEAMS_FOLDER else here / TEAMS_FOLDER

    def _make(self, team: _Team, bring: bool) -> tuple[Path, int, int]:
        """Make the folder of a team; return where it is, how many things it was given, and how many secrets were not."""
        self._teams.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self._teams / str(team.membership.tenant)
        part = folder.with_name(f"{folder.name}.joining")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        try:
            brought, secrets = self._fill(part, team, bring)
            part.rename(folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        _sync_folder(self._teams)
        return folder, brought, secrets

    def _fill(self, folder: Path, team: _Team, bring: bool) -> tuple[int, int]:
        mine = team.membership
        born = Born(Tenant(mine.tenant, mine.tenant_name), mine.install)
        store = Store.open(folder / "heliograph.db", now_us=self._now_us(), new_id=self._new_id, born=born)
        try:
            vault = Vault.open(store, folder, new_place=self._new_place, first=team.key)
            kept = TeamStore(store)
            kept.make()
            kept.keep_secret(mine.install, vault.seal(mine.install, team.refresh.value))
            store.keep_setting(MEMBERSHIP, mine)
            edits = self._brought(mine.name) if bring else []
            kept.write(Change(Cursor(), edits=tuple(OwnEdit(edit) for edit in edits)))
        finally:
            store.close()
        if bring:
            self._bring_pictures(folder / PICTURES_FOLDER)
        card = NetworkCard(mine.tenant, mine.tenant_name, str(mine.server))
        (folder / NETWORK_FILE).write_bytes(msgspec.json.encode(card))
        things = [step for edit in edits for step in edit.steps]
        return len(things), sum(step.kind == "credential" for step in things)

    def _bring_pictures(self, folder: Path) -> None:
        """Copy what this network's schematics show, and its photographs."""
        folder.mkdir(mode=0o700)
        for digest in filter(is_digest, shown_in(self._inventory())):
            picture = self._folder / PICTURES_FOLDER / digest
            if picture.exists():
                shutil.copyfile(picture, folder / digest)

    def _brought(self, author: str) -> list[Edit]:
        """Return the edits that make all that this network holds, owners before what is theirs."""
        inventory = self._inventory()
        steps = [step for kind in INVENTORY if kind != "team_map" for step in _creations(inventory, kind)]
        pieces = [steps[first : first + BROUGHT_STEPS] for first in range(0, len(steps), BROUGHT_STEPS)]
        titles = [
            "Bring a network along" + (f" ({n} of {len(pieces)})" if len(pieces) > 1 else "")
            for n in range(1, len(pieces) + 1)
        ]
        return [
            Edit(self._new_id(), self._now_us(), author, title, tuple(piece))
            for title, piece in zip(titles, pieces, strict=True)
        ]


_ABOVE: dict[Kind, str] = {"site": "pop", "diagram": "parent"}


def _creations(inventory: Inventory, kind: Kind) -> list[Step]:
    """Return the steps that make the things of a kind, those above before those below them."""
    things = inventory.tables[kind]
    above = _ABOVE.get(kind)
    if above is None:  # who polled a device in another team is nobody here
        plain = [
            msgspec.structs.replace(one, polled_by=None) if isinstance(one, Device) else one
            for one in things.values()
        ]
        return [creation(kind, one) for one in plain]
    made: dict[UUID, Step] = {}
    for one in things.values():
        path = [one]
        while (
            (up := things.get(getattr(path[-1], above))) is not None and up.id not in made and up not in path
        ):
            path.append(up)
        for thing in reversed(path):
            made.setdefault(thing.id, creation(kind, thing))
    return list(made.values())


def _is_same(waiting: _Waiting, request: JoinTeam) -> bool:
    """Tell whether a request is the choice that a session waits for."""
    if time.monotonic() > waiting.until_s or (waiting.link, waiting.login) != (request.link, request.login):
        return False
    return hmac.compare_digest(waiting.password.value.encode(), request.password.value.encode())


def read_pin(text: str) -> str:
    """Return a fingerprint as it is kept, empty where none is given. Raises RefusedByRule at "fingerprint"."""
    pin = text.strip().lower().replace(":", "")
    if pin and (len(pin) != 64 or not _PIN_LETTERS.issuperset(pin)):
        raise RefusedByRule(
            [Refusal("INVALID_INPUT", "a fingerprint of 64 hex digits expected", "fingerprint")]
        )
    return pin


def _worded(refusal: Refusal) -> Refusal:
    if refusal.code == "LINK_NOT_FOUND":
        return msgspec.structs.replace(refusal, code="LINK_OVER", field="link")
    return refusal


def _sync_folder(folder: Path) -> None:
    """Have names on disk; Windows does so by itself."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
