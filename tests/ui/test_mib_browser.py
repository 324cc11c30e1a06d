"""The MIB browser: a tree asked for as it is opened, search, facts, a walk page by page, files and what is wrong with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from app.mibs.browser import MibBrowser
from app.mibs.walk import FIRST_PAGE_ROWS, WALK_ROWS_CAP
from domain.errors import NoAnswer
from domain.mib import MibProblem, MibState, QueryMibChildren, QueryMibs, WalkDevice
from domain.wire import Reply, ToEngine
from engine.mibs.library import Mibs
from engine.mibs.walk import Page
from engine.protocols.snmp import Version
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of

IF_ENTRY = "1.3.6.1.2.1.2.2.1"


class Agent:
    """What a walk is answered by: ifDescr and ifOperStatus of so many interfaces."""

    version = Version.V2C
    is_known = True

    def __init__(self) -> None:
        self.ports = 60
        self.trouble: NoAnswer | None = None

    async def page(self, root: str, after: str, rows: int) -> Page:
        if self.trouble is not None:
            raise self.trouble
        names = [(f"{IF_ENTRY}.2.{n}", f"ether{n}".encode()) for n in range(1, self.ports + 1)]
        states = [(f"{IF_ENTRY}.8.{n}", 1 + n % 2) for n in range(1, self.ports + 1)]
        found = [row for row in [*names, *states] if row[0].startswith(root + ".")]
        start = [oid for oid, _ in found].index(after) + 1 if after else 0
        page = found[start : start + rows]
        return Page(page, page[-1][0] if page and start + rows < len(found) else "")  # type: ignore[arg-type]

    def close(self) -> None:
        """Nothing is held."""


class Desk:
    """Answers as the engine does, from the same MIBs, a turn of the loop later; `asked` is what came."""

    def __init__(self, profile: Path) -> None:
        self.agent = Agent()
        self.asked: list[ToEngine] = []
        self.state: MibState | None = None
        self.mibs = Mibs(profile, lambda id: self.agent)  # type: ignore[arg-type, return-value]

    def request(self, make: Callable[[int], ToEngine], then: Callable[[Reply], None]) -> None:
        message = make(len(self.asked) + 1)
        self.asked.append(message)
        reply = asyncio.run(self.mibs.answer(message))  # type: ignore[arg-type]
        if isinstance(message, QueryMibs) and self.state is not None:
            reply = Reply(message.request, result={"state": msgspec.to_builtins(self.state)})
        QTimer.singleShot(0, lambda: then(reply))

    def count(self, kind: type) -> int:
        return sum(isinstance(message, kind) for message in self.asked)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "mib-profile")


@pytest.fixture
def browser(bench: Bench, desk: Desk) -> Iterator[MibBrowser]:
    made = MibBrowser(bench.model, desk, bench.look, id_of("g1"), bench.window)
    made.show()
    bench.wait_for(lambda: made.tree.currentIndex().isValid())
    yield made
    made.close()


def shown(browser: MibBrowser) -> str:
    return str(browser.tree.currentIndex().data())


def test_it_opens_at_the_system_group_and_asks_only_for_what_is_open(
    bench: Bench, browser: MibBrowser, desk: Desk
) -> None:
    assert shown(browser) == "system"
    assert browser.facts.name.text() == "system"
    asked = desk.count(QueryMibChildren)
    browser.tree.setFocus()
    QTest.keyClick(browser.tree, Qt.Key.Key_Return)
    bench.wait_for(lambda: browser.rows.rowCount(browser.tree.currentIndex()) > 5)
    assert desk.count(QueryMibChildren) == asked + 1
    QTest.keyClick(browser.tree, Qt.Key.Key_Down)
    bench.wait_for(lambda: browser.facts.name.text() == "sysDescr")
    assert "DisplayString: OCTET STRING (0..255)" in browser.facts.text
    QTest.keyClick(browser.tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "1.3.6.1.2.1.1.1"


def test_a_search_shows_hits_and_return_shows_the_hit_in_the_tree(bench: Bench, browser: MibBrowser) -> None:
    QTest.keyClicks(browser.search, "hrstorageus")
    bench.wait_for(lambda: [node.name for node in browser.hits] == ["hrStorageUsed"])
    bench.wait_for(lambda: browser.facts.name.text() == "hrStorageUsed")
    assert "HOST-RESOURCES-MIB" in browser.facts.text
    QTest.keyClick(browser.search, Qt.Key.Key_Return)
    QTest.keyClick(browser.list, Qt.Key.Key_Return)
    bench.wait_for(lambda: shown(browser) == "hrStorageUsed")
    assert browser.places.currentWidget() is browser.tree
    assert browser.tree.isVisible()


def test_an_oid_of_a_value_is_told_with_its_index(bench: Bench, browser: MibBrowser) -> None:
    browser.search.setText(f"{IF_ENTRY}.8.3")
    bench.wait_for(lambda: "ifIndex 3" in browser.facts.text)
    assert browser.facts.name.text() == "ifOperStatus"
    assert "1\u00a0up, 2\u00a0down" in browser.facts.text
    browser.facts.copy_oid.click()
    assert QGuiApplication.clipboard().text() == f"{IF_ENTRY}.8.3"


def test_what_nobody_names_is_said_and_escape_brings_the_tree_back(bench: Bench, browser: MibBrowser) -> None:
    browser.search.setText("<b>nobody</b>")
    bench.wait_for(lambda: browser.places.currentWidget() is browser.nothing)
    assert browser.nothing.text() == "No MIB here has a name like <b>nobody</b>"
    assert browser.nothing.textFormat() == Qt.TextFormat.PlainText
    QTest.keyClick(browser.search, Qt.Key.Key_Escape)
    bench.wait_for(lambda: browser.places.currentWidget() is browser.tree)
    assert browser.isVisible()


def walk(bench: Bench, browser: MibBrowser, name: str) -> None:
    browser.show_oid(name)
    bench.wait_for(lambda: browser.facts.name.text() == name)
    browser.walk.verb.click()


def test_a_walk_comes_page_by_page_with_values_in_words(
    bench: Bench, browser: MibBrowser, desk: Desk
) -> None:
    assert browser.walk.device_button.text() == "on Grünten R1"
    walk(bench, browser, "ifEntry")
    assert browser.walk.verb.text() == "Stop"
    bench.wait_for(lambda: not browser.walk.walking)
    assert len(browser.walk.values) == 120
    pages = [message for message in desk.asked if isinstance(message, WalkDevice)]
    assert [page.after for page in pages] == ["", f"{IF_ENTRY}.2.{FIRST_PAGE_ROWS}"]
    assert browser.walk.said.text().startswith("ifEntry: 120 values in ")
    values = {row.value.name: row.value for row in browser.walk.values}
    assert (values["ifDescr.7"].value, values["ifOperStatus.7"].value) == ("ether7", "down")
    table = browser.walk.table
    browser.walk.search.setText("ifOperStatus.7")
    table.setCurrentIndex(table.rows.index(0, 1))
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == f"ifOperStatus.7\tdown\t\t2\t{IF_ENTRY}.8.7"
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(table, Qt.Key.Key_C, both)
    assert QGuiApplication.clipboard().text() == "down"
    assert browser.walk.whole.text() == "ifOperStatus.7 (ifIndex 7): down"
    QTest.keyClick(table, Qt.Key.Key_Return)
    bench.wait_for(lambda: browser.facts.name.text() == "ifOperStatus")


def test_a_walk_that_is_stopped_asks_no_more_and_keeps_what_came(
    bench: Bench, browser: MibBrowser, desk: Desk
) -> None:
    walk(bench, browser, "ifEntry")
    bench.wait_for(lambda: browser.walk.values)
    browser.walk.verb.click()
    asked = desk.count(WalkDevice)
    bench.wait_for(lambda: not browser.walk.walking)
    for _ in range(20):
        QTest.qWait(1)
    assert desk.count(WalkDevice) == asked
    assert browser.walk.said.text().startswith("ifEntry: stopped at ")
    assert browser.walk.verb.text() == "Walk"


def test_a_walk_ends_at_its_cap(bench: Bench, browser: MibBrowser, desk: Desk) -> None:
    desk.agent.ports = WALK_ROWS_CAP
    walk(bench, browser, "ifEntry")
    bench.wait_for(lambda: not browser.walk.walking)
    assert len(browser.walk.values) == WALK_ROWS_CAP
    assert "and there is more" in browser.walk.said.text()


def test_what_a_device_refuses_is_said_where_its_values_would_stand(
    bench: Bench, browser: MibBrowser, desk: Desk
) -> None:
    desk.agent.trouble = NoAnswer("no answer from 10.0.0.1 in 2 s, 2 tries")
    walk(bench, browser, "ifEntry")
    bench.wait_for(lambda: not browser.walk.walking)
    assert browser.walk.empty.text() == "No answer from 10.0.0.1 in 2 s, 2 tries"
    assert browser.walk.empty.isVisible()


def test_only_devices_that_are_asked_over_snmp_can_be_walked(bench: Bench, browser: MibBrowser) -> None:
    assert [device.name for device in browser.walk.devices()] == ["Grünten R1", "Lindau R1"]
    browser.walk.set_device(id_of("l1"))
    assert browser.walk.device_button.text() == "on Lindau R1"


def test_without_files_it_says_where_they_go(browser: MibBrowser, desk: Desk) -> None:
    said = browser.files.text()
    assert "None are your own yet" in said
    assert str(desk.mibs._folder) in said
    assert ".mib, .my, .txt" in said
    assert browser.problems.isHidden()


def test_what_is_wrong_with_files_is_told_with_file_and_line_and_reading_is_followed(
    bench: Bench, browser: MibBrowser, desk: Desk
) -> None:
    desk.state = MibState("/profile/mibs", 131, 9_000, ("A-MIB", "B-MIB"), 3, 1, "b.mib")
    browser.again_button.click()
    bench.wait_for(lambda: "Reading your MIB files" in browser.files.text())
    assert "1 of 3 files begun: b.mib" in browser.files.text()
    assert not browser.again_button.isEnabled()
    wrong = (MibProblem("<i>c.mib", "a type expected, got '::='", 3), MibProblem("d.mib", "left out"))
    desk.state = msgspec.structs.replace(desk.state, reading="", read_files=3, problems=wrong)
    bench.wait_for(browser.problems.isVisible)
    assert browser.problems.toPlainText() == "<i>c.mib, line 3: a type expected, got '::='\nd.mib: left out"
    assert "129 standard modules, 2 modules of your own from 3 files in /profile/mibs" in browser.files.text()
    assert "2 problems" in browser.files.text()
    assert browser.again_button.isEnabled()


def test_new_files_show_in_the_tree_where_it_was(bench: Bench, browser: MibBrowser, desk: Desk) -> None:
    browser.show_oid("ifTable")
    bench.wait_for(lambda: shown(browser) == "ifTable")
    desk.state = MibState("/profile/mibs", 131, 9_000, ("A-MIB", "B-MIB"), 2, 2)
    browser.again_button.click()
    bench.wait_for(lambda: "2 files" in browser.files.text() and browser.tree.currentIndex().isValid())
    assert shown(browser) == "ifTable"


def entries(bench: Bench, id: UUID) -> list[str]:
    bench.window.open_menu(id, QPoint(0, 0))
    menu = next(menu for menu in bench.window.findChildren(QMenu) if menu.isVisible())
    found = [action.text() for action in menu.actions()]
    menu.close()
    return found


def test_the_menu_of_a_device_opens_it_where_the_device_is_asked_over_snmp(bench: Bench) -> None:
    assert "Browse its MIBs…" in entries(bench, id_of("g1"))
    assert "Browse its MIBs…" not in entries(bench, id_of("g2"))
    bench.window.select(id_of("g1"))
    bench.window.actions_by_name["mibs"].trigger()
    (browser,) = bench.window.findChildren(MibBrowser)
    assert browser.walk.device == id_of("g1")
    browser.close()
    bench.wait_for(lambda: not bench.window.findChildren(MibBrowser))
    bench.window.select(id_of("g2"))
    bench.window.actions_by_name["mibs"].trigger()
    (browser,) = bench.window.findChildren(MibBrowser)
    assert browser.walk.device is None
    assert browser.walk.device_button.text() == "Choose a device…"
    browser.close()
