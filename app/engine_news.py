"""What the window says of its engine: banner, notice, refusal card. Counterpart: `engine_link.Status`.

One rule: what is the matter stands until it is over, and what can be done about it stands beside it.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from app.engine_link import EngineLink, Status
from app.look import Look
from app.panels.notices import Banner
from app.panels.text import Label, button
from domain.wire import Welcome

RECOVERED_MS = 6000
CARD_PX = 520


class EngineNews(QObject):
    """Keeps the three in step with the engine's link."""

    changed = Signal()

    def __init__(self, link: EngineLink, look: Look) -> None:
        super().__init__()
        self._link = link
        self._last: Status = link.status
        self.refused = False
        self.banner = Banner(look)
        self.notice = Banner(look)
        self.card = QFrame()
        self.card.setProperty("kind", "card")
        self.card.setFixedWidth(CARD_PX)
        self._message = Label("", wrap=True)
        again = button("Try again", "primary")
        again.clicked.connect(link.start)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(again)
        layout = QVBoxLayout(self.card)
        layout.setContentsMargins(32, 28, 32, 24)
        layout.setSpacing(12)
        layout.addWidget(Label("This network could not be opened", "title"))
        layout.addWidget(self._message)
        layout.addLayout(foot)
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(RECOVERED_MS)
        self._calm.timeout.connect(self.banner.hide)
        link.status_changed.connect(self._on_status)
        link.welcomed.connect(self._on_welcome)

    def _on_status(self, status: Status) -> None:
        was, self._last = self._last, status
        self.refused = status.kind == "refused"
        self._calm.stop()
        match status.kind:
            case "lost":
                self.banner.say(status.text, status.details)
            case "failing":
                self.banner.say(status.text, status.details, verb="Try now", then=self._link.start)
            case "ready" if was.kind in ("lost", "failing"):
                said = "The engine was started again. Nothing that was confirmed is lost."
                self.banner.say(said, bad=False)
                self._calm.start()
            case "starting" if was.kind == "failing":
                self.banner.say(status.text, bad=False)
            case _:
                self.banner.hide()
        if self.refused:
            self._message.setText(status.text)
            self.card.adjustSize()
        self.changed.emit()

    def _on_welcome(self, welcome: Welcome) -> None:
        if welcome.notices:
            first, *rest = welcome.notices
            self.notice.say(first, "\n".join(rest), bad=False, verb="Understood", then=self.notice.hide)
        else:
            self.notice.hide()
