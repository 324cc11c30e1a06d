"""The tree: roll-up, order, filter, and that what is expanded stays so."""

from __future__ import annotations

from uuid import UUID, uuid4

import msgspec
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from app.look import Look
from app.model import Model
from app.panels.tree import TreeView
from app.panels.tree_model import TreeModel
from app.words import isolated
from domain.health import Health, Status
from domain.inventory import Device, Kind
from domain.tunnels import TeamTunnel, Tunnel, TunnelsState
from domain.wire import ROWS_OF, Changed, Removed
from tests.ui.fake_engine import VANTAGE, id_of, small_network
from tests.ui.team_parts import team_of


def snapshot(model: Model) -> None:
    tables = small_network().tables
    rows = {ROWS_OF[kind]: tuple(of_kind.values()) for kind, of_kind in tables.items()}
    model.merge(Changed(1, initial=True, **rows))  # type: ignore[arg-type]
    model.flush()


def turn(model: Model, **statuses: Status) -> None:
    model.merge(Changed(2, health=tuple(Health(id_of(k), VANTAGE, s, 1, 1) for k, s in statuses.items())))
    model.flush()


def words(rows: TreeModel, parent: QModelIndex | None = None, depth: int = 0) -> list[str]:
    parent = parent or QModelIndex()
    found = []
    for row in range(rows.rowCount(parent)):
        index = rows.index(row, 0, parent)
        node = rows.node(index)
        assert node is not None
        found.append(f"{'  ' * depth}{node.name} [{node.status}] {node.right}".rstrip())
        found += words(rows, index, depth + 1)
    return found


def tree(qt: QApplication) -> tuple[Model, TreeModel]:
    model = Model()
    rows = TreeModel(model)
    rows.tester = QAbstractItemModelTester(  # type: ignore[attr-defined]
        rows, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    snapshot(model)
    return model, rows


def test_regions_hold_sites_and_sites_hold_devices_with_what_is_behind_them(qt: QApplication) -> None:
    model, rows = tree(qt)
    turn(model, g1="up", g2="up", l1="up")
    assert words(rows) == [
        "Bodensee [up] 1",
        "  Lindau [up]",
        "    Lindau R1 [up] pop",
        "Oberallgäu [up] 2",
        "  Grünten [up] 42 subs",
        "    Grünten AP [up] access",
        "    Grünten R1 [up] relay",
    ]


def test_the_worst_status_rolls_up_and_faults_move_to_the_top(qt: QApplication) -> None:
    model, rows = tree(qt)
    turn(model, g1="up", g2="up", l1="up")
    turn(model, g1="down")
    rows.restore_order()
    assert words(rows)[3:] == [
        "Oberallgäu [down] 2",
        "  Grünten [down] 42 subs",
        "    Grünten R1 [down] relay",
        "    Grünten AP [up] access",
    ]
    turn(model, g1="up")
    assert words(rows)[3] == "Oberallgäu [up] 2"


def test_symbols_turn_at_once_and_rows_change_places_later(qt: QApplication) -> None:
    model, rows = tree(qt)
    turn(model, g1="up", g2="up", l1="up")
    turn(model, g1="down")
    assert words(rows)[5:] == ["    Grünten AP [up] access", "    Grünten R1 [down] relay"]


def test_the_filter_looks_at_name_address_site_and_region(qt: QApplication) -> None:
    _, rows = tree(qt)
    for text, count in (("lindau", 1), ("10.0.0.", 2), ("OBERALL", 2), ("grünten ap", 1), ("nothing", 0)):
        rows.set_filter(text, frozenset())
        assert rows.device_count == count, text
    rows.set_filter("", frozenset())
    assert rows.device_count == 3


def test_a_status_filter_follows_the_statuses(qt: QApplication) -> None:
    model, rows = tree(qt)
    turn(model, g1="up", g2="down", l1="up")
    rows.set_filter("", frozenset({"down"}))
    assert [w.strip() for w in words(rows)][-1] == "Grünten AP [down] access"
    assert rows.device_count == 1
    turn(model, g2="up")
    assert rows.device_count == 0
    turn(model, l1="down")
    assert rows.device_count == 1


def test_what_is_expanded_and_selected_stays_so_through_edits_and_turns(qt: QApplication) -> None:
    model, rows = tree(qt)
    view = TreeView(Look("dark"), rows)
    view.show()
    view.select(("device", id_of("g1")))
    assert view.isExpanded(rows.index_of(("site", id_of("Grünten"))))
    extra = Device(uuid4(), "Aaa", "10.0.7.7", site=id_of("Grünten"))
    model.merge(Changed(3, devices=(extra,)))
    turn(model, l1="down", g2="down")
    rows.restore_order()
    node = rows.node(view.currentIndex())
    assert node is not None
    assert node.key == ("device", id_of("g1"))
    assert view.isExpanded(rows.index_of(("site", id_of("Grünten"))))


def test_a_removed_device_leaves_the_tree_and_no_index_points_at_it(qt: QApplication) -> None:
    model, rows = tree(qt)
    stale = rows.index_of(("device", id_of("g2")))
    model.merge(Changed(3, removed=(Removed("device", id_of("g2")),)))
    model.flush()
    assert rows.node(stale) is None
    assert rows.data(stale, Qt.ItemDataRole.DisplayRole) is None
    assert rows.device_count == 2


def test_a_site_with_one_device_of_its_own_name_is_one_row(qt: QApplication) -> None:
    model, rows = tree(qt)
    lindau = model.inventory.device(id_of("l1"))
    assert lindau is not None
    model.merge(
        Changed(3, devices=(Device(lindau.id, "Lindau", lindau.address, site=lindau.site, subscribers=7),))
    )
    model.flush()
    assert words(rows)[:2] == ["Bodensee [unknown] 1", "  Lindau [unknown] 7 subs"]
    assert rows.node(rows.index_of(("device", lindau.id))) is not None
    rows.set_filter("oberall", frozenset())
    assert "Lindau" not in " ".join(words(rows))


def test_devices_without_a_site_stand_last(qt: QApplication) -> None:
    model, rows = tree(qt)
    model.merge(Changed(3, devices=(Device(UUID(int=7), "Alone", "10.0.8.8"),)))
    model.flush()
    assert words(rows)[-2:] == ["No site [unknown] 1", "  Alone [unknown]"]


def test_what_waits_for_the_server_is_marked_in_its_row_until_it_is_confirmed(qt: QApplication) -> None:
    model, rows = tree(qt)
    look = Look("dark")
    view = TreeView(look, rows)
    view.resize(280, 300)
    view.expandAll()
    told: list[str] = []
    rows.dataChanged.connect(lambda first, _: told.append(rows.node(first).name))  # type: ignore[union-attr]
    index = rows.index_of(("device", id_of("g1")))
    plain = view.grab(view.visualRect(index)).toImage()
    tell_pending(model, ("device", id_of("g1")))
    assert told == [rows.data(index)]
    assert rows.data(index, Qt.ItemDataRole.AccessibleTextRole).endswith(", waits for the server")
    assert view.grab(view.visualRect(index)).toImage() != plain
    tell_pending(model)
    assert view.grab(view.visualRect(index)).toImage() == plain
    assert "waits" not in rows.data(index, Qt.ItemDataRole.AccessibleTextRole)


def test_a_device_to_which_a_tunnel_is_open_says_whose(qt: QApplication) -> None:
    model, rows = tree(qt)
    look = Look("dark")
    view = TreeView(look, rows)
    view.resize(280, 300)
    view.expandAll()
    index = rows.index_of(("device", id_of("g1")))

    def row(mine: tuple[Tunnel, ...] = (), team: tuple[TeamTunnel, ...] = ()) -> tuple[QImage, str]:
        model.merge(Changed(9, tunnels=TunnelsState(mine, team=team)))
        model.flush()
        seen = view.grab(view.visualRect(index)).toImage()
        return seen, rows.data(index, Qt.ItemDataRole.AccessibleTextRole).split(", ", 2)[-1]

    plain, _ = row()
    own = Tunnel(id_of("t"), id_of("g1"), "winbox", 8291, 42_000, "direct", "me", 1)
    bens = TeamTunnel(id_of("b"), id_of("g1"), "ssh", 2200, "relay", 1, by="Ben")
    mine, said = row((own,))
    assert said == "You are on it by WinBox"
    his, said = row((), (bens,))
    assert said == f"{isolated('Ben')} is on it by SSH 2200"
    assert rows.data(index, Qt.ItemDataRole.ToolTipRole).count("is on it by SSH 2200") == 1
    both, said = row((own,), (bens,))
    assert said == f"You are on it by WinBox; {isolated('Ben')} is on it by SSH 2200"
    assert mine == both and plain not in (mine, his) and mine != his
    ended, _ = row((msgspec.structs.replace(own, ended="closed by hand"),))
    assert ended == plain


def tell_pending(model: Model, *things: tuple[Kind, UUID]) -> None:
    model.merge(Changed(9, team=team_of(pending=len(things), pending_things=things)))
    model.flush()
