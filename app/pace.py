"""Something done soon and not too often. Counterpart: `model.py` tells of changes at such a pace.

One rule: the first after a while of none is done at once, in the next turn of the event loop; then one each interval.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class Pace:
    """`do` no oftener than each `interval_ms`; whoever does it sooner himself says so by `done`."""

    def __init__(self, parent: QObject, interval_ms: int, do: Callable[[], object]) -> None:
        self._interval_ms = interval_ms
        self._done_s = -math.inf
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(do)

    def soon(self) -> None:
        """Have it done as soon as it may be."""
        if not self._timer.isActive():
            since_ms = 1000 * (time.monotonic() - self._done_s)
            self._timer.start(math.ceil(max(0.0, self._interval_ms - since_ms)))

    def done(self) -> None:
        """It is being done now; nothing is due any more."""
        self._timer.stop()
        self._done_s = time.monotonic()
