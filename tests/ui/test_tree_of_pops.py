"""The tree with POPs in it: what stands under what, what the filter keeps, and that ten thousand devices turn cheaply."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication

from app.look import TABLE_PX, Look, font
from app.model import Model
from app.panels.tree import TreePanel, TreeView
from app.panels.tree_model import TreeModel
from app.panels.tree_rows import chevron_end_px, is_tight
from domain.health import Health, Status
from domain.inventory import Device, Site
from domain.wire import Changed, Removed
from tests.ui.fake_engine import VANTAGE, id_of
from tests.ui.test_tree import words

SITES = (
    Site(id_of("Core"), "Core", "Allgäu"),
    Site(id_of("Hill"), "Hill", pop=id_of("Core")),
    Site(id_of("Roof"), "Roof", pop=id_of("Hill")),
    Site(id_of("Abroad"), "Abroad", "Tirol", pop=id_of("Core")),
)


def device(name: str, site: str, subscribers: int = 0) -> Device:
    return Device(id_of(name), name, "10.0.0.1", site=id_of(site), subscribers=subscribers)


DEVICES = (
    device("Core R1", "Core"),
    device("Hill R1", "Hill"),
    device("Hill AP", "Hill", 7),
    device("Roof AP", "Roof", 3),
    device("Abroad R1", "Abroad"),
)


def turn(model: Model, status: Status, *names: str) -> None:
    model.merge(Changed(2, health=tuple(Health(id_of(name), VANTAGE, status, 1, 1) for name in names)))
    model.flush()


def network(sites: Iterable[Site] = SITES, devices: Iterable[Device] = DEVICES) -> Model:
    model = Model()
    model.merge(Changed(1, initial=True, sites=tuple(sites), devices=tuple(devices)))
    model.flush()
    return model


def tree(model: Model) -> TreeModel:
    rows = TreeModel(model)
    rows.tester = QAbstractItemModelTester(  # type: ignore[attr-defined]
        rows, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    return rows


def test_sites_stand_under_their_pops_and_the_worst_rolls_up_through_them(qt: QApplication) -> None:
    model = network()
    rows = tree(model)
    turn(model, "up", *(row.name for row in DEVICES))
    turn(model, "down", "Roof AP")
    rows.restore_order()
    assert words(rows) == [
        "Allgäu [down] 4",
        "  Core [down] 10 subs",
        "    Hill [down] 10 subs",
        "      Roof [down] 3 subs",
        "        Roof AP [down]",
        "      Hill AP [up]",
        "      Hill R1 [up]",
        "    Core R1 [up]",
        "Tirol [up] 1",
        "  Abroad [up]",
        "    Abroad R1 [up]",
    ]
    core = rows.node(rows.index_of(("site", id_of("Core"))))
    assert core is not None
    assert core.counts == {"down": 1, "up": 3}


def test_the_filter_keeps_what_the_found_things_stand_in_and_still_tells_the_truth_of_it(
    qt: QApplication,
) -> None:
    model = network()
    rows = tree(model)
    turn(model, "up", *(row.name for row in DEVICES))
    turn(model, "down", "Hill R1")
    rows.set_filter("roof", frozenset())
    assert words(rows) == [
        "Allgäu [down] 4",
        "  Core [down] 10 subs",
        "    Hill [down] 10 subs",
        "      Roof [up] 3 subs",
        "        Roof AP [up]",
    ]
    rows.set_filter("hill", frozenset({"down"}))
    assert [line.strip() for line in words(rows)][-1] == "Hill R1 [down]"
    assert rows.device_count == 1


def test_a_site_that_gets_another_pop_region_or_name_stands_there_at_once(qt: QApplication) -> None:
    model = network()
    rows = tree(model)
    model.merge(Changed(3, sites=(Site(id_of("Hill"), "Hilltop", "Tirol", pop=id_of("Abroad")),)))
    model.flush()
    assert [line.partition(" [")[0] for line in words(rows)] == [
        "Allgäu",
        "  Core",
        "    Core R1",
        "Tirol",
        "  Abroad",
        "    Abroad R1",
        "    Hilltop",
        "      Hill AP",
        "      Hill R1",
        "      Roof",
        "        Roof AP",
    ]
    model.merge(Changed(4, removed=(Removed("device", id_of("Core R1")), Removed("site", id_of("Core")))))
    model.flush()
    assert "Core" not in " ".join(words(rows))


def test_a_click_chooses_its_chevron_opens_and_return_brings_into_view(qt: QApplication) -> None:
    rows = tree(network())
    view = TreeView(Look("dark"), rows)
    view.resize(280, 400)
    view.show()
    chosen: list[object] = []
    flown: list[object] = []
    view.chosen.connect(chosen.append)
    view.flown.connect(flown.append)
    region = rows.index_of(("region", "Allgäu"))
    node = rows.node(region)
    assert node is not None
    at = view.visualRect(region).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert chosen == [("region", "Allgäu")]
    assert not view.isExpanded(region)
    chevron = QPoint(chevron_end_px(node) - 8, at.y())
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=chevron)
    assert view.isExpanded(region)
    assert len(chosen) == 1
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert chosen[-1] == ("site", id_of("Core"))
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert view.isExpanded(rows.index_of(("site", id_of("Core"))))
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert flown == [("site", id_of("Core"))]
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert not view.isExpanded(rows.index_of(("site", id_of("Core"))))


def test_the_way_to_the_first_fault_opens_by_itself_as_far_as_sites_stand_in_it(qt: QApplication) -> None:
    model = network(devices=[*DEVICES, *(device(f"Spare {n}", "Abroad") for n in range(30))])
    panel = TreePanel(model, Look("dark"))
    turn(model, "up", *(row.name for row in DEVICES))
    view, rows = panel.tree, panel.rows
    assert not view.isExpanded(rows.index_of(("region", "Allgäu")))
    turn(model, "down", "Roof AP")
    opened = [
        view.isExpanded(rows.index_of(("site", id_of(name)))) for name in ("Core", "Hill", "Roof", "Abroad")
    ]
    assert opened == [True, True, False, False]


def test_a_pop_whose_sites_hold_one_device_each_opens_too_and_its_own_devices_come_first(
    qt: QApplication,
) -> None:
    alone = [Site(id_of(f"{name} site"), name, pop=id_of("Core")) for name in ("Alm", "Zell")]
    devices = (device("Core R1", "Core"), device("Alm", "Alm site"), device("Zell", "Zell site"))
    model = network([SITES[0], *alone], [*devices, *(device(f"Spare {n}", "Abroad") for n in range(30))])
    panel = TreePanel(model, Look("dark"))
    turn(model, "up", *(row.name for row in devices))
    core = panel.rows.index_of(("site", id_of("Core")))
    names = [panel.rows.index(row, 0, core).data() for row in range(panel.rows.rowCount(core))]
    assert names == ["Core R1", "Alm", "Zell"]
    turn(model, "down", "Zell")
    assert panel.tree.isExpanded(core)


def test_a_turn_among_ten_thousand_devices_touches_the_rows_on_its_way_up_and_no_other(
    qt: QApplication,
) -> None:
    sites = [Site(id_of(f"P{n}"), f"P{n}", f"Region {n % 8}") for n in range(50)]
    sites += [Site(id_of(f"S{n}"), f"S{n}", pop=id_of(f"P{n % 50}")) for n in range(1_000)]
    names = [f"D{n}" for n in range(10_000)]
    model = network(sites, [device(name, f"S{n % 1_000}") for n, name in enumerate(names)])
    turn(model, "up", *names)
    rows = TreeModel(model)
    built: list[object] = []
    told: list[object] = []
    rows.layoutChanged.connect(lambda *_: built.append(1))
    rows.dataChanged.connect(lambda *_: told.append(1))
    turn(model, "degraded", "D4321")
    assert (len(told), built) == (4, [])
    model.merge(
        Changed(3, devices=(Device(id_of("D7"), "D7", "10.0.0.1", site=id_of("S7"), lng=10.0, lat=47.0),))
    )
    model.flush()
    assert built == []
    assert rows.device_count == 10_000


def test_the_number_of_subscribers_gives_way_to_a_name_beside_faults(qt: QApplication) -> None:
    model = network()
    rows = tree(model)
    core = rows.node(rows.index(0, 0, rows.index(0, 0)))
    assert core is not None and core.right == "10 subs"
    turn(model, "down", "Core R1", "Hill R1")
    core.name = "Relay on the northern ridge"
    assert is_tight(core, 200, font(TABLE_PX))
    assert not is_tight(core, 400, font(TABLE_PX))
