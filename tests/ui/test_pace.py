"""The first of a burst is told at once, what follows once an interval, and what somebody told himself is not told again."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.pace import Pace
from tests.ui.conftest import WaitFor

HOUR_MS = 3_600_000


def test_the_first_comes_at_once_and_the_next_after_the_interval(qt: QApplication, wait_for: WaitFor) -> None:
    parent, done = QObject(), list[int]()
    often, seldom = Pace(parent, 1, lambda: told(often)), Pace(parent, HOUR_MS, lambda: told(seldom))

    def told(pace: Pace) -> None:
        pace.done()
        done.append(1 if pace is often else HOUR_MS)

    seldom.soon()
    assert done == [], "never within the call that asks for it"
    wait_for(lambda: done == [HOUR_MS])
    seldom.soon()
    for number in range(2, 5):
        often.soon()
        wait_for(lambda number=number: done.count(1) == number - 1)  # type: ignore[misc]
    assert done.count(HOUR_MS) == 1, "its interval is not over"


def test_what_was_done_is_not_due_any_more(qt: QApplication, wait_for: WaitFor) -> None:
    parent, done = QObject(), list[str]()
    pace, later = Pace(parent, 1, lambda: done.append("due")), Pace(parent, 1, lambda: done.append("later"))
    pace.soon()
    pace.done()
    later.soon()
    wait_for(lambda: "later" in done)
    QTest.qWait(5)
    assert "due" not in done
