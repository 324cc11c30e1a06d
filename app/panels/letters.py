"""Letters that belong to what has the keyboard, and are no shortcuts of the window then. Counterpart: `app/actions.py`.

Theory: before Qt takes a key for a shortcut it asks whoever has the keyboard whether it wants it (ShortcutOverride). Fields for
text say so by themselves; tables in which letters begin a search or act say so here. In the tree letters stay the window's:
W and T are wanted of what was just chosen there. One rule: who keeps a letter does something with it.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

_PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier)


def is_letter(event: QKeyEvent) -> bool:
    """Tell whether a key writes something, alone or with Shift."""
    return event.modifiers() in _PLAIN and event.text() > " " and event.text().isprintable()


def keeps(event: QEvent, wanted: Callable[[QKeyEvent], bool]) -> bool:
    """Keep a wanted key from being a shortcut; True where it was asked for and kept: `event()` of the widget is done then."""
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent) or not wanted(event):
        return False
    event.accept()
    return True
