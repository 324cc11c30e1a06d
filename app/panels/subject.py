"""The panel about whatever is selected: its head. Counterpart: `device.py` and `link.py`, which fill it and add a body.

One rule: the order is fixed (crumb, name, sentence, reason, actions), so that at three in the morning the eye knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.look import Look
from app.model import Model
from app.panels.text import Label, LineLabel, button, set_property
from app.symbols import symbol_pixmap
from app.team.rights import switch, why_not
from domain.alerts import Alert
from domain.roles import Permission

WIDTH_PX = 360


class Told(NamedTuple):
    """What a head says. `reason` is empty where all is well."""

    crumb: str
    name: str
    status: str
    sentence: str
    reason: str = ""


class SubjectPanel(QWidget):
    """One thing. Everything it can do, the window decides; a subclass refreshes it while it is seen."""

    closed = Signal()
    acknowledged = Signal(object)
    edit_wanted = Signal(object)
    menu_wanted = Signal(object, QPoint)

    def __init__(
        self, model: Model, look: Look, verb: QPushButton | None = None, parent: QWidget | None = None
    ) -> None:
        """`verb` is what else can be done with it, beside editing and what the menu has."""
        super().__init__(parent)
        self.setProperty("kind", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._model, self._look = model, look
        self.subject: UUID | None = None
        self._alerts: list[Alert] = []
        self.crumb = LineLabel("", "quiet")
        self.name = LineLabel("", "name")
        self.sentence = Label("")
        self.reason = Label("", wrap=True)
        self._box = QFrame()
        self._symbol = QLabel()
        self._close = self._tool("Close (Esc)")
        self._more = self._tool("More")
        self.acknowledge = button("Acknowledge", "primary")
        self.edit = button("Edit")
        self.takes: Permission = "devices:write"
        """What changing it takes."""
        self.aside: Callable[[UUID | None], str] = lambda id: ""
        """What is said of a thing beside how it fares; whoever knows puts it here."""
        self._aside = Label("", "small", wrap=True)
        self.changing: list[QPushButton] = []
        """What else cannot be done while the past is shown."""
        self.below = QVBoxLayout()
        """Where a subclass puts its body, from the line under the head down."""
        self._head = self._lay_out([self.acknowledge, *([verb] if verb else []), self.edit, self._more])
        self._close.clicked.connect(self.closed)
        self._more.clicked.connect(
            lambda: self.menu_wanted.emit(
                self.subject, self._more.mapToGlobal(self._more.rect().bottomLeft())
            )
        )
        self.acknowledge.clicked.connect(self._on_acknowledge)
        self.edit.clicked.connect(lambda: self.edit_wanted.emit(self.subject))

    def show_head(self, told: Told) -> None:
        """Show what is said of the subject, and whether an alert of it waits for somebody."""
        theme = self._look.theme
        self.crumb.setText(told.crumb)
        self.name.setText(told.name)
        self._symbol.setPixmap(symbol_pixmap(told.status, theme, 22))
        self.sentence.setText(told.sentence)
        self.sentence.setStyleSheet(f"color: {theme.status_text[told.status]}; font-weight: 600;")
        self.reason.setText(told.reason)
        self._box.setVisible(bool(told.reason))
        set_property(self._box, "bad", "true" if told.status == "down" else "false")
        self._alerts = [
            alert
            for alert in self._model.alerts.values()
            if alert.subject == self.subject and alert.is_open and alert.acknowledged_us is None
        ]
        self.acknowledge.setVisible(bool(self._alerts))
        self._aside.setText(aside := self.aside(self.subject))
        self._aside.setVisible(bool(aside))
        switch(self.acknowledge, why_not(self._model, "alerts:write"))
        switch(self.edit, why_not(self._model, self.takes))
        for verb in self.changing:
            switch(verb, why_not(self._model))
        self._close.setIcon(self._look.icon("x", size_px=18))
        self._more.setIcon(self._look.icon("ellipsis", theme.text.text))

    def add_to_reason(self, verb: QPushButton) -> None:
        """Put what can be done about the reason below its words."""
        self._in_box.addWidget(verb, 0, Qt.AlignmentFlag.AlignLeft)

    def end_head(self, tabs: QWidget | None = None) -> None:
        """End the head with tabs, which stand on its line, or without any."""
        self._head.addSpacing(8)
        if tabs is not None:
            self._head.addWidget(tabs)

    def _on_acknowledge(self) -> None:
        for alert in self._alerts:
            self.acknowledged.emit(alert.id)

    def _tool(self, story: str) -> QToolButton:
        made = QToolButton()
        made.setProperty("kind", "bare")
        made.setToolTip(story)
        made.setIconSize(QSize(18, 18))
        return made

    def _lay_out(self, verbs: list[QWidget]) -> QVBoxLayout:
        self._box.setProperty("kind", "reason")
        self._in_box = QVBoxLayout(self._box)
        self._in_box.setContentsMargins(12, 10, 12, 10)
        self._in_box.setSpacing(8)
        self._in_box.addWidget(self.reason)
        title = QHBoxLayout()
        title.setSpacing(8)
        title.addWidget(self._symbol)
        title.addWidget(self.name, 1)
        title.addWidget(self._close)
        actions = QHBoxLayout()
        actions.setSpacing(8)
        for made in verbs:
            actions.addWidget(made)
        actions.addStretch(1)
        head = QVBoxLayout()
        head.setContentsMargins(16, 14, 16, 0)
        head.setSpacing(6)
        head.addWidget(self.crumb)
        head.addLayout(title)
        head.addWidget(self.sentence)
        head.addWidget(self._aside)
        head.addSpacing(2)
        head.addWidget(self._box)
        head.addSpacing(4)
        head.addLayout(actions)
        line = QFrame()
        line.setProperty("kind", "line")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(line)
        layout.addLayout(self.below, 1)
        return head
