"""The networks of this computer: its own, and those that it joined. No Qt.

Counterpart: `domain/team.NetworkCard`, which the engine writes into the folder of each. One rule: what is in a folder is read
with a cap, and one that cannot be read is not there.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from domain.team import NETWORK_FILE, TEAMS_FOLDER, NetworkCard
from domain.text import clean_text

CARD_CAP_BYTES = 16_384
NETWORKS_CAP = 100
NAME_CAP = 120


class Network(NamedTuple):
    """A network by its folder. `server` is empty where it is no team's."""

    folder: Path
    name: str
    server: str = ""


def root_of(profile: Path) -> Path:
    """Return the profile of this computer's own network, of its own folder or of one that was joined from it."""
    return profile.parent.parent if profile.parent.name == TEAMS_FOLDER else profile


def joined_networks(root: Path) -> list[Network]:
    """Return what was joined from a profile, by name."""
    try:
        cards = sorted((root / TEAMS_FOLDER).glob(f"*/{NETWORK_FILE}"))[:NETWORKS_CAP]
    except OSError:
        return []
    found = [network for card in cards if (network := _read(card)) is not None]
    return sorted(found, key=lambda network: network.name.casefold())


def network_of(folder: Path) -> Network | None:
    """Return the network of a folder that was joined; None where it was not."""
    return _read(folder / NETWORK_FILE)


def _read(file: Path) -> Network | None:
    try:
        with file.open("rb") as opened:
            card = msgspec.json.decode(opened.read(CARD_CAP_BYTES), type=NetworkCard)
    except (OSError, msgspec.MsgspecError):
        return None
    if "." in file.parent.name:
        return None  # it is being made
    name = clean_text(card.name, NAME_CAP) or str(card.tenant)
    return Network(file.parent, name, "" if card.left else clean_text(card.server, NAME_CAP))
