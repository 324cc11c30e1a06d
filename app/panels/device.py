"""The device panel: who it is, how it is and why, what can be done, what is known. Counterpart: `Model`; actions are commands.

One rule: the order is fixed (crumb, name, sentence, reason, actions, tabs), so that at three in the morning the eye knows.
"""

from __future__ import annotations

from uuid import UUID

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.commands import Asks
from app.draft import now_us
from app.look import Look
from app.model import Delta, Model
from app.panels.device_body import DeviceBody
from app.panels.facts import probe_word
from app.panels.segments import Segments
from app.panels.text import Label, LineLabel, button, set_property
from app.symbols import symbol_pixmap
from app.words import age_of, capitalized, clock, sentence, where
from domain.alerts import Alert
from domain.health import Health
from domain.inventory import Device, probe_names

WIDTH_PX = 360


def reason_of(status: str, device: Device, health: Health | None, now_us: int) -> str:
    """Return why a device is not well, with its evidence; nothing where it is."""
    if health is None or status in ("up", "maintenance"):
        return ""
    told: dict[str, list[str]] = {}
    silent, answering = [], []
    for name in probe_names(device):
        state = health.probes.get(name)
        if state is not None and state.failed and state.failure is not None:
            if state.failure.kind == "no_answer":
                silent.append(probe_word(name))
            else:
                told.setdefault(state.failure.message, []).append(probe_word(name))
        elif state is not None and state.answering:
            answering.append(probe_word(name))
    sentences = [f"No answer to {_listed(silent)}."] if silent else []
    sentences += [f"{_listed(words)}: {message}." for message, words in told.items()]
    if not sentences and health.reason:
        sentences = [f"{capitalized(health.reason)}."]
    if answering and (silent or told):
        sentences.append(f"{_listed(answering)} still {'answers' if len(answering) == 1 else 'answer'}.")
    last = health.last_answer_us
    if last and not answering:
        sentences.append(f"The last answer came at {clock(last, now_us)}, {age_of(last, now_us)} ago.")
    return " ".join(sentences)


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


class DevicePanel(QWidget):
    """One device. Everything it can do, the window decides."""

    closed = Signal()
    acknowledged = Signal(object)
    probe_wanted = Signal(object)
    edit_wanted = Signal(object)
    menu_wanted = Signal(object, QPoint)

    def __init__(self, model: Model, link: Asks, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._model, self._look = model, look
        self.device: UUID | None = None
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
        self.probe = button("Poll now")
        self.edit = button("Edit")
        self.tabs = Segments(
            {"overview": "Overview", "interfaces": "Interfaces", "journal": "Journal"}, "tab"
        )
        self.body = DeviceBody(model, link, look)
        self._lay_out()
        self._close.clicked.connect(self.closed)
        self._more.clicked.connect(
            lambda: self.menu_wanted.emit(self.device, self._more.mapToGlobal(self._more.rect().bottomLeft()))
        )
        self.acknowledge.clicked.connect(self._on_acknowledge)
        self.probe.clicked.connect(lambda: self.probe_wanted.emit(self.device))
        self.edit.clicked.connect(lambda: self.edit_wanted.emit(self.device))
        self.tabs.chosen.connect(self._on_tab)
        self.body.all_wanted.connect(self.show_tab)
        model.changed.connect(self._on_changed)
        look.changed.connect(self._refresh)

    def show_device(self, id: UUID) -> None:
        """Show a device."""
        if id != self.device:
            self.device = id
            self.body.scroll_up()
        self._refresh()

    def show_tab(self, key: str) -> None:
        """Show what is under a tab."""
        self.tabs.choose(key)
        self._on_tab(key)

    def tick(self) -> None:
        """Show ages as of now."""
        if self.isVisible():
            self._refresh()
            self.body.tick()

    def _on_changed(self, delta: Delta) -> None:
        id = self.device
        if id is None or not self.isVisible():
            return
        if (
            delta.inventory
            or delta.alerts
            or id in delta.health | delta.facts | delta.values
            or delta.link_states
        ):
            self._refresh()

    def _on_acknowledge(self) -> None:
        for alert in self._alerts:
            self.acknowledged.emit(alert.id)

    def _on_tab(self, key: str) -> None:
        self.body.show_page(key)

    def _refresh(self) -> None:
        device = self._model.inventory.device(self.device) if self.device is not None else None
        if device is None:
            return
        theme, now = self._look.theme, now_us()
        status, health = self._model.status_of(device.id), self._model.health.get(device.id)
        self.crumb.setText(self._crumb(device))
        self.name.setText(device.name)
        self._symbol.setPixmap(symbol_pixmap(status, theme, 22))
        self.sentence.setText(sentence(status, health.since_us if health is not None else 0, now))
        self.sentence.setStyleSheet(f"color: {theme.status_text[status]}; font-weight: 600;")
        said = reason_of(status, device, health, now)
        self.reason.setText(said)
        self._box.setVisible(bool(said))
        set_property(self._box, "bad", "true" if status == "down" else "false")
        self._alerts = [
            alert
            for alert in self._model.alerts.values()
            if alert.subject == device.id and alert.is_open and alert.acknowledged_us is None
        ]
        self.acknowledge.setVisible(bool(self._alerts))
        self._close.setIcon(self._look.icon("x", size_px=18))
        self._more.setIcon(self._look.icon("ellipsis", theme.text.text))
        count = self.body.show_device(device, status)
        self.tabs.set_title("interfaces", f"Interfaces {count}" if count else "Interfaces")

    def _crumb(self, device: Device) -> str:
        site = self._model.inventory.site(device.site)
        parts = [where(self._model.inventory, device) or "No site"]
        if site is not None and site.elevation_m is not None:
            parts.append(f"{site.elevation_m:,.0f} m")
        return ", ".join(parts)

    def _tool(self, story: str) -> QToolButton:
        made = QToolButton()
        made.setProperty("kind", "bare")
        made.setToolTip(story)
        made.setIconSize(QSize(18, 18))
        return made

    def _lay_out(self) -> None:
        self._box.setProperty("kind", "reason")
        box = QVBoxLayout(self._box)
        box.setContentsMargins(12, 10, 12, 10)
        box.addWidget(self.reason)
        title = QHBoxLayout()
        title.setSpacing(8)
        title.addWidget(self._symbol)
        title.addWidget(self.name, 1)
        title.addWidget(self._close)
        actions = QHBoxLayout()
        actions.setSpacing(8)
        for made in (self.acknowledge, self.probe, self.edit, self._more):
            actions.addWidget(made)
        actions.addStretch(1)
        head = QVBoxLayout()
        head.setContentsMargins(16, 14, 16, 0)
        head.setSpacing(6)
        head.addWidget(self.crumb)
        head.addLayout(title)
        head.addWidget(self.sentence)
        head.addSpacing(2)
        head.addWidget(self._box)
        head.addSpacing(4)
        head.addLayout(actions)
        head.addSpacing(8)
        head.addWidget(self.tabs)
        line = QFrame()
        line.setProperty("kind", "line")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(line)
        layout.addWidget(self.body, 1)
