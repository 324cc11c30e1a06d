"""Kinds have words for people, all of them, and no name of the code is among those."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

import pytest

from domain.edit import Edit, Step
from domain.inventory import (
    KINDS,
    NEEDS,
    Credential,
    CredentialKind,
    Device,
    Inventory,
    Kind,
    Probe,
    ProbeKind,
)
from domain.nouns import LOGIN_NOUNS, NOUNS, Noun, noun_of, with_article
from domain.probe_rules import credential_refusals, probe_refusals
from domain.rules import refusals
from domain.watch_rules import rule_refusals
from domain.watching import AlertRule, RuleKind


def test_every_kind_of_things_and_logins_has_words_of_its_own() -> None:
    assert set(NOUNS) == set(KINDS) and set(LOGIN_NOUNS) == set(get_args(CredentialKind))
    nouns = [*NOUNS.values(), *LOGIN_NOUNS.values()]
    assert len(set(nouns)) == len(nouns)
    for one, many in nouns:
        assert one and many != one and "_" not in one + many


def test_a_kind_that_nobody_here_knows_is_of_a_newer_version() -> None:
    assert noun_of("of_a_later_release") == Noun("thing of a newer version", "things of a newer version")


@pytest.mark.parametrize(
    ("noun", "said"),
    [
        ("site", "a site"),
        ("alert rule", "an alert rule"),
        ("SNMPv3 user", "an SNMPv3 user"),
        ("RouterOS login", "a RouterOS login"),
    ],
)
def test_a_noun_has_its_article(noun: str, said: str) -> None:
    assert with_article(noun) == said


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused_of_a_thing_says_what_people_call_it(kind: Kind) -> None:
    for before in (None, {"x": 1}):
        step = Step(kind, UUID(int=1), before, {"x": 1})
        found = refusals(Inventory(), Edit(UUID(int=2), 1, "a", "t", (step,)))
        assert found and "_" not in found[0].message
        assert noun_of(kind).one in found[0].message


@pytest.mark.parametrize("kind", get_args(ProbeKind))
def test_what_is_refused_of_a_probe_names_neither_it_nor_its_login_by_the_code(kind: ProbeKind) -> None:
    wrong = next(one for one in get_args(CredentialKind) if one not in NEEDS.get(kind, ()))
    login = Credential(UUID(int=1), "Login", wrong)
    inventory = Inventory()
    inventory.tables["credential"][login.id] = login
    probe = Probe(kind, -1, login.id, kind == "icmp", "x\n", "y\n", "z")
    found = list(probe_refusals(inventory, Device(UUID(int=2), "D", "10.0.0.1", probes=(probe, probe))))
    for said in (one.message for one in found):
        assert "_" not in said and (kind == "dns" or kind not in said.split(":")[0].split())
    assert found


def test_what_is_refused_of_a_login_or_a_rule_names_its_kind_in_words() -> None:
    for login in get_args(CredentialKind):
        if login != "snmp_v3":
            (refusal,) = credential_refusals(Credential(UUID(int=1), "L", login, context="x"))
            assert LOGIN_NOUNS[login].one in refusal.message and "_" not in refusal.message
    for kind in get_args(RuleKind):
        rule = AlertRule(UUID(int=1), "R", kind, metric="none there is", threshold=-1.0)
        assert all("_" not in refusal.message for refusal in rule_refusals(rule)), kind
