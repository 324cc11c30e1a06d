"""The way in: opens the page and its forms, and keeps the engine listening as long as the page is open. Counterpart: `window.py`.

One rule: there is one page; opened again it comes to the front.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol, cast
from uuid import UUID

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.commands import Commands
from app.discovery.looking import SweepForm, WalkForm
from app.discovery.operations import Indicator
from app.discovery.page import DiscoveryPage
from app.engine_link import EngineLink
from app.look import Look
from app.model import Model
from app.panels.notices import Toasts
from app.panels.top_bar import TopBar
from app.panels.tree import TreePanel
from domain.discovering import SweepSettings, WalkSettings


class Around(Protocol):
    """What the window does for discovery."""

    tree: TreePanel
    top: TopBar

    def select(self, id: UUID | None, *, fly: bool = False) -> None:
        """Choose a device, and bring it into view."""

    def place_device(self, id: UUID) -> None:
        """Let the next click on the map place it."""


class Discovery(QObject):
    """Page, forms and indicator. What was looked for last is offered again."""

    def __init__(
        self, model: Model, link: EngineLink, commands: Commands, look: Look, window: QWidget
    ) -> None:
        super().__init__(window)
        self._model, self._link, self._commands = model, link, commands
        self._look, self._window, self._around = look, window, cast("Around", window)
        self._last_sweep: SweepSettings | None = None
        self._last_walk: WalkSettings | None = None
        self.page: DiscoveryPage | None = None
        self.indicator = Indicator(model, look)
        self.indicator.clicked.connect(self.open)
        self._around.top.add_indicator(self.indicator)

    def open(self) -> DiscoveryPage:
        """Open the page, or bring it to the front."""
        if self.page is None:
            page = DiscoveryPage(self._model, self._link, self._commands, self._look, self._window)
            page.sweep_wanted.connect(self.open_sweep)
            page.walk_wanted.connect(partial(self.open_walk, None))
            page.device_chosen.connect(self._on_device)
            page.place_wanted.connect(self._on_place)
            page.finished.connect(self._on_closed)
            self.page = page
            self._link.watch_discovery(True)
        self.page.show()
        self.page.raise_()
        self.page.activateWindow()
        return self.page

    def open_sweep(self) -> None:
        """Open the form of a sweep, over the page."""
        form = SweepForm(
            self._model, self._link, self._commands, self._look, self._last_sweep, self.page or self._window
        )
        form.accepted.connect(lambda: self._keep_sweep(form.settings))
        form.open()

    def open_walk(self, device: UUID | None = None) -> None:
        """Open the form of a walk, from a device where one is given."""
        devices = (device,) if device is not None and self._model.inventory.device(device) is not None else ()
        form = WalkForm(
            self._model,
            self._link,
            self._commands,
            self._look,
            self._last_walk,
            devices,
            self.page or self._window,
        )
        form.accepted.connect(lambda: self._keep_walk(form.settings))
        form.open()

    @property
    def toasts(self) -> Toasts | None:
        """Where it is said what was done while the page is open: it lies over the window's own."""
        return self.page.toasts if self.page is not None else None

    def _keep_sweep(self, settings: SweepSettings | None) -> None:
        self._last_sweep = settings
        self.open()

    def _keep_walk(self, settings: WalkSettings | None) -> None:
        self._last_walk = settings
        self.open()

    def _on_device(self, id: UUID) -> None:
        self.close()
        self._around.select(id, fly=True)

    def _on_place(self, ids: list[UUID]) -> None:
        self.close()
        if len(ids) == 1:
            self._around.place_device(ids[0])
        elif self._around.tree.tray.list.isHidden():
            self._around.tree.tray.toggle()

    def close(self) -> None:
        """Close the page, if it is open."""
        if self.page is not None:
            self.page.accept()

    def _on_closed(self) -> None:
        self.page = None
        self._link.watch_discovery(False)
