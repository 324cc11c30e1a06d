"""How numbers and times are said, and what a draft comes to: no Qt in here."""

from __future__ import annotations

import sys
from uuid import uuid4

import msgspec
import pytest

from app import words
from app.charts.series import Series, round_up
from app.demo import Typed, edit_from
from app.draft import DeviceDraft, Login, ProbeDraft, default_probe, draft_of, edit_of, steps_of
from app.report import Measured, shortcomings
from domain.edit import apply
from domain.inventory import Device, Inventory, Link, Site
from domain.rules import refusals
from domain.vault import Secret


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (0.9, "0 s"),
        (12, "12 s"),
        (59.9, "59 s"),
        (240, "4 min"),
        (3600, "1 h"),
        (2 * 86_400, "2 d"),
    ],
)
def test_ages_say_no_more_than_they_know(seconds: float, said: str) -> None:
    assert words.age(seconds) == said


@pytest.mark.parametrize(
    ("bps", "said", "column"),
    [
        (None, "–", "–"),
        (0, "0 kb/s", "0"),
        (400, "<1 kb/s", "<1"),
        (38e6, "38 Mb/s", "38"),
        (1.25e9, "1.2 Gb/s", "1,250"),
        (10e9, "10 Gb/s", "10,000"),
    ],
)
def test_rates_have_three_digits_and_columns_one_unit(bps: float | None, said: str, column: str) -> None:
    assert words.rate(bps) == said
    assert words.in_mbps(bps) == column


def test_what_is_not_known_is_a_dash_never_a_zero() -> None:
    assert words.age_of(None, 5) == words.amount(None) == words.round_trip(None) == "–"


def test_a_series_takes_live_values_before_and_after_its_past_arrives() -> None:
    series = Series()
    assert series.append(30_000_000, 3.0)
    assert not series.append(30_000_000, 3.0)
    series.load([10_000_000, 20_000_000], [1.0, 2.0])
    assert series.at_s.tolist() == [10, 20, 30]
    assert series.append(40_000_000, 4.0)
    assert series.value.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("value", "end"), [(0, 1), (0.9, 1), (1.5, 2), (17, 20), (59, 60), (301, 400), (700, 800)]
)
def test_an_axis_ends_at_a_round_number(value: float, end: float) -> None:
    assert round_up(value) == pytest.approx(end)


def network() -> Inventory:
    inventory = Inventory()
    for name, region in (("Hill", "North"), ("Hill", "South")):
        site = Site(uuid4(), name, region)
        inventory.tables["site"][site.id] = site
    return inventory


def test_a_drafts_new_site_is_made_once_and_an_old_one_is_found_by_name() -> None:
    inventory = network()
    made = steps_of(inventory, DeviceDraft("A", "10.0.0.1", site_name="Valley", region="North"))
    assert [step.kind for step in made.steps] == ["site", "device"]
    found = steps_of(inventory, DeviceDraft("A", "10.0.0.1", site_name="hill", region="South"))
    (step,) = found.steps
    assert step.after is not None
    south = next(site for site in inventory.sites() if site.region == "South")
    assert step.after["site"] == str(south.id)


def test_a_drafts_steps_pass_the_rules_and_its_secret_travels_beside_them() -> None:
    inventory = Inventory()
    login = Login(secret=Secret("s3cret"))
    made = steps_of(inventory, DeviceDraft("A", "10.0.0.1", probes=(default_probe("snmp", login),)))
    edit = edit_of("Add A", "tester", made.steps)
    assert refusals(inventory, edit) == []
    apply(inventory, edit)
    device = inventory.device(made.device)
    assert device is not None
    assert device.probes[0].port == 161
    assert list(made.secrets) == [device.probes[0].credential]
    assert "s3cret" not in repr(made)
    assert "s3cret" not in repr(ProbeDraft("snmp", 161, login))


def test_a_device_made_a_draft_and_back_is_the_same() -> None:
    inventory = network()
    site = next(inventory.sites())
    device = Device(uuid4(), "A", "10.0.0.1", (), "pop", site.id, 5, 12.5, 9.123456789, 47.1, True, "note")
    assert steps_of(inventory, draft_of(inventory, device), device).steps == []


TYPED = {
    "name": "Demo",
    "credentials": [{"name": "c", "kind": "snmp_community", "user": "", "secret": "public"}],
    "sites": [{"name": "S", "role": "pop", "region": "R", "lng": 10.0, "lat": 47.0, "elevation_m": 700.0}],
    "devices": [
        {
            "name": name,
            "site": "S",
            "role": "pop",
            "address": f"127.44.0.{n}",
            "probes": [{"kind": "snmp", "port": 16100, "credential": "c"}, {"kind": "icmp", "port": 0, "credential": None}],
            "subscribers": n,
        }
        for n, name in enumerate(("A", "B"), 1)
    ],
    "links": [
        {"a": "A", "a_interface": "x", "b": "B", "b_interface": "y", "kind": "fibre", "capacity_bps": 10**9, "parallel": 1,
         "path": [[10.1, 47.1]]}
    ],
}  # fmt: skip


def test_the_demos_inventory_is_one_edit_that_passes_the_rules() -> None:
    inventory, typed = Inventory(), msgspec.convert(TYPED, Typed)
    made = edit_from(typed, inventory, "tester")
    assert made is not None
    edit, secrets = made
    assert refusals(inventory, edit) == []
    apply(inventory, edit)
    assert [device.name for device in inventory.devices()] == ["A", "B"]
    assert [type(link) for link in inventory.links()] == [Link]
    assert [secret.value for secret in secrets.values()] == ["public"]
    assert edit_from(typed, inventory, "tester") is None


def test_a_simulator_on_other_ports_is_followed_and_what_the_user_deleted_stays_deleted() -> None:
    inventory, typed = Inventory(), msgspec.convert(TYPED, Typed)
    made = edit_from(typed, inventory, "tester")
    assert made is not None
    apply(inventory, made[0])
    (link,) = inventory.links()
    del inventory.tables["link"][link.id]
    gone = next(device for device in inventory.devices() if device.name == "B")
    del inventory.tables["device"][gone.id]
    typed.devices[0].address = "127.45.0.1"
    typed.devices[0].probes[0].port = 16101
    followed = edit_from(typed, inventory, "tester")
    assert followed is not None
    apply(inventory, followed[0])
    (left,) = inventory.devices()
    assert (left.name, left.address, left.probes[0].port) == ("A", "127.45.0.1", 16101)


def test_a_run_falls_short_in_words() -> None:
    good = {"map": {"first_idle_s": 1.2}, "up": 3, "devices": 4, "external_requests": 0}
    assert shortcomings(good) == []
    bad = {"map": {"first_idle_s": None}, "up": 0, "devices": 4, "external_requests": 2}
    assert [said.split(",")[0] for said in shortcomings(bad)] == [
        "the map did not become idle",
        "no device is up",
        "2 requests for the outside were made",
    ]
    assert Measured().start_to_live_map_s is None


def test_drafts_words_and_series_need_no_qt() -> None:
    import subprocess

    code = (
        "import sys, app.cli, app.demo, app.words, app.charts.series, app.programs, app.endpoint_client;"
        "print('PySide6' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
