"""The first start: one card, one primary verb, the map visible behind it. Counterpart: `commands.add_device`.

One rule: it offers what exists and nothing else; it goes when there is a device, and comes back when there is none.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsDropShadowEffect,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.commands import Then
from app.dialogs.fields import Fields
from app.draft import DeviceDraft, Login, ProbeDraft, default_probe
from app.look import Look
from app.panels.text import Label, button
from domain.errors import Refusal
from domain.vault import Secret

WIDTH_PX = 600


class FirstCard(QFrame):
    """Asks for an address and a login."""

    draft_made = Signal(object, object)
    """A DeviceDraft, and who is told what the engine said of it."""
    more_wanted = Signal()
    demo_wanted = Signal()

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self.setFixedWidth(WIDTH_PX)
        self._look = look
        shadow = QGraphicsDropShadowEffect(self)
        shadow.setBlurRadius(48)
        shadow.setOffset(0, 12)
        shadow.setColor(QColor(0, 0, 0, 140))
        self.setGraphicsEffect(shadow)
        self.fields = Fields()
        self.address, self.community = QLineEdit(), QLineEdit()
        self.user, self.password = QLineEdit(), QLineEdit()
        self.address.setPlaceholderText("10.44.1.1")
        self.community.setPlaceholderText("public")
        for secret in (self.community, self.password):
            secret.setEchoMode(QLineEdit.EchoMode.Password)
        for line in (self.address, self.community, self.user, self.password):
            line.setMaxLength(256)
            line.returnPressed.connect(self.submit)
        self.verb = button("Add it", "primary")
        self.verb.clicked.connect(self.submit)
        self._icons: list[tuple[QLabel, str]] = []
        self._lay_out()
        look.changed.connect(self._dress)
        self._dress()

    def draft(self) -> DeviceDraft:
        """Return the device that was described: always asked by ping, and by each login that was typed."""
        probes: list[ProbeDraft] = [default_probe("icmp")]
        if self.community.text():
            probes.append(default_probe("snmp", Login(secret=Secret(self.community.text()))))
        if self.user.text().strip() or self.password.text():
            login = Login(user=self.user.text().strip(), secret=Secret(self.password.text()))
            probes.append(default_probe("routeros", login))
        address = self.address.text().strip()
        return DeviceDraft(name=address, address=address, probes=tuple(probes))

    def submit(self) -> None:
        """Send it; refusals come back to the fields."""
        self.fields.clear()
        if not self.address.text().strip():
            self.fields.refuse(
                [Refusal("MISSING_REQUIRED_FIELD", "the router's address, such as 10.44.1.1", "address")]
            )
            return
        self.verb.setEnabled(False)
        then: Then = self.on_answer
        self.draft_made.emit(self.draft(), then)

    def on_answer(self, refusals: tuple[Refusal, ...]) -> None:
        """Show what was refused; where nothing was, forget what was typed."""
        self.verb.setEnabled(True)
        if refusals:
            self.fields.refuse(refusals)
        else:
            for line in (self.address, self.community, self.user, self.password):
                line.clear()

    def _lay_out(self) -> None:
        add = self.fields.add
        inputs = QHBoxLayout()
        inputs.setSpacing(8)
        inputs.addWidget(add("address", "Address", self.address), 5)
        inputs.addWidget(add("credential", "SNMP community", self.community), 4)
        inputs.addWidget(add("user", "RouterOS user", self.user), 4)
        inputs.addWidget(add("password", "Password", self.password), 4)
        holder = QVBoxLayout()
        holder.setSpacing(4)
        holder.addWidget(Label(" ", "field"))
        holder.addWidget(self.verb)
        holder.addStretch(1)
        inputs.addLayout(holder)
        more = button("More settings", "link")
        more.clicked.connect(self.more_wanted)
        hint = self._line("shield-check", "Read only is enough. With an address alone it is pinged.")
        hint.addWidget(more)
        demo = button("Open demo")
        demo.clicked.connect(self.demo_wanted)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(Label("Look around in a demo network", "head"))
        words.addWidget(Label("About 60 sites that speak the real protocols on this computer", "small"))
        play = QHBoxLayout()
        play.setSpacing(12)
        play.addWidget(self._icon("play", 20))
        play.addLayout(words, 1)
        play.addWidget(demo)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(32, 28, 32, 20)
        layout.setSpacing(10)
        layout.addWidget(Label("Put your first router on the map", "title"))
        layout.addWidget(Label("One address and a login are enough.", "quiet"))
        layout.addSpacing(6)
        layout.addWidget(self.fields.rest)
        layout.addLayout(inputs)
        layout.addLayout(hint)
        layout.addSpacing(6)
        layout.addWidget(_rule())
        layout.addLayout(play)
        layout.addWidget(_rule())
        layout.addLayout(
            self._line("lock", "Needs no internet. Passwords are sealed and stay on this computer.")
        )

    def _line(self, icon: str, text: str) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._icon(icon, 14))
        row.addWidget(Label(text, "small"))
        row.addStretch(1)
        return row

    def _icon(self, name: str, size_px: int) -> QLabel:
        made = QLabel()
        made.setFixedWidth(size_px)
        made.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._icons.append((made, name))
        return made

    def _dress(self) -> None:
        for label, name in self._icons:
            label.setPixmap(self._look.pixmap(name, size_px=label.width()))


def _rule() -> QFrame:
    made = QFrame()
    made.setProperty("kind", "line")
    return made
