"""*Trying it on one computer* of the guide for teams: its commands as they stand there but for places and a port, in its order.

Counterpart: `tests/team/test_guide.py`, the guide's other commands. One rule: what is asserted is what a window shows.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PySide6.QtGui import QImage, QPainter

from app.__main__ import _parser
from tests.e2e.window_process import ROOT, Line, WindowProcess
from tests.ports import free_port
from tests.server.clients import PASSWORD
from tests.server.test_dev_server import links, started

NAME = "Säntis"
GUIDE = ROOT / "docs" / "guide" / "team.md"
SECTION = re.compile(r"^## Trying it on one computer$(.*?)^## ", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^ {4,8}(\S*(?:dev|heliograph-engine) .*?)(?: {2,}#.*)?$", re.MULTILINE)
PICTURES = os.environ.get("HELIOGRAPH_E2E_PICTURES")


class Guide:
    """The section's commands, each to be taken once and in order."""

    def __init__(self) -> None:
        found = SECTION.search(GUIDE.read_text())
        assert found is not None
        self.left: list[str] = COMMAND.findall(found[1])

    def take(self, said: str) -> list[str]:
        """Return the words of the next command, which must be `said`."""
        assert self.left.pop(0) == said
        return shlex.split(said)


class Admin:
    """Whoever has opened the administrator's link; what the pages do is asked of the API that they ask."""

    def __init__(self, address: str, link: str) -> None:
        self._http = httpx.Client(base_url=f"{address}/api/v1", timeout=60.0)
        known = {"login": "you@example.org", "password": PASSWORD}
        self.post("/auth/founding", known | {"token": link.partition("#")[2], "name": "You"})
        self._enter(self.post("/auth/login", known))

    def post(self, path: str, body: dict[str, str]) -> Any:
        """Return the data of what is answered."""
        answer = self._http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["data"] if answer.content else None

    def _enter(self, answer: Any) -> None:
        self._http.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def tenant(self, name: str) -> str:
        """Make a tenant and enter it; return its id."""
        made: str = self.post("/tenants", {"name": name})["id"]
        self._enter(self.post("/auth/switch", {"tenant": made}))
        return made

    def invite(self, who: str, role: str = "engineer") -> str:
        """Return the link of an invitation."""
        body = {"login": f"{who}@example.org", "name": who, "role": role}
        link: str = self.post("/users", body)["link"]
        return link


class Desk(WindowProcess):
    """A window on the folder that the guide gives it."""

    def __init__(self, words: list[str], home: Path) -> None:
        assert words[:2] == ["./dev", "app"]
        folder = _parser(demo=False).parse_args(words[2:]).profile
        self.home = home / folder.name
        self.home.mkdir()
        super().__init__(self.home, NAME, program="team_window")

    def shows(self, what: str, true: Callable[[Line], bool]) -> Line:
        """Wait until the window shows something."""
        return self.until(true, f"{self.home.name}: {what}")

    def team(self, what: str, **fields: Any) -> Line:
        """Wait until it stands so with its team."""
        return self.shows(
            what, lambda line: line["team"] is not None and fields.items() <= line["team"].items()
        )

    def join(self, link: str, tenant: str) -> None:
        """Paste an invitation."""
        self.tell(f"join {link} {PASSWORD.replace(' ', '_')}")
        self.team("joined", tenant=tenant, reachability="online")


@pytest.fixture
def data() -> Iterator[Path]:
    """Yield a folder where another user, who runs PostgreSQL, can go."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-dev-"))
    folder.chmod(0o755)
    yield folder / "server"
    shutil.rmtree(folder, ignore_errors=True)


def end(server: subprocess.Popen[str]) -> None:
    """Press Ctrl+C where it runs."""
    server.send_signal(signal.SIGTERM)
    assert server.wait(120) == 0


@contextmanager
def collector(guide: Guide, home: Path, link: str) -> Iterator[None]:
    """Have the guide's collector run meanwhile."""
    below = str(home / "heliograph-hill")
    words = guide.take(
        ".venv/bin/heliograph-engine join 'http://127.0.0.1:8000/link#...' --collector --profile ~/heliograph-hill"
    )
    given = {"http://127.0.0.1:8000/link#...": link, "~/heliograph-hill": below}
    engine = [sys.executable, "-m", "engine"]
    joined = subprocess.run(
        [*engine, *(given.get(one, one) for one in words[1:]), "--password-stdin", "--key-place", "file"],
        cwd=ROOT,
        input=f"{PASSWORD}\n",
        text=True,
        check=True,
        stdout=subprocess.PIPE,
    )
    folder = Path(joined.stdout.strip().splitlines()[-1])
    words = guide.take(".venv/bin/heliograph-engine --profile ~/heliograph-hill/teams/<tenant> --collector")
    assert folder.parent == Path(below) / "teams", "as the guide says"
    words = [str(folder) if one.startswith("~") else one for one in words]
    running = subprocess.Popen([*engine, *words[1:]], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        running.terminate()
        assert running.wait(120) == 0


def side_by_side(left: Desk, right: Desk) -> None:
    """Save what both show as one picture."""
    images = []
    for desk in (left, right):
        file = desk.home / "seen.png"
        desk.tell(f"picture {file}")
        desk.shows("its picture", lambda line: True)
        desk.shows("its picture", lambda line: True)
        images.append(QImage(str(file)))
    whole = QImage(sum(one.width() for one in images) + 12, images[0].height(), QImage.Format.Format_RGB32)
    whole.fill(0xFF808890)
    painter = QPainter(whole)
    painter.drawImage(0, 0, images[0])
    painter.drawImage(images[0].width() + 12, 0, images[1])
    painter.end()
    whole.save(f"{PICTURES}/team-two-windows.png")


def test_two_windows_and_a_collector_share_a_network_and_a_third_sees_none_of_it(
    tmp_path: Path, data: Path
) -> None:
    guide, port = Guide(), free_port()
    with ExitStack() as ending:
        assert guide.take("./dev server") == ["./dev", "server"]
        server, said = ending.enter_context(started(data, port))
        address = f"http://127.0.0.1:{port}"
        admin = Admin(address, links(said)[0])
        admin.tenant("North")
        mara = ending.enter_context(Desk(guide.take("./dev app --profile ~/heliograph-mara"), tmp_path))
        joe = ending.enter_context(Desk(guide.take("./dev app --profile ~/heliograph-joe"), tmp_path))
        mara.join(admin.invite("mara"), "North")
        joe.join(admin.invite("joe"), "North")

        host = socket.create_server(("127.0.0.1", 0))
        ending.callback(host.close)
        mara.tell(f"device {NAME} 9.3 47.2 {host.getsockname()[1]}")
        for desk in (mara, joe):
            desk.shows("the router is up", lambda line: line["tree"].startswith(f"{NAME}, up"))
        ending.enter_context(collector(guide, tmp_path, admin.invite("ada", "tenant_admin")))
        for desk in (mara, joe):
            desk.team("the collector polls and judges", lease="elsewhere", people=["ada", "joe", "mara"])
        mara.tell("move 9.32 47.21")
        joe.shows("moved", lambda line: line["place"] == [9.32, 47.21])
        host.close()
        for desk in (mara, joe):
            desk.shows(
                "down", lambda line: line["red_px"] > 60 and f"{NAME} does not answer" in line["alerts"]
            )
        joe.tell("acknowledge")
        for desk in (mara, joe):
            desk.shows("acknowledged by joe", lambda line: line["acknowledged"] == ["joe"])
        if PICTURES:
            side_by_side(mara, joe)

        end(server)
        for desk in (mara, joe):
            desk.team("cut off", reachability="offline")
        mara.tell("note The_key_is_with_the_farmer")
        joe.tell("move 9.28 47.19")
        for desk in (mara, joe):
            desk.team("it waits", pending=1)
        _, said = ending.enter_context(started(data, port))
        assert links(said) == [], "the platform was founded"
        for desk in (mara, joe):
            desk.shows(
                "both edits",
                lambda line: line["note"] == "The_key_is_with_the_farmer" and line["place"] == [9.28, 47.19],
            )
            desk.team("in step again", reachability="online", pending=0, tray=0)

        admin.tenant("South")
        mia = ending.enter_context(Desk(["./dev", "app", "--profile", "~/heliograph-mia"], tmp_path))
        mia.join(admin.invite("mia"), "South")
        calm = mia.team("alone", reachability="online", people=["mia"])
        assert calm["devices"] == [] and calm["alerts"] == []
    assert not guide.left, "the guide has more"
