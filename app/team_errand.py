"""`heliograph team`: how this computer stands with its teams, on a terminal or as JSON. No Qt.

Counterpart: `team/words.py` has the sentences, `team/networks.py` finds the folders. One rule: it only looks: it starts no engine
and asks no server.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from app.draft import now_us
from app.endpoint_client import NoEngine, RejectedByEngine
from app.errand import Errand, conversation, say
from app.profile import NoProfile, default_profile, open_profile
from app.team.networks import Network, joined_networks, network_of
from app.team.words import polled_words, sentence_of
from app.words import count_of
from domain.team import TeamState
from domain.text import clean_text

LINE_CAP = 500
NOT_RUNNING = "its engine does not run: nothing is known of how it stands"


def team(arguments: list[str]) -> int:
    """Say how each network stands; return 0 said, 1 there is none, 2 no profile."""
    options = _parser().parse_args(arguments)
    try:
        profile = open_profile(options.profile or default_profile("default"))
    except NoProfile as error:
        return say(str(error), 2)
    own = network_of(profile)
    networks = [own] if own is not None and own.server else joined_networks(profile)
    stands = [(network, _state_of(network)) for network in networks]
    if options.json:
        told = [_plain(network, state) for network, state in stands]
        return say(msgspec.json.format(msgspec.json.encode(told), indent=2).decode(), 0)
    if not stands:
        return say("this computer has joined no team: heliograph-engine join LINK", 1)
    return say("\n\n".join(_text(network, state) for network, state in stands), 0)


def _state_of(network: Network) -> TeamState | None:
    try:
        with conversation(network.folder, may_start=False) as talk:
            return Errand(talk).team
    except (NoEngine, RejectedByEngine, OSError):
        return None


def _text(network: Network, state: TeamState | None) -> str:
    lines = [f"{network.name} at {network.server or 'no server: the team was left'}", f"  {network.folder}"]
    if state is None:
        return "\n".join([*lines, f"  {NOT_RUNNING}"])
    who, stands, polls = f"{state.name}, {state.role}", sentence_of(state, now_us()), polled_words(state)
    lines += [
        f"  {clean_text(who, LINE_CAP)}",
        f"  {clean_text(stands, LINE_CAP)}",
        f"  {count_of(state.pending, 'edit waits', 'edits wait')} for the server, {state.tray:,} not applied,"
        f" {count_of(state.untold, 'row', 'rows')} of the journal not told",
        f"  {clean_text(polls, LINE_CAP)}",
    ]
    return "\n".join(lines)


def _plain(network: Network, state: TeamState | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": network.name,
        "server": network.server,
        "folder": str(network.folder),
        "running": state is not None,
    }
    if state is None:
        return told
    names = ("tenant", "install", "account", "name", "role", "reachability", "why", "retry_us", "synced_us")
    numbers = ("pending", "tray", "untold", "lease", "holder")
    told |= {name: msgspec.to_builtins(getattr(state, name)) for name in (*names, *numbers)}
    told["people"] = [{"name": one.name, "computer": one.computer} for one in state.people]
    return told


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heliograph team",
        description="How this computer stands with its teams: server, last in step, what waits, who polls.",
    )
    parser.add_argument(
        "--profile", type=Path, metavar="DIR", help="folder that holds the network, or a team's"
    )
    parser.add_argument("--json", action="store_true", help="as JSON, times in microseconds since 1970 UTC")
    return parser
