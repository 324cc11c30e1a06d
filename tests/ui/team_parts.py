"""What tests of the team in the window share: a state of a team, people, and how the fake engine tells of them."""

from __future__ import annotations

from typing import Any

from domain.roles import PERMISSIONS, Role
from domain.sync import Person
from domain.team import TeamState
from domain.wire import Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of

MINUTE_US = 60_000_000


def team_of(role: Role = "engineer", **fields: Any) -> TeamState:
    """Return the state of a team in which this computer's person has a role."""
    told: dict[str, Any] = {
        "server": "https://noc.example.net",
        "tenant": id_of("tenant"),
        "tenant_name": "Voralp",
        "account": id_of("me"),
        "name": "Rosa",
        "role": role,
        "permissions": tuple(sorted(PERMISSIONS[role])),
        "is_everywhere": True,
        "reachability": "online",
        "install": id_of("here"),
    }
    return TeamState(**(told | fields))


def person(name: str, computer: str = "", **fields: Any) -> Person:
    """Return somebody who is there."""
    return Person(id_of(f"install {name}"), id_of(name), name, computer or f"{name}'s laptop", 1, **fields)


def tell_team(bench: Bench, role: Role = "engineer", **fields: Any) -> TeamState:
    """Let the mirror hear how the team stands."""
    told = team_of(role, **fields)
    bench.model.merge(Changed(99, team=told))
    bench.model.flush()
    return told
