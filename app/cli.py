"""`heliograph add`: adds a device through the running engine, or through one that runs just for that. No Qt.

Counterpart: `draft.py` makes the steps, the engine refuses or applies. One rule: no secret is ever on the command line:
it comes from a file, standard input, the environment, or is asked for.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from app.draft import DeviceDraft, Login, ProbeDraft, author_name, default_probe, edit_of, steps_of
from app.endpoint_client import Conversation, NoEngine, RejectedByEngine
from app.profile import NoProfile, default_profile, open_profile
from app.programs import start_engine
from domain.inventory import ROLES, Inventory
from domain.wire import Changed, Credit, Secret, SubmitEdit, ToClient

SNAPSHOT_TIMEOUT_S = 30.0
COMMUNITY_VARIABLE, PASSWORD_VARIABLE = "HELIOGRAPH_SNMP_COMMUNITY", "HELIOGRAPH_ROUTEROS_PASSWORD"


class NoSecret(Exception):
    """A secret that was announced could not be had; the message says from where and why."""


def add(arguments: list[str]) -> int:
    """Add a device; return 0 done, 1 refused, 2 no engine, no profile or no secret."""
    options = _parser().parse_args(arguments)
    try:
        draft = _draft(options)
        with _conversation(open_profile(options.profile or default_profile("default"))) as talk:
            made = steps_of(_inventory(talk), draft)
            edit = edit_of(f"Add {draft.name}", author_name(), made.steps)
            reply = talk.ask(lambda number: SubmitEdit(number, edit, made.secrets))
    except RejectedByEngine as error:
        return _say(str(error), 1)
    except (NoEngine, NoProfile, NoSecret, OSError) as error:
        return _say(str(error), 2)
    if reply.refusals:
        lines = [f"{refusal.field or 'refused'}: {refusal.message}" for refusal in reply.refusals]
        return _say("\n".join(lines), 1)
    return _say(f"{draft.name} added", 0)


def _draft(options: argparse.Namespace) -> DeviceDraft:
    probes: list[ProbeDraft] = []
    community = _secret(options.snmp_community_file, options.snmp_community_stdin, COMMUNITY_VARIABLE)
    if community is None and options.snmp:
        community = _ask("SNMP community: ")
    if community is not None:
        probes.append(default_probe("snmp", Login(secret=Secret(community))))
    if options.routeros_user is not None:
        password = _secret(options.routeros_password_file, options.routeros_password_stdin, PASSWORD_VARIABLE)
        if password is None:
            password = _ask(f"RouterOS password of {options.routeros_user}: ")
        probes.append(default_probe("routeros", Login(user=options.routeros_user, secret=Secret(password))))
    if options.tcp is not None:
        probes.append(ProbeDraft("tcp", options.tcp))
    if options.ping or not probes:
        probes.append(default_probe("icmp"))
    ports = {"snmp": options.snmp_port, "routeros": options.routeros_port}
    probes = [ProbeDraft(p.kind, ports.get(p.kind) or p.port, p.login) for p in probes]
    return DeviceDraft(
        name=options.name or options.address,
        address=options.address,
        role=options.role,
        site_name=options.site,
        region=options.region,
        lng=options.lng,
        lat=options.lat,
        probes=tuple(probes),
        interval_s=options.interval,
        subscribers=options.subscribers,
    )


def _secret(file: Path | None, from_stdin: bool, variable: str) -> str | None:
    """Return a secret from where the user said it is, without its line break; None where nowhere was said."""
    source = str(file) if file is not None else "standard input" if from_stdin else variable
    try:
        if file is not None:
            secret = file.read_text("utf-8").rstrip("\r\n")
        elif from_stdin:
            secret = sys.stdin.readline().rstrip("\r\n")
        elif (found := os.environ.pop(variable, None)) is not None:
            secret = found  # an engine that is started for this does not inherit it
        else:
            return None
        secret.encode("utf-8")  # the environment can hold what no text can
    except UnicodeError:
        raise NoSecret(f"the secret in {source} is no UTF-8 text") from None
    except OSError as error:
        raise NoSecret(f"the secret in {source} cannot be read: {error.strerror or error}") from None
    return secret


def _ask(question: str) -> str:
    try:
        return getpass.getpass(question)
    except (EOFError, UnicodeError):
        raise NoSecret("no secret was given") from None


@contextlib.contextmanager
def _conversation(profile: Path) -> Iterator[Conversation]:
    """Talk to the running engine; where there is none, to one that runs as long as this takes."""
    child = None
    try:
        try:
            talk = Conversation(profile)
        except NoEngine:
            started = start_engine(profile)
            child = started.child
            if started.ended or (started.refused and not started.in_use):
                raise NoEngine(started.refused or started.ended) from None
            talk = Conversation(profile)
        yield talk
        talk.close()
    finally:
        if child is not None:
            child.stop()


def _inventory(talk: Conversation) -> Inventory:
    """Return what is there already, so that a site can be named."""
    inventory = Inventory()
    whole = threading.Event()

    def hear(message: ToClient) -> None:
        if not isinstance(message, Changed):
            return
        talk.send(Credit(message.batch))
        if message.initial:
            inventory.tables["site"].update((site.id, site) for site in message.sites)
            if not message.more:
                whole.set()

    talk.listen(hear)
    if not whole.wait(SNAPSHOT_TIMEOUT_S):
        raise NoEngine("the engine did not tell what it has")
    return inventory


def _say(text: str, code: int) -> int:
    (sys.stderr if code else sys.stdout).write(f"{text}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heliograph add",
        description="Add a device through the running engine. Without a probe it is pinged.",
        epilog=f"Secrets may also come from {COMMUNITY_VARIABLE} and {PASSWORD_VARIABLE}.",
    )
    parser.add_argument("address", metavar="ADDRESS", help="its IPv4 or IPv6 address")
    parser.add_argument("--profile", type=Path, metavar="DIR", help="folder that holds the network")
    parser.add_argument("--name", default="", help="the address if left out")
    parser.add_argument("--role", choices=ROLES, default="other")
    parser.add_argument("--site", default="", metavar="NAME", help="an old site or a new one")
    parser.add_argument("--region", default="", metavar="NAME", help="of a new site")
    parser.add_argument("--lng", type=float, metavar="DEGREES")
    parser.add_argument("--lat", type=float, metavar="DEGREES")
    parser.add_argument("--interval", type=float, default=DeviceDraft("", "").interval_s, metavar="SECONDS")
    parser.add_argument("--subscribers", type=int, default=0, metavar="N")
    parser.add_argument("--ping", action="store_true", help="ask by ping too")
    parser.add_argument("--tcp", type=int, metavar="PORT", help="ask by connecting to a TCP port")
    parser.add_argument("--snmp", action="store_true", help="ask by SNMP v2c; the community is asked for")
    parser.add_argument("--snmp-port", type=int, metavar="PORT")
    parser.add_argument("--snmp-community-file", type=Path, metavar="FILE")
    parser.add_argument("--snmp-community-stdin", action="store_true", help="its first line")
    parser.add_argument(
        "--routeros-user", metavar="NAME", help="ask by the RouterOS API; the password is asked for"
    )
    parser.add_argument("--routeros-port", type=int, metavar="PORT")
    parser.add_argument("--routeros-password-file", type=Path, metavar="FILE")
    parser.add_argument("--routeros-password-stdin", action="store_true", help="its first line")
    return parser
