"""`heliograph add`: adds a device through the running engine, or through one that runs just for that. No Qt.

Counterpart: `draft.py` makes the steps, the engine refuses or applies. One rule: no secret is ever on the command line:
it comes from a file, standard input, the environment, or is asked for.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import get_args

from app.draft import (
    DeviceDraft,
    Login,
    ProbeDraft,
    author_name,
    default_probe,
    edit_of,
    steps_of,
    v3_secret,
)
from app.errand import Errand, Refused, run, say
from app.secret_source import NoSecret, ask_secret, read_secret
from domain.inventory import (
    DEFAULT_PORT,
    REST,
    REST_PORT,
    ROLES,
    TLS_PORT,
    AuthProtocol,
    PrivacyProtocol,
    ProbeKind,
)
from domain.vault import Secret
from domain.wire import SubmitEdit

COMMUNITY_VARIABLE, PASSWORD_VARIABLE = "HELIOGRAPH_SNMP_COMMUNITY", "HELIOGRAPH_ROUTEROS_PASSWORD"
AUTH_VARIABLE, PRIVACY_VARIABLE = "HELIOGRAPH_SNMP_AUTH", "HELIOGRAPH_SNMP_PRIVACY"
SSH_VARIABLE = "HELIOGRAPH_SSH_PASSWORD"
_AT = re.compile(r"(?P<port>\d{1,5})?(?P<path>/.*)?")


def add(arguments: list[str]) -> int:
    """Add a device; return 0 done, 1 refused, 2 no engine, no profile or no secret."""
    options = _parser().parse_args(arguments)
    try:
        draft = _draft(options)
    except NoSecret as error:
        return say(str(error), 2)

    def submit(errand: Errand) -> str:
        made = steps_of(errand.inventory, draft)
        edit = edit_of(f"Add {draft.name}", author_name(), made.steps)
        reply = errand.talk.ask(lambda number: SubmitEdit(number, edit, made.secrets))
        if reply.refusals:
            raise Refused(reply.refusals)
        return f"{draft.name} added"

    return run(options.profile, submit)


def _draft(options: argparse.Namespace) -> DeviceDraft:
    probes = [*_snmp(options), *_routeros(options), *_ssh(options)]
    probes += [ProbeDraft("tcp", port) for port in options.tcp]
    probes += [_web(at, tls=False) for at in options.http] + [_web(at, tls=True) for at in options.https]
    probes += [
        ProbeDraft("dns", DEFAULT_PORT["dns"], target=asked if " " in asked else f"{asked} A")
        for asked in options.dns
    ]
    if options.ping or not probes:
        probes.append(default_probe("icmp"))
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
        note=options.note,
        profile=options.snmp_profile,
        may_slow=options.may_slow,
    )


def _snmp(options: argparse.Namespace) -> list[ProbeDraft]:
    login: Login | None = None
    if options.snmp_user is not None:
        secret = v3_secret(
            _passphrase(options.snmp_auth_file, AUTH_VARIABLE, "Authentication") if options.snmp_auth else "",
            _passphrase(options.snmp_privacy_file, PRIVACY_VARIABLE, "Privacy")
            if options.snmp_privacy
            else "",
        )
        login = Login(
            user=options.snmp_user,
            secret=secret,
            kind="snmp_v3",
            auth=options.snmp_auth,
            privacy=options.snmp_privacy,
            context=options.snmp_context,
        )
    else:
        community = read_secret(
            options.snmp_community_file, COMMUNITY_VARIABLE, from_stdin=options.snmp_community_stdin
        )
        if community is None and options.snmp:
            community = ask_secret("SNMP community: ")
        if community is not None:
            login = Login(secret=Secret(community))
    return [_at("snmp", login, options.snmp_port)] if login is not None else []


def _passphrase(file: Path | None, variable: str, what: str) -> str:
    found = read_secret(file, variable)
    return found if found is not None else ask_secret(f"{what} passphrase: ")


def _routeros(options: argparse.Namespace) -> list[ProbeDraft]:
    user = options.routeros_user
    if user is None:
        return []
    password = read_secret(
        options.routeros_password_file, PASSWORD_VARIABLE, from_stdin=options.routeros_password_stdin
    )
    if password is None:
        password = ask_secret(f"RouterOS password of {user}: ")
    login = Login(user=user, secret=Secret(password))
    if options.routeros_rest:
        return [ProbeDraft("routeros", options.routeros_port or REST_PORT, login, tls=True, target=REST)]
    if options.routeros_tls:
        return [ProbeDraft("routeros", options.routeros_port or TLS_PORT["routeros"], login, tls=True)]
    return [_at("routeros", login, options.routeros_port)]


def _ssh(options: argparse.Namespace) -> list[ProbeDraft]:
    user = options.ssh_user
    if user is None:
        return []
    if options.ssh_key_file is not None:
        key = read_secret(options.ssh_key_file, SSH_VARIABLE, whole=True)
        login = Login(user=user, secret=Secret(key or ""), kind="ssh_key")
    else:
        password = read_secret(options.ssh_password_file, SSH_VARIABLE, from_stdin=options.ssh_password_stdin)
        if password is None:
            password = ask_secret(f"SSH password of {user}: ")
        login = Login(user=user, secret=Secret(password), kind="ssh_login")
    port = options.ssh_port or DEFAULT_PORT["ssh"]
    return [ProbeDraft("ssh", port, login, target=options.ssh_command, expect=options.ssh_expect)]


def _at(kind: ProbeKind, login: Login, port: int | None) -> ProbeDraft:
    return ProbeDraft(kind, port or DEFAULT_PORT[kind], login)


def _web(at: tuple[int | None, str], *, tls: bool) -> ProbeDraft:
    port, path = at
    return ProbeDraft("http", port or (TLS_PORT if tls else DEFAULT_PORT)["http"], tls=tls, target=path)


def _port_and_path(text: str) -> tuple[int | None, str]:
    """Read "8080/health", "/health", "8080" or nothing."""
    found = _AT.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"[PORT][/PATH] expected, got {text!r}")
    return int(found["port"]) if found["port"] else None, found["path"] or ""


def _parser() -> argparse.ArgumentParser:
    variables = (COMMUNITY_VARIABLE, AUTH_VARIABLE, PRIVACY_VARIABLE, PASSWORD_VARIABLE, SSH_VARIABLE)
    parser = argparse.ArgumentParser(
        prog="heliograph add",
        description="Add a device through the running engine. Without a probe it is pinged.",
        epilog=f"Secrets may also come from {', '.join(variables[:-1])} and {variables[-1]}.",
    )
    option = parser.add_argument
    option("address", metavar="ADDRESS", help="its IPv4 or IPv6 address")
    option("--profile", type=Path, metavar="DIR", help="folder that holds the network")
    option("--name", default="", help="the address if left out")
    option("--role", choices=ROLES, default="other")
    option("--site", default="", metavar="NAME", help="an old site or a new one")
    option("--region", default="", metavar="NAME", help="of a new site")
    option("--lng", type=float, metavar="DEGREES")
    option("--lat", type=float, metavar="DEGREES")
    option("--interval", type=float, default=DeviceDraft("", "").interval_s, metavar="SECONDS")
    option("--may-slow", action="store_true", help="ask it less often while nothing happens")
    option("--subscribers", type=int, default=0, metavar="N")
    option("--note", default="", metavar="TEXT")
    option("--ping", action="store_true", help="ask by ping too")
    option("--tcp", type=int, action="append", default=[], metavar="PORT", help="connect to a TCP port")
    web = {"type": _port_and_path, "action": "append", "default": [], "metavar": "[PORT][/PATH]"}
    option("--http", help="fetch a page", **web)  # type: ignore[arg-type]
    option("--https", help="fetch a page, and watch its certificate", **web)  # type: ignore[arg-type]
    option(
        "--dns", action="append", default=[], metavar="NAME [TYPE]", help='ask for a name: "example.com MX"'
    )
    snmp = parser.add_argument_group("SNMP")
    option = snmp.add_argument
    option("--snmp", action="store_true", help="v1 or v2c; the community is asked for")
    option("--snmp-port", type=int, metavar="PORT")
    option("--snmp-community-file", type=Path, metavar="FILE")
    option("--snmp-community-stdin", action="store_true", help="its first line")
    option("--snmp-profile", default="", metavar="NAME", help="by what the device says of itself if left out")
    option("--snmp-user", metavar="NAME", help="v3; passphrases are asked for")
    option("--snmp-auth", choices=get_args(AuthProtocol)[1:], default="", help="of the user")
    option("--snmp-auth-file", type=Path, metavar="FILE")
    option("--snmp-privacy", choices=get_args(PrivacyProtocol)[1:], default="", help="of the user")
    option("--snmp-privacy-file", type=Path, metavar="FILE")
    option("--snmp-context", default="", metavar="NAME")
    option = parser.add_argument_group("RouterOS").add_argument
    option("--routeros-user", metavar="NAME", help="ask by the RouterOS API; the password is asked for")
    option(
        "--routeros-tls",
        action="store_true",
        help="over TLS; its certificate is trusted in the window or by heliograph trust",
    )
    option("--routeros-rest", action="store_true", help="by REST over HTTPS, RouterOS 7.1 or later")
    option("--routeros-port", type=int, metavar="PORT")
    option("--routeros-password-file", type=Path, metavar="FILE")
    option("--routeros-password-stdin", action="store_true", help="its first line")
    option = parser.add_argument_group("SSH").add_argument
    option(
        "--ssh-user",
        metavar="NAME",
        help="log in; its host key is trusted in the window or by heliograph trust",
    )
    option("--ssh-command", default="", metavar="COMMAND", help="run it; without one it only logs in")
    option("--ssh-expect", default="", metavar="TEXT", help="what the command must print")
    option("--ssh-port", type=int, metavar="PORT")
    option("--ssh-key-file", type=Path, metavar="FILE", help="a private key without a passphrase")
    option("--ssh-password-file", type=Path, metavar="FILE")
    option("--ssh-password-stdin", action="store_true", help="its first line")
    return parser
