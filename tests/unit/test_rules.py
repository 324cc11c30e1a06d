"""Every refusal names its field and says what was got; what is right passes."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from domain.edit import Step, change, creation, deletion, inverse
from domain.inventory import Credential, Link, Probe, Site
from domain.rules import REFUSALS_CAP, STEPS_CAP, refusals
from tests.unit.inventories import COMMUNITY, LOGIN, device, edit, inventory

SITE = Site(UUID(int=50), "Grünten", "Oberallgäu", 10.3, 47.5)


def test_a_plain_device_passes() -> None:
    assert refusals(inventory(), edit(creation("device", device(1)))) == []


@pytest.mark.parametrize(
    ("fields", "field", "code", "said"),
    [
        ({"address": "10.0.0.256"}, "address", "INVALID_IP_ADDRESS", "10.0.0.256"),
        ({"address": "router.example"}, "address", "INVALID_IP_ADDRESS", "router.example"),
        ({"address": "224.0.0.1"}, "address", "INVALID_IP_ADDRESS", "224.0.0.1"),
        ({"address": "0.0.0.0"}, "address", "INVALID_IP_ADDRESS", "0.0.0.0"),
        ({"address": "2001:DB8::1"}, "address", "INVALID_IP_ADDRESS", "2001:db8::1"),
        ({"lng": 200.0, "lat": 10.0}, "lng", "INVALID_INPUT", "200"),
        ({"lng": 10.0, "lat": -91.0}, "lat", "INVALID_INPUT", "-91"),
        ({"lng": 10.0}, "lat", "INVALID_INPUT", "both"),
        ({"lng": float("nan"), "lat": 1.0}, "lng", "INVALID_INPUT", ""),
        ({"name": "  "}, "name", "MISSING_REQUIRED_FIELD", "name"),
        ({"name": "x" * 121}, "name", "INVALID_INPUT", "121"),
        ({"name": "a\u202eb"}, "name", "INVALID_INPUT", "invisible"),
        ({"interval_s": 0.2}, "interval_s", "INVALID_INPUT", "0.2"),
        ({"subscribers": -1}, "subscribers", "INVALID_INPUT", "-1"),
        ({"note": "x" * 4001}, "note", "INVALID_INPUT", "4001"),
        ({"note": "a\x00b"}, "note", "INVALID_INPUT", "control"),
        ({"profile": "p" * 121}, "profile", "INVALID_INPUT", "121"),
        ({"paused_until_us": 1 << 63}, "paused_until_us", "INVALID_INPUT", "2100"),
        ({"site": UUID(int=777)}, "site", "SITE_NOT_FOUND", "no site"),
        ({"probes": (Probe("tcp", 0),)}, "probes.0.port", "INVALID_INPUT", "TCP"),
        ({"probes": (Probe("icmp", 7),)}, "probes.0.port", "INVALID_INPUT", "Ping"),
        ({"probes": (Probe("icmp"), Probe("icmp"))}, "probes", "INVALID_INPUT", "Ping"),
        ({"probes": tuple(Probe("tcp", 20 + n) for n in range(9))}, "probes", "INVALID_INPUT", "9"),
        (
            {"probes": (Probe("snmp", 161),)},
            "probes.0.credential",
            "MISSING_REQUIRED_FIELD",
            "SNMP needs a login",
        ),
        (
            {"probes": (Probe("snmp", 161, LOGIN.id),)},
            "probes.0.credential",
            "INVALID_INPUT",
            "RouterOS login",
        ),
        ({"probes": (Probe("icmp"), Probe("tcp", 22, tls=True))}, "probes.1.tls", "INVALID_INPUT", "TLS"),
        ({"probes": (Probe("http", 80, target="x"),)}, "probes.0.target", "INVALID_INPUT", "path"),
        ({"probes": (Probe("http", 80, expect="a\nb"),)}, "probes.0.expect", "INVALID_INPUT", "plain"),
        ({"probes": (Probe("http", 443, tls=True, pin="AB"),)}, "probes.0.pin", "INVALID_INPUT", "hex"),
        (
            {"probes": (Probe("routeros", 443, LOGIN.id, target="rest"),)},
            "probes.0.tls",
            "INVALID_INPUT",
            "in clear",
        ),
        (
            {"probes": (Probe("routeros", 443, LOGIN.id, target="soap"),)},
            "probes.0.target",
            "INVALID_INPUT",
            "rest",
        ),
        (
            {"probes": (Probe("routeros", 8728, COMMUNITY.id),)},
            "probes.0.credential",
            "INVALID_INPUT",
            "SNMP community",
        ),
    ],
)
def test_a_device_is_refused_at_the_field(
    fields: dict[str, object], field: str, code: str, said: str
) -> None:
    found = refusals(inventory(COMMUNITY, LOGIN), edit(creation("device", device(1, **fields))))
    assert [(r.field, r.code) for r in found] == [(field, code)]
    assert said in found[0].message


def test_a_second_device_at_one_address_and_port_is_refused() -> None:
    there = inventory(device(1, address="10.1.1.1"))
    found = refusals(there, edit(creation("device", device(2, address="10.1.1.1"))))
    assert found[0].code == "DEVICE_ALREADY_EXISTS" and "R1" in found[0].message


def test_devices_behind_one_address_with_ports_of_their_own_pass() -> None:
    there = inventory(device(1, address="10.1.1.1", probes=(Probe("tcp", 8001),)))
    assert (
        refusals(there, edit(creation("device", device(2, address="10.1.1.1", probes=(Probe("tcp", 8002),)))))
        == []
    )


def test_two_twins_in_one_edit_are_refused() -> None:
    twins = edit(
        creation("device", device(1, address="10.9.9.9")), creation("device", device(2, address="10.9.9.9"))
    )
    assert "DEVICE_ALREADY_EXISTS" in [r.code for r in refusals(inventory(), twins)]


def test_a_link_needs_two_devices_that_exist() -> None:
    link = Link(UUID(int=5), UUID(int=1), UUID(int=2))
    found = refusals(inventory(device(1)), edit(creation("link", link)))
    assert [(r.field, r.code) for r in found] == [("b", "DEVICE_NOT_FOUND")]
    loop = Link(UUID(int=5), UUID(int=1), UUID(int=1))
    assert [r.field for r in refusals(inventory(device(1)), edit(creation("link", loop)))] == ["b"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"capacity_bps": -5}, "capacity_bps"),
        ({"path": ((500.0, 1.0),)}, "path"),
        ({"path": tuple((0.0, 0.0) for _ in range(501))}, "path"),
        ({"note": "x" * 4001}, "note"),
        ({"note": "bell \x07"}, "note"),
        ({"a_interface": "e" * 257}, "a_interface"),
        ({"b_interface": "ether1\nether2"}, "b_interface"),
    ],
)
def test_a_links_fields_are_held_in_range(fields: dict[str, object], field: str) -> None:
    link = Link(UUID(int=5), UUID(int=1), UUID(int=2), **fields)  # type: ignore[arg-type]
    found = refusals(inventory(device(1), device(2)), edit(creation("link", link)))
    assert [r.field for r in found] == [field]


@pytest.mark.parametrize(
    ("thing", "field"),
    [
        (msgspec.structs.replace(SITE, region="r" * 121), "region"),
        (msgspec.structs.replace(SITE, region="Tirol\u202e"), "region"),
        (msgspec.structs.replace(SITE, elevation_m=1e9), "elevation_m"),
        (msgspec.structs.replace(SITE, note="\x1b[2J"), "note"),
        (msgspec.structs.replace(LOGIN, user="u" * 121), "user"),
        (msgspec.structs.replace(LOGIN, user="admin\x00"), "user"),
    ],
)
def test_every_text_of_a_site_and_a_credential_has_a_cap_and_no_control_characters(
    thing: Site | Credential, field: str
) -> None:
    found = refusals(inventory(), edit(creation("site" if isinstance(thing, Site) else "credential", thing)))
    assert [(r.field, r.subject) for r in found] == [(field, thing.id)]


def test_a_note_may_have_lines_tabs_and_joined_letters() -> None:
    note = "key at the lift\n\tsecond\r\nthird 👨\u200d👩"
    assert refusals(inventory(), edit(creation("site", msgspec.structs.replace(SITE, note=note)))) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": "t" * 251}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"author": "a" * 121}, "author"),
        ({"author": "mara\x00"}, "author"),
        ({"at_us": -1}, "at_us"),
        ({"at_us": 1 << 63}, "at_us"),
        ({"version": 0}, "version"),
        ({"version": 2}, "version"),
    ],
)
def test_what_an_edit_says_of_itself_is_held_in_range(fields: dict[str, object], field: str) -> None:
    made = msgspec.structs.replace(edit(creation("device", device(1))), **fields)
    assert [r.field for r in refusals(inventory(), made)] == [field]


def test_the_longest_title_can_be_undone() -> None:
    made = msgspec.structs.replace(edit(creation("device", device(1))), title="t" * 250)
    back = inverse(made, UUID(int=9), 2, "mara")
    assert refusals(inventory(device(1)), back) == []
    assert inverse(back, UUID(int=9), 2, "mara").title == made.title


def test_of_a_hundred_thousand_refusals_the_first_hundred_are_told_and_the_rest_counted() -> None:
    bad = edit(*(creation("device", device(n, name="", interval_s=0.0)) for n in range(1, 101)))
    found = refusals(inventory(), bad)
    assert len(found) == REFUSALS_CAP + 1 == 101
    assert found[-1].message == "and 100 more"


def test_a_refusal_quotes_only_so_much_of_what_was_sent() -> None:
    step = Step("device", UUID(int=1), {"name": "x" * 100_000}, {"name": "new"})
    (found,) = refusals(inventory(device(1)), edit(step))
    assert found.code == "CLASH" and len(found.message) <= 500
    many = edit(creation("device", device(1, probes=tuple(Probe("icmp", 9) for _ in range(5_000)))))
    assert len(refusals(inventory(), many)) == 1


def test_what_is_still_used_is_not_deleted() -> None:
    link = Link(UUID(int=5), UUID(int=1), UUID(int=2))
    used = Credential(UUID(int=60), "used", "snmp_community")
    there = inventory(
        device(1, site=SITE.id), device(2, probes=(Probe("snmp", 161, used.id),)), SITE, used, link
    )
    for step in (
        deletion("site", SITE),
        deletion("credential", used),
        deletion("device", device(1, site=SITE.id)),
    ):
        assert [r.code for r in refusals(there, edit(step))] == ["IN_USE"]
    both = edit(deletion("link", link), deletion("device", device(1, site=SITE.id)))
    assert refusals(there, both) == []


def test_a_clash_says_what_changed_meanwhile() -> None:
    step = Step("device", UUID(int=1), {"name": "old"}, {"name": "new"})
    found = refusals(inventory(device(1)), edit(step))
    assert found[0].code == "CLASH" and "R1" in found[0].message


def test_a_value_of_the_wrong_type_is_refused_at_its_field() -> None:
    step = Step("device", UUID(int=1), {"subscribers": 0}, {"subscribers": "many"})
    found = refusals(inventory(device(1)), edit(step))
    assert found[0].code == "INVALID_INPUT" and found[0].field == "subscribers"


def test_empty_oversized_and_unknown_edits_are_refused() -> None:
    assert refusals(inventory(), edit())[0].code == "INVALID_INPUT"
    one = creation("device", device(1))
    assert "steps" in refusals(inventory(), edit(*[one] * (STEPS_CAP + 1)))[0].message
    alien = msgspec.structs.replace(one, kind="spaceship")
    assert refusals(inventory(), edit(alien))[0].code == "UNKNOWN_KIND"


def test_refusing_changes_nothing() -> None:
    there = inventory(device(1))
    old = device(1)
    step = change("device", old, msgspec.structs.replace(old, name="new"))
    assert step is not None
    refusals(there, edit(step))
    assert there == inventory(device(1))


def test_a_site_may_stand_without_a_place_and_must_have_a_name() -> None:
    assert refusals(inventory(), edit(creation("site", Site(UUID(int=1), "Hilltop")))) == []
    assert refusals(inventory(), edit(creation("site", Site(UUID(int=1), ""))))[0].field == "name"
    assert (
        refusals(inventory(), edit(creation("site", Site(UUID(int=1), "a", note="x" * 5000))))[0].field
        == "note"
    )
