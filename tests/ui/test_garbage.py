"""Qt objects that are only held by a cycle die in the window's thread, whoever allocates."""

from __future__ import annotations

import gc
import threading
import weakref

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from app.garbage import Garbage


class Knot(QObject):
    """Holds itself."""

    def __init__(self) -> None:
        super().__init__()
        self.me = self


def test_a_forgotten_object_is_collected_by_the_windows_thread_and_no_other(qt: QApplication) -> None:
    garbage = Garbage()
    died_in: list[int] = []
    knot = Knot()
    weakref.finalize(knot, lambda: died_in.append(threading.get_ident()))
    del knot

    def allocate() -> None:
        kept = [[n] for n in range(200_000)]
        assert kept

    thread = threading.Thread(target=allocate)
    thread.start()
    thread.join()
    assert died_in == []
    kept = [[n] for n in range(gc.get_threshold()[0] + 100)]
    garbage.look()
    assert died_in == [threading.get_ident()]
    assert kept
