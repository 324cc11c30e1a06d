"""`heliograph-engine join`: joins a team from a command line, for a computer without a window. Counterpart: `sync/joining.py`.

    heliograph-engine join LINK [--profile DIR] [--login NAME] [--collector] [--tenant ID] [--fingerprint SHA256]
    [--password-stdin]

The password comes from a prompt, or with `--password-stdin` from the first line of standard input; a code of an authenticator
from a prompt, or the second line. Exit codes: 0 joined (the folder is printed), 2 wrong arguments, 8 refused.
One rule: no secret is ever an argument: other users of a computer see those.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from msgspec import structs

from domain.sharing import InstallKind
from domain.team import JoinTeam, LookAtServer
from domain.vault import Secret
from domain.wire import Reply

EXIT_REFUSED = 8
LINE_CAP = 2_000


class Given:
    """Where secrets come from: a person at a terminal, lines of standard input, or of a file. Raises OSError."""

    def __init__(self, from_stdin: bool, file: Path | None = None) -> None:
        self._from_stdin = from_stdin
        self._lines = None if file is None else iter(file.read_text("utf-8")[:LINE_CAP].splitlines())

    def secret(self, prompt: str) -> str:
        """Return the next one, empty where there is none."""
        if self._lines is not None:
            return next(self._lines, "")
        if self._from_stdin:
            return sys.stdin.readline(LINE_CAP).rstrip("\r\n")
        try:
            return getpass.getpass(prompt, sys.stderr)
        except (EOFError, KeyboardInterrupt):
            return ""

    def agrees(self, fingerprint: str) -> bool:
        """Ask whether a certificate that nobody vouches for is the right one."""
        say(f"The server's certificate is not one that this system trusts. Its SHA-256 is\n  {fingerprint}")
        if self._from_stdin or not sys.stdin.isatty():
            say("Compare it with the server's, and pass it as --fingerprint.")
            return False
        say("Compare it with what whoever runs the server says. Is it the same? [yes/no] ")
        return sys.stdin.readline(LINE_CAP).strip().lower() == "yes"


def main(arguments: list[str], default_profile: Path) -> int:
    """Join; return the exit code."""
    parser = argparse.ArgumentParser(prog="heliograph-engine join", description="Joins a team.")
    parser.add_argument("link", help="an invitation, or the address of a server")
    parser.add_argument(
        "--profile", type=Path, default=default_profile, help="below it the team's folder is made"
    )
    parser.add_argument("--login", default="", help="who you are there; an invitation knows it")
    parser.add_argument("--tenant", type=UUID, help="which one, where you are in several")
    parser.add_argument(
        "--fingerprint",
        default="",
        help="SHA-256 of the server's certificate, where the system does not trust it",
    )
    parser.add_argument("--computer", default="", help="what this computer is called in the team")
    parser.add_argument("--collector", action="store_true", help="join as a collector: it polls for the team")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    parser.add_argument(
        "--key-place",
        choices=("auto", "keyring", "file"),
        default=os.environ.get("HELIOGRAPH_KEY_PLACE") or "auto",
    )
    return asyncio.run(_join(parser.parse_args(arguments), Given("--password-stdin" in arguments)))


async def _join(options: argparse.Namespace, given: Given) -> int:
    from domain.inventory import Inventory  # noqa: PLC0415 what follows loads the storage
    from engine.compose import new_id, now_us  # noqa: PLC0415
    from engine.sync.joining import Joining  # noqa: PLC0415
    from engine.transport.tcp import TcpTransport  # noqa: PLC0415
    from engine.vault import NewPlace  # noqa: PLC0415

    kind: InstallKind = "collector" if options.collector else "window"
    place: NewPlace = "file" if options.collector else options.key_place
    tcp, nothing = TcpTransport(), Inventory()
    try:
        here = Joining(
            options.profile, tcp, lambda: nothing, new_place=place, new_id=new_id, now_us=now_us, kind=kind
        )
        return await _join_with(here.answer, options, given)
    finally:
        await tcp.close()


async def _join_with(answer: Any, options: argparse.Namespace, given: Given) -> int:
    pin = options.fingerprint
    seen = await answer(LookAtServer(1, options.link, pin))
    if seen.refusals:
        return refused(seen)
    if not seen.result["is_trusted"] and not pin:
        pin = seen.result["fingerprint"]
        if not given.agrees(pin):
            return EXIT_REFUSED
        seen = await answer(LookAtServer(2, options.link, pin))
        if seen.refusals:
            return refused(seen)
    login = seen.result["login"] or options.login
    if not login:
        say("Who are you there? Pass --login.")
        return 2
    new = "A new password" if seen.result["needs_password"] else "The password"
    request = JoinTeam(
        3,
        options.link,
        login,
        Secret(given.secret(f"{new} of {login}: ")),
        fingerprint=pin,
        tenant=options.tenant,
        computer=options.computer,
    )
    reply = await answer(request)
    if any(one.code == "TOTP_REQUIRED" for one in reply.refusals):
        reply = await answer(structs.replace(request, code=given.secret("The code of the authenticator: ")))
    if reply.refusals:
        return refused(reply)
    if "tenants" in reply.result:
        say("You are in several teams there: pass one as --tenant.")
        for id, name, role in reply.result["tenants"]:
            say(f"  {id}  {name} ({role})")
        return 2
    print(reply.result["profile"])
    return 0


def refused(reply: Reply) -> int:
    """Say why not; return the exit code."""
    for one in reply.refusals:
        say(f"{one.message} ({one.code})")
    return EXIT_REFUSED


def say(text: str) -> None:
    """Tell a person something that is no result."""
    print(text, file=sys.stderr)
