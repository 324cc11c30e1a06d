"""All maps of one's own: what they are, where they are used, in which order. Counterpart: `domain/maps.py`.

One rule: a map that is not drawn says why.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QHeaderView, QLineEdit, QSlider, QWidget

from app.commands import Asks, Commands
from app.dialogs.confirm import Confirm
from app.dialogs.form import Board, fill_row, plain_table
from app.discovery.operations import OperationList
from app.draft import new_id, now_us
from app.look import Look
from app.map.worlds import find_world
from app.maps.coverage import HEIGHT_PX, Coverage
from app.maps.team import TeamMaps, why_not_shared
from app.maps.words import SCHEMAS, USES, bounds_words, places_of, size_words, use_words, world_words
from app.model import Delta, Model
from app.panels.text import Label, button
from app.team.rights import switch
from app.team.words import host_of
from app.words import count_of, isolated
from domain.errors import Refusal
from domain.maps import AddMap, ChangeMap, CheckMap, MapFile, MapUse, OrderMaps, RemoveMap
from domain.searching import OperationAct, SteerOperation
from domain.team_map import FetchMap, TeamMap
from domain.wire import Reply, ToEngine

WIDTH_PX = 860
LIST_PX, SHARED_LIST_PX = 190, 118
NAME_MOST_PX = 250
"""A longer name is cut in its middle: where a map is used has to be read too."""
KINDS = ("map_add", "map_check", "map_cut")
EMPTY = (
    "No maps of your own yet: the world that comes along is drawn alone.\n\n"
    "Any PMTiles file (version 3) will do, vector in the schemas of Protomaps, OpenMapTiles or Shortbread, or pictures: "
    "a daily build of Protomaps, what planetiler or tilemaker make of an OpenStreetMap extract, your own aerial pictures. "
    "Bring it on a disk, and drop it here or on the map: Heliograph itself downloads nothing."
)


class MapsBoard(Board):
    """The list, the picture of what the chosen one covers, and what can be done with it."""

    cut_wanted = Signal(object)
    """A map's id."""

    def __init__(
        self, model: Model, asks: Asks, commands: Commands, look: Look, parent: QWidget | None = None
    ) -> None:
        super().__init__("Maps", parent, width_px=WIDTH_PX)
        self._model, self._asks, self._commands = model, asks, commands
        self._maps: list[MapFile] = []
        self.dialog: QFileDialog | None = None
        self.setAcceptDrops(False)
        self.table = plain_table(["Map", "Kind", "Zooms", "Size", "Used"], 4, (2, 3), prose=(4,))
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        self.table.setMinimumHeight(LIST_PX)
        self.table.setAccessibleName("Your maps, the topmost first")
        self.table.itemSelectionChanged.connect(self._show_chosen)
        self.empty = Label(EMPTY, "quiet", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(LIST_PX)
        self.coverage = Coverage(look)
        self.details = Label("", "small", wrap=True)
        self.name = QLineEdit()
        self.name.setMaxLength(80)
        self.name.setAccessibleName("Name")
        self.name.editingFinished.connect(self._on_renamed)
        self.use = QComboBox()
        self.use.addItems(list(USES.values()))
        self.use.setAccessibleName("Used in")
        self.use.activated.connect(self._on_use)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(5, 100)
        self.opacity.setFixedWidth(120)
        self.opacity.setAccessibleName("Opacity")
        self.opacity.sliderReleased.connect(self._on_opacity)
        self.opacity.valueChanged.connect(self._on_opacity_key)
        self.opacity_label = Label("Opacity", "quiet")
        self.up_button, self.down_button = button("Up"), button("Down")
        self.check_button, self.remove_button = button("Check again"), button("Remove…")
        self.operations = OperationList(model, look, self._steer, kinds=KINDS)
        self.team = TeamMaps(model, look)
        self._lay_out()
        self.add_button, self.copy_button = self.verb("Add a file…", "primary"), self.verb("Add a copy…")
        self.cut_button = self.verb("Cut an area…")
        self.share_button = self.verb("Share with the team…")
        self._connect()
        model.changed.connect(self._on_changed)
        self._show_team()
        self._show()
        self.table.setFocus()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.name, 1)
        for widget in (self.use, self.opacity_label, self.opacity, self.up_button, self.down_button):
            row.addWidget(widget)
        row.addWidget(self.check_button)
        row.addWidget(self.remove_button)
        said = "Drawn over the world, the topmost first. Where a map has no ground the one below it shows."
        self.world = Label(f"{said} {world_words(find_world())}", "small", wrap=True)
        self.body.addWidget(self.world)
        self.body.addWidget(self.operations)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.empty, 1)
        self.body.addLayout(row)
        self.body.addWidget(self.coverage)
        self.body.addWidget(self.details)
        self.body.addWidget(self.team)

    def _connect(self) -> None:
        self.copy_button.setToolTip("The profile gets a copy: the file may go")
        self.add_button.setToolTip("The file stays where it is")
        for made in (self.up_button, self.down_button, self.check_button, self.remove_button):
            made.setAutoDefault(False)
        self.add_button.clicked.connect(lambda: self.choose_file(copy=False))
        self.copy_button.clicked.connect(lambda: self.choose_file(copy=True))
        self.cut_button.clicked.connect(lambda: self._with(lambda one: self.cut_wanted.emit(one.id)))
        self.share_button.clicked.connect(lambda: self._with(self.share))
        self.team.fetch_wanted.connect(lambda id, stop: self._ask(lambda n: FetchMap(n, id, stop)))
        self.team.take_back_wanted.connect(self.take_back)
        self.up_button.clicked.connect(lambda: self.move_chosen(-1))
        self.down_button.clicked.connect(lambda: self.move_chosen(1))
        self.check_button.clicked.connect(
            lambda: self._with(lambda one: self._ask(lambda n: CheckMap(n, one.id)))
        )
        self.remove_button.clicked.connect(self.remove)

    def choose_file(self, *, copy: bool) -> None:
        """Ask which files."""
        dialog = QFileDialog(self, "Add a copy of maps" if copy else "Add maps")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters(["PMTiles (*.pmtiles)", "All files (*)"])
        dialog.filesSelected.connect(lambda paths: self.add([Path(path) for path in paths], copy=copy))
        dialog.finished.connect(dialog.deleteLater)
        self.dialog = dialog
        dialog.open()

    def add(self, paths: list[Path], *, copy: bool = False) -> None:
        """Have the engine read files and take them."""
        for path in paths:
            self._ask(partial(_adding, str(path.absolute()), copy))

    def move_chosen(self, step: int) -> None:
        """Draw the chosen map one higher (-1) or lower (1)."""
        one = self.chosen()
        ids = [each.id for each in self._maps]
        if one is None or not 0 <= ids.index(one.id) + step < len(ids):
            return
        at = ids.index(one.id)
        ids[at], ids[at + step] = ids[at + step], ids[at]
        self._ask(lambda n: OrderMaps(n, tuple(ids)))

    def remove(self) -> None:
        """Ask once and take the chosen map out."""
        one = self.chosen()
        if one is None:
            return
        kept = (
            "Its copy in the profile is deleted." if one.copied else f"The file stays where it is: {one.path}"
        )
        Confirm(
            f"Remove {one.name}?", kept, "Remove", lambda: self._ask(lambda n: RemoveMap(n, one.id)), self
        ).open()

    def share(self, one: MapFile) -> None:
        """Ask once and share a map with the team."""
        team = self._model.team
        if team is None or why_not_shared(self._model, one):
            return
        shared = TeamMap(
            new_id(),
            one.name,
            one.digest,
            one.size_bytes,
            one.schema,
            one.min_zoom,
            one.max_zoom,
            one.bounds,
            now_us(),
            team.name,
            team.account,
        )
        said = (
            f"Its file, {size_words(one.size_bytes)}, goes to {isolated(host_of(team.server))} as the line allows, and everybody "
            f"in {isolated(team.tenant_name)} may fetch it. Whether they may is between you and whoever made it."
        )
        title = f"Share the map {one.name}"
        Confirm(
            f"Share {one.name} with the team?",
            said,
            "Share",
            lambda: self._put(one, shared, title),
            self,
        ).open()

    def _put(self, one: MapFile, shared: TeamMap, title: str) -> None:
        """Share what was agreed to, where it can be still."""
        if why := why_not_shared(self._model, one):
            self.say((Refusal("MAP_NOT_SHARED", why),))
        else:
            self._commands.put("team_map", shared, self.say, title)

    def take_back(self, id: UUID) -> None:
        """Ask once and take a map back from the team."""
        one = self._model.inventory.get("team_map", id)
        if isinstance(one, TeamMap):
            said = "Whoever has fetched it keeps it. Its file leaves the server."
            title = f"Take back the map {one.name}"
            Confirm(
                f"Take {one.name} back from the team?",
                said,
                "Take back",
                lambda: self._commands.drop("team_map", id, self.say, title),
                self,
            ).open()

    def chosen(self) -> MapFile | None:
        """Return the chosen map."""
        rows = {index.row() for index in self.table.selectedIndexes()}
        return self._maps[rows.pop()] if len(rows) == 1 and max(rows) < len(self._maps) else None

    def choose(self, id: UUID) -> None:
        """Choose a map."""
        for number, one in enumerate(self._maps):
            if one.id == id:
                self.table.selectRow(number)

    # Inside

    def _with(self, act: Callable[[MapFile], None]) -> None:
        one = self.chosen()
        if one is not None:
            act(one)

    def _ask(self, make: Callable[[int], ToEngine]) -> None:
        self._asks.request(make, self._on_reply)

    def _steer(self, id: UUID, act: OperationAct) -> None:
        self._ask(lambda number: SteerOperation(number, id, act))

    def _on_reply(self, reply: Reply) -> None:
        self.say(reply.refusals)

    def _on_renamed(self) -> None:
        one, name = self.chosen(), self.name.text().strip()
        if one is not None and name and name != one.name:
            self._ask(lambda n: ChangeMap(n, one.id, name))

    def _on_use(self, index: int) -> None:
        use: MapUse = list(USES)[index]
        self._with(lambda one: self._ask(lambda n: ChangeMap(n, one.id, use=use)))

    def _on_opacity_key(self) -> None:
        if not self.opacity.isSliderDown():
            self._on_opacity()

    def _on_opacity(self) -> None:
        opacity = self.opacity.value() / 100
        one = self.chosen()
        if one is not None and abs(one.opacity - opacity) > 0.004:
            self._ask(lambda n: ChangeMap(n, one.id, opacity=opacity))

    def _on_changed(self, delta: Delta) -> None:
        if delta.maps or delta.team or delta.inventory:
            self._show_team()
        if delta.maps or delta.initial:
            self._show()
        elif delta.team or delta.drawn or delta.removed:
            self._show_share(self.chosen())
        elif delta.devices or delta.sites:
            self._show_chosen()

    def _show(self) -> None:
        before = self.chosen()
        self._maps = sorted(self._model.maps.values(), key=lambda one: (one.place, one.added_us))
        self.table.setRowCount(len(self._maps))
        for number, one in enumerate(self._maps):
            zooms = f"{one.min_zoom}–{one.max_zoom}"
            texts = [one.name, SCHEMAS[one.schema], zooms, size_words(one.size_bytes), use_words(one)]
            fill_row(self.table, number, texts, (2, 3))
        wanted_px = max(self.table.sizeHintForColumn(0), self.table.horizontalHeader().sectionSizeHint(0))
        self.table.setColumnWidth(0, min(wanted_px, NAME_MOST_PX))
        self.table.setVisible(bool(self._maps))
        self.empty.setVisible(not self._maps)
        if self._maps:
            ids = [one.id for one in self._maps]
            self.table.selectRow(ids.index(before.id) if before is not None and before.id in ids else 0)
        self._show_chosen()

    def _show_chosen(self) -> None:
        one = self.chosen()
        at = self._maps.index(one) if one is not None else 0
        for widget in (
            self.name,
            self.use,
            self.check_button,
            self.remove_button,
            self.coverage,
            self.details,
        ):
            widget.setVisible(one is not None)
        for arrow, there in ((self.up_button, at > 0), (self.down_button, at + 1 < len(self._maps))):
            arrow.setVisible(one is not None)
            arrow.setEnabled(there)
        for part in (self.opacity, self.opacity_label):
            part.setVisible(one is not None and one.schema == "raster")
        self.cut_button.setEnabled(one is not None and not one.trouble)
        self._show_share(one)
        places = places_of(self._model.inventory)
        self.coverage.show_map(one, places)
        if one is None:
            return
        if not self.name.hasFocus():
            self.name.setText(one.name)
        self.use.setCurrentIndex(list(USES).index(one.use))
        if not self.opacity.isSliderDown():
            self.opacity.blockSignals(True)
            self.opacity.setValue(round(one.opacity * 100))
            self.opacity.blockSignals(False)
        where = "a copy in the profile" if one.copied else one.path
        lies = f"{self.coverage.inside():,} of {count_of(len(places), 'place', 'places')} of the network in its bounds"
        lines = [f"{bounds_words(one.bounds)}; {lies}.", f"{count_of(one.tiles, 'tile', 'tiles')}; {where}"]
        lines += [
            f"Credit on the map: {one.attribution}" if one.attribution else "It names nobody to be credited."
        ]
        lines += [f"SHA-256 {one.digest}"]
        self.details.setText("\n".join(lines))

    def _show_team(self) -> None:
        """Show the team's maps, and leave them room where there are some, on small screens too."""
        self.team.show_maps()
        is_shared = not self.team.isHidden()
        for list_ in (self.table, self.empty):
            list_.setMinimumHeight(SHARED_LIST_PX if is_shared else LIST_PX)
        self.coverage.setFixedHeight(SHARED_LIST_PX if is_shared else HEIGHT_PX)

    def _show_share(self, one: MapFile | None) -> None:
        """Offer to share the chosen map where there is a team."""
        self.share_button.setVisible(self._model.team is not None)
        why = "Choose a map first" if one is None else why_not_shared(self._model, one)
        switch(self.share_button, why, "Everybody in the team sees it here, and may fetch it")


def _adding(path: str, copy: bool, number: int) -> AddMap:
    return AddMap(number, path, copy)
