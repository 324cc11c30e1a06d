"""The schematic view of the window: which paper is open, what is marked, who hears whom. Counterpart: `window.py`, `paper.js`.

Theory: the page shows the map or one paper; both show the same mirror and the same selection. What is marked (to be moved,
grouped or deleted together) is of the open paper alone. One rule: the page says what a hand did; what it means is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol
from uuid import UUID

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QMenu, QWidget

from app.commands import Asks, Commands
from app.map import bridge_paper as said
from app.model import Delta, Model
from app.panels.map_frame import Map, MapFrame
from app.panels.notices import Toasts
from app.schematic.acts import Acts, paper_name
from app.schematic.backgrounds import Backgrounds
from app.schematic.bar import SchematicBar
from app.schematic.drafting import Drafting
from app.schematic.forms import DrawingForm
from app.schematic.hints import hint_of
from app.schematic.looked_at import devices_in, devices_of, home_of
from app.schematic.menus import draw_menu, paper_menu
from app.schematic.paper import Paper
from domain.diagram import Diagram, Drawing
from domain.geometry import LngLat
from domain.inventory import Inventory
from domain.layout import Point

PICTURE_POINTS = 1_600.0
"""How wide a new background lies on the paper."""


class Link(Asks, Protocol):
    """What is asked, and where the network that is shown has its folder."""

    @property
    def profile(self) -> Path:
        """The folder."""


class Hands(Protocol):
    """What the window does for it."""

    toasts: Toasts
    selected: UUID | None
    region: str | None

    def select(self, id: UUID | None, *, fly: bool = False, beside: bool = False) -> None:
        """Choose a thing everywhere."""


class Schematic:
    """The second view of the one map. `bar` floats over the map, also while that is shown."""

    def __init__(
        self, model: Model, asks: Link, commands: Commands, map: Map, *, frame: MapFrame, hands: Hands
    ) -> None:
        self._model, self._map, self._hands = model, map, hands
        self.frame = frame
        self.paper = Paper(model)
        self.paper.more = self._more_of_paper
        self.paper.held = lambda: {"marks": sorted(self.marks), "pen": self.tool}
        self.acts = Acts(model, commands, self.paper)
        self._drafting = Drafting(frame, model, self.paper, lambda: asks.profile, self._take_draft)
        self.arranging = self._drafting.arranging
        self.bar = SchematicBar(frame)
        self.is_on = False
        self.marks: set[UUID] = set()
        self.tool = "hand"
        self.backgrounds = Backgrounds(asks, map, self._show_differences)
        frame.add_bar(self.bar)
        bar = self.bar
        bar.view_wanted.connect(lambda view: self.show(on=view == "schematic"))
        bar.diagram_wanted.connect(self.enter)
        bar.hint_taken.connect(self._on_hint)
        bar.arrange.clicked.connect(self.arrange)
        bar.draw.clicked.connect(lambda: self._open(draw_menu(self), self.bar.draw))
        bar.more.clicked.connect(lambda: self._open(paper_menu(self, None), self.bar.more))
        self.arranging.progressed.connect(self._say)
        map.paper_said.connect(self._hear)
        map.tools.map_wanted.connect(lambda: self.show(on=False))
        map.background_clicked.connect(lambda: self.mark(()))
        model.changed.connect(self._on_changed)

    @property
    def inventory(self) -> Inventory:
        """The mirror of what is intended."""
        return self._model.inventory

    @property
    def paper_diagram(self) -> Diagram | None:
        """The open diagram, None while it is not made yet."""
        return self._model.inventory.diagram(self.paper.diagram)

    def pinned(self) -> set[UUID]:
        """Return what is pinned on the open paper."""
        spots = self._model.inventory.spots()
        return {spot.thing for spot in spots if spot.diagram == self.paper.diagram and spot.is_pinned}

    # The view

    def toggle(self) -> None:
        """Change between map and schematic."""
        self.show(on=not self.is_on)

    def show(self, *, on: bool) -> None:
        """Show the schematic or the map, and what is selected in it."""
        if on == self.is_on:
            return
        self.is_on = on
        self.arranging.cancel()
        wanted = self._wanted()
        if on:
            self._turn_to(self._paper_for(wanted), wanted)
        else:
            self.marks.clear()
            self._map.show_paper(None, wanted)
            self.bar.show_map()

    def enter(self, diagram: UUID) -> None:
        """Open a submap, or a diagram above."""
        if self.is_on and diagram != self.paper.diagram:
            self.arranging.cancel()
            self._turn_to(diagram, self._devices_of([self._hands.selected]))

    def step_out(self) -> bool:
        """Open the diagram above; False where this is the first, or the map is shown."""
        sheet = self.paper.sheet
        if not self.is_on or sheet is None or len(sheet.path) < 2:
            return False
        inside = sheet.diagram
        self.enter(sheet.path[-2])
        self.mark([inside])
        return True

    def step_back(self) -> bool:
        """Undo the last thing that was opened here: a tool, marks; False where there is none."""
        if not self.is_on:
            return False
        if self.tool != "hand":
            self.take_tool("hand")
        elif self.marks:
            self.mark(())
        else:
            return False
        return True

    def fly_to(self, id: UUID) -> None:
        """Bring a device, a link or a site into view, on the map or on the paper that it stands in."""
        devices = self._devices_of([id]) if self.is_on else set()
        home = home_of(self._model.inventory, self.paper.root, devices)
        if home is not None:
            self.enter(home)
        if devices and self._model.inventory.site(id) is not None:
            self._map.aim(devices)
        else:
            self._map.fly_to(id)

    def take_tool(self, tool: str) -> None:
        """Take up a tool: "hand", or what the next drag draws."""
        self.tool = tool
        self._map.tell_paper(pen=tool)
        self._say()

    def mark(self, ids: Iterable[UUID]) -> None:
        """Mark these and nothing else."""
        marks = set(ids)
        if self.is_on and marks != self.marks:
            self.marks = marks
            self._map.tell_paper(marks=sorted(marks))

    def marked(self) -> list[UUID]:
        """Return what an act is about: what is marked, else what is selected."""
        if self.marks:
            return sorted(self.marks)
        return [self._hands.selected] if self._hands.selected in self.paper.places else []

    # Acts that take more than one step

    def arrange(self) -> None:
        """Lay out what is not pinned, and keep it."""
        sheet = self.paper.sheet
        if not self.is_on or sheet is None or self.arranging.is_busy:
            return
        pinned = self.pinned()
        fixed = {id: place for id, place in self.paper.places.items() if id in pinned}
        diagram = sheet.diagram

        def then(places: dict[UUID, Point]) -> None:
            if self.is_on and self.paper.diagram == diagram:
                fresh = {id: place for id, place in places.items() if id not in fixed}
                self.acts.put(fresh, f"Arrange {paper_name(self._model.inventory, diagram)}", pinned=None)

        self._drafting.arrange(fixed, then)

    def delete(self, otherwise: Callable[[], None]) -> None:
        """Delete the drawings and submaps that are marked, or do something else where none is."""
        submaps = [id for id in self.marks if self._model.inventory.diagram(id) is not None]
        for id in submaps:
            self.acts.ungroup(id)
        if self.acts.erase(self.marks) or submaps:
            self.mark(())
        else:
            otherwise()

    def set_grid(self, on: bool) -> None:
        """Show the grid and let what is moved go to it, or not."""
        self.acts.snaps = on
        self._show_differences()

    def ask_background(self) -> None:
        """Ask for a file and lay it under the paper."""
        self.backgrounds.ask(self.frame, self.take_background)

    def take_background(self, path: Path) -> None:
        """Lay a picture under the paper, or say why not."""

        def then(digest: str) -> None:
            self.acts.set_background(digest, PICTURE_POINTS)

        def complain(why: str) -> None:
            self._hands.toasts.say(why)

        self.backgrounds.take(path, then, complain)

    # Inside

    def _turn_to(self, diagram: UUID, wanted: set[UUID]) -> None:
        self.marks.clear()
        self.tool = "hand"
        self.paper.open(diagram)
        self._drafting.recall()
        self._map.show_paper(self.paper, wanted)
        self._after_change()
        self._drafting.start()

    def _after_change(self) -> None:
        sheet = self.paper.sheet
        if sheet is None:
            return
        inventory = self._model.inventory
        self.bar.show_paper([(id, paper_name(inventory, id)) for id in sheet.path])
        self.backgrounds.want(self.paper_diagram)
        self._say()

    def _take_draft(self, before: Mapping[UUID, LngLat]) -> None:
        wanted = self._devices_of([self._hands.selected]) if before else ()
        self._map.show_paper(self.paper, wanted, before)
        self._after_change()

    def _devices_of(self, things: Iterable[UUID | None]) -> set[UUID]:
        found = (devices_of(self._model.inventory, self.paper.root, id) for id in things if id is not None)
        return set().union(*found)

    def _wanted(self) -> set[UUID]:
        """Return the devices of what is marked, else of what is selected; none where nothing is."""
        if self._hands.region is not None:
            return devices_in(self._model.inventory, self._hands.region)
        return self._devices_of(self.marks) or self._devices_of([self._hands.selected])

    def _paper_for(self, wanted: set[UUID]) -> UUID:
        """Return the paper that has what is wanted; else the last one, where it has most of what the map shows."""
        home = home_of(self._model.inventory, self.paper.root, wanted)
        if home is not None:
            return home
        seen = self._map.in_view()
        last = self._devices_of([self.paper.diagram])
        return self.paper.diagram if 2 * len(seen & last) >= len(seen) else self.paper.root

    def _on_changed(self, delta: Delta) -> None:
        if not self.is_on or not (delta.inventory or delta.initial):
            return
        self.paper.follow(delta)
        gone = {r.id for r in delta.removed}
        if self.marks & gone:
            self.mark(self.marks - gone)
        self._drafting.follow()
        if self._drafting.is_due:
            self._turn_to(self.paper.diagram, self._devices_of([self._hands.selected]))
        else:
            self._after_change()

    def _say(self, share: float = 1.0) -> None:
        """Say under the tools what goes on, or what can be done next."""
        if self.is_on and self.paper.sheet is not None:
            self.bar.say(*hint_of(self.paper, self.tool, share if self.arranging.is_busy else None))

    def _on_hint(self) -> None:
        if self.arranging.is_busy:
            self._drafting.give_up()
        elif self.paper.waiting or self.paper.is_sketch:
            self._drafting.start()
        elif self.paper.sheet is not None and not self.paper.sheet.things:
            self.step_out()
        else:
            self.acts.keep()

    # What the page says

    def _hear(self, message: said.FromPaper) -> None:
        if not self.is_on:
            return
        match message:
            case said.ThingsMoved():
                moved = self.marks if message.id in self.marks else {message.id}
                self.acts.move(moved, message.dx, message.dy)
            case said.AreaMarked():
                self._mark_area(message)
            case said.ThingMarked():
                self._mark_one(message.id, more=message.more)
            case said.ThingOpened():
                self.open_thing(message.id)
            case said.DrawingMade():
                self._draw(message)
            case said.DrawingPulled():
                drawing = self._drawing(message.id)
                if drawing is not None:
                    fresh = self.acts.new_drawing(
                        drawing.shape, message.x, message.y, message.width, message.height
                    )
                    self.acts.draw(_reframed(drawing, fresh))
            case said.PaperMenuAsked():
                if message.id is not None and message.id not in self.marks:
                    self.mark([message.id])
                    if self._model.inventory.device(message.id) is not None:
                        self._hands.select(message.id)
                at = QPoint(round(message.right), round(message.down))
                paper_menu(self, message.id).popup(self.frame.mapToGlobal(at))
            case said.PaperEscaped():
                if not self.step_back():
                    if self._hands.selected is not None:
                        self._hands.select(None)
                    else:
                        self.step_out()

    def open_thing(self, id: UUID) -> None:
        """Enter a submap, or ask what is written in a drawing."""
        drawing = self._drawing(id)
        if self._model.inventory.diagram(id) is not None:
            self.enter(id)
        elif drawing is not None:
            DrawingForm(drawing, "Save", self.acts.draw, self.frame).open()

    def _mark_one(self, id: UUID, *, more: bool) -> None:
        selected = self._hands.selected
        if not more:
            self.mark([id])
            return
        marks = set(self.marks)
        if not marks and selected in self.paper.places and selected is not None:
            marks.add(selected)
        self.mark(marks ^ {id} if id != selected or id in self.marks else marks | {id})

    def _mark_area(self, area: said.AreaMarked) -> None:
        drawings = {d.id for d in self._model.inventory.drawings() if d.diagram == self.paper.diagram}
        places = self.acts.places_of([*self.paper.places, *drawings])
        inside = {
            id
            for id, (x, y) in places.items()
            if area.left <= x <= area.right and area.top <= y <= area.bottom
        }
        self.mark(self.marks | inside)

    def _draw(self, message: said.DrawingMade) -> None:
        fresh = self.acts.new_drawing(message.shape, message.x, message.y, message.width, message.height)
        self.take_tool("hand")
        if message.shape == "text":
            DrawingForm(fresh, "Add", self.acts.draw, self.frame).open()
        else:
            self.acts.draw(fresh)

    def _drawing(self, id: UUID) -> Drawing | None:
        found = self._model.inventory.tables["drawing"].get(id)
        return found if isinstance(found, Drawing) else None

    def _open(self, menu: QMenu, under: QWidget) -> None:
        menu.popup(under.mapToGlobal(QPoint(0, under.height() + 4)))

    def _more_of_paper(self) -> dict[str, object]:
        return {"picture": self.backgrounds.row_of(self.paper_diagram), "grid": self.acts.snaps}

    def _show_differences(self) -> None:
        if self.is_on:
            self.paper.refresh()
            self._map.tell_paper(**self.paper.differences()[0])


def _reframed(old: Drawing, fresh: Drawing) -> Drawing:
    """Return a drawing at another place and size."""
    return Drawing(
        old.id, old.diagram, old.shape, fresh.x, fresh.y, fresh.width, fresh.height, old.text, old.color
    )
