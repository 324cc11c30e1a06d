"""What the window has of its team: sign, switcher, board, dialogs, banner, presence, rights. Counterpart: `window.py`.

Theory: the networks of this computer are folders; to go to another is to attach the window's one link to it. What belongs to the
network that is left (undo, selection, open dialogs, the past) is closed before; the map looks where it looked.
One rule: without a team there is nothing of this but a quiet word in the top bar and the way in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast
from uuid import UUID

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QMenu, QWidget

from app.commands import Asks, Commands
from app.draft import now_us
from app.look import Look
from app.model import Delta, Model
from app.panels.map_frame import WORLD_PX, Map
from app.panels.notices import Banner, Toasts
from app.panels.subject import SubjectPanel
from app.panels.text import caption
from app.panels.top_bar import TopBar
from app.team.board import TeamBoard
from app.team.certificate import CertificateForm
from app.team.join import JoinForm
from app.team.membership import LeaveForm, LogInForm
from app.team.networks import Network, joined_networks, root_of
from app.team.presence import Presence
from app.team.rights import ACTIONS, switch, why_forbidden
from app.team.words import asides, entry_words, host_of, stand_of
from app.words import age_of, count_of, isolated
from domain.team import TeamState

OWN = "On this computer only"


class Attaches(Asks, Protocol):
    """What goes to another network: `EngineLink`."""

    welcomed: Any

    @property
    def profile(self) -> Path:
        """The folder of the network that is shown."""

    def attach(self, profile: Path, command: Sequence[str] | None = None) -> None:
        """Go to another network."""


class Hands(Protocol):
    """What the window does for it."""

    top: TopBar
    toasts: Toasts
    actions_by_name: dict[str, QAction]

    def select(self, id: UUID | None, *, fly: bool = False) -> None:
        """Choose a thing, and bring it into view."""

    def leave_network(self) -> None:
        """Close what belongs to the network that is shown."""


class TeamDesk(QObject):
    """`banner` belongs over the map; `panels` are told who else is at what they show."""

    attached = Signal(object)
    """The window goes to another network: its folder."""

    def __init__(  # noqa: PLR0917
        self,
        model: Model,
        link: Attaches,
        commands: Commands,
        look: Look,
        map: Map,
        hands: QWidget,
    ) -> None:
        super().__init__(hands)
        self._model, self._link, self._commands, self._look = model, link, commands, look
        self._map, self._window, self._hands = map, hands, cast("Hands", hands)
        self._is_new = False
        self._command: Sequence[str] | None = None
        self.root = root_of(link.profile)
        self.banner = Banner(look)
        self.presence = Presence(model, link, self)
        self.board: TeamBoard | None = None
        model.changed.connect(self._on_changed)
        link.welcomed.connect(lambda _: self.presence.forget())

    def connect_to(self, panels: Sequence[SubjectPanel]) -> None:
        """Be heard: by the top bar, and by the panels of what is selected."""
        for panel in panels:
            panel.aside = self.said_of
        top = self._hands.top
        top.network_wanted.connect(self.open_switcher)
        top.sync.clicked.connect(self.open)
        self.tick()

    @property
    def team(self) -> TeamState | None:
        """How it stands now, in the past too."""
        return (self._model.today or self._model).team

    def tick(self) -> None:
        """Show ages as of now; once a second."""
        team = self.team
        self._hands.top.sync.show_stand(stand_of(team, now_us()))
        self._show_banner(team)
        if self.board is not None and self.board.isVisible():
            self.board.refresh()

    def said_of(self, thing: UUID | None) -> str:
        """Return what the team adds to what is said of a thing; empty where that is nothing."""
        return "\n".join(asides(self.team, self._model.inventory, thing))

    def work_on(self, id: UUID, form: QDialog | None) -> None:
        """Let the team see that a thing is worked on while its form is open."""
        if form is not None:
            end = self.presence.work_on(id)
            form.finished.connect(lambda _: end())

    # What is opened

    def open(self) -> TeamBoard | None:
        """Open the team's board, or ask to join one; None then."""
        if self.team is None:
            self.open_join()
            return None
        if self.board is None:
            board = TeamBoard(self._model, self._link, self._commands, self._look, self._hands, self._window)
            board.login_wanted.connect(self.open_login)
            board.leave_wanted.connect(self.open_leave)
            board.finished.connect(self._on_board_closed)
            self.board = board
        self.board.show()
        self.board.raise_()
        return self.board

    def open_join(self) -> JoinForm:
        """Ask for the link of a team."""
        own = self._model.inventory if self.team is None else None
        form = JoinForm(self._link, own, self._window)
        form.joined.connect(self._on_joined)
        form.open()
        return form

    def open_login(self) -> LogInForm | CertificateForm | None:
        """Ask for what the server wants before it lets this computer in: the password, or that its certificate is good."""
        if self.team is None:
            return None
        wanted = CertificateForm if self.team.shown_certificate else LogInForm
        form = wanted(self.team, self._link, self._window)
        form.open()
        return form

    def open_leave(self) -> LeaveForm | None:
        """Ask how the team is left."""
        if self.team is None:
            return None
        form = LeaveForm(self.team, self._link, self._on_left, self._window)
        form.open()
        return form

    def open_switcher(self) -> QMenu:
        """Open the list of networks under the name of this one."""
        menu = QMenu(self._window)
        menu.setToolTipsVisible(True)
        here = self._link.profile
        for network in self.networks():
            where = f"   {host_of(network.server)}" if network.server else ""
            act = menu.addAction(caption(f"{isolated(network.name)}{where}"))
            act.setCheckable(True)
            act.setChecked(network.folder == here)
            act.triggered.connect(lambda _=False, folder=network.folder: self.go_to(folder))
        menu.addSeparator()
        if self.team is not None:
            menu.addAction("The team…", self.open)
            if self.team.reachability == "refused":
                menu.addAction(entry_words(self.team), self.open_login)
        menu.addAction("Join a team…", self.open_join)
        if self.team is not None:
            menu.addAction("Leave the team…", self.open_leave)
        menu.aboutToHide.connect(menu.deleteLater)
        top = self._hands.top
        menu.popup(top.mapToGlobal(QPoint(8, top.height())))
        return menu

    def networks(self) -> list[Network]:
        """Return where the window can go: this computer's own network first."""
        tenant = self._model.tenant
        at_home = self._link.profile == self.root and tenant is not None
        own = tenant.name if at_home and tenant is not None else OWN
        return [Network(self.root, own), *joined_networks(self.root)]

    # Going elsewhere

    def go_to(self, folder: Path) -> None:
        """Show another network."""
        if folder == self._link.profile:
            return
        self._attach(folder)

    def keep_command(self, command: Sequence[str] | None) -> None:
        """How the engine of this computer's own network is started, where not as usual."""
        self._command = command

    def _attach(self, folder: Path) -> None:
        if self.board is not None:
            self.board.close()
        self._hands.leave_network()
        self._commands.forget()
        self._link.attach(folder, self._command if folder == self.root else None)
        self._is_new = True
        self.attached.emit(folder)

    def _on_joined(self, folder: Path, told: Mapping[str, Any]) -> None:
        brought, left = int(told.get("brought", 0)), int(told.get("secrets_left", 0))
        self._attach(folder)
        said = [f"Joined {isolated(str(told.get('tenant', 'the team')))}"]
        said += [f"{count_of(brought, 'thing was', 'things were')} brought along"] if brought else []
        said += [f"{count_of(left, 'login needs', 'logins need')} a secret again"] if left else []
        self._hands.toasts.say("; ".join(said))

    def _on_left(self, keep: bool) -> None:
        self._attach(self._link.profile if keep else self.root)
        self._hands.toasts.say("Left the team; what was here is kept" if keep else "Left the team")

    # Inside

    def _open_board(self) -> None:
        self.open()

    def _on_board_closed(self) -> None:
        self.board = None

    def _on_changed(self, delta: Delta) -> None:
        if self._is_new and delta.initial and self._model.tenant is not None:
            self._is_new = False
            self._map.report(self._find_it)
        if not delta.team:
            return
        team = self.team
        for name, needs in ACTIONS.items():
            act = self._hands.actions_by_name[name]
            switch(act, why_forbidden(team, needs), act.text())
        self._map.tools.set_forbidden(why_forbidden(team, ("devices:write",)))
        self._hands.top.show_network(team)
        self.presence.look_on()
        self.tick()

    def _find_it(self, report: Mapping[str, object]) -> None:
        """Stay where one looks if anything of the network is there, else show all of it."""
        center, zoom = cast("tuple[float, float] | None", report.get("center")), report.get("zoom")
        inventory = self._model.inventory
        if center is None or not isinstance(zoom, int | float):
            return
        reach_deg = 180.0 * self._window.width() / (WORLD_PX * 2.0**zoom)
        places = [
            place for device in inventory.devices() if (place := inventory.place_of(device)) is not None
        ]
        near = any(
            abs(place.lng - center[0]) < reach_deg and abs(place.lat - center[1]) < reach_deg
            for place in places
        )
        if places and not near:
            self._map.fit()

    def _show_banner(self, team: TeamState | None) -> None:
        if team is None or team.lease != "cut_off":
            self.banner.hide()
            return
        since = f" for {age_of(team.synced_us, now_us())}" if team.synced_us else ""
        said = f"Seen from here: {isolated(host_of(team.server))} has not been heard{since}"
        more = (
            "This computer polls by itself. Colours say what it reaches from where it is, not what the team sees; its alerts "
            "stay here and end when the server is back."
        )
        self.banner.say(said, more, bad=False, verb="Team…", then=self._open_board)
