"""Asks whether a certificate or host key is to be trusted. Counterpart: `app/trust.py`, `commands.trust_probe`.

One rule: both fingerprints are there in full, in the forms in which a device tells its own, and Cancel has the keyboard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.look import TABLE_PX
from app.panels.text import Label, button
from app.trust import Shown, grouped_hex, openssh
from app.words import isolated

WIDTH_PX = 560


class TrustQuestion(QDialog):
    """What is shown, what was trusted before, what it means; the verb trusts what is shown here."""

    def __init__(
        self, device: str, shown: Shown, then: Callable[[str], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Trust this {shown.what}?")
        self.setFixedWidth(WIDTH_PX)
        self.seen = shown.seen
        name = isolated(device)
        if shown.is_change:
            head = f"{name} shows another {shown.what} than before"
            said = (
                "Either it was replaced (a new device, a reset, a renewed certificate), or somebody stands between this computer "
                "and the device and would get the login. Compare the new fingerprint with the device's own before you trust it."
            )
        else:
            head = f"Trust the {shown.what} of {name}?"
            said = (
                f"This is the first {shown.what} that this computer sees of it. Compare the fingerprint with the device's own; "
                "once it is trusted, another one is refused."
            )
        self.question = Label(head, "title", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(12)
        layout.addWidget(self.question)
        layout.addWidget(Label(said, wrap=True))
        layout.addWidget(_fingerprint("Shown now", shown.seen, shown, bad=shown.is_change))
        if shown.is_change:
            layout.addWidget(_fingerprint("Trusted until now", shown.probe.pin, shown))
        layout.addWidget(Label(_how(shown), "small", wrap=True))
        self.verb = button("Trust it", "danger" if shown.is_change else "primary")
        self.verb.setAutoDefault(False)
        self.verb.clicked.connect(self.accept)
        cancel = button("Cancel")
        cancel.setDefault(True)
        cancel.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.addWidget(Label("You can undo this.", "small"))
        foot.addStretch(1)
        foot.addWidget(cancel)
        foot.addWidget(self.verb)
        layout.addSpacing(4)
        layout.addLayout(foot)
        self.accepted.connect(lambda: then(self.seen))
        cancel.setFocus()


def _fingerprint(title: str, fingerprint: str, shown: Shown, *, bad: bool = False) -> QFrame:
    texts = [hex_lines(fingerprint)]
    if shown.probe.kind == "ssh":
        texts.insert(0, openssh(fingerprint))
    return fingerprint_box(title, texts, bad=bad)


def hex_lines(fingerprint: str) -> str:
    """Return a fingerprint in pairs, half of it a line."""
    half = grouped_hex(fingerprint[:32]), grouped_hex(fingerprint[32:])
    return "\n".join(part for part in half if part)


def fingerprint_box(title: str, texts: Iterable[str], *, bad: bool = False) -> QFrame:
    """Return a box with a fingerprint in the forms in which people compare it."""
    box = QFrame()
    box.setProperty("kind", "reason")
    box.setProperty("bad", "true" if bad else "false")
    layout = QVBoxLayout(box)
    layout.setContentsMargins(12, 8, 12, 10)
    layout.setSpacing(4)
    layout.addWidget(Label(title, "field"))
    for text in texts:
        line = Label(text)
        mono = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        mono.setPixelSize(TABLE_PX)
        line.setFont(mono)
        line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(line)
    return box


def _how(shown: Shown) -> str:
    if shown.probe.kind == "ssh":
        return "The device's own: ssh-keygen -lf on its public host key; RouterOS gives it with /ip ssh export-host-key."
    if shown.probe.kind == "routeros":
        return "The device's own: the SHA-256 fingerprint in /certificate print detail."
    return "The certificate's own: its SHA-256 fingerprint, as a browser or openssl x509 -fingerprint -sha256 shows it."
