"""What a person does about the way to the server: logs in anew, agrees to another certificate, leaves. Counterpart: `desk.py`.

Theory: a session ends, a certificate is renewed: then a person is asked, here, and what is pending waits. Another certificate is
taken for what it would be at a join: the system vouches for it, or it is the very one that the person has seen.
One rule: nothing but the person's own word makes a certificate good, and it is looked at anew before it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from uuid import UUID

import msgspec

from domain.errors import DeviceError, Refusal, RefusedByRule, Untrusted
from domain.team import NETWORK_FILE, LogInAgain, NetworkCard, TrustServer
from domain.wire import Reply
from engine.sync.calls import ServerCalls
from engine.sync.joining import read_pin
from engine.sync.login import Login, SessionOver
from engine.sync.membership import Membership
from engine.transport.tls import fingerprint

LEAVE_S = 10.0
"""How long the server may take to hear that somebody leaves."""


class Entrance:
    """The way in and out of one install."""

    def __init__(self, calls: ServerCalls, login: Login) -> None:
        self.shown_certificate = ""
        """What the server showed instead of what is trusted; empty while it shows that."""
        self._calls = calls
        self._login = login

    async def log_in(self, mine: Membership, request: LogInAgain) -> Reply:
        """Open a new session for who joined, whatever he is called by now. Reply.result: {"login"}. Raises StorageFailed."""
        login = request.login.strip() or mine.login
        try:
            opened = await self._calls.log_in(login, request.password, request.code, mine.tenant)
            refusal = _no_member(mine) if opened.tenant != mine.tenant else None
            if refusal is None:  # a login may have become another account's
                refusal = await self._why_not_him(opened.access_token, mine)
            if refusal is not None:
                await self._calls.log_out(opened.access_token)
                return Reply(request.request, (refusal,))
            await self._login.open(opened)
        except RefusedByRule as error:
            refusals = (_no_member(mine) if one.code == "TENANT_NOT_FOUND" else one for one in error.refusals)
            return Reply(request.request, tuple(refusals))
        except DeviceError as error:
            return Reply(request.request, (Refusal("NO_ANSWER", str(error)),))
        return Reply(request.request, result={"login": login})

    async def _why_not_him(self, access: str, mine: Membership) -> Refusal | None:
        """Return why an install is not to work for who logged in: its keys and edits are of the person who joined."""
        if (await self._calls.me(access)).id == mine.account:
            return None
        said = f"this computer is {mine.name}'s in this team: somebody else leaves the team here and joins it"
        return Refusal("NOT_THIS_PERSON", said, "login")

    async def agree(self, request: TrustServer) -> tuple[str, tuple[Refusal, ...]]:
        """Return what is to be pinned from now on: the certificate that a person agreed to, or nothing where the system vouches
        for it; and why not, where it is not what the server shows now."""
        pin = ""
        try:
            agreed = read_pin(request.fingerprint)
            stream = await self._calls.without_pin().connect()
            shown = fingerprint(stream.certificate) if stream.certificate is not None else ""
            stream.close()
        except Untrusted as error:
            shown = pin = error.seen
        except RefusedByRule as error:
            return "", tuple(error.refusals)
        except DeviceError as error:
            return "", (Refusal("NO_ANSWER", str(error)),)
        if not agreed or shown != agreed:
            self.shown_certificate = shown
            said = f"{self._calls.server} shows another certificate by now: SHA-256 {shown}"
            return "", (Refusal("CERTIFICATE_CHANGED", said, "fingerprint"),)
        return pin, ()

    def trust(self, pin: str) -> None:
        """Go on with what was agreed to and is on the disk."""
        self._calls.pin, self.shown_certificate = pin, ""

    async def say_goodbye(self, install: UUID) -> None:
        """Tell the server that this install leaves, where it can be reached."""
        with contextlib.suppress(RefusedByRule, DeviceError, SessionOver, TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                access = await self._login.access()
                with contextlib.suppress(RefusedByRule):  # to revoke takes who manages installs
                    await self._calls.revoke(access, install)
                await self._calls.log_out(access)


async def keep_as_own(folder: Path, mine: Membership) -> None:
    """Write that what is in a team's folder is a network of one's own from now on."""
    card = NetworkCard(mine.tenant, mine.tenant_name, str(mine.server), left=True)
    await asyncio.to_thread((folder / NETWORK_FILE).write_bytes, msgspec.json.encode(card))


def _no_member(mine: Membership) -> Refusal:
    return Refusal("NOT_A_MEMBER", f"{mine.login} is no member of {mine.tenant_name} any more")
