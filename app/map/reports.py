"""What the page is asked to tell of itself, and its answers. Counterpart: `map_assets/src/measure.js`.

One rule: every question gets one answer: the page's, or after a while that it was not seen.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from typing import Any, Protocol

from PySide6.QtCore import QObject, QTimer

from app.map.bridge import Reported
from app.map.page import MapPage

REPORT_TIMEOUT_MS = 10_000
Report = dict[str, Any]
NOT_SEEN: Report = dict.fromkeys(("first_idle_s", "zoom", "center")) | {
    "rendered_devices": 0,
    "rendered_links": 0,
    "settled": False,
}
_log = logging.getLogger("heliograph.map")


class Sends(Protocol):
    """Sends the page one message."""

    def __call__(self, **message: Any) -> None: ...


class Reports(QObject):
    """The questions that wait for an answer."""

    def __init__(self, page: MapPage, send: Sends, parent: QObject) -> None:
        super().__init__(parent)
        self._page = page
        self._send = send
        self._tokens = itertools.count(1)
        self._waiting: dict[int, Callable[[Report], None]] = {}

    def ask(self, then: Callable[[Report], None]) -> None:
        """Ask the page what it shows; `then` gets the answer."""
        token = next(self._tokens)
        self._waiting[token] = then
        self._send(report=token)
        QTimer.singleShot(REPORT_TIMEOUT_MS, self, lambda: self._give_up(token))

    def ask_again(self) -> None:
        """Ask a fresh page what its predecessor did not answer."""
        for token in self._waiting:
            self._send(report=token)

    def answer(self, message: Reported) -> None:
        """Hand an answer to who asked."""
        then = self._waiting.pop(message.token, None)
        if then is not None:
            errors = max(message.console_errors, self._page.console_errors)
            then(
                {
                    "first_idle_s": message.first_idle_s,
                    "console_errors": errors,
                    "rendered_devices": message.rendered_devices,
                    "rendered_links": message.rendered_links,
                    "settled": message.settled,
                    "zoom": message.zoom,
                    "center": list(message.center),
                }
            )

    def _give_up(self, token: int) -> None:
        then = self._waiting.pop(token, None)
        if then is not None:
            _log.error("the page did not answer report %d within %d ms", token, REPORT_TIMEOUT_MS)
            then(NOT_SEEN | {"console_errors": self._page.console_errors})
