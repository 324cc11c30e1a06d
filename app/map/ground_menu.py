"""The menu of a right click on the ground. Counterpart: `view.py` opens it.

One rule: what one may not do is offered with the reason why not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu

from app.model import Model
from app.team.rights import offer, why_not

if TYPE_CHECKING:
    from app.map.view import MapView


def ground_menu(view: MapView, model: Model, lng: float, lat: float) -> QMenu:
    """Return what can be done at a place."""
    menu = QMenu(view)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    why, why_site = why_not(model, "devices:write"), why_not(model, "sites:write")
    offer(menu, "Add a device here", lambda: view.place_requested.emit(lng, lat), why)
    offer(menu, "Add a site here", lambda: view.site_requested.emit(lng, lat), why_site)
    menu.addAction("Path profile from here").triggered.connect(lambda: view.path_requested.emit(lng, lat))
    menu.addAction("Show the whole network").triggered.connect(view.fit)
    return menu
