"""A network that comes as a file stands in its regions and POPs, and its rollups are those counted by hand (V04)."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.hierarchy import NO_SITE, Hierarchy, Key
from domain.inventory import Inventory
from tests.engine.test_imports import after, plan

FIXTURE = json.loads((Path(__file__).parents[1] / "unit" / "hierarchy.json").read_text("utf-8"))


def as_csv() -> str:
    """Return the fixture as a table, what stands in something before that: who writes a file minds no order."""
    text = io.StringIO()
    table = csv.DictWriter(text, ("kind", "name", "address", "region", "pop", "site", "subscribers"))
    table.writeheader()
    for number, row in enumerate(FIXTURE["devices"]):
        wanted = {name: row[name] for name in ("name", "site", "subscribers") if name in row}
        table.writerow({"kind": "device", "address": f"10.0.0.{number + 1}", **wanted})
    for row in reversed(FIXTURE["sites"]):
        table.writerow({"kind": "site", **row})
    return text.getvalue()


@pytest.fixture(scope="module")
def network() -> Inventory:
    return after(plan(as_csv(), "network.csv"))


@pytest.fixture(scope="module")
def tree(network: Inventory) -> Hierarchy:
    statuses = {row["name"]: row["status"] for row in FIXTURE["devices"]}
    by_id = {device.id: statuses[device.name] for device in network.devices()}
    return Hierarchy(network, by_id.__getitem__)


def key_of(network: Inventory, place: str) -> Key:
    kind, _, name = place.partition(" ")
    if place == "no site":
        return NO_SITE
    sites: dict[str, UUID] = {site.name: site.id for site in network.sites()}
    return ("region", name) if kind == "region" else ("site", sites[name])


@pytest.mark.parametrize("row", FIXTURE["rollups"], ids=lambda row: row["place"])
def test_the_rollups_of_a_file_are_those_counted_by_hand(
    network: Inventory, tree: Hierarchy, row: dict[str, Any]
) -> None:
    rollup = tree.rollup(key_of(network, row["place"]))
    assert (rollup.worst, rollup.counts) == (row["worst"], row["counts"])
    assert (rollup.total, rollup.subscribers) == (row["devices"], row["subscribers"])


def test_what_a_file_says_stands_in_what_does(network: Inventory, tree: Hierarchy) -> None:
    for name, above in FIXTURE["stands_in"].items():
        assert tree.above(key_of(network, f"site {name}")) == key_of(network, above)


def test_a_site_brings_what_it_hangs_under_wherever_that_stands_in_the_file() -> None:
    found = plan(as_csv(), "network.csv")
    needs = {row.name: [found.rows[need].name for need in row.needs] for row in found.rows}
    assert needs["Missen"] == ["Hauchenberg"] and needs["Hauchenberg"] == ["Kempten"]
    assert needs["Kempten"] == [] and needs["Missen AP"] == ["Missen"]


def test_sites_that_hang_under_each_other_are_left_out_with_the_reason() -> None:
    found = plan("kind,name,pop\nsite,A,B\nsite,B,A\nsite,C,C\nsite,D,\n", "ring.csv")
    assert [(row.action, row.name) for row in found.rows] == [
        ("skip", "A"),
        ("skip", "B"),
        ("skip", "C"),
        ("add", "D"),
    ]
    assert found.rows[0].said == "there is no site 'B' to hang under"
