"""Links that devices tell of at members of one aggregate: one link, unless people have drawn its lines one by one."""

from __future__ import annotations

from uuid import UUID

from domain.evidence_said import Heard, Port, Said
from domain.inventory import Link
from tests.unit.evidences import NOW_US, A, B, ends, fuse, hears, only, said


def bonded(id: UUID, *heard: Heard) -> Said:
    """A device whose e1 and e2 are members of its bond, which has a MAC of theirs."""
    one = said(id, *heard)
    members = {
        name: port._replace(bond="bond1") if name != "e3" else port for name, port in one.ports.items()
    }
    one.ports = {**members, "bond1": Port(one.ports["e1"].mac, "bond", "")}
    return one


def both_lines() -> tuple[Said, Said]:
    return tuple(  # type: ignore[return-value]
        bonded(id, *(hears("lldp", line, peer, line) for line in ("e1", "e2")))
        for id, peer in ((A, B), (B, A))
    )


def test_members_of_one_bond_are_one_link_at_its_ports() -> None:
    assert list(ends(fuse(*both_lines()))) == [(A, "bond1", B, "bond1")]
    trunk = Link(UUID(int=90), B, A, "bond1", "bond1")
    assert only(fuse(*both_lines(), links=(trunk,))).link == trunk.id
    third = bonded(A, *(hears("lldp", line, B, line) for line in ("e1", "e2", "e3")))
    assert list(ends(fuse(third, both_lines()[1]))) == [(A, "bond1", B, "bond1"), (A, "e3", B, "e3")]


def test_members_that_people_have_drawn_one_by_one_stay_links_of_their_own() -> None:
    drawn = Link(UUID(int=91), A, B, "e2", "e2")
    fusion = fuse(*both_lines(), links=(drawn,))
    assert sorted(ends(fusion)) == [(A, "e1", B, "e1"), (A, "e2", B, "e2")]
    fusion.drop_link(drawn.id)
    fusion.turn(NOW_US)
    assert list(ends(fusion)) == [(A, "bond1", B, "bond1")]


def test_ports_that_become_members_later_join_their_links() -> None:
    fusion = fuse(
        *(
            said(id, *(hears("lldp", line, peer, line) for line in ("e1", "e2")))
            for id, peer in ((A, B), (B, A))
        )
    )
    assert len(ends(fusion)) == 2
    for one in both_lines():
        fusion.put(one)
    fusion.turn(NOW_US)
    assert list(ends(fusion)) == [(A, "bond1", B, "bond1")]
