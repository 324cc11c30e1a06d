"""The bar on top: whose network, search, counts in fault order, how fresh, the engine. Counterpart: `Model` and `EngineLink`.

One rule: a status that nobody has gets no chip; in a healthy network the bar says one quiet thing. Where it is narrow, words
give way before numbers.
"""

from __future__ import annotations

from collections import Counter
from typing import cast
from uuid import UUID

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from app.draft import now_us
from app.engine_link import Status
from app.look import BASE_PX, HEAD_PX, Look, color, font, square
from app.model import Delta, Model
from app.panels.heading import Heading
from app.panels.text import LEFT, Label, paint_text, set_property, tip
from app.symbols import STATUSES, paint_symbol
from app.team.sign import SyncSign
from app.team.words import host_of
from app.words import age_of, isolated
from domain.team import TeamState
from domain.wire import EngineState

HEIGHT_PX = 40
STALE_AFTER_S = 20
SEARCH_PX = 188
WIDE_PX = 1200
"""Below this width the bar has no room for everything."""
WORDS_WHEN_NARROW = 3
_WORDS = {
    "starting": "starting",
    "lost": "restarting",
    "failing": "failing",
    "refused": "refused",
    "stopped": "off",
}


class Chip(QAbstractButton):
    """One status with how many have it; checked, it filters."""

    def __init__(self, status: str, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.status = status
        self.count = 0
        self._worded = True
        self._look = look
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(f"Show only what is {status}")
        self.hide()

    def set_count(self, count: int) -> None:
        """Show a count; none hides the chip."""
        if count == self.count:
            return
        self.count = count
        self.setAccessibleName(f"{count} {self.status}")
        self.setVisible(count > 0 or self.isChecked())
        self.updateGeometry()
        self.update()

    def set_worded(self, worded: bool) -> None:
        """Show the status' word, or symbol and count alone."""
        if worded != self._worded:
            self._worded = worded
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """Room for symbol, count and word."""
        bold_px = QFontMetrics(font(BASE_PX, 600, tabular=True)).horizontalAdvance(f"{self.count:,}")
        word_px = QFontMetrics(font(BASE_PX)).horizontalAdvance(self.status) + 8 if self._worded else 0
        return QSize(38 + bold_px + word_px, 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the chip."""
        theme = self._look.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        ground, rect = theme.surface.panel, QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self.isChecked():
            ground = theme.accent.ground
        elif self.status == "down":
            ground = theme.down_ground
        elif self.underMouse():
            ground = theme.surface.raised
        painter.setBrush(color(ground))
        if self.hasFocus():
            painter.setPen(color(theme.accent.accent))
        painter.drawRoundedRect(rect, 6, 6)
        paint_symbol(painter, square(17, rect.center().y(), 16), self.status, theme, ground)
        room = QRectF(30, 0, self.width() - 36, self.height())
        bold = font(BASE_PX, 600, tabular=True)
        ink = theme.status_text["down"] if self.status == "down" else theme.text.text
        width = paint_text(painter, room, f"{self.count:,}", bold, ink, LEFT)
        if not self._worded:
            return
        word = ink if self.status == "down" else theme.text.quiet
        paint_text(painter, room.adjusted(width + 4, 0, 6, 0), self.status, font(BASE_PX), word, LEFT)


class SearchButton(QAbstractButton):
    """What looks like a search field and opens the palette."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.setFixedHeight(28)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self.setAccessibleName("Search")

    def sizeHint(self) -> QSize:
        """Room for icon, word and key."""
        return QSize(SEARCH_PX, 28)

    def minimumSizeHint(self) -> QSize:
        """Room for the icon."""
        return QSize(36, 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the field."""
        theme = self._look.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(color(theme.accent.accent) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(color(theme.surface.hover if self.underMouse() else theme.surface.raised))
        rect = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(rect, 6, 6)
        painter.drawPixmap(10, 6, self._look.pixmap("search", size_px=16))
        if self.width() >= SEARCH_PX // 2:
            paint_text(painter, rect.adjusted(34, 0, 0, 0), "Search", font(BASE_PX), theme.text.quiet, LEFT)
        if self.width() < SEARCH_PX:
            return
        key = QRectF(rect.right() - 52, rect.y() + 5, 44, rect.height() - 10)
        painter.setPen(color(theme.surface.line))
        painter.setBrush(color(theme.surface.panel))
        painter.drawRoundedRect(key, 4, 4)
        paint_text(painter, key, "Ctrl K", font(HEAD_PX), theme.text.quiet, Qt.AlignmentFlag.AlignCenter)


class Gauge(QWidget):
    """A word and its value: "Engine 214/s"."""

    def __init__(self, word: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = Label("–")
        self._value.setFont(font(BASE_PX, 600, tabular=True))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        layout.addWidget(Label(word, "quiet"))
        layout.addWidget(self._value)

    @property
    def value(self) -> str:
        """What it shows."""
        return self._value.text()

    def set(self, value: str, ink: str, story: str = "") -> None:
        """Show a value, and its story on hover."""
        self._value.setText(value)
        self._value.setStyleSheet(f"color: {ink}; font-weight: 600;")
        self.setToolTip(tip(story))


class TopBar(QWidget):
    """The bar. It counts by itself and says what was clicked."""

    search_wanted = Signal()
    statuses_chosen = Signal(object)
    theme_wanted = Signal()
    help_wanted = Signal()
    settings_wanted = Signal()
    engine_clicked = Signal()
    network_wanted = Signal()
    """The list of networks is wanted."""

    def __init__(self, model: Model, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT_PX)
        self._model, self._look = model, look
        self._status = Status("stopped")
        self._shown: dict[UUID, str] = {}
        self._counts: Counter[str] = Counter()
        self._heard_us = 0
        self._mark = QLabel()
        self.network = Heading(look)
        self.network.show_title("Heliograph", may_choose=True)
        self.network.clicked.connect(self.network_wanted)
        self._server = ""
        self._left = QWidget()
        left = QHBoxLayout(self._left)
        left.setContentsMargins(12, 0, 12, 0)
        left.setSpacing(8)
        left.addWidget(self._mark)
        left.addWidget(self.network, 1)
        search = SearchButton(look)
        search.clicked.connect(self.search_wanted)
        self.chips = {status: Chip(status, look) for status in STATUSES}
        self._none = Label("", "quiet")
        self.data, self.engine, self.sync = Gauge("Data"), Gauge("Engine"), SyncSign(look)
        self._theme, self._help = self._tool("Change theme (Ctrl+T)"), self._tool("Keyboard (F1)")
        self._settings = self._tool("Settings (Ctrl+,)")
        self._settings.clicked.connect(self.settings_wanted)
        self._theme.clicked.connect(self.theme_wanted)
        self._help.clicked.connect(self.help_wanted)
        self._lay_out(search)
        model.changed.connect(self._on_changed)
        look.changed.connect(self._dress)
        self._dress()

    def _lay_out(self, search: QWidget) -> None:
        upright = QFrame()
        upright.setProperty("kind", "upright")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 10, 0)
        layout.setSpacing(0)
        layout.addWidget(self._left)
        layout.addWidget(upright)
        layout.addSpacing(6)
        layout.addWidget(search)
        layout.addSpacing(14)
        for chip in self.chips.values():
            layout.addWidget(chip)
            chip.toggled.connect(self._on_toggled)
        layout.addWidget(self._none)
        layout.addStretch(1)
        for gauge in (self.data, self.engine):
            layout.addWidget(gauge)
            layout.addSpacing(16)
        layout.addWidget(self.sync)
        layout.addSpacing(8)
        layout.addWidget(self._theme)
        layout.addWidget(self._help)
        layout.addWidget(self._settings)

    def align_to(self, width_px: int) -> None:
        """Let the tenant's part be as wide as the tree under it."""
        self._left.setFixedWidth(max(width_px, 120))

    def add_indicator(self, widget: QWidget) -> None:
        """Put something before the gauges that is seen only while it has something to say."""
        layout = cast("QHBoxLayout", self.layout())
        layout.insertWidget(layout.indexOf(self.data), widget)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give way where there is little room."""
        self._fit()
        super().resizeEvent(event)

    def set_status(self, status: Status) -> None:
        """Show how the engine is."""
        self._status = status
        self.tick()

    def tick(self) -> None:
        """Show ages as of now; once a second."""
        theme, now = self._look.theme, now_us()
        old = self._heard_us and now - self._heard_us > STALE_AFTER_S * 1e6
        self.data.set(
            age_of(self._heard_us or None, now),
            theme.status_text["degraded"] if old else theme.text.text,
            "How long ago a device last answered or failed to",
        )
        state = self._model.engine
        if self._status.kind == "ready":
            rate = f"{state.polls_per_s:,.0f}/s" if state is not None and state.polls else "ready"
            self.engine.set(rate, theme.text.text, _story(state))
        else:
            ink = theme.text.quiet if self._status.kind == "starting" else theme.status_text["down"]
            self.engine.set(_WORDS[self._status.kind], ink, self._status.text)

    def _on_changed(self, delta: Delta) -> None:
        model = self._model
        if delta.inventory:
            self._shown = {device.id: model.status_of(device.id) for device in model.inventory.devices()}
            self._counts = Counter(self._shown.values())
            self._heard_us = max((health.heard_us for health in model.health.values()), default=0)
        else:
            for id in delta.health:
                if id in self._shown and (status := model.status_of(id)) != (was := self._shown[id]):
                    self._shown[id] = status
                    self._counts[was] -= 1
                    self._counts[status] += 1
                if (health := model.health.get(id)) is not None:
                    self._heard_us = max(self._heard_us, health.heard_us)
        for status, chip in self.chips.items():
            chip.set_count(self._counts[status])
        self._fit()
        self._none.setText("" if self._shown else "No devices yet")
        self._show_name()
        self.tick()

    def show_network(self, team: TeamState | None) -> None:
        """Say whose network this is: one's own, or a team's at a server."""
        self._server = host_of(team.server) if team is not None else ""
        self._show_name()
        self._fit()

    def _show_name(self) -> None:
        tenant = self._model.tenant
        name = isolated(tenant.name) if tenant is not None else "Heliograph"
        self.network.show_title(f"{name} @ {self._server}" if self._server else name, may_choose=True)

    def _fit(self) -> None:
        """Leave out what hardly ever changes, and the words of all but the worst, where there is little room."""
        wide = self.width() >= WIDE_PX
        self.sync.setVisible(wide or bool(self._server))
        self.sync.set_terse(not wide)
        shown = [chip for chip in self.chips.values() if chip.count or chip.isChecked()]
        for number, chip in enumerate(shown):
            chip.set_worded(wide or len(shown) <= WORDS_WHEN_NARROW or number == 0)

    def show_all(self) -> None:
        """Filter by no status."""
        for chip in self.chips.values():
            chip.setChecked(False)

    def _on_toggled(self) -> None:
        chosen = frozenset(status for status, chip in self.chips.items() if chip.isChecked())
        for chip in self.chips.values():
            chip.setVisible(chip.count > 0 or chip.isChecked())
        self.statuses_chosen.emit(chosen)

    def _tool(self, story: str) -> QToolButton:
        made = QToolButton(self)
        set_property(made, "kind", "bare")
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        made.setToolTip(story)
        return made

    def _dress(self) -> None:
        theme = self._look.theme
        self._mark.setPixmap(self._look.pixmap("sun", theme.accent.accent, 18))
        self._theme.setIcon(self._look.icon("contrast"))
        self._help.setIcon(self._look.icon("keyboard"))
        self._settings.setIcon(self._look.icon("settings"))
        self.tick()


def _story(state: EngineState | None) -> str:
    if state is None:
        return "The engine is ready"
    polls = ", ".join(f"{kind} {count:,}" for kind, count in sorted(state.polls.items()) if count)
    lines = [
        f"Polls: {polls or 'none yet'}",
        f"Failed: {state.poll_failures:,}",
        f"Behind schedule: {state.schedule_lag_ms:,.0f} ms, in flight: {state.in_flight:,}",
        f"Rows waiting for the disk: {state.waiting_rows:,}",
    ]
    return "\n".join([*lines, *state.notices])
