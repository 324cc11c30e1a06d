"""Opens tunnels and what is to go through them. Counterparts: `domain/tunnels.py`, what is asked; `launching.py`, what starts.

Theory: the engine answers with the tunnel, and only then something is started at it. One that is open already is used again, so
that a second click costs nothing. What ends by itself is told as a toast, once.
One rule: whatever fails ends in words and in an address that can be copied.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal
from uuid import UUID

import msgspec
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from app.access.board import TunnelBoard
from app.access.launching import (
    Platform,
    ThisComputer,
    as_text,
    ssh_command,
    terminal_command,
    winbox_command,
)
from app.commands import Asks
from app.dialogs.confirm import Confirm
from app.model import Delta, Model
from app.panels.text import caption
from app.team.rights import offer, why_not
from app.words import capitalized, isolated
from domain.inventory import NEEDS, Device, Inventory
from domain.tunnels import (
    GIVE_WAY_S,
    CloseTunnel,
    OpenTunnel,
    ShareTunnel,
    TakeTunnel,
    TeamTunnel,
    Tunnel,
    service_words,
    services_of,
)
from domain.wire import Reply

Then = Literal["use", "copy"]
BY_HAND = "closed by hand"
Say = Callable[..., object]


def user_of(inventory: Inventory, device: Device, *kinds: str) -> str:
    """Return who logs in at a device, by its probes of these kinds; empty where none says."""
    for kind in kinds:
        for probe in device.probes:
            login = inventory.credential(probe.credential)
            if probe.kind == kind and login is not None and login.kind in NEEDS[kind] and login.user:
                return login.user
    return ""


class TunnelDesk(QObject):
    """`say` shows a toast: its words, a verb, what the verb does; `bad` where something failed."""

    changed = Signal()
    """What is remembered of it is another."""

    def __init__(
        self,
        model: Model,
        asks: Asks,
        window: QWidget,
        *,
        author: str,
        say: Say,
        platform: Platform | None = None,
    ) -> None:
        super().__init__(window)
        self._model, self._asks, self._say, self._window = model, asks, say, window
        self._author = author
        self.platform = platform or ThisComputer()
        self.winbox = ""
        """Where WinBox lies, as somebody set it; empty: where it usually does."""
        self._told: set[UUID] = set()
        self._warned: set[UUID] = set()
        model.changed.connect(self._on_changed)

    def open(self, id: UUID, port: int, then: Then = "use", via: UUID | None = None) -> None:
        """Open a tunnel to a port of a device, or take the one that is open; then start what uses it, or copy its address.

        `via`: the install of a colleague by whose shared tunnel it goes.
        """
        team = (self._model.today or self._model).team
        by = team.name if team is not None else self._author
        self._asks.request(
            lambda number: OpenTunnel(number, id, port, by, via), partial(self._on_opened, then)
        )

    def close(self, tunnel: UUID) -> None:
        """End a tunnel."""
        self._asks.request(lambda number: CloseTunnel(number, tunnel), self._on_closed)

    def share(self, tunnel: Tunnel) -> None:
        """Let colleagues go by a tunnel of this computer, or no more."""
        self._asks.request(
            lambda number: ShareTunnel(number, tunnel.id, not tunnel.is_shared), self._on_closed
        )

    def join(self, other: TeamTunnel) -> None:
        """Open a tunnel of one's own to where a colleague has one: by his, where he shares it."""
        self.open(other.device, other.target_port, via=other.install if other.is_shared else None)

    def take_over(self, other: TeamTunnel) -> None:
        """Ask once, then have a colleague's tunnel end, after he was warned."""
        live = self._model.today or self._model
        device = live.inventory.device(other.device)
        name = isolated(device.name) if device is not None else "the device"
        question = f"Take {name} over from {isolated(other.by)}?"
        details = (
            f"{service_words(other.service, other.target_port)} at {other.computer or 'another computer'} ends in "
            f"{GIVE_WAY_S:.0f} seconds. {isolated(other.by)} is told that it was you; so is the audit."
        )
        Confirm(question, details, "Take over", lambda: self._take(other), self._window).open()

    def _take(self, other: TeamTunnel) -> None:
        install = other.install
        if install is not None:
            self._asks.request(lambda number: TakeTunnel(number, install, other.id), self._on_taken)

    def _on_taken(self, reply: Reply) -> None:
        self._on_closed(reply)
        if not reply.refusals:
            self._say(f"It was asked to give way, and ends {GIVE_WAY_S:.0f} seconds after it hears of it")

    def use(self, tunnel: Tunnel) -> None:
        """Start what goes through a tunnel."""
        live = self._model.today or self._model
        device = live.inventory.device(tunnel.device)
        if device is None:
            return
        at = address_of(tunnel)
        match tunnel.service:
            case "winbox":
                user = user_of(live.inventory, device, "routeros", "ssh")
                command = winbox_command(self.platform, self.winbox, at, user)
                if command is None:
                    said = f"WinBox was not found on this computer: open {at} with it, or say where it lies"
                    self._say(said, "Set…", self.open_board, bad=True)
                    QGuiApplication.clipboard().setText(at)
                else:
                    self._start(command, f"WinBox opens {isolated(device.name)} at {at}", at)
            case "ssh":
                user = user_of(live.inventory, device, "ssh", "routeros")
                command = ssh_command(tunnel.port, device.address, tunnel.target_port, user)
                shown = terminal_command(self.platform, command)
                if shown is None:
                    self._copy(as_text(command), "The ssh command was copied: paste it into a terminal")
                else:
                    self._start(shown, f"ssh opens {isolated(device.name)} at {at}", as_text(command))
            case "http" | "https":
                if not self.platform.browse(f"{tunnel.service}://{at}/"):
                    self._copy(f"{tunnel.service}://{at}/", "No browser was found: the address was copied")
            case _:
                self.copy(tunnel)

    def copy(self, tunnel: Tunnel) -> None:
        """Copy where a tunnel begins."""
        self._copy(address_of(tunnel), f"{address_of(tunnel)} was copied")

    def fill_menu(self, menu: QMenu, device: Device) -> None:
        """Put into a menu how a device is reached."""
        inner = menu.addMenu("Connect")
        why = why_not(self._model, "tunnels:write")
        for port, service in services_of(device).items():
            offer(inner, service_words(service, port), partial(self.open, device.id, port), why)
        inner.addSeparator()
        copied = inner.addMenu("Open a tunnel and copy its address")
        for port, service in services_of(device).items():
            said = f"{service_words(service, port)}, port {port}"
            offer(copied, caption(said), partial(self.open, device.id, port, "copy"), why)
        inner.addAction("All tunnels…", self.open_board)

    def open_board(self) -> None:
        """Show all tunnels of this computer."""
        TunnelBoard(self._model, self._asks, self, self._window).open()

    def set_winbox(self, path: str) -> None:
        """Remember where WinBox lies."""
        self.winbox = path
        self.changed.emit()

    def _on_opened(self, then: Then, reply: Reply) -> None:
        if reply.refusals:
            self._say(capitalized(reply.refusals[0].message), bad=True)
            return
        tunnel = msgspec.convert(reply.result["tunnel"], Tunnel)
        if then == "copy":
            self.copy(tunnel)
        else:
            self.use(tunnel)

    def _on_closed(self, reply: Reply) -> None:
        if reply.refusals:
            self._say(capitalized(reply.refusals[0].message), bad=True)

    def _start(self, command: list[str], said: str, instead: str) -> None:
        try:
            self.platform.start(command, console=self.platform.name == "win32" and command[0] == "ssh")
        except OSError as error:
            self._copy(
                instead, f"{command[0]} did not start ({error.strerror}): “{instead}” was copied", bad=True
            )
            return
        self._say(said)

    def _copy(self, text: str, said: str, *, bad: bool = False) -> None:
        QGuiApplication.clipboard().setText(text)
        self._say(said, bad=bad)

    def _on_changed(self, delta: Delta) -> None:
        if not delta.tunnels:
            return
        live = self._model.today or self._model
        over = {one.id: one for one in live.tunnels.tunnels if one.ended}
        for id, tunnel in over.items():
            if id not in self._told and tunnel.ended != BY_HAND and not delta.initial:
                device = live.inventory.device(tunnel.device)
                name = isolated(device.name) if device is not None else "a device that is gone"
                what = service_words(tunnel.service, tunnel.target_port)
                self._say(f"The {what} tunnel to {name} ended: {tunnel.ended}", bad=True)
        self._told = set(over)
        for tunnel in live.tunnels.tunnels:
            if tunnel.warning and tunnel.id not in self._warned and not tunnel.ended:
                self._warned.add(tunnel.id)
                device = live.inventory.device(tunnel.device)
                name = isolated(device.name) if device is not None else "a device"
                what = service_words(tunnel.service, tunnel.target_port)
                self._say(f"{what} to {name}: {tunnel.warning}", bad=True)


def address_of(tunnel: Tunnel) -> str:
    """Return where a tunnel begins."""
    return f"127.0.0.1:{tunnel.port}"
