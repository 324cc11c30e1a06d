"""What is done by hand on the map: tools, edits of what they did, the lock, clashes. Counterpart: `window.py`, which has one.

One rule: the map's tools say what was done, `Editing` makes an edit of it; nothing here changes the network by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast
from uuid import UUID

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QMenu, QWidget

from app.commands import Asks, Commands, Said
from app.dialogs.clash import ClashView
from app.editing import Editing, is_alignable
from app.look import Look
from app.map.tools import Tool
from app.model import Model
from app.panels.layers import MARGIN_PX, LayersPanel
from app.panels.map_frame import Map
from app.panels.text import caption
from app.team.rights import offer, why_not
from domain.edit import Edit
from domain.errors import Refusal

BUTTONS_PX = 56
"""What the map's own buttons take of its right edge."""


class MapDesk(QObject):
    """The hands on one window's map."""

    def __init__(  # noqa: PLR0917
        self,
        model: Model,
        asks: Asks,
        commands: Commands,
        map: Map,
        look: Look,
        select: Callable[[UUID], None],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._model, self._asks, self._commands, self._window = model, asks, commands, window
        self._select, self._look, self._map = select, look, map
        self.tools = tools = map.tools
        self.editing = Editing(model, commands)
        tools.devices_moved.connect(self.editing.move_devices)
        tools.link_bent.connect(self.editing.bend_link)
        tools.link_drawn.connect(self._on_link_drawn)
        tools.align_wanted.connect(self.editing.align_to_site)
        tools.layers_wanted.connect(self.open_layers)
        tools.refused.connect(lambda why: commands.said.emit(Said(why, bad=True)))
        commands.clashed.connect(self.show_clash)

    def hold(self, tool: Tool) -> None:
        """Take a tool, or put it down where it is held already."""
        self.tools.hold(tool)

    def open_layers(self) -> None:
        """Open the list of layers in the map's corner."""
        over = cast("QWidget", self._map)
        panel = LayersPanel(self._map.layers, self._look, self._window)
        panel.show_at(over.mapToGlobal(QPoint(over.width() - BUTTONS_PX, MARGIN_PX)))

    def align(self, selected: UUID | None) -> None:
        """Let the devices that are picked on the map, else the selected one, stand at their sites."""
        ids = self.tools.picked or ((selected,) if selected is not None else ())
        self.editing.align_to_site(ids)

    def toggle_lock(self) -> None:
        """Lock the map against changes by hand, or unlock it, and say so."""
        self.tools.set_locked(locked=not self.tools.locked)
        said = (
            "The map is locked: nothing can be moved by hand" if self.tools.locked else "The map is unlocked"
        )
        self._commands.said.emit(Said(said))

    def toggle_units(self) -> None:
        """Measure in miles, or in kilometres again."""
        self.tools.set_units("metric" if self.tools.units == "imperial" else "imperial")

    def fill_menu(self, menu: QMenu, id: UUID) -> None:
        """Put into the menu of a device what brings it and its site together."""
        inventory = self._model.inventory
        device = inventory.device(id)
        site = inventory.site(device.site) if device is not None else None
        if device is None or site is None:
            return
        why = why_not(self._model, "devices:write")
        if is_alignable(inventory, device):
            offer(menu, caption(f"Align to {site.name}"), lambda: self.editing.align_to_site([id]), why)
        if inventory.place_of(device) is not None and (device.lng is not None or site.lng is None):
            why = why_not(self._model, "sites:write")
            offer(menu, caption(f"Move {site.name} here"), lambda: self.editing.move_site_here(id), why)

    def show_clash(self, edit: Edit) -> None:
        """Show what stands against an edit."""
        view = ClashView(edit, self._model, self._asks, self._commands, self._window)
        view.setWindowModality(Qt.WindowModality.WindowModal)
        view.show()

    def _on_link_drawn(self, a: UUID, b: UUID, path: tuple[tuple[float, float], ...]) -> None:
        def then(refusals: tuple[Refusal, ...]) -> None:
            if refusals:
                self._commands.tell_refusals(refusals)
            elif made is not None:
                self._select(made)

        made = self.editing.draw_link(a, b, path, then)
