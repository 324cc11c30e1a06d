"""What a toast says of a failure stands long enough to be read, and can be copied."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.commands import Said
from app.panels import notices
from app.panels.notices import Toasts
from tests.ui.conftest import WaitFor

FAULT = "Something is wrong with the server (request 0123456789abcdef)"


def test_a_failure_stands_longer_than_what_was_done_and_its_id_can_be_copied(
    qt: object, wait_for: WaitFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert notices.BAD_TOAST_MS == notices.TOAST_MS, "an hour each"
    monkeypatch.setattr(notices, "TOAST_MS", 50)
    over = QWidget()
    toasts = Toasts(over)
    toasts.tell(Said("R1 moved"), lambda _: None)
    bad = toasts.tell(Said(FAULT, bad=True), lambda _: None)
    wait_for(lambda: toasts.shown == [bad])
    assert FAULT in bad.label.text()
    assert bad.label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    monkeypatch.setattr(notices, "BAD_TOAST_MS", 50)
    toasts.tell(Said(FAULT, bad=True), lambda _: None)
    wait_for(lambda: toasts.shown == [bad])
