"""The popup that finds: what is chosen by keys and mouse, what is said where nothing is found."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.look import Look
from app.panels.finder import Entry
from app.panels.picker import Picker


def dropped(then: Callable[[str], None]) -> Picker:
    names = [f"port {number}" for number in range(60)]

    def offer(text: str) -> list[Entry]:
        found = [Entry(name, partial(then, name)) for name in names if text in name]
        return [Entry("Ports"), *found] if found else []

    made = Picker(Look("dark"), offer, "Which port")
    made.show()
    return made


def test_arrows_choose_what_scrolls_into_sight_though_a_mouse_rests_on_the_list(qt: QApplication) -> None:
    taken: list[str] = []
    made = dropped(taken.append)
    qt.processEvents()
    QCursor.setPos(made.list.viewport().mapToGlobal(QPoint(40, 60)))
    for _ in range(30):
        QTest.keyClick(made.field, Qt.Key.Key_Down)
        qt.processEvents()
    assert made.list.verticalScrollBar().value() > 0
    QTest.keyClick(made.field, Qt.Key.Key_Return)
    assert taken == ["port 30"]


def test_the_mouse_chooses_the_row_it_moves_to(qt: QApplication) -> None:
    made = dropped(lambda name: None)
    qt.processEvents()
    row = made.list.visualRect(made.list.model().index(5, 0)).center()
    QTest.mouseMove(made.list.viewport(), row + QPoint(3, 0))
    QTest.mouseMove(made.list.viewport(), row)
    qt.processEvents()
    assert made.list.currentIndex().row() == 5


def test_where_nothing_is_found_it_is_said_and_return_takes_nothing(qt: QApplication) -> None:
    taken: list[str] = []
    made = dropped(taken.append)
    made.field.setText("radio")
    assert [entry.title for entry in made.entries] == ["Nothing found"]
    QTest.keyClick(made.field, Qt.Key.Key_Down)
    QTest.keyClick(made.field, Qt.Key.Key_Return)
    assert taken == []
    assert made.isVisible()
