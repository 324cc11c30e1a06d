"""What a toast says of a failure stands long enough to be read, and can be copied."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.commands import Said
from app.panels import notices
from app.panels.notices import Toasts

FAULT = "Something is wrong with the server (request 0123456789abcdef)"


def test_a_failure_stands_longer_than_what_was_done_and_its_id_can_be_copied(
    qt: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "TOAST_MS", 50)
    monkeypatch.setattr(notices, "BAD_TOAST_MS", 1_000)
    over = QWidget()
    toasts = Toasts(over)
    toasts.tell(Said("R1 moved"), lambda _: None)
    bad = toasts.tell(Said(FAULT, bad=True), lambda _: None)
    QTest.qWait(300)
    assert toasts.shown == [bad]
    assert FAULT in bad.label.text()
    assert bad.label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    QTest.qWait(1_000)
    assert toasts.shown == []
