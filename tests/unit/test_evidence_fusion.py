"""Fusion a change at a time gives what telling all at once gives, whatever the order."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.evidence import timeless, timeless_words
from domain.evidence_fusion import WITHOUT_END, Fusion
from domain.evidence_said import Heard, Port, Said, with_past
from domain.inventory import Link

MINUTE_US = 60_000_000
DEVICES = 6
PORTS = 2
LINKS = 3
EVERYBODYS, CLONED = "192.168.88.1", "48:8F:5A:00:FF:FF"
"""An address and a MAC that most have, so that they tell nobody apart."""


def _id(number: int) -> UUID:
    return UUID(int=number + 1)


def _mac(number: int, port: int) -> str:
    return f"48:8F:5A:00:{number:02X}:{port:02X}"


numbers, ports = st.integers(0, DEVICES - 1), st.integers(1, PORTS)


@st.composite
def heards(draw: st.DrawFn) -> Heard:
    """Somebody is heard at a port: by MAC, by address, by name, with or without his port."""
    number, port = draw(numbers), draw(ports)
    source = draw(st.sampled_from(["lldp", "mndp", "cdp", "wireless", "ospf", "bgp"]))
    mac = "" if source in ("ospf", "bgp") else draw(st.sampled_from([_mac(number, port), CLONED, ""]))
    address = draw(st.sampled_from([f"10.0.0.{number}", EVERYBODYS, ""]))
    far = draw(st.sampled_from([f"e{port}", ""]))
    return Heard(
        (source,), "p", f"e{draw(ports)}", mac, address, draw(st.sampled_from([f"R{number}", ""])), far, 0
    )


@st.composite
def sightings(draw: st.DrawFn) -> Heard:
    """A row of a forwarding table, or of addresses and MACs."""
    kind = draw(st.sampled_from(["fdb", "fdb", "fdb", "arp"]))
    number = draw(numbers)
    at_us = draw(st.integers(0, 200)) * MINUTE_US
    return Heard((kind,), "", f"e{draw(ports)}", _mac(number, draw(ports)), "", "", "", at_us)


@st.composite
def saids(draw: st.DrawFn, number: int) -> Said:
    """What a device says; now and then it has the MAC or the address of another."""
    own = number if draw(st.integers(0, 9)) else draw(numbers)
    kinds = st.sampled_from(["ether", "ether", "wlan", "bridge"])
    told = {f"e{port}": Port(_mac(own, port), draw(kinds), "") for port in range(1, PORTS + 1)}
    addresses: dict[str, str | None] = {f"10.0.0.{own}": draw(st.sampled_from(["e1", None]))}
    if draw(st.integers(0, 2)):
        addresses[EVERYBODYS] = "e2"
    if draw(st.booleans()):
        told["e3"] = Port(CLONED, "bridge", "")
    return Said(
        _id(number),
        f"R{number}",
        f"10.0.0.{number}",
        draw(st.sampled_from(["", f"R{number}", f"R{own}"])),
        draw(st.sampled_from([told, {}])),
        addresses,
        heard=tuple(draw(st.lists(heards(), max_size=3))),
        sightings=tuple(draw(st.lists(sightings(), max_size=6))),
    )


def _link(number: int, a: int, b: int, port: int) -> Link:
    return Link(
        UUID(int=1_000 + number), _id(a), _id((a + 1 + b % (DEVICES - 1)) % DEVICES), f"e{port}", "e1"
    )


steps = st.one_of(
    numbers.flatmap(lambda number: st.tuples(st.just("put"), saids(number))),
    st.tuples(st.just("drop"), numbers),
    st.tuples(st.just("link"), st.builds(_link, st.integers(0, LINKS - 1), numbers, numbers, ports)),
    st.tuples(st.just("unlink"), st.integers(0, LINKS - 1)),
    st.tuples(st.just("hear"), numbers),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, 9, 31, 400, 1_500])),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=25), st.sampled_from([1, 3, 20, WITHOUT_END]))
def test_a_change_at_a_time_is_as_all_at_once(changes: list[tuple[str, object]], most: int) -> None:
    fusion = Fusion()
    saids: dict[UUID, Said] = {}
    links: dict[UUID, Link] = {}
    heard_us: dict[UUID, int] = {}
    now_us = 300 * MINUTE_US
    for what, of in changes:
        if isinstance(of, Said):
            old = saids.get(of.id)
            said = with_past(of, old, fusion.last_us(of.id), now_us) if old else of
            saids[of.id] = said
            fusion.put(said)
        elif isinstance(of, Link):
            links[of.id] = of
            fusion.put_link(of)
        elif what == "drop":
            assert isinstance(of, int)
            saids.pop(_id(of), None)
            heard_us.pop(_id(of), None)
            fusion.drop(_id(of))
        elif what == "unlink":
            assert isinstance(of, int)
            links.pop(UUID(int=1_000 + of), None)
            fusion.drop_link(UUID(int=1_000 + of))
        elif what == "hear":
            assert isinstance(of, int)
            if _id(of) in saids:
                heard_us[_id(of)] = now_us
                fusion.hear(_id(of), "p", now_us)
        elif what == "wait":
            assert isinstance(of, int)
            now_us += of * MINUTE_US
        fusion.turn(now_us, most, most)
    while fusion.is_behind:
        fusion.turn(now_us, most, most)
    for _ in range(DEVICES + LINKS):
        fusion.turn(now_us, most, most)
    whole = Fusion()
    for link in links.values():
        whole.put_link(link)
    for said in saids.values():
        whole.put(said)
    for id, at_us in heard_us.items():
        whole.hear(id, "p", at_us)
    told = whole.turn(now_us)
    assert sorted(map(timeless, fusion.links.values()), key=repr) == sorted(
        map(timeless, whole.links.values()), key=repr
    )
    assert {timeless_words(one) for one in fusion.contradictions.values()} == {
        timeless_words(one) for one in whole.contradictions.values()
    }
    assert {link.id for link in told.links} == whole.links.keys()
