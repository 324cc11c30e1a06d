"""Ranges as people write them, and what is refused of a sweep and a walk."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.discovering import (
    ADDRESSES_PER_OPERATION,
    Asking,
    SweepSettings,
    WalkSettings,
    count_addresses,
    is_within,
    read_spans,
    spread_addresses,
    sweep_refusals,
    walk_refusals,
)
from domain.inventory import Credential, Inventory

COMMUNITY, KEY = UUID(int=1), UUID(int=2)
INVENTORY = Inventory(
    {"credential": {
        COMMUNITY: Credential(COMMUNITY, "read", "snmp_community"), KEY: Credential(KEY, "key", "ssh_key"),
    }}
)  # fmt: skip


def listed(text: str) -> list[str]:
    spans, wrong = read_spans(text)
    assert wrong == []
    return list(spread_addresses(spans))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.0/30", ["10.0.0.1", "10.0.0.2"]),
        ("10.0.0.7/30", ["10.0.0.5", "10.0.0.6"]),
        ("10.0.0.0/31", ["10.0.0.0", "10.0.0.1"]),
        ("10.0.0.9/32", ["10.0.0.9"]),
        ("10.0.0.9", ["10.0.0.9"]),
        ("10.0.0.9-11", ["10.0.0.9", "10.0.0.10", "10.0.0.11"]),
        ("10.0.0.254-10.0.1.1", ["10.0.1.0", "10.0.1.1", "10.0.0.254", "10.0.0.255"]),
        ("10.0.0.1, 10.0.0.1;10.0.0.0/30\n10.0.0.2-3", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("fd00::/126", ["fd00::1", "fd00::2", "fd00::3"]),
    ],
)
def test_a_range_means_these_addresses(text: str, expected: list[str]) -> None:
    assert listed(text) == expected


def test_neighbours_come_far_apart() -> None:
    order = listed("10.0.0.0/22")
    assert len(order) == len(set(order)) == 1022
    for n in range(4, 1000):
        window = [address.rpartition(".")[0] for address in order[n : n + 4]]
        assert len(set(window)) == 4


@pytest.mark.parametrize(
    "text", ["10.0.0.0/33", "10.0.0", "router.example", "10.0.0.9-1", "10.0.0.1-fd00::1", "224.0.0.1", "240.0.0.0/8",
             "0.0.0.0", "fe80::1", "10.0.0.1-999", "10.0.0.1-x", "١٠.0.0.1", "10.0.0.1-٩٩٩"],
)  # fmt: skip
def test_what_is_no_range_is_refused_by_name(text: str) -> None:
    _, wrong = read_spans(text)
    assert [refusal.field for refusal in wrong] == ["ranges"]
    assert text in wrong[0].message


@given(st.text(max_size=60))
def test_no_text_of_a_person_is_a_bug(text: str) -> None:
    spans, wrong = read_spans(text)
    assert count_addresses(spans) >= 0
    assert all(refusal.message.isprintable() for refusal in wrong)


def test_too_much_is_refused_with_both_numbers_before_anything_is_listed() -> None:
    for text in ("10.0.0.0/8", "fd00::/8", "10.0.0.0/16 10.1.0.0/16"):
        said = [refusal.message for refusal in sweep_refusals(INVENTORY, SweepSettings(text))]
        assert len(said) == 1
        assert f"{ADDRESSES_PER_OPERATION:,}" in said[0]
    assert list(sweep_refusals(INVENTORY, SweepSettings("10.0.0.0/16"))) == []


@pytest.mark.parametrize(
    ("asking", "field"),
    [
        (Asking(credentials=(KEY,)), "credentials"),
        (Asking(credentials=(UUID(int=9),)), "credentials"),
        (Asking(credentials=(COMMUNITY,) * 17), "credentials"),
        (Asking(rate_per_s=0), "rate_per_s"),
        (Asking(rate_per_s=float("nan")), "rate_per_s"),
        (Asking(logins_per_host=6), "logins_per_host"),
        (Asking(ports=(0,)), "ports"),
        (Asking(ports=tuple(range(1, 99))), "ports"),
    ],
)
def test_what_is_wrong_with_the_asking_is_told_by_its_field(asking: Asking, field: str) -> None:
    assert [r.field for r in sweep_refusals(INVENTORY, SweepSettings("10.0.0.1", asking))] == [field]
    assert [
        r.field for r in walk_refusals(INVENTORY, WalkSettings(addresses=("10.0.0.1",), asking=asking))
    ] == [field]


def test_nothing_to_do_is_refused() -> None:
    assert [r.field for r in sweep_refusals(INVENTORY, SweepSettings(" , "))] == ["ranges"]
    assert [r.field for r in walk_refusals(INVENTORY, WalkSettings())] == ["devices"]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (WalkSettings(devices=(UUID(int=9),)), "devices"),
        (WalkSettings(addresses=("name",)), "addresses"),
        (WalkSettings(addresses=("10.0.0.1",), within="x"), "within"),
        (WalkSettings(addresses=("10.0.0.1",), depth=0), "depth"),
        (WalkSettings(addresses=("10.0.0.1",), most=0), "most"),
    ],
)
def test_what_is_wrong_with_a_walk_is_told_by_its_field(settings: WalkSettings, field: str) -> None:
    assert [r.field for r in walk_refusals(INVENTORY, settings)] == [field]


def test_an_address_is_within_ranges_or_not() -> None:
    spans, _ = read_spans("10.0.0.0/24 fd00::/64")
    assert is_within(spans, "10.0.0.7")
    assert is_within(spans, "fd00::7")
    assert not is_within(spans, "10.0.1.7")
