"""The maps of the team in the board of maps: which there are, how each stands with this computer, fetching, taking back.

Counterparts: `domain/team_map.py`; `engine/sync/maps.py`, which brings and fetches; `board.py`, one's own maps, to be shared.
One rule: what cannot be done says why on hover, and what does not go on says why in its row.
"""

from __future__ import annotations

from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QVBoxLayout, QWidget

from app.dialogs.form import fill_row, plain_table
from app.discovery.operations import Bar
from app.look import Look
from app.maps.words import SCHEMAS, size_words, stands_words
from app.model import Model
from app.panels.text import Label, button
from app.team.rights import switch, why_not
from app.words import isolated
from domain.maps import MapFile
from domain.team_map import MapWay, TeamMap

LIST_PX, NAME_MOST_PX = 118, 250
SOME_SITES = "You reach some sites only, and a map is of the whole team"


def own_of(model: Model, one: TeamMap) -> MapFile | None:
    """Return the map of this computer that has the content of one of the team, None where there is none."""
    return next((each for each in model.maps.values() if each.digest == one.digest), None)


def way_of(model: Model, one: TeamMap) -> MapWay | None:
    """Return how a map of the team stands with this computer, None where nothing is said of it."""
    ways = model.team.maps if model.team is not None else ()
    return next((way for way in ways if way.digest == one.digest), None)


def why_not_shared(model: Model, one: MapFile) -> str:
    """Return why a map of this computer cannot be shared with the team, empty where it can."""
    team = model.team
    if (why := why_not(model, "edits:write")) or team is None:
        return why
    if not team.is_everywhere:
        return SOME_SITES
    if any(each.digest == one.digest for each in model.inventory.team_maps()):
        return "The team has it already"
    return f"It cannot be read: {one.trouble}" if one.trouble else ""


def why_not_taken_back(model: Model, one: TeamMap) -> str:
    """Return why the person at this window may not take a map back from the team, empty where they may."""
    team = model.team
    if (why := why_not(model, "edits:write")) or team is None:
        return why
    if not team.is_everywhere:
        return SOME_SITES
    if one.sharer == team.account or "tenant:write" in team.permissions:
        return ""
    return f"{isolated(one.author)} shared it: they take it back, or an administrator of the team"


class TeamMaps(QWidget):
    """The list and its verbs; hidden where the team has no map, or there is no team."""

    fetch_wanted = Signal(object, bool)
    """A map's id; whether it is to stop."""
    take_back_wanted = Signal(object)
    """A map's id."""

    def __init__(self, model: Model, look: Look) -> None:
        super().__init__()
        self._model = model
        self._maps: list[TeamMap] = []
        self.table = plain_table(
            ["In the team", "Kind", "Zooms", "Size", "How it stands"], 4, (2, 3), prose=(4,)
        )
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        self.table.setFixedHeight(LIST_PX)
        self.table.setAccessibleName("Maps of the team")
        self.table.itemSelectionChanged.connect(self._show_chosen)
        self.said = Label("", "small", wrap=True)
        self.bar = Bar(look)
        self.fetch_button, self.stop_button = button("Fetch"), button("Stop")
        self.take_back_button = button("Take back…")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.said, 1)
        row.addWidget(self.bar)
        for verb in (self.fetch_button, self.stop_button, self.take_back_button):
            verb.setAutoDefault(False)
            row.addWidget(verb)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.table)
        layout.addLayout(row)
        self.fetch_button.clicked.connect(lambda: self._fetch(stop=False))
        self.stop_button.clicked.connect(lambda: self._fetch(stop=True))
        self.take_back_button.clicked.connect(self._take_back)

    def chosen(self) -> TeamMap | None:
        """Return the chosen map."""
        rows = {index.row() for index in self.table.selectedIndexes()}
        return self._maps[rows.pop()] if len(rows) == 1 and max(rows) < len(self._maps) else None

    def choose(self, id: UUID) -> None:
        """Choose a map."""
        for number, one in enumerate(self._maps):
            if one.id == id:
                self.table.selectRow(number)

    def show_maps(self) -> None:
        """Show which there are, and how they stand."""
        model, before = self._model, self.chosen()
        maps = list(model.inventory.team_maps()) if model.team is not None else []
        self._maps = sorted(maps, key=lambda one: (one.name.casefold(), one.id))
        self.table.setRowCount(len(self._maps))
        for number, one in enumerate(self._maps):
            stands = stands_words(one, way_of(model, one), model.team, is_here=own_of(model, one) is not None)
            zooms = f"{one.min_zoom}–{one.max_zoom}"
            texts = [one.name, SCHEMAS[one.schema], zooms, size_words(one.size_bytes), stands]
            fill_row(self.table, number, texts, (2, 3))
        wanted_px = max(self.table.sizeHintForColumn(0), self.table.horizontalHeader().sectionSizeHint(0))
        self.table.setColumnWidth(0, min(wanted_px, NAME_MOST_PX))
        self.setVisible(bool(self._maps))
        now = self.chosen()
        if self._maps and (now is None or before is None or now.id != before.id):  # to choose scrolls
            ids = [one.id for one in self._maps]
            self.table.selectRow(ids.index(before.id) if before is not None and before.id in ids else 0)
        self._show_chosen()

    def _show_chosen(self) -> None:
        one = self.chosen()
        if one is None:
            return
        way, is_here = way_of(self._model, one), own_of(self._model, one) is not None
        comes = way is not None and way.state in ("comes", "checking")
        moves = comes or (way is not None and way.state == "goes_up")
        self.bar.setVisible(moves)
        self.bar.show_share(
            way.done / max(1, one.size_bytes) if way is not None and moves else None, rests=False
        )
        self.fetch_button.setVisible(not is_here and not comes)
        self.stop_button.setVisible(
            comes or (not is_here and way is not None and way.state == "elsewhere" and way.done > 0)
        )
        is_there = way is not None and way.state == "elsewhere"
        switch(
            self.fetch_button,
            "" if is_there else "Nobody has brought its file to the server yet",
            "It becomes one of your own maps, after it was checked",
        )
        self.stop_button.setToolTip("What came so far is deleted")
        switch(
            self.take_back_button,
            why_not_taken_back(self._model, one),
            "The team has it no more; whoever has fetched it keeps it",
        )
        self.said.setText(f"Shared by {isolated(one.author)}" if one.author else "")

    def _fetch(self, *, stop: bool) -> None:
        if (one := self.chosen()) is not None:
            self.fetch_wanted.emit(one.id, stop)

    def _take_back(self) -> None:
        if (one := self.chosen()) is not None:
            self.take_back_wanted.emit(one.id)
