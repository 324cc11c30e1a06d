"""What the window has to say: a banner over the map, toasts at the bottom right. Counterpart: `Commands.said`, `EngineLink`.

One rule: a banner says what is the matter and stays until it is over; a toast says what was done and goes after four seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsDropShadowEffect,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.commands import Said
from app.look import Look
from app.panels.text import Label, button, caption, set_property
from app.words import capitalized
from domain.edit import Edit

TOAST_MS, BAD_TOAST_MS = 4_000, 12_000
"""How long one stands; one that says what failed may have an id to copy."""
TOASTS_SHOWN = 3
MARGIN_PX = 16


class Banner(QFrame):
    """One sentence across the top of the map, with more of it and one verb where there are any."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "banner")
        self._look = look
        self._bad = False
        self._then: Callable[[], None] | None = None
        self._icon = QLabel()
        self.text = Label("", "head", wrap=True)
        self.details = Label("", "small", wrap=True)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._verb = button("")
        self._verb.clicked.connect(self._on_verb)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.text)
        words.addWidget(self.details)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 8, 12, 8)
        layout.setSpacing(10)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)
        layout.addWidget(self._verb, 0, Qt.AlignmentFlag.AlignTop)
        look.changed.connect(self._dress)
        self.hide()

    def say(
        self,
        text: str,
        details: str = "",
        *,
        bad: bool = True,
        verb: str = "",
        then: Callable[[], None] | None = None,
    ) -> None:
        """Show a sentence. `then` is what the verb does."""
        self.text.setText(text)
        self.details.setText(details)
        self.details.setVisible(bool(details))
        self._verb.setText(caption(verb))
        self._verb.setVisible(bool(verb))
        self._then = then
        self._bad = bad
        set_property(self, "bad", "true" if bad else "false")
        self._dress()
        self.show()

    def _on_verb(self) -> None:
        if self._then is not None:
            self._then()

    def _dress(self) -> None:
        theme = self._look.theme
        name, ink = (
            ("circle-alert", theme.status_text["down"]) if self._bad else ("info", theme.accent.accent)
        )
        self._icon.setPixmap(self._look.pixmap(name, ink, 16))


class Toast(QFrame):
    """One thing that was done, with "Undo" where it can be taken back."""

    def __init__(self, text: str, verb: str, then: Callable[[], None] | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("kind", "toast")
        self.setFixedWidth(340)
        shadow = QGraphicsDropShadowEffect(self)
        shadow.setBlurRadius(24)
        shadow.setOffset(0, 4)
        self.setGraphicsEffect(shadow)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 8, 8)
        self.label = Label(text, wrap=True)
        layout.addWidget(self.label, 1)
        self.verb: QPushButton | None = None
        if then is not None:
            self.verb = button(verb, "link")
            self.verb.clicked.connect(then)
            layout.addWidget(self.verb)
        self.adjustSize()


class Toasts(QObject):
    """Stacks toasts over a widget's bottom right corner."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self.shown: list[Toast] = []
        over.installEventFilter(self)

    def say(
        self, text: str, verb: str = "", then: Callable[[], None] | None = None, *, bad: bool = False
    ) -> Toast:
        """Show a toast for some seconds; what is bad stands longer, and can be copied."""
        toast = Toast(text, verb, then, self._over)
        if bad:
            toast.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.shown.append(toast)
        if toast.verb is not None:
            toast.verb.clicked.connect(lambda: self._drop(toast))
        QTimer.singleShot(BAD_TOAST_MS if bad else TOAST_MS, toast, lambda: self._drop(toast))
        for old in self.shown[:-TOASTS_SHOWN]:
            self._drop(old)
        toast.show()
        toast.raise_()
        self._stack()
        return toast

    def tell(self, said: Said, undo: Callable[[Edit], None]) -> Toast:
        """Show what was done, with "Undo" where it can be taken back."""
        edit = said.edit
        if edit is None:
            return self.say(capitalized(said.text), bad=said.bad)
        return self.say(said.text, "Undo", lambda: undo(edit))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the corner when the window grows."""
        if event.type() == QEvent.Type.Resize:
            self._stack()
        return False

    def _drop(self, toast: Toast) -> None:
        self.shown = [other for other in self.shown if other is not toast]
        toast.deleteLater()
        toast.hide()
        self._stack()

    def _stack(self) -> None:
        bottom = self._over.height() - MARGIN_PX
        for toast in reversed(self.shown):
            bottom -= toast.height()
            toast.move(self._over.width() - toast.width() - MARGIN_PX, bottom)
            bottom -= 8
