"""The menus of a paper: what can be drawn, and what can be done with what is marked. Counterpart: `desk.py`.

One rule: what cannot be done now is not offered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu

from app.panels.text import caption
from app.schematic.forms import NameForm
from app.words import count_of
from domain.diagram import SHAPES

if TYPE_CHECKING:
    from app.schematic.desk import Schematic

ALIGNED = (
    ("column", "Align in a column"),
    ("row", "Align in a row"),
    ("across", "Spread evenly across"),
    ("down", "Spread evenly down"),
)
SUBMAPS_MOST = 30


def draw_menu(desk: Schematic) -> QMenu:
    """Return what can be put on the paper."""
    menu = _menu(desk)
    for shape in SHAPES:
        menu.addAction(shape.capitalize()).triggered.connect(
            lambda _=False, shape=shape: desk.take_tool(shape)
        )
    menu.addSeparator()
    menu.addAction("Background picture…").triggered.connect(desk.ask_background)
    diagram = desk.paper_diagram
    if diagram is not None and diagram.background:
        menu.addAction("No background picture").triggered.connect(
            lambda: desk.acts.set_background("", diagram.background_width)
        )
        for words, factor in (("Background larger", 1.25), ("Background smaller", 0.8)):
            menu.addAction(words).triggered.connect(
                lambda _=False, factor=factor: desk.acts.set_background(
                    diagram.background, diagram.background_width * factor
                )
            )
    return menu


def paper_menu(desk: Schematic, id: UUID | None) -> QMenu:
    """Return what can be done with what is marked, and with the paper; `id` is what was clicked."""
    menu = _menu(desk)
    inventory, acts = desk.inventory, desk.acts
    ids = desk.marked()
    things = [thing for thing in ids if thing in desk.paper.places]
    submap = inventory.diagram(id) if id is not None else None
    if submap is not None:
        menu.addAction("Enter").triggered.connect(lambda: desk.enter(submap.id))
        menu.addAction("Rename…").triggered.connect(
            lambda: NameForm(
                "Rename the submap",
                submap.name,
                "Save",
                lambda name, then: acts.rename(submap, name, then),
                desk.frame,
            ).open()
        )
        menu.addAction("Take the submap away").triggered.connect(lambda: acts.ungroup(submap.id))
        menu.addSeparator()
    drawings = [drawing for drawing in ids if drawing in inventory.tables["drawing"]]
    if len(drawings) == 1:
        menu.addAction("Text and colour…").triggered.connect(lambda: desk.open_thing(drawings[0]))
    if drawings:
        menu.addAction("Delete " + count_of(len(drawings), "drawing", "drawings")).triggered.connect(
            lambda: acts.erase(drawings)
        )
        menu.addSeparator()
    if things:
        _add_things(desk, menu, things)
    if len(acts.places_of(ids)) > 1:
        for how, words in ALIGNED:
            menu.addAction(words).triggered.connect(lambda _=False, how=how: acts.align(ids, how))
        menu.addSeparator()
    sites = acts.crowded_sites()
    if sites and not things:
        words = f"Make submaps of {count_of(len(sites), 'site', 'sites')} with several devices"
        menu.addAction(words).triggered.connect(lambda: acts.group_sites(sites))
    grid = menu.addAction("Snap to the grid")
    grid.setCheckable(True)
    grid.setChecked(acts.snaps)
    grid.toggled.connect(desk.set_grid)
    menu.addAction("Arrange what is not pinned").triggered.connect(desk.arrange)
    return menu


def _add_things(desk: Schematic, menu: QMenu, things: list[UUID]) -> None:
    inventory, acts = desk.inventory, desk.acts
    what = "" if len(things) == 1 else f" {len(things):,} things"
    pinned = desk.pinned()
    if any(thing not in pinned for thing in things):
        menu.addAction(f"Pin{what}").triggered.connect(lambda: acts.pin(things, pinned=True))
    if any(thing in pinned for thing in things):
        menu.addAction(f"Unpin{what}").triggered.connect(lambda: acts.pin(things, pinned=False))
    menu.addAction(f"Make a submap of {what or 'it'}…").triggered.connect(
        lambda: NameForm(
            "New submap", "", "Make it", lambda name, then: acts.group(things, name, then), desk.frame
        ).open()
    )
    device = inventory.device(things[0]) if len(things) == 1 else None
    site = inventory.site(device.site) if device is not None else None
    if site is not None and site.id in acts.crowded_sites():
        words = caption(f"Make a submap of the site {site.name}")
        menu.addAction(words).triggered.connect(lambda: acts.group_sites([site.id]))
    sheet = desk.paper.sheet
    others = [submap for submap in (sheet.submaps if sheet is not None else ()) if submap.id not in things]
    if others and any(inventory.device(thing) is not None for thing in things):
        into = menu.addMenu("Put into")
        for submap in sorted(others, key=lambda submap: submap.name)[:SUBMAPS_MOST]:
            into.addAction(caption(submap.name)).triggered.connect(
                lambda _=False, id=submap.id: acts.put_into(things, id)
            )
    menu.addSeparator()


def _menu(desk: Schematic) -> QMenu:
    menu = QMenu(desk.frame)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return menu
