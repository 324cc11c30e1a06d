"""`heliograph vault` and `heliograph retention`: what is kept, and who can open it, without a window. No Qt.

Counterpart: `domain/vault.py`, `domain/retention.py`; the engine does it. One rule: as in `cli.py`, no password is ever on the
command line.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.errand import Errand, Refused, run
from app.secret_source import NoSecret, ask_secret, read_secret
from app.words import amount, count_of
from domain.retention import DiskState, Retention
from domain.vault import KEY_PLACES, Lock, RotateKeys, Secret, SetAutoLock, SetKeyPlace, Unlock, VaultState
from domain.wire import Reply, SetRetention, ToEngine

MASTER_VARIABLE, NEW_MASTER_VARIABLE = "HELIOGRAPH_MASTER_PASSWORD", "HELIOGRAPH_NEW_MASTER_PASSWORD"
SEALING_TIMEOUT_S = 600.0
"""New keys seal everything anew."""


def vault(arguments: list[str]) -> int:
    """Do what is asked of the vault; return 0 done, 1 refused, 2 no engine, no profile or no password."""
    options = _vault_parser().parse_args(arguments)
    tasks: dict[str, Callable[[Errand], str]] = {
        "status": lambda errand: _story(_vault_of(errand)),
        "unlock": lambda errand: _unlock(errand, options),
        "lock": lambda errand: _done(errand, Lock, "locked"),
        "rotate": lambda errand: _rotate(errand, options),
        "place": lambda errand: _place(errand, options),
        "auto-lock": lambda errand: _auto_lock(errand, options.minutes),
    }
    return run(options.profile, tasks[options.task], may_start=options.task not in ("unlock", "lock"))


def retention(arguments: list[str]) -> int:
    """Say how long numbers are kept, or keep them for another time; return codes as `vault`."""
    options = _retention_parser().parse_args(arguments)
    chosen = {
        "raw_days": options.raw_days,
        "raw_cap_bytes": None if options.raw_cap_gb is None else round(options.raw_cap_gb * 1e9),
        "hourly_days": options.hourly_days,
        "untold_cap_bytes": None if options.untold_cap_gb is None else round(options.untold_cap_gb * 1e9),
    }
    changed = {name: value for name, value in chosen.items() if value is not None}

    def keep(errand: Errand) -> str:
        state = errand.state
        old = state.retention or Retention()
        if not changed:
            return _kept(old, state.disk)
        new = msgspec.structs.replace(old, **changed)
        return _done(errand, lambda number: SetRetention(number, new), _kept(new, None))

    return run(options.profile, keep)


def _ask(errand: Errand, make: Callable[[int], ToEngine]) -> Reply:
    reply = errand.talk.ask(make, SEALING_TIMEOUT_S)
    if reply.refusals:
        raise Refused(reply.refusals)
    return reply


def _done(errand: Errand, make: Callable[[int], ToEngine], said: str) -> str:
    _ask(errand, make)
    return said


def _vault_of(errand: Errand) -> VaultState:
    return errand.state.vault or VaultState("file")


def _unlock(errand: Errand, options: argparse.Namespace) -> str:
    state = _vault_of(errand)
    if not state.locked:
        return "it was open already"
    password = ""
    if state.place == "password":
        found = read_secret(options.password_file, MASTER_VARIABLE, from_stdin=options.password_stdin)
        password = found if found is not None else ask_secret("Master password: ")
    return _done(errand, lambda number: Unlock(number, Secret(password)), "unlocked")


def _rotate(errand: Errand, options: argparse.Namespace) -> str:
    _unlock(errand, options)
    return f"new keys, {_sealed(_ask(errand, RotateKeys))}"


def _place(errand: Errand, options: argparse.Namespace) -> str:
    _unlock(errand, options)
    password: Secret | None = None
    if options.place == "password":
        found = read_secret(options.new_password_file, NEW_MASTER_VARIABLE)
        if found is None:
            found = ask_secret("New master password: ")
            if ask_secret("Once more: ") != found:
                raise NoSecret("the same password twice was expected")
        password = Secret(found)
    reply = _ask(errand, lambda number: SetKeyPlace(number, options.place, password))
    return f"the key is in the place “{options.place}” now, {_sealed(reply)}"


def _auto_lock(errand: Errand, minutes: int) -> str:
    said = (
        f"locks after {count_of(minutes, 'minute', 'minutes')} without use"
        if minutes
        else "never locks by itself"
    )
    if minutes and _vault_of(errand).place != "password":
        said += ", once it has a master password"
    return _done(errand, lambda number: SetAutoLock(number, minutes), said)


def _sealed(reply: Reply) -> str:
    return f"{count_of(int(reply.result.get('secrets', 0)), 'secret', 'secrets')} sealed anew"


def _story(state: VaultState) -> str:
    told = f"{'locked' if state.locked else 'open'}, key place “{state.place}”"
    if state.auto_lock_min:
        told += f", locks after {state.auto_lock_min} min"
    return f"{told}: {state.why}" if state.why else told


def _kept(retention: Retention, disk: DiskState | None) -> str:
    told = (
        f"every poll {retention.raw_days:g} days, at most {retention.raw_cap_bytes / 1e9:g} GB; "
        f"hours {retention.hourly_days:g} days; "
        f"what waits for a team's server at most {retention.untold_cap_bytes / 1e9:g} GB"
    )
    if disk is None or not disk.held_bytes:
        return told
    told += f"\n{amount(disk.held_bytes)} stored, {amount(disk.free_bytes)} free"
    if disk.forecast_bytes:
        told += f", {amount(disk.forecast_bytes)} in the end by forecast"
    return told


def _vault_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heliograph vault",
        description="Where the key to all secrets lies, and whether they can be opened.",
        epilog=f"Passwords are asked for, or come from {MASTER_VARIABLE} and {NEW_MASTER_VARIABLE}.",
    )
    tasks = parser.add_subparsers(dest="task", required=True)
    for name, about in (
        ("status", "how it stands"),
        ("unlock", "with the master password"),
        ("lock", "forget the key until it is unlocked"),
        ("rotate", "make new keys and seal all secrets anew"),
        ("place", "put new keys in another place"),
        ("auto-lock", "lock by itself when nobody opens or enters a secret for so long"),
    ):
        task = tasks.add_parser(name, help=about, description=about)
        task.add_argument("--profile", type=Path, metavar="DIR", help="folder that holds the network")
        if name in ("unlock", "rotate", "place"):
            task.add_argument("--password-file", type=Path, metavar="FILE", help="the master password")
            task.add_argument("--password-stdin", action="store_true", help="its first line")
        if name == "auto-lock":
            task.add_argument("minutes", type=int, metavar="MINUTES", help="0 is never")
        if name == "place":
            task.add_argument("place", choices=KEY_PLACES)
            task.add_argument("--new-password-file", type=Path, metavar="FILE", help="for place password")
    return parser


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"a number expected, got {text!r}")
    return number


def _retention_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heliograph retention", description="How long numbers are kept; without options it is told."
    )
    parser.add_argument("--profile", type=Path, metavar="DIR", help="folder that holds the network")
    parser.add_argument("--raw-days", type=_finite, metavar="DAYS", help="every poll")
    parser.add_argument("--raw-cap-gb", type=_finite, metavar="GB", help="at most, of every poll")
    parser.add_argument(
        "--hourly-days", type=_finite, metavar="DAYS", help="lowest, mean, highest of each hour"
    )
    parser.add_argument(
        "--untold-cap-gb",
        type=_finite,
        metavar="GB",
        help="at most, of polls that a team's server has not heard",
    )
    return parser
