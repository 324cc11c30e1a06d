"""What people do to a paper, each one edit. Counterpart: `edits.py` makes the steps, `Commands` sends them.

Theory: the first act on a paper also keeps it as it looks, as an edit of its own before it. Edits that the engine has not
answered yet are taken as done, so that quick acts do not clash with their own forerunners.
One rule: what is not kept is not moved by itself while somebody looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

import msgspec

from app.commands import Commands, Said, Then
from app.draft import edit_of, new_id
from app.model import Model
from app.schematic import edits
from app.schematic.paper import Paper
from app.words import count_of
from domain.diagram import COORDINATE_MAX, Diagram, Drawing
from domain.edit import DoesNotFit, Edit, Step, apply, change, creation, deletion
from domain.errors import Refusal
from domain.inventory import Inventory, Kind
from domain.layout import Point
from domain.rules import STEPS_CAP
from domain.sheet import ROOT_NAME

GRID = 16.0
FRAME_LEAST = 8.0
SITE_LEAST = 3
"""A site with fewer devices is no submap by itself."""


class Acts:
    """Everything that changes the open diagram."""

    def __init__(self, model: Model, commands: Commands, paper: Paper) -> None:
        self._model, self._commands, self._paper = model, commands, paper
        self._sent: list[Edit] = []
        self.snaps = False
        """Whether what is moved goes to the grid."""

    def move(self, ids: Iterable[UUID], dx: float, dy: float) -> None:
        """Move things and drawings."""
        places = {id: (x + dx, y + dy) for id, (x, y) in self.places_of(ids).items()}
        if self.snaps:
            places = {id: edits.snapped(place, GRID) for id, place in places.items()}
        self.put(places, f"Move {self._what(places)}")

    def put(self, places: Mapping[UUID, Point], title: str, *, pinned: bool | None = True) -> None:
        """Put things and drawings somewhere."""
        held = {id: (_held(x), _held(y)) for id, (x, y) in places.items()}
        self._do(title, lambda there: edits.moving(there, self._paper.diagram, held, pinned=pinned))

    def align(self, ids: Iterable[UUID], how: str) -> None:
        """Put things in a row or column, or at equal gaps."""
        places = self.places_of(ids)
        self.put(edits.aligned(places, how), f"Move {self._what(places)}")

    def pin(self, ids: Iterable[UUID], *, pinned: bool) -> None:
        """Keep things where they are when the rest is laid out, or not."""
        wanted = [id for id in ids if id in self._paper.places]
        verb = "Pin" if pinned else "Unpin"
        title = f"{verb} {self._what(wanted)}"
        self._do(title, lambda there: edits.pinning(there, self._paper.diagram, wanted, pinned=pinned))

    def keep(self, then: Then | None = None) -> None:
        """Keep the paper as it looks."""
        self._found(then)

    def group(self, ids: Iterable[UUID], name: str, then: Then) -> None:
        """Put things into a new submap."""
        places = {id: self._paper.places[id] for id in ids if id in self._paper.places}

        def steps(there: Inventory) -> list[Step]:
            made = edits.grouping(self._paper.diagram, name, places)
            submap = made[0].id
            return made + edits.submaps_moving(there, places, submap)

        self._do(f"Add {name}", steps, then)

    def group_sites(self, sites: Iterable[UUID]) -> None:
        """Make a submap of each site."""
        sheet, inventory = self._paper.sheet, self._model.inventory
        if sheet is None:
            return
        things = set(sheet.things)
        made: list[Step] = []
        count = 0
        for id in sites:
            site = inventory.site(id)
            members = {
                d.id: self._paper.places[d.id] for d in inventory.devices() if d.site == id and d.id in things
            }
            if site is not None and members:
                made += edits.grouping(self._paper.diagram, site.name, members, site.id)
                count += 1
        if made:
            self._do(f"Add {count_of(count, 'submap', 'submaps')}", lambda there: made)

    def crowded_sites(self) -> list[UUID]:
        """Return the sites with several devices on this paper that are no submaps yet, in the order of their names."""
        sheet, inventory = self._paper.sheet, self._model.inventory
        counts: dict[UUID, int] = {}
        for id in sheet.things if sheet is not None else ():
            device = inventory.device(id)
            if device is not None and device.site is not None:
                counts[device.site] = counts.get(device.site, 0) + 1
        shown = {diagram.site for diagram in inventory.diagrams()}
        found = [
            site
            for id in counts
            if counts[id] >= SITE_LEAST and id not in shown and (site := inventory.site(id))
        ]
        return [site.id for site in sorted(found, key=lambda site: site.name)]

    def put_into(self, ids: Iterable[UUID], submap: UUID) -> None:
        """Put devices into a submap that is there."""
        things = [id for id in ids if self._model.inventory.device(id) is not None]
        places = {id: (40.0 * number, 160.0) for number, id in enumerate(things)}
        self._do(
            f"Move {self._what(things)}", lambda there: edits.moving(there, submap, places, pinned=False)
        )

    def ungroup(self, id: UUID) -> None:
        """Take a submap away and leave what was in it on this paper."""
        submap = self._model.inventory.diagram(id)
        if submap is not None:
            self._do(
                f"Delete {submap.name}", lambda there: edits.ungrouping(there, submap, self._paper.diagram)
            )

    def rename(self, submap: Diagram, name: str, then: Then) -> None:
        """Give a submap another name."""
        self._commands.put("diagram", msgspec.structs.replace(submap, name=name), then)

    def draw(self, drawing: Drawing, then: Then | None = None) -> None:
        """Put a new drawing on the paper, or change the one that is there."""
        old = self._model.inventory.tables["drawing"].get(drawing.id)
        if old is not None:
            step = change("drawing", old, drawing)
            self._do(f"Change the {drawing.shape}", lambda there: [step] if step else [], then)
        else:
            self._do(f"Add a {drawing.shape}", lambda there: [creation("drawing", drawing)], then)

    def erase(self, ids: Iterable[UUID]) -> bool:
        """Delete drawings; False where there are none among these."""
        rows = self._model.inventory.tables["drawing"]
        steps = [deletion("drawing", rows[id]) for id in ids if id in rows]
        if steps:
            what = count_of(len(steps), "drawing", "drawings")
            self._do(f"Delete {what}", lambda there: steps)
        return bool(steps)

    def set_background(self, digest: str, width: float) -> None:
        """Lay a picture under the paper, or (empty) none."""

        def steps(there: Inventory) -> list[Step]:
            old = there.diagram(self._paper.diagram)
            if old is None:
                return []
            step = change(
                "diagram", old, msgspec.structs.replace(old, background=digest, background_width=width)
            )
            return [step] if step else []

        self._do("Change the background", steps)

    def new_drawing(self, shape: str, x: float, y: float, width: float, height: float) -> Drawing:
        """Return a drawing of the open diagram that is not on it yet."""
        if shape in ("box", "ellipse"):
            width, height = max(width, FRAME_LEAST), max(height, FRAME_LEAST)
        frame = {"x": x, "y": y, "width": width, "height": height}
        row = {"id": new_id(), "diagram": self._paper.diagram, "shape": shape, **frame}
        return msgspec.convert(row, Drawing)

    def places_of(self, ids: Iterable[UUID]) -> dict[UUID, Point]:
        """Return where things and drawings of this paper stand; guests do not stand here."""
        sheet = self._paper.sheet
        guests = sheet.guests if sheet is not None else frozenset()
        drawings = self._model.inventory.tables["drawing"]
        found: dict[UUID, Point] = {}
        for id in ids:
            drawing = drawings.get(id)
            if isinstance(drawing, Drawing):
                found[id] = (drawing.x, drawing.y)
            elif id in self._paper.places and id not in guests:
                found[id] = self._paper.places[id]
        return found

    # Inside

    def _do(self, title: str, steps_of: Callable[[Inventory], list[Step]], then: Then | None = None) -> None:
        """Keep the paper where it is not kept yet, then send steps made for what will be there."""
        self._found()
        self._submit(title, steps_of(self._base()), then)

    def _found(self, then: Then | None = None) -> None:
        paper, there = self._paper, self._base()
        places = {id: paper.places[id] for id in paper.unsaved}
        steps = edits.founding(there, paper.diagram, places)
        name = paper_name(there, paper.diagram)
        self._submit(f"Arrange {name}", steps, then)

    def _submit(self, title: str, steps: list[Step], then: Then | None = None) -> None:
        if len(steps) > STEPS_CAP:
            said = f"{len(steps):,} things change at once, at most {STEPS_CAP:,} can: make submaps first"
            self._commands.said.emit(Said(said, bad=True))
            return
        if not steps:
            if then is not None:
                then(())
            return
        edit = edit_of(title, self._commands.author, steps)
        self._sent.append(edit)

        def on_answer(refusals: tuple[Refusal, ...]) -> None:
            self._sent.remove(edit)
            (then or self._commands.tell_refusals)(refusals)

        self._commands.submit(edit, {}, on_answer)

    def _base(self) -> Inventory:
        """Return the inventory as it will be when the engine has answered everything."""
        there = Inventory(self._model.inventory.tables)
        for edit in self._sent:
            try:
                apply(there, edit)
            except (DoesNotFit, msgspec.ValidationError):
                continue  # it is in the mirror already, or will be refused
        return there

    def _what(self, ids: Iterable[UUID]) -> str:
        found = list(ids)
        if len(found) != 1:
            return count_of(len(found), "thing", "things")
        inventory = self._model.inventory
        kinds: tuple[Kind, ...] = ("device", "diagram")
        names = (getattr(inventory.get(kind, found[0]), "name", "") for kind in kinds)
        return next((name for name in names if name), "a drawing")


def paper_name(inventory: Inventory, diagram: UUID) -> str:
    """Return what a diagram is called; the root has its name before it is there."""
    found = inventory.diagram(diagram)
    return found.name if found is not None else ROOT_NAME


def _held(value: float) -> float:
    return min(max(value, -COORDINATE_MAX), COORDINATE_MAX)
