"""What a user who is cut off does besides that: every format, an area, several at once, schemas, paper, what if, the past played.

Counterparts: `walk_cut_off.py`, which walks these steps; `walk_works.py`, the simpler ones. One rule: each leaves the network
usable for the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.draft import new_id, now_us
from domain.diagram import Drawing
from domain.edit import Edit, change, creation
from domain.inventory import Site
from tests.e2e.walk_works import LOOK, ZOOM, A, B, C, Works
from tests.map.networks import LINKS, id_of
from tests.map_files import png, write_map

if TYPE_CHECKING:
    from tests.e2e.walk_cut_off import Step, Walk

LEFT, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
ALIGN = "[...document.querySelectorAll('#tool button')].find((b) => b.textContent === 'Align to site')"
CLIP_FRAMES = 3


class Further:
    """The steps, by what they are about."""

    def __init__(self, walk: Walk, works: Works, folder: Path) -> None:
        self._walk, self._works, self._app, self._folder = walk, works, walk.app, folder

    def formats(self) -> Iterator[Step]:
        """Everything saved in each format and read again, which changes nothing."""
        exchange = self._app.window.exchange
        for format in ("kml", "kmz", "graphml", "csv"):
            dialog = exchange.open_export()
            assert dialog is not None
            dialog.format.setCurrentIndex(dialog.format.findData(format))
            yield f"export as {format}", dialog.submit_button.isEnabled
            saved = self._folder / f"again.{format}"
            dialog.save_to(saved)
            plan = exchange.import_file(saved)
            yield (
                f"the same from {format}",
                lambda plan=plan: plan.submit_button.text() == "Nothing to change",
            )
            plan.reject()

    def area(self) -> Iterator[Step]:
        """A way that is closed with the ruler, whose area is said."""
        walk, map, hands = self._walk, self._app.map, self._works.hands
        map.look_at(*LOOK, ZOOM)
        yield "over the network again", lambda: walk.stands_at(ZOOM)
        map.tools.hold("ruler")
        yield "ruler again", lambda: walk.says("Boolean(document.querySelector('#tool:not([hidden])'))")
        for name in (A, B, C, A):
            hands.click(hands.at(self._works.place(name)))
        said = "document.querySelector('#tool span')?.textContent ?? ''"
        yield "an area", lambda: "km²" in str(walk.says(said))
        map.tools.hold("ruler")

    def several(self) -> Iterator[Step]:
        """Two picked, dragged at once and back by one undo, then both to their site by the page's button, and back."""
        walk, app, works = self._walk, self._app, self._works
        tools, hands = app.map.tools, works.hands
        site = Site(new_id(), "Ridge", "Allgäu", 10.25, 47.6)
        both = [works.device(name) for name in (A, C)]
        moves = [change("device", one, replace(one, site=site.id)) for one in both]
        steps = [creation("site", site), *(move for move in moves if move is not None)]
        app.commands.submit(
            Edit(new_id(), now_us(), app.commands.author, "Add Ridge", tuple(steps)), {}, walk.refused.extend
        )
        places = [works.place(one.name) for one in both]
        yield "a site for two", lambda: app.model.inventory.site(site.id) is not None and walk.stands()
        tools.hold("edit")
        yield "edit mode again", walk.stands
        at = [hands.at(place) for place in places]
        for one in at:
            hands.click(one, CTRL)
        yield "two picked", lambda: len(tools.picked) == 2
        hands.drag(at[0], at[0] + QPoint(50, 40))
        yield (
            "both moved",
            lambda: all(works.place(one.name) != old for one, old in zip(both, places, strict=True)),
        )
        app.commands.undo()
        yield "both back by one undo", lambda: [works.place(one.name) for one in both] == places
        walk.says(f"{ALIGN}?.click()")
        yield "both at their site", lambda: {works.place(one.name) for one in both} == {(site.lng, site.lat)}
        app.commands.undo()
        yield "both back again", lambda: [works.place(one.name) for one in both] == places and walk.stands()
        tools.hold("edit")

    def schemas(self) -> Iterator[Step]:
        """Maps of the other schemas, and one of pictures."""
        model, walk = self._app.model, self._walk
        there = len(model.maps)
        for number, schema in enumerate(("openmaptiles", "shortbread", "raster"), 1):
            self._app.window.maps.take_files([write_map(self._folder / f"{schema}.pmtiles", schema)])
            yield (
                f"a map of {schema}",
                lambda n=number: (
                    len(model.maps) == there + n
                    and not any(one.trouble for one in model.maps.values())
                    and walk.stands()
                ),
            )

    def paper(self) -> Iterator[Step]:
        """A text, a submap and a background on the schematic, and all of it undone."""
        schematic, inventory, commands = (
            self._app.window.schematic,
            self._app.model.inventory,
            self._app.commands,
        )
        schematic.toggle()
        yield "schematic again", lambda: self._walk.stands() and schematic.paper.places
        schematic.acts.keep()
        yield "a schematic that is kept", lambda: schematic.paper_diagram is not None
        text: Drawing = replace(schematic.acts.new_drawing("text", 40, 400, 200, 30), text="Ring north")
        schematic.acts.draw(text)
        yield "a text", lambda: text.id in inventory.tables["drawing"] and self._walk.stands()
        schematic.acts.group([self._works.device(name).id for name in (A, C)], "Hills", lambda refusals: None)
        yield (
            "a submap",
            lambda: any(one.name == "Hills" for one in inventory.diagrams()) and self._walk.stands(),
        )
        picture = self._folder / "floor.png"
        picture.write_bytes(png(40, 60, 90))
        schematic.take_background(picture)
        yield (
            "a background",
            lambda: getattr(schematic.paper_diagram, "background", "") and self._walk.stands(),
        )
        for _ in range(3):
            commands.undo()
        yield (
            "bare paper again",
            lambda: (
                not inventory.tables["drawing"]
                and not any(one.name == "Hills" for one in inventory.diagrams())
            ),
        )
        schematic.toggle()
        yield "from paper to the map", lambda: self._walk.stands() and not self._app.map.tools.on_paper

    def imagining(self) -> Iterator[Step]:
        """What if a link fails, whose traffic goes round by another."""
        window, works = self._app.window, self._works
        window.imagine(id_of("".join(LINKS[0])))
        yield (
            "what if a link fails",
            lambda: window.topology.imagining.impact is not None and self._walk.stands(),
        )
        window.step_back()
        yield "as it is", lambda: window.topology.imagining.impact is None
        assert works.is_there(A)

    def past(self) -> Iterator[Step]:
        """To the edit before, faster, and a clip of it."""
        past = self._app.window.past
        machine, bar = past.machine, past.bar
        start_us = now_us() - 500_000
        machine.enter(start_us)
        yield "past again", lambda: machine.is_there
        QTest.mouseClick(bar.previous, LEFT)
        yield "the event before", lambda: machine.is_there and machine.at_us < start_us
        fastest = list(bar.speeds.buttons)[1]
        QTest.mouseClick(bar.speeds.buttons[fastest], LEFT)
        yield "faster", lambda: bar.speeds.current == fastest and machine.speed > 1
        bar.scrubber.show_span(now_us() - 40_000_000, now_us())
        clip = self._folder / "moments.png"
        past.save_clip(clip, frames=CLIP_FRAMES)
        yield "a clip, and what happened in it", lambda: clip.exists() and clip.with_suffix(".csv").exists()
        self._app.window.step_back()
        yield "live after that", lambda: not machine.is_on and self._walk.stands()
