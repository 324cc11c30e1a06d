"""Places for a paper that nobody has made theirs: as it looked the last time, a sketch, then laid out. Counterpart: `desk.py`.

Theory: what was laid out is kept on this machine. Where nearly all of it still holds, it is the drawing again and what is new
comes to stand beside its neighbours; where it does not, it is what one looks at until the paper is laid out anew.
One rule: a paper that somebody has kept meanwhile is left alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import UUID

from PySide6.QtCore import QObject

from app.model import Model
from app.schematic.arranging import Arranging
from app.schematic.kept import KeptLayouts, marks_of
from app.schematic.paper import Paper
from domain.geometry import LngLat
from domain.layout import Point

OTHER_MOST = 0.1
"""The share of things that are new, or have other neighbours, with which a drawing still holds."""


class Drafting:
    """`arranging` does the work, for whoever else has some too. `shown` is called with where devices stood when the paper has
    other places."""

    def __init__(
        self,
        parent: QObject,
        model: Model,
        paper: Paper,
        profile: Callable[[], Path],
        shown: Callable[[Mapping[UUID, LngLat]], None],
    ) -> None:
        """`profile` returns the folder of the network that is shown."""
        self._model, self._paper, self._profile, self._shown = model, paper, profile, shown
        self.arranging = Arranging(parent)
        self._drafts = False
        """Whether what is laid out is for nobody's edit."""
        self._diagram: UUID | None = None
        """What was laid out last."""
        self._given_up: UUID | None = None
        """The open paper, where somebody said that it is not to be laid out."""

    @property
    def is_due(self) -> bool:
        """Whether the open paper is to be laid out without anybody asking."""
        paper = self._paper
        return bool(paper.waiting) and not self.arranging.is_busy and paper.diagram != self._given_up

    def recall(self) -> None:
        """Let things stand where they stood, where that is known; done before the paper is shown."""
        paper, tenant = self._paper, self._model.tenant
        if not paper.waiting or tenant is None:
            return
        things, links = self.nodes()
        marks = marks_of(things, links)
        kept = KeptLayouts(self._profile()).find(tenant.id, paper.diagram)
        fresh = [id for id in things if id not in kept]
        if len(fresh) > OTHER_MOST * len(things):
            return
        other = [id for id in things if id in kept and kept[id][1] != marks[id]]
        holds = len(fresh) + len(other) <= OTHER_MOST * len(things)
        paper.draft({id: kept[id][0] for id in things if id in kept}, sketch=not holds)
        if holds and (fresh or other or len(kept) > len(things)):
            self._keep(paper.diagram, dict(paper.places), marks)

    def start(self) -> None:
        """Lay the paper out where it has no places yet; what stands there roughly is shown meanwhile."""
        paper = self._paper
        self._given_up = None
        if not paper.waiting and not paper.is_sketch:
            return
        diagram = paper.diagram
        things, links = self.nodes()
        marks = marks_of(things, links)

        def show(places: Mapping[UUID, Point], *, sketch: bool) -> bool:
            if paper.diagram != diagram or paper.saved():
                return False
            before = paper.stands()
            paper.draft(places, sketch=sketch)
            self._shown(before)
            return True

        def then(places: dict[UUID, Point]) -> None:
            if show(places, sketch=False):
                self._keep(diagram, places, marks)

        def meanwhile(places: dict[UUID, Point]) -> None:
            show(places, sketch=True)

        self.arranging.start(things, links, {}, then, meanwhile=meanwhile if paper.waiting else None)
        self._drafts, self._diagram = True, diagram

    def arrange(self, fixed: Mapping[UUID, Point], then: Callable[[dict[UUID, Point]], None]) -> None:
        """Lay the paper out anew around what is fixed; `then` gets all places."""
        self._drafts, self._diagram = False, self._paper.diagram
        self.arranging.start(*self.nodes(), fixed, then)

    def give_up(self) -> None:
        """Leave the open paper as it is, whatever changes, until it is opened again or somebody asks."""
        self._given_up = self._paper.diagram
        self.arranging.cancel()

    def follow(self) -> None:
        """Somebody may have kept the paper, or it is another network's now: then it is not laid out any more."""
        if self._paper.diagram != self._diagram or (self._drafts and self._paper.saved()):
            self._drafts = False
            self.arranging.cancel()

    def nodes(self) -> tuple[list[UUID], list[tuple[UUID, UUID]]]:
        """Return what stands on the paper, and the links between."""
        sheet = self._paper.sheet
        things = sheet.things if sheet is not None else []
        among = set(things)
        return things, [(a, b) for a, b in self._paper.node_links() if a in among and b in among]

    def _keep(self, diagram: UUID, places: Mapping[UUID, Point], marks: Mapping[UUID, int]) -> None:
        tenant = self._model.tenant
        if tenant is not None:
            wanted = (tenant.id, diagram, places, marks)
            kept = KeptLayouts(self._profile())
            threading.Thread(target=kept.keep, args=wanted, daemon=True, name="keep-layout").start()
