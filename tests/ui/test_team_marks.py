"""What the page is told of the team: people at things and tunnels by their initials, and what waits for the server."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.map.layers import MapLayers
from app.map.team_marks import PEOPLE_CAP, TeamMarksFeed
from app.model import Delta, Model
from app.team.words import initials_of
from domain.team import TeamState
from domain.tunnels import TeamTunnel, Tunnel, TunnelsState
from domain.wire import Changed
from tests.ui.fake_engine import id_of
from tests.ui.team_parts import person, team_of

TEAM = Delta(team=True)


def feed(team: TeamState) -> tuple[Model, MapLayers, TeamMarksFeed]:
    model, layers = Model(), MapLayers(lambda **_: None)
    hear(model, team)
    return model, layers, TeamMarksFeed(model, layers)


def hear(model: Model, team: TeamState) -> None:
    model.merge(Changed(1, team=team))
    model.flush()


def at(name: str, *, working: Any = (), looking: Any = ()) -> dict[str, Any]:
    return {"id": id_of(name), "working": list(working), "looking": list(looking)}


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Rosa", "R"),
        ("Rosa Maria del Monte", "RM"),
        ("  mia  müller ", "MM"),
        ("ßen öst", "SÖ"),
        ("\u202e(Ben) 4", "B4"),
        ("“”", "?"),
        ("سارة علي", "سع"),
    ],
)
def test_initials_are_the_first_letters_of_the_first_and_the_last_name(
    qt: object, name: str, initials: str
) -> None:
    assert initials_of(person(name)) == initials


def test_who_has_no_name_is_called_by_the_computer(qt: object) -> None:
    assert initials_of(person("", computer="north van")) == "NV"


def test_the_page_is_told_who_else_is_at_what_and_only_what_differs(qt: object) -> None:
    ben, mia = person("Ben", works_on=id_of("g1"), looks_at=id_of("g1")), person("Mia", looks_at=id_of("g1"))
    here = msgspec.structs.replace(person("Me", works_on=id_of("g2")), install=id_of("here"))
    model, _, told = feed(team_of(people=(here, ben, mia)))
    assert told.whole() == {"team": {"people": [at("g1", working="B", looking="M")]}}
    assert told.tick(TEAM) == {}
    hear(model, team_of(people=(ben,), pending=1, pending_things=(("link", id_of("l")),)))
    assert told.tick(Delta()) == {}
    assert told.tick(TEAM) == {"team": {"people": [at("g1", working="B")], "pending": [id_of("l")]}}
    hear(model, team_of())
    assert told.tick(TEAM) == {"team": {"people": [], "pending": []}}


def test_with_their_layer_off_nobody_is_told_of_and_what_waits_is(qt: object) -> None:
    waits = {"pending": 1, "pending_things": (("site", id_of("s")),)}
    _, layers, told = feed(team_of(people=(person("Ben", looks_at=id_of("g1")),), **waits))
    layers.show("people", shown=False)
    assert told.whole() == {"team": {"pending": [id_of("s")]}}
    layers.show("people", shown=True)
    assert told.turned() == {"team": {"people": [at("g1", looking="B")]}}


def tunnel(name: str, **fields: Any) -> Tunnel:
    return Tunnel(id_of(f"tunnel {name}"), id_of(name), "winbox", 8291, 42_000, "relay", "me", 1, **fields)


def theirs(name: str, by: str) -> TeamTunnel:
    return TeamTunnel(id_of(f"{by} {name}"), id_of(name), "ssh", 22, "direct", 1, by=by, computer="the van")


def test_the_page_is_told_to_what_a_tunnel_is_open_and_not_how_much_passes(qt: object) -> None:
    model, layers, told = feed(team_of())
    state = TunnelsState(
        (tunnel("g1"), tunnel("g2", ended="closed by hand")),
        team=(theirs("g1", "Ben Oak"), theirs("g3", "Ben Oak"), theirs("g3", "Mia")),
    )
    model.merge(Changed(2, tunnels=state))
    model.flush()
    marks = [
        {"id": id_of("g1"), "mine": True, "others": ["BO"]},
        {"id": id_of("g3"), "mine": False, "others": ["BO", "M"]},
    ]
    assert told.tick(Delta(tunnels=True)) == {"team": {"tunnels": marks}}
    busy = msgspec.structs.replace(state, tunnels=(tunnel("g1", connections=2, to_bytes=900),))
    model.merge(Changed(3, tunnels=busy))
    model.flush()
    assert told.tick(Delta(tunnels=True)) == {}
    layers.show("people", shown=False)
    assert told.turned() == {"team": {"tunnels": []}}


def test_a_crowd_is_told_of_as_far_as_a_page_can_show_it(qt: object) -> None:
    crowd = tuple(person(f"P{n}", looks_at=id_of(f"d{n}")) for n in range(PEOPLE_CAP + 50))
    _, _, told = feed(team_of(people=crowd))
    assert len(told.whole()["team"]["people"]) == PEOPLE_CAP
