"""Asks whether the server's other certificate is to be trusted. Counterpart: `domain/team.TrustServer`.

One rule: both fingerprints are there in full, and Cancel has the keyboard.
"""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.commands import Asks
from app.dialogs.form import Form
from app.dialogs.trust import fingerprint_box, hex_lines
from app.panels.text import Label, set_property
from app.team.words import host_of
from app.words import isolated
from domain.team import TeamState, TrustServer

_SAID = (
    "Either it was renewed, or somebody stands between this computer and the server and would get your session. Compare the new "
    "fingerprint with the one that whoever runs the server reads there. Nothing is sent before you agree; what you change is "
    "kept here meanwhile."
)
_HOW = (
    "The server's own: openssl x509 -noout -fingerprint -sha256 -in CERTIFICATE. In another network, such as a hotel's, do not "
    "agree: it goes on by itself when the server is heard again."
)


class CertificateForm(Form):
    """What is shown now, what was trusted before; the verb trusts what is shown here, and nothing that comes later."""

    def __init__(self, team: TeamState, asks: Asks, parent: QWidget | None = None) -> None:
        super().__init__("Another certificate", "Trust it", parent, width_px=560)
        self._asks, self.shown = asks, team.shown_certificate
        set_property(self.submit_button, "kind", "danger")
        self.submit_button.setAutoDefault(False)
        self.submit_button.setDefault(False)
        self.cancel_button.setDefault(True)
        head = f"{isolated(host_of(team.server))} shows another certificate than before"
        self.body.addWidget(Label(head, "head", wrap=True))
        self.body.addWidget(Label(_SAID, wrap=True))
        self.body.addWidget(fingerprint_box("Shown now", [hex_lines(self.shown)], bad=True))
        before = hex_lines(team.trusted_certificate) or "One that this system vouches for"
        self.body.addWidget(fingerprint_box("Trusted until now", [before]))
        self.body.addWidget(Label(_HOW, "small", wrap=True))
        self.body.addStretch(1)
        self.cancel_button.setFocus()

    def submit(self) -> None:
        """Trust what is shown here."""
        if not self.submit_button.isEnabled():
            return
        self.begin()
        self._asks.request(
            lambda number: TrustServer(number, self.shown), lambda reply: self.on_answer(reply.refusals)
        )
