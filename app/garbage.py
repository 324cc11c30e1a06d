"""Collects garbage in the window's thread only. Counterpart: `compose.py`, which turns it on.

Theory: Python's cycle collector runs in whatever thread happens to allocate. A reader thread that takes down a forgotten
dialog destroys Qt objects under the event loop's feet: a crash, once in many runs. So the automatic collector is off and a
timer of the window's thread does what it would have done, by the same thresholds.
One rule: it is turned on before the first thread is started.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

LOOK_MS = 500


class Garbage(QObject):
    """The window's own collector."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(LOOK_MS)

    def look(self) -> None:
        """Collect the oldest generation whose threshold is passed."""
        passed = [count > limit for count, limit in zip(gc.get_count(), gc.get_threshold(), strict=True)]
        if any(passed):
            gc.collect(max(generation for generation, over in enumerate(passed) if over))
