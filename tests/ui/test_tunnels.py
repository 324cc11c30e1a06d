"""Tunnels in the window: opened from a device, listed, used, ended; what is started and with which words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu, QPushButton, QWidget

from app.access.board import TunnelBoard
from app.access.desk import TunnelDesk
from app.access.launching import (
    WINBOX_ON_MACOS,
    clean_environment,
    ssh_command,
    terminal_command,
    user_words,
    winbox_command,
)
from app.access.ways import Ways
from app.access.words import stand_of
from app.dialogs.confirm import Confirm
from app.draft import now_us
from app.model import Model
from app.panels.text import LineLabel
from domain.errors import Refusal
from domain.inventory import Credential, Device, Probe
from domain.tunnels import (
    CloseTunnel,
    OpenTunnel,
    PortPool,
    SetPortPool,
    ShareTunnel,
    TakeTunnel,
    TeamTunnel,
    Tunnel,
    TunnelsState,
)
from domain.wire import ROWS_OF, Changed, Reply, ToEngine
from tests.ui.fake_engine import id_of, small_network
from tests.ui.team_parts import team_of

G1 = id_of("g1")
OPEN = Tunnel(id_of("tunnel"), G1, "winbox", 8291, 42_000, "direct", "mara", 0)


class Computer:
    """A system that starts nothing and remembers what it was to start."""

    def __init__(self, name: str = "linux", programs: Sequence[str] = (), *, broken: bool = False) -> None:
        self.name = name
        self.programs = set(programs)
        self.broken = broken
        self.started: list[list[str]] = []
        self.pages: list[str] = []

    def which(self, name: str) -> str | None:
        return next((one for one in self.programs if one.rsplit("/", 1)[-1] == name), None)

    def exists(self, path: str) -> bool:
        return path in self.programs

    def start(self, command: Sequence[str], *, console: bool = False) -> None:
        if self.broken:
            raise PermissionError(13, "Permission denied")
        self.started.append(list(command))

    def browse(self, url: str) -> bool:
        self.pages.append(url)
        return True


class Room:
    """A desk over a mirror that a test fills; `asked` is what the engine was asked."""

    def __init__(self, computer: Computer, login: str = "admin") -> None:
        self.model = Model()
        inventory = small_network()
        credential = Credential(id_of("login"), "Login", "routeros_login", login)
        inventory.tables["credential"][credential.id] = credential
        device = inventory.device(G1)
        assert device is not None
        inventory.tables["device"][G1] = msgspec.structs.replace(
            device, probes=(*device.probes, Probe("routeros", 8728, credential.id))
        )
        rows: dict[str, Any] = {
            ROWS_OF[kind]: tuple(table.values()) for kind, table in inventory.tables.items()
        }
        self.model.merge(Changed(1, initial=True, **rows))
        self.model.flush()
        self.asked: list[ToEngine] = []
        self.refusals: tuple[Refusal, ...] = ()
        self.opens = OPEN
        self.said: list[str] = []
        self.window = QWidget()
        self.computer = computer
        self.desk = TunnelDesk(
            self.model,
            self,
            self.window,
            author="mara",
            say=lambda words, *_, **__: self.said.append(words),
            platform=computer,
        )

    @property
    def device(self) -> Device:
        device = self.model.inventory.device(G1)
        assert device is not None
        return device

    def request(self, make: Callable[[int], ToEngine], then: Callable[[Reply], None]) -> None:
        message = make(1)
        self.asked.append(message)
        result = {"tunnel": msgspec.to_builtins(self.opens)} if isinstance(message, OpenTunnel) else {}
        then(Reply(1, self.refusals, {} if self.refusals else result))

    def watch(self, devices: Any) -> None:
        pass

    def tell(self, *tunnels: Tunnel) -> None:
        self.model.merge(Changed(2, tunnels=TunnelsState(tunnels)))
        self.model.flush()


def test_winbox_is_started_at_the_tunnel_with_the_user_and_no_password(qt: QApplication) -> None:
    room = Room(Computer(programs=["/usr/bin/WinBox"]))
    room.desk.open(G1, 8291)
    assert room.asked == [OpenTunnel(1, G1, 8291, "mara")]
    assert room.computer.started == [["/usr/bin/WinBox", "127.0.0.1:42000", "admin"]]
    assert "Grünten R1" in room.said[0]


def test_without_winbox_the_address_is_copied_and_it_is_said(qt: QApplication) -> None:
    room = Room(Computer())
    room.desk.open(G1, 8291)
    assert "not found on this computer" in room.said[0]
    assert QGuiApplication.clipboard().text() == "127.0.0.1:42000"


def test_a_program_that_does_not_start_leaves_the_address(qt: QApplication) -> None:
    room = Room(Computer(programs=["/usr/bin/WinBox"], broken=True))
    room.desk.open(G1, 8291)
    assert "Permission denied" in room.said[0]
    assert QGuiApplication.clipboard().text() == "127.0.0.1:42000"


def test_ssh_knows_the_key_by_the_devices_own_address(qt: QApplication) -> None:
    room = Room(Computer(programs=["/usr/bin/ssh", "/usr/bin/xterm"]))
    room.opens = msgspec.structs.replace(OPEN, service="ssh", target_port=22)
    room.desk.open(G1, 22)
    command = ["ssh", "-p", "42000", "-o", "HostKeyAlias=10.0.0.1", "admin@127.0.0.1"]
    assert room.computer.started == [["/usr/bin/xterm", "-e", *command]]
    room.computer.programs.clear()
    room.desk.open(G1, 22)
    assert QGuiApplication.clipboard().text() == " ".join(command)
    assert ssh_command(42_000, "10.0.0.1", 2222, "")[4:] == ["HostKeyAlias=[10.0.0.1]:2222", "127.0.0.1"]


@pytest.mark.parametrize("user", ["-oProxyCommand=x", "a b", "", "x;reboot", "a" * 99, "--romon"])
def test_a_users_name_that_is_more_than_a_name_is_left_out(user: str) -> None:
    assert user_words(user) == ""
    assert winbox_command(Computer(programs=["/w"]), "/w", "127.0.0.1:1", user) == ["/w", "127.0.0.1:1"]


@pytest.mark.parametrize(
    ("system", "programs", "path", "expected"),
    [
        ("win32", ["C:/W/winbox64.exe"], "C:/W/winbox64.exe", ["C:/W/winbox64.exe", "a:1", "u"]),
        ("linux", ["/w/winbox64.exe", "/usr/bin/wine"], "/w/winbox64.exe", ["/usr/bin/wine", "/w/winbox64.exe", "a:1", "u"]),
        ("linux", ["/w/winbox64.exe"], "/w/winbox64.exe", None),
        ("darwin", [WINBOX_ON_MACOS], "", [WINBOX_ON_MACOS, "a:1", "u"]),
        ("linux", [], "/gone", None),
    ],
    ids=["Windows", "Wine", "no Wine", "macOS", "gone"],
)  # fmt: skip
def test_each_system_starts_it_in_its_own_way(
    system: str, programs: list[str], path: str, expected: list[str] | None
) -> None:
    assert winbox_command(Computer(system, programs), path, "a:1", "u") == expected


def test_a_console_is_found_or_none_is() -> None:
    assert terminal_command(Computer("win32", ["C:/ssh"]), ["ssh", "x"]) == ["ssh", "x"]
    assert terminal_command(Computer("darwin", ["/usr/bin/ssh"]), ["ssh", "x"]) is None
    assert terminal_command(Computer("linux", ["/usr/bin/xterm"]), ["ssh", "x"]) is None


def test_foreign_programs_do_not_see_our_libraries() -> None:
    ours = {"LD_LIBRARY_PATH": "/ours", "LD_LIBRARY_PATH_ORIG": "/theirs", "HOME": "/h"}
    assert clean_environment(ours, frozen=True) == {"LD_LIBRARY_PATH": "/theirs", "HOME": "/h"}
    assert clean_environment(ours, frozen=False) == ours


def test_a_refusal_is_told(qt: QApplication) -> None:
    room = Room(Computer())
    room.refusals = (Refusal("NO_FREE_PORT", "none of the ports is free"),)
    room.desk.open(G1, 8291)
    assert room.said == ["None of the ports is free"]


def test_the_panel_offers_ways_and_shows_what_is_open(qt: QApplication) -> None:
    room = Room(Computer())
    ways = Ways(room.model)
    wanted: list[Any] = []
    ways.wanted.connect(lambda id, port: wanted.append((id, port)))
    ways.ended.connect(wanted.append)
    ways.show_device(room.device)
    ways.show()

    def verbs() -> dict[str, QPushButton]:
        return {one.text(): one for one in ways.findChildren(QPushButton) if one.isVisible()}

    assert list(verbs()) == ["WinBox", "SSH", "Web over TLS", "Web"]
    verbs()["SSH"].click()
    assert wanted == [(G1, 22)]
    room.tell(OPEN)
    ways.show_device(room.device)
    qt.processEvents()
    verbs()["Close"].click()
    assert wanted[1:] == [OPEN.id]
    room.tell(msgspec.structs.replace(OPEN, ended="nobody was connected for 5 minutes"))
    ways.show_device(room.device)
    assert "Close" not in verbs()


def test_who_else_is_on_a_router_is_shown_joined_and_taken_over(qt: QApplication) -> None:
    room = Room(Computer())
    ways = Ways(room.model)
    ways.joined.connect(room.desk.join)
    ways.taken.connect(room.desk.take_over)
    other = TeamTunnel(
        id_of("theirs"), G1, "winbox", 8291, "direct", now_us(), False, id_of("van"), "Ben", "van"
    )
    room.model.merge(Changed(2, tunnels=TunnelsState((), team=(other,))))
    room.model.flush()
    ways.show()
    ways.show_device(room.device)
    said = [label.text() for label in ways.findChildren(LineLabel)]
    assert "Ben" in said[0] and said[0].endswith("is on it by WinBox")
    assert said[1].startswith("Directly since ") and said[1].endswith(", at van")
    verbs = {one.text(): one for one in ways.findChildren(QPushButton)}
    verbs["Join"].click()
    assert room.asked == [OpenTunnel(1, G1, 8291, "mara")], "what is not shared is opened by one's own way"
    room.model.merge(
        Changed(3, tunnels=TunnelsState((), team=(msgspec.structs.replace(other, is_shared=True),)))
    )
    room.model.flush()
    ways.show_device(room.device)
    verbs["Join"].click()
    assert room.asked[1:] == [OpenTunnel(1, G1, 8291, "mara", id_of("van"))]
    verbs["Take over"].click()
    (question,) = room.window.findChildren(Confirm)
    assert "Ben" in question.question.text()
    question.verb.click()
    assert room.asked[2:] == [TakeTunnel(1, id_of("van"), other.id)]
    room.model.merge(Changed(4, tunnels=TunnelsState()))
    room.model.flush()
    ways.show_device(room.device)
    assert not verbs["Join"].isVisible()


def test_what_goes_from_here_can_be_shared_in_a_team_and_a_warning_is_told_once(qt: QApplication) -> None:
    room = Room(Computer())
    ways = Ways(room.model)
    ways.shared.connect(room.desk.share)
    ways.show()
    room.tell(OPEN)
    ways.show_device(room.device)

    def share() -> QPushButton:
        return next(one for one in ways.findChildren(QPushButton) if one.text() in ("Share", "Unshare"))

    assert not share().isVisible(), "alone there is nobody to share with"
    room.model.merge(Changed(3, team=team_of()))
    room.model.flush()
    ways.show_device(room.device)
    share().click()
    assert room.asked == [ShareTunnel(1, OPEN.id, True)]
    room.tell(msgspec.structs.replace(OPEN, is_shared=True, warning="Ann takes it over in 30 s"))
    room.tell(msgspec.structs.replace(OPEN, is_shared=True, warning="Ann takes it over in 30 s", to_bytes=1))
    ways.show_device(room.device)
    assert share().text() == "Unshare"
    assert len(room.said) == 1 and room.said[0].endswith("Ann takes it over in 30 s")


def test_one_that_ends_by_itself_is_told_once_and_one_that_is_closed_is_not(qt: QApplication) -> None:
    room = Room(Computer())
    room.tell(OPEN)
    over = msgspec.structs.replace(OPEN, ended="nobody was connected for 5 minutes")
    room.tell(over)
    room.tell(over)
    assert len(room.said) == 1
    assert room.said[0].endswith("ended: nobody was connected for 5 minutes")
    room.tell(msgspec.structs.replace(OPEN, id=id_of("other"), ended="closed by hand"))
    assert len(room.said) == 1


def test_the_board_lists_them_and_ends_the_chosen_one(qt: QApplication) -> None:
    room = Room(Computer())
    board = TunnelBoard(room.model, room, room.desk, room.window)
    board.show()
    assert board.empty.isVisible()
    assert not board.close_button.isEnabled()
    room.tell(msgspec.structs.replace(OPEN, to_bytes=812, from_bytes=13_400_000))
    assert [board.table.item(0, column).text() for column in (0, 1, 2, 5, 6)] == [
        "Grünten R1",
        "WinBox",
        "127.0.0.1:42000",
        "812 B",
        "13 MB",
    ]
    board.table.selectRow(0)
    board.close_button.click()
    assert room.asked == [CloseTunnel(1, OPEN.id)]
    board.first.setValue(50_000)
    board.first.editingFinished.emit()
    assert room.asked[1:] == [SetPortPool(1, PortPool(50_000, 64))]
    board.winbox.setText(" /opt/WinBox ")
    board.winbox.editingFinished.emit()
    assert room.desk.winbox == "/opt/WinBox"
    board.close()


def test_the_menu_has_every_service_of_the_device(qt: QApplication) -> None:
    room = Room(Computer())
    menu = QMenu()
    room.desk.fill_menu(menu, room.device)
    inner = menu.actions()[0].menu()
    assert isinstance(inner, QMenu)
    said = [action.text() for action in inner.actions()]
    assert said[:3] == ["WinBox", "SSH", "Web"]
    assert said[-1] == "All tunnels…"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"ended": "closed by hand"}, "Ended: closed by hand"),
        ({"trouble": "nobody listens there"}, "Nobody listens there"),
        (
            {"connections": 2, "to_bytes": 900, "from_bytes": 4200},
            "2 connections, 900 B there and 4.2 kB back",
        ),
        ({}, "Not in use, from here since "),
    ],
)
def test_how_it_stands_is_said_in_words(told: dict[str, Any], said: str) -> None:
    tunnel = msgspec.structs.replace(OPEN, since_us=now_us(), **told)
    assert stand_of(tunnel, now_us()).startswith(said)
