"""Root causes in the alerts' table and on the device panel: what stands below what, in which words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest

from app.draft import now_us
from app.map.feed import card
from app.panels.alert_rows import Row
from app.panels.alerts_model import TAKES_DOWN, WHAT, WHO, AlertsModel
from app.team.words import FROM_HERE_NOTE
from domain.alerts import Act, Alert, fingerprint
from domain.fault import Fault, LastSeen
from domain.health import Health
from domain.inventory import Device, Link, Site
from domain.team import SEEN_FROM_HERE
from domain.watching import Maintenance, Scope
from domain.wire import Changed, Removed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of
from tests.ui.team_parts import tell_team

G1, G2, L1, LINK = id_of("g1"), id_of("g2"), id_of("l1"), id_of("link")
ARABIC = "محطة الجبل الشمالية للاتصالات اللاسلكية في المنطقة الغربية 12"


def tell(bench: Bench, **rows: Any) -> None:
    bench.model.merge(Changed(9, **rows))
    bench.model.flush()


def alert(rule: str, subject: Any, ago_s: float = 60, **more: Any) -> Alert:
    at_us = now_us() - int(ago_s * 1e6)
    told = {"kind": rule, "severity": "critical", **more}
    id = fingerprint(rule, subject, told.get("instance", ""))
    return Alert(id, rule, subject, opened_us=at_us, **told)


def whats(rows: AlertsModel) -> list[str]:
    return [rows.words(row, WHAT) for row in rows.rows]


def names(count: int) -> list[str]:
    return [f"far {n:05}" for n in range(count)]


def add_far(bench: Bench, count: int) -> tuple[Device, ...]:
    found = tuple(
        Device(id_of(n), n, f"10.{i // 62500}.{i // 250 % 250}.{i % 250 + 1}", subscribers=count - i)
        for i, n in enumerate(names(count))
    )
    tell(bench, devices=found)
    return found


def fail(bench: Bench, cause: Any, affected: tuple[Device, ...], **more: Any) -> Fault:
    fault = Fault(cause, "device", now_us() - 200_000_000, tuple(d.id for d in affected), **more)
    tell(bench, faults=(fault,), alerts=(alert("device_down", cause, 180),))
    return fault


def test_what_a_cause_takes_with_it_stands_below_it_four_and_then_the_rest(bench: Bench) -> None:
    rows = bench.window.alerts.rows
    tester = QAbstractItemModelTester(rows, QAbstractItemModelTester.FailureReportingMode.Fatal)
    seen = LastSeen(LINK, now_us(), -81.0, -69.0)
    fail(bench, G1, add_far(bench, 11), behind=11, sites=11, subscribers=214, last_seen=seen)
    assert whats(rows) == [
        "Grünten R1 does not answer",
        "11 sites, 214 subscribers behind it; last seen over Grünten R1 – Lindau R1 at −81 dBm, 12 dB below normal",
        *names(4),
        "Show 7 more",
    ]
    assert rows.words(rows.rows[0], TAKES_DOWN) == "11 sites, 214 subs"
    assert [row.status for row in rows.rows[2:6]] == ["affected"] * 4
    assert rows.counts["open"] == 1, "who is affected has no alert of its own"
    rows.unfold(rows.rows[-1])
    assert whats(rows)[2:] == names(11)
    assert tester is not None


def test_an_affected_device_is_found_by_its_name_below_its_cause_and_chosen_by_a_click(bench: Bench) -> None:
    fail(bench, G1, add_far(bench, 30))
    panel = bench.window.alerts
    panel.filter.setText("far 00017")
    assert whats(panel.rows) == ["Grünten R1 does not answer", "far 00017"]
    assert panel._matching.text() == "1 of 31"
    cell = panel.table.visualRect(panel.rows.index(1, WHAT))
    QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=cell.center())
    assert bench.window.selected == id_of("far 00017")


def test_a_storm_makes_no_more_rows_than_are_shown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Row] = []
    devices = add_far(bench, 10_000)
    monkeypatch.setattr("app.panels.alert_rows.where", lambda inventory, device: made.append(device) or "")
    fail(bench, G1, devices, behind=10_000)
    rows = bench.window.alerts.rows
    assert rows.rows[-1].what == "Show 9,996 more"
    assert len(rows.rows) == 7
    assert len(made) < 20
    made.clear()
    tell(bench, alerts=(alert("device_degraded", L1),))
    assert len(made) < 20, "an alert elsewhere makes nothing of it anew"


def test_thousands_of_alerts_are_read_anew_once_for_all_that_comes_within_half_a_second(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, clock_s = bench.window.alerts.rows, [1_000.0]
    monkeypatch.setattr("app.panels.alerts_model.time.monotonic", lambda: clock_s[0])
    tell(bench, alerts=tuple(alert("device_down", id_of(f"many {n}")) for n in range(5_000)))
    assert len(rows.rows) == 5_000
    for number in range(5):
        tell(bench, alerts=(alert("hot", id_of(f"{number}"), kind="threshold"),))
    assert len(rows.rows) == 5_000
    clock_s[0] += 0.6
    tell(bench, alerts=(alert("hot", id_of("last"), kind="threshold"),))
    assert len(rows.rows) == 5_006


def test_a_silenced_alert_stands_below_its_cause_quiet_and_says_why(bench: Bench) -> None:
    rows = bench.window.alerts.rows
    quiet = alert("cpu_busy", L1, 600, kind="threshold", title="CPU busy", silenced="behind Grünten R1")
    tell(bench, alerts=(quiet,))
    fail(bench, G1, (bench.model.inventory.device(L1),))  # type: ignore[arg-type]
    row = next(row for row in rows.rows if row.alert == quiet)
    assert (row.under, row.is_quiet, row.status) == (G1, True, "affected")
    assert rows.words(row, WHO) == "behind Grünten R1"
    assert rows.counts["open"] == 1, "nobody is called by it"


def test_planned_silence_stands_last_and_calls_nobody(bench: Bench) -> None:
    rows = bench.window.alerts.rows
    tell(
        bench,
        alerts=(
            alert("device_down", G1, silenced="planned work: Fibre splice"),
            alert("hot", L1, kind="threshold", title="Too hot", severity="info"),
        ),
    )
    assert whats(rows) == ["Lindau R1: Too hot", "Grünten R1 does not answer"]
    assert rows.rows[1].status == "maintenance"
    assert not rows.rows[1].may_acknowledge
    assert rows.by_severity == {"critical": 0, "warning": 0, "info": 1}


def test_a_link_that_failed_says_who_has_no_second_way(bench: Bench) -> None:
    fault = Fault(LINK, "link", now_us() - 60_000_000, weakened=(G1, G2))
    tell(bench, faults=(fault,), alerts=(alert("link_down", LINK, severity="warning"),))
    assert whats(bench.window.alerts.rows) == [
        "Grünten R1 – Lindau R1 is down",
        "Grünten R1 and Grünten AP have no second way now",
    ]


def test_being_cut_off_stands_above_everything_with_what_to_do(bench: Bench) -> None:
    panel = bench.window.alerts
    tell(
        bench,
        faults=(Fault(VANTAGE, "cut_off", now_us() - 9_000_000, (G1, G2), behind=2, sites=1, beside=(L1,)),),
        alerts=(
            alert("device_down", G1, 900, silenced="this computer has lost its way to the network"),
            alert("hot", G2, 1, kind="threshold", title="Too hot"),
            alert("cut_off", VANTAGE, 5),
        ),
    )
    assert whats(panel.rows)[0] == "This computer is cut off from the network"
    assert "Lindau R1" in whats(panel.rows)[1], "the way in is looked at first"
    assert panel.rows.rows[1].more == "the way into the network"
    assert panel.banner.isVisible()
    assert "Check this computer's cable, Wi-Fi and VPN." in panel.banner.details.text()
    assert "Lindau R1 (10.0.1.1)" in panel.banner.details.text()
    tell(bench, removed=(Removed("fault", VANTAGE),))
    assert not panel.banner.isVisible()


def test_flapping_and_former_episodes_are_marked(bench: Bench) -> None:
    rows = bench.window.alerts.rows
    tell(
        bench,
        alerts=(
            alert("device_down", G1, count=4),
            alert(
                "flapping",
                G1,
                severity="warning",
                title="Flapping",
                reason="7 turns within about ten minutes",
            ),
        ),
    )
    assert rows.rows[0].marks == ("×4", "flaps")
    assert whats(rows)[1] == "Grünten R1: Flapping"
    assert rows.rows[1].more == "7 turns within about ten minutes"
    tell(bench, alerts=(alert("flapping", G1, severity="warning", title="Flapping", cleared_us=now_us()),))
    assert rows.rows[0].marks == ("×4",)


def test_what_only_this_computer_saw_is_marked_in_the_list_and_on_the_card_until_the_team_has_it(
    bench: Bench,
) -> None:
    rows = bench.window.alerts.rows
    told = alert("device_down", G1)
    tell(bench, alerts=(told,))
    assert rows.rows[0].marks == ()
    tell_team(bench, lease="cut_off", local_alerts=(told.id,))
    assert rows.rows[0].marks == ("from here",)
    shown = card(bench.model, G1, now_us())
    assert shown is not None and shown["notes"][-1] == FROM_HERE_NOTE
    tell_team(bench)
    assert rows.rows[0].marks == ()
    shown = card(bench.model, G1, now_us())
    assert shown is not None and FROM_HERE_NOTE not in shown["notes"]
    rows.choose("day")
    tell(bench, alerts=(alert("device_down", G1, cleared_us=now_us(), cleared_why=SEEN_FROM_HERE),))
    assert rows.rows[0].marks == ("from here",)


def test_severities_and_rules_of_people_are_shown_and_filtered(bench: Bench) -> None:
    panel = bench.window.alerts
    told = [("critical", "Mine"), ("warning", "Yours"), ("info", "Theirs")]
    tell(
        bench,
        alerts=tuple(
            alert(str(id_of(name)), G1, kind="threshold", severity=severity, title=name, reason="it is so")
            for severity, name in told
        ),
    )
    assert whats(panel.rows) == ["Grünten R1: Mine", "Grünten R1: Yours", "Grünten R1: Theirs"]
    assert [row.status for row in panel.rows.rows] == ["critical", "warning", "info"]
    panel.severities["warning"].click()
    assert whats(panel.rows) == ["Grünten R1: Yours"]
    assert panel._matching.text() == "1 of 1"
    panel.show_tab("unacknowledged", "info")
    assert whats(panel.rows) == ["Grünten R1: Theirs"]
    panel.show_tab("open")
    assert len(panel.rows.rows) == 3


def test_a_name_of_60_letters_from_right_to_left_stays_a_name_in_all_words(bench: Bench) -> None:
    far = Device(id_of("rtl"), ARABIC, "10.9.9.9")
    tell(bench, devices=(far,), links=(Link(id_of("to rtl"), G1, far.id),))
    seen = LastSeen(id_of("to rtl"), now_us())
    fail(bench, far.id, (bench.model.inventory.device(G2),), behind=1, last_seen=seen)  # type: ignore[arg-type]
    story = whats(bench.window.alerts.rows)[1]
    assert story == f"1 device behind it; last seen over Grünten R1 – \u2068{ARABIC}\u2069"
    bench.window.select(G2)
    assert bench.window.device.sentence.text() == f"Behind \u2068{ARABIC}\u2069, down for 3 min"
    assert bench.window.device.width() <= 420
    assert not bench.window.grab().isNull()


# The device panel


def test_an_affected_device_says_what_it_is_behind_and_leads_there(bench: Bench) -> None:
    silent = Health(L1, VANTAGE, "down", now_us() - 190_000_000, now_us(), {}, "icmp: silent")
    tell(bench, health=(silent,))
    fail(bench, G1, (bench.model.inventory.device(L1),), behind=1, subscribers=42)  # type: ignore[arg-type]
    bench.window.select(L1)
    panel = bench.window.device
    assert panel.sentence.text() == "Behind Grünten R1, down for 3 min"
    assert panel.reason.text().startswith("Grünten R1 does not answer since ")
    assert "1 device, 42 subscribers behind it." in panel.reason.text()
    panel.to_cause.click()
    assert bench.window.selected == G1
    assert "1 device, 42 subscribers behind it" in panel.reason.text()
    assert not panel.to_cause.isVisible()


def test_the_end_of_a_fault_is_seen_at_once(bench: Bench) -> None:
    up = Health(L1, VANTAGE, "up", now_us() - 60_000_000, now_us())
    tell(bench, health=(up,))
    fail(bench, G1, (bench.model.inventory.device(L1),))  # type: ignore[arg-type]
    bench.window.select(L1)
    assert bench.window.device.sentence.text().startswith("Behind")
    tell(bench, removed=(Removed("fault", G1),))
    assert bench.window.device.sentence.text() == "Up for 1 min"
    assert not bench.window.device.to_cause.isVisible()


def test_a_device_without_a_second_way_has_a_quiet_line(bench: Bench) -> None:
    tell(bench, health=(Health(G1, VANTAGE, "up", now_us() - 60_000_000, now_us()),))
    tell(bench, faults=(Fault(LINK, "link", now_us() - 60_000_000, weakened=(G1,)),))
    bench.window.select(G1)
    line = bench.window.device.second_way
    assert bench.window.device.sentence.text() == "Up for 1 min"
    assert line.isVisible()
    assert line.words.text().startswith("No second way since ")
    assert line.words.text().endswith(": Grünten R1 – Lindau R1 is down")
    line.verb.click()
    assert bench.window.selected == LINK


def test_planned_work_is_named_and_polling_is_paused_only_where_it_is(bench: Bench) -> None:
    now = now_us()
    work = Maintenance(
        id_of("work"), "Fibre splice", now - 60_000_000, now + 3_600_000_000, Scope(devices=(G1,))
    )
    tell(bench, maintenances=(work,), health=(Health(G1, VANTAGE, "down", now - 60_000_000, now),))
    bench.window.select(G1)
    panel = bench.window.device
    assert panel.sentence.text() == "Planned work: Fibre splice"
    assert "It is polled, and alerts of nothing." in panel.reason.text()
    assert panel.reason.text().endswith("It does not answer, for 1 min.")
    assert {label.text(): said.text() for label, said in panel.body.facts._rows}["Asked every"] == "30 s"
    device = bench.model.inventory.device(G1)
    assert device is not None
    tell(bench, devices=(msgspec.structs.replace(device, paused=True),))
    assert panel.sentence.text() == "Polling is paused"


def test_who_is_cut_off_is_told_so_on_every_device(bench: Bench) -> None:
    tell(bench, faults=(Fault(VANTAGE, "cut_off", now_us() - 120_000_000, (G1,), beside=(L1,)),))
    bench.window.select(G1)
    assert bench.window.device.sentence.text() == "Out of reach for 2 min"
    assert "no device answers from here" in bench.window.device.reason.text()
    assert not bench.window.device.to_cause.isVisible()


def test_two_causes_of_one_dark_part_are_both_named(bench: Bench) -> None:
    tell(bench, sites=(Site(id_of("s"), "S"),))
    fault = Fault(G1, "device", now_us() - 60_000_000, (G2,), behind=1, beside=(L1,))
    other = Fault(L1, "device", now_us() - 60_000_000, (), beside=(G1,))
    tell(bench, faults=(fault, other), alerts=(alert("device_down", G1), alert("device_down", L1)))
    bench.window.select(G2)
    assert bench.window.device.sentence.text() == "Behind Grünten R1 and Lindau R1, down for 1 min"
    assert "1 device behind it; together with Lindau R1" in whats(bench.window.alerts.rows)


def test_an_act_of_somebody_else_is_seen_in_the_row(bench: Bench) -> None:
    rows = bench.window.alerts.rows
    told = alert("device_down", G1, 7_200)
    tell(bench, alerts=(told,))
    assert rows.rows[0].may_acknowledge
    then = now_us() - 5_400_000_000  # told as an hour, however slow the machine
    acts = (Act(then, "acknowledged", "anna"), Act(then, "assigned", "anna", to="Ben"))
    tell(
        bench,
        alerts=(
            msgspec.structs.replace(
                told, acts=acts, acknowledged_us=then, acknowledged_by="anna", assigned_to="Ben"
            ),
        ),
    )
    assert rows.words(rows.rows[0], WHO) == "Ben, 1 h"
    assert not rows.rows[0].may_acknowledge
