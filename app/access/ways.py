"""How a device is reached, under its head: what can be opened, and which tunnels are open. Counterpart: `desk.py` does it.

One rule: what is open stands here as long as it is, with what ends it beside it.
"""

from __future__ import annotations

from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.access.words import others_of, stand_of
from app.model import Model
from app.panels.text import LineLabel, button
from app.team.rights import switch, why_not
from app.words import isolated
from domain.inventory import Device
from domain.tunnels import Service, TeamTunnel, Tunnel, service_words, services_of

OFFERED: tuple[Service, ...] = ("winbox", "ssh", "https", "http")
"""What stands here; the menu has all."""


class Ways(QWidget):
    """A quiet row of verbs, and a line for each tunnel to the device."""

    wanted = Signal(object, int)
    """Somebody wants to go to a device: its id, and the port there."""
    used = Signal(object)
    """A tunnel that is open is to be used once more."""
    copied = Signal(object)
    ended = Signal(object)
    """A tunnel is to end: its id."""
    shared = Signal(object)
    """Whether colleagues may go by a tunnel is to be another."""
    joined = Signal(object)
    """Somebody wants to go where a colleague is."""
    taken = Signal(object)
    """A colleague's tunnel is to be taken over."""

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._offered: tuple[object, ...] = ()
        self._row = QHBoxLayout()
        self._row.setSpacing(10)
        self._lines: dict[UUID, _Line] = {}
        self._others: dict[tuple[UUID | None, UUID], _Other] = {}
        self._layout = layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._row)

    def show_device(self, device: Device) -> None:
        """Show how a device is reached."""
        live = self._model.today or self._model
        self._offer(device, why_not(self._model, "tunnels:write"))
        tunnels = {one.id: one for one in live.tunnels.tunnels if one.device == device.id}
        for id in [id for id in self._lines if id not in tunnels]:
            _drop(self._lines.pop(id))
        now = self._model.now_us()
        for id, tunnel in tunnels.items():
            if id not in self._lines:
                self._lines[id] = line = _Line(tunnel)
                line.use.clicked.connect(lambda _=False, line=line: self.used.emit(line.tunnel))
                line.copy.clicked.connect(lambda _=False, line=line: self.copied.emit(line.tunnel))
                line.end.clicked.connect(lambda _=False, id=id: self.ended.emit(id))
                line.share.clicked.connect(lambda _=False, line=line: self.shared.emit(line.tunnel))
                self._layout.addWidget(line)
            self._lines[id].show_tunnel(tunnel, stand_of(tunnel, now), in_team=live.team is not None)
        self._show_others([one for one in live.tunnels.team if one.device == device.id], now)

    def _show_others(self, others: list[TeamTunnel], now_us: int) -> None:
        """Show who else is at the device."""
        known = {(one.install, one.id): one for one in others}
        for key in [key for key in self._others if key not in known]:
            _drop(self._others.pop(key))
        why = why_not(self._model, "tunnels:write")
        for key, other in known.items():
            if key not in self._others:
                self._others[key] = line = _Other(other)
                line.join.clicked.connect(lambda _=False, line=line: self.joined.emit(line.other))
                line.take.clicked.connect(lambda _=False, line=line: self.taken.emit(line.other))
                self._layout.addWidget(line)
            self._others[key].show_other(other, others_of(other, now_us), why)

    def _offer(self, device: Device, why: str) -> None:
        """Show what can be opened; the verbs stay while they are the same, so that a click meets what it aimed at."""
        ports = {service: port for port, service in services_of(device).items()}
        if (offered := (device.id, device.address, tuple(ports.items()), why)) == self._offered:
            return
        self._offered = offered
        while (item := self._row.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                _drop(widget)
        for service in OFFERED:
            made = button(service_words(service, ports[service]), "link")
            switch(made, why, f"Open a tunnel to port {ports[service]} of {device.address}")
            made.clicked.connect(
                lambda _=False, id=device.id, port=ports[service]: self.wanted.emit(id, port)
            )
            self._row.addWidget(made)
        self._row.addStretch(1)


class _Line(QWidget):
    """One tunnel: where it begins, how it stands, and what can be done with it."""

    def __init__(self, tunnel: Tunnel) -> None:
        super().__init__()
        self.tunnel = tunnel
        self.use, self.copy, self.end = (button(said, "link") for said in ("Open", "Copy", "Close"))
        self.share = button("Share", "link")
        self._stands = LineLabel("", "small", prose=True)
        title = LineLabel(f"{service_words(tunnel.service, tunnel.target_port)} :{tunnel.port}", "head")
        title.setToolTip(f"Begins at 127.0.0.1:{tunnel.port}")
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(title, 1)
        for verb in (self.use, self.copy, self.share, self.end):
            head.addWidget(verb)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self._stands)

    def show_tunnel(self, tunnel: Tunnel, stands: str, *, in_team: bool) -> None:
        """Show how it stands; what goes from here can be shared in a team."""
        self.tunnel = tunnel
        self._stands.setText(stands)
        for verb in (self.use, self.copy, self.end):
            verb.setVisible(not tunnel.ended)
        self.share.setVisible(in_team and tunnel.way == "direct" and not tunnel.ended)
        self.share.setText("Unshare" if tunnel.is_shared else "Share")
        self.share.setToolTip("Let colleagues reach this port of the device by this computer")


class _Other(QWidget):
    """A tunnel of somebody else to the device."""

    def __init__(self, other: TeamTunnel) -> None:
        super().__init__()
        self.other = other
        self.join, self.take = button("Join", "link"), button("Take over", "link")
        what = service_words(other.service, other.target_port)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(LineLabel(f"{isolated(other.by)} is on it by {what}", "head"), 1)
        head.addWidget(self.join)
        head.addWidget(self.take)
        self._stands = LineLabel("", "small", prose=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self._stands)

    def show_other(self, other: TeamTunnel, stands: str, why: str) -> None:
        """Show how it stands, and what may be done about it."""
        self.other = other
        self._stands.setText(stands)
        switch(self.join, why, "Go there too, by this tunnel" if other.is_shared else "Go there too")
        switch(self.take, why, "End this tunnel; whoever has it is warned first")


def _drop(widget: QWidget) -> None:
    widget.hide()
    widget.deleteLater()
