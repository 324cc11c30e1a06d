"""`heliograph-engine login` and `trust`: what a team's server wants of a person, on a computer without a window. Counterpart:
`sync/entrance.py`.

    heliograph-engine login --profile DIR [--password-stdin | --password-file FILE]
    heliograph-engine trust --profile DIR [--fingerprint SHA256]

`login` opens a new session where the one before is over; `trust` agrees to another certificate of the server. The engine that
runs on the profile is asked; where none does, one is opened for it. Exit codes: 0 done, 2 no such profile or wrong arguments, 8
refused.
One rule: no secret is ever an argument, and no certificate is trusted that a person has not seen.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import msgspec

from domain.team import NETWORK_FILE, LogInAgain, LookAtServer, NetworkCard, TrustServer
from domain.vault import Secret
from engine.errand import Ask, NoEngine, engine_of
from engine.joining_cli import EXIT_REFUSED, Given, refused, say
from engine.storage import StorageFailed, StorageRefused

EXIT_NO_PROFILE = 2


def main(task: str, arguments: list[str]) -> int:
    """Do `login` or `trust`; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"heliograph-engine {task}",
        description="Logs in again at a team's server."
        if task == "login"
        else "Agrees to another certificate of a team's server.",
    )
    parser.add_argument(
        "--profile", type=Path, required=True, help="the team's folder, as the join printed it"
    )
    if task == "login":
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--password-stdin",
            action="store_true",
            help="the first line of standard input; a code the second",
        )
        source.add_argument(
            "--password-file", type=Path, metavar="FILE", help="its first line; a code the second"
        )
        parser.add_argument("--login", default="", help="where it is another than at the last connection")
    else:
        parser.add_argument(
            "--fingerprint", default="", metavar="SHA256", help="agree to this one, and no other"
        )
    options = parser.parse_args(arguments)
    try:
        card = msgspec.json.decode((options.profile / NETWORK_FILE).read_bytes(), type=NetworkCard)
    except (OSError, msgspec.MsgspecError):
        say(f"{options.profile} is no folder of a team: it has no {NETWORK_FILE}")
        return EXIT_NO_PROFILE
    try:
        return asyncio.run(_do(task, options, card))
    except (NoEngine, OSError) as error:
        say(str(error))
    except (StorageRefused, StorageFailed) as error:
        say(error.message)
    return EXIT_REFUSED


async def _do(task: str, options: argparse.Namespace, card: NetworkCard) -> int:
    async with engine_of(options.profile) as ask:
        if task == "login":
            return await _log_in(ask, options, card)
        return await _trust(ask, options.fingerprint, card)


async def _log_in(ask: Ask, options: argparse.Namespace, card: NetworkCard) -> int:
    given = Given(options.password_stdin, options.password_file)
    password = Secret(given.secret(f"The password for {card.name} at {card.server}: "))
    request = LogInAgain(1, password, login=options.login)
    reply = await ask(request)
    if any(one.code == "TOTP_REQUIRED" for one in reply.refusals):
        code = given.secret("The code of the authenticator: ")
        reply = await ask(msgspec.structs.replace(request, request=2, code=code))
    if reply.refusals:
        return refused(reply)
    say(f"logged in at {card.server}")
    return 0


async def _trust(ask: Ask, fingerprint: str, card: NetworkCard) -> int:
    if not fingerprint:
        seen = await ask(LookAtServer(1, card.server))
        if seen.refusals:
            return refused(seen)
        fingerprint = seen.result["fingerprint"]
        if not fingerprint:
            say(f"{card.server} shows no certificate")
            return EXIT_REFUSED
        if not Given(False).agrees(fingerprint):
            return EXIT_REFUSED
    reply = await ask(TrustServer(2, fingerprint))
    if reply.refusals:
        return refused(reply)
    say(f"{card.server} is trusted with this certificate from now on")
    return 0
