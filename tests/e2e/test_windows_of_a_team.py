"""Real windows in a team: joined by their dialog, each cut off in turn, one killed meanwhile, let in again, elsewhere, left.

Counterpart: `test_a_team_of_processes.py`, the same of engines alone. One rule: what is asserted is what a window shows.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.e2e.window_process import Line, WindowProcess
from tests.engine.photo_files import jpeg, scene
from tests.ports import free_port
from tests.server.clients import PASSWORD
from tests.server.conftest import ServerDatabase
from tests.team.processes import Office, an_office, until
from tests.team.proxy import Proxy

NAME = "Säntis"
PICTURES = os.environ.get("HELIOGRAPH_E2E_PICTURES")
"""A folder for pictures of the windows, for who wants to look."""


class Desk:
    """Somebody's window and the line that it has to the server."""

    def __init__(self, office: Office, folder: Path, who: str, ending: ExitStack) -> None:
        self.who, self.login = who, f"{who}@example.org"
        self.line = office.line()
        folder.mkdir()
        self._folder, self._ending = folder, ending
        self.open()

    def open(self) -> None:
        """Open the window."""
        self.window = self._ending.enter_context(WindowProcess(self._folder, NAME, program="team_window"))

    def kill(self) -> None:
        """Kill the window where it stands; its engine goes with it."""
        self.window.process.kill()
        self.window.process.wait()

    def tell(self, command: str) -> None:
        """Let the user do something."""
        self.window.tell(command)

    def shows(self, true: Callable[[Line], bool], what: str) -> Line:
        """Wait until the window shows something."""
        return self.window.until(true, f"{self.who}: {what}")

    def team(self, what: str, **fields: Any) -> Line:
        """Wait until it stands so with its team."""
        return self.shows(
            lambda line: line["team"] is not None and fields.items() <= line["team"].items(), what
        )

    def picture(self, name: str) -> None:
        """Save what it shows, where somebody wants to look."""
        if PICTURES:
            self.tell(f"picture {PICTURES}/{name}.png")


def invite(office: Office, admin: Any, who: str, role: str = "engineer") -> str:
    """Return the token of an invitation into the tenant that the administrator has entered; empty for who is known."""
    body = {"login": f"{who}@example.org", "name": who, "role": role}
    link: str = office.ask(admin.post("/users", body, expect=201))["link"] or ""
    return link.partition("#")[2]


def join(desk: Desk, line: Proxy, token: str, tenant: str) -> None:
    """Take an invitation in the window."""
    desk.tell(f"join {line.url}/link#{token} {PASSWORD.replace(' ', '_')}")
    desk.team("joined", tenant=tenant, reachability="online")


def test_windows_share_a_network_are_cut_off_let_in_again_go_elsewhere_and_leave(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    with an_office(server_database.requests) as office, ExitStack() as ending:
        root = office.found()
        office.tenant(root, "South")
        tokens = {"mia": invite(office, root, "mia")}
        north = office.tenant(root, "North")
        tokens |= {who: invite(office, root, who) for who in ("mara", "joe")}
        site = office.join(root, tmp_path, "tenant_admin", "site", "--collector")
        ending.callback(site.stop)
        site.start("--collector")
        mara, joe, mia = (Desk(office, tmp_path / who, who, ending) for who in ("mara", "joe", "mia"))
        join(mia, mia.line, tokens["mia"], "South")
        for desk in (mara, joe):
            join(desk, desk.line, tokens[desk.who], "North")

        host = socket.create_server(("127.0.0.1", free_port()))  # where nobody else listens once it is closed
        ending.callback(host.close)
        mara.tell(f"device {NAME} 9.3 47.2 {host.getsockname()[1]}")
        for desk in (mara, joe):
            desk.shows(lambda line: line["tree"].startswith(f"{NAME}, up"), "the router is up")
        joe.team("all are there, and the site judges", people=["joe", "mara", "site"], lease="elsewhere")

        for looks, sees in ((joe, mara), (mara, joe)):
            looks.tell("select")
            sees.shows(
                lambda line, who=looks.who: line["there"] == f"{who.capitalize()} looks at it", "presence"
            )

        host.close()
        for desk in (mara, joe):
            desk.shows(
                lambda line: line["red_px"] > 60 and f"{NAME} does not answer" in line["alerts"], "it is down"
            )
        mara.tell("move 9.32 47.21")
        joe.shows(
            lambda line: line["place"] == [9.32, 47.21] and line["red_px"] > 60, "moved and painted there"
        )
        joe.tell("acknowledge")
        for desk in (joe, mara):
            desk.shows(lambda line: line["acknowledged"] == ["joe"], "acknowledged by joe")
        mara.picture("mara")
        joe.picture("joe")

        for number, (cut, other) in enumerate(((mara, joe), (joe, mara))):
            cut.line.cut()
            cut.team("cut off", reachability="offline")
            note, place = f"Seen_by_{cut.who}", [9.29 + number / 100, 47.19]
            cut.tell(f"note {note}")
            cut.team("its edit waits", pending=1)
            other.tell(f"move {place[0]} {place[1]}")
            other.shows(lambda line, there=place: line["place"] == there, "moved here")
            cut.picture(f"{cut.who}-cut")
            if cut is joe:
                cut.kill()
                cut.open()
                cut.shows(lambda line, n=note: line["note"] == n, "what was acknowledged before the kill")
                cut.team("what waits is still there", pending=1)
            cut.line.mend()
            for desk in (cut, other):
                desk.shows(
                    lambda line, n=note, there=place: line["note"] == n and line["place"] == there,
                    "both edits",
                )
            cut.team("in step again", reachability="online", pending=0, tray=0)

        joe.line.cut()
        joe.team("cut off again", reachability="offline")
        joe.tell("note His")
        joe.team("his waits", pending=1)
        mara.tell("note Hers")
        mara.shows(
            lambda line: line["note"] == "Hers" and line["team"]["pending"] == 0, "hers is with the team"
        )
        joe.line.mend()
        joe.team("she was quicker", reachability="online", pending=0, tray=1)
        joe.tell("board")
        joe.shows(
            lambda line: line["note"] == "Hers" and line["clash"].endswith("theirs Hers, mine His"),
            "both words",
        )
        joe.tell("mine")
        for desk in (joe, mara):
            desk.shows(lambda line: line["note"] == "His", "his, by a new edit")
        joe.team("nothing left over", pending=0, tray=0)

        people = office.ask(root.get("/users"))
        mara_id = next(one["id"] for one in people if one["login"] == mara.login)
        office.ask(root.ask("DELETE", f"/users/{mara_id}/sessions", expect=204))
        mara.team("not let in any more", reachability="refused")
        mara.tell("note While_shut_out")
        mara.team("that waits too", pending=1)
        mara.picture("mara-refused")
        mara.tell("again a_wrong_password_of_hers")
        mara.shows(lambda line: line["asks_again"], "its answer in the form")
        mara.team("still not", reachability="refused", pending=1)
        mara.tell(f"again {PASSWORD.replace(' ', '_')}")
        mara.team("let in again", reachability="online", pending=0)
        joe.shows(lambda line: line["note"] == "While_shut_out", "what was written meanwhile")

        office.ask(root.post("/auth/switch", {"tenant": north}))
        joe.tell("go_to On this computer only")
        joe.shows(lambda line: line["team"] is None and line["devices"] == [], "the own network, empty")
        joe.tell("go_to North")
        joe.team("back", tenant="North", reachability="online")
        joe.shows(lambda line: line["devices"] == [NAME] and line["red_px"] > 60, "all of it again")

        calm = mia.team("still there", reachability="online", people=["mia"])
        assert calm["devices"] == [] and calm["alerts"] == [] and calm["there"] == ""

        joe.tell("leave keep")
        kept = joe.shows(
            lambda line: line["team"] is None and line["devices"] == [NAME], "a network of its own"
        )
        assert kept["note"] == "While_shut_out"
        mara.tell("leave wipe")
        mara.shows(
            lambda line: line["team"] is None and line["devices"] == [] and len(line["networks"]) == 1,
            "gone from here",
        )
        teams = tmp_path / "mara" / "profile" / "teams"
        until(lambda: not teams.exists() or not any(teams.iterdir()), "wiped when its engine has ended")


def test_a_photograph_that_is_added_in_one_window_is_seen_in_another(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    with an_office(server_database.requests) as office, ExitStack() as ending:
        root = office.found()
        office.tenant(root, "North")
        tokens = {who: invite(office, root, who) for who in ("mara", "joe")}
        mara, joe = (Desk(office, tmp_path / who, who, ending) for who in tokens)
        for desk in (mara, joe):
            join(desk, desk.line, tokens[desk.who], "North")
        mara.tell(f"device {NAME} 9.3 47.2 {free_port()}")
        for desk in (mara, joe):
            desk.shows(lambda line: line["devices"] == [NAME], "the router")
            desk.tell(f"select {NAME}")
        file = tmp_path / "mast.jpg"
        file.write_bytes(jpeg(scene(1_600, 1_200)))
        mara.tell(f"photo {file}")
        mara.shows(lambda line: line["photos"][:1] == [[320, 240]], "her own, at once")
        joe.shows(lambda line: line["photos"][:1] == [[320, 240]], "small, in his strip")
        mara.shows(lambda line: not line["on_their_way"], "all of it is with the team")
        joe.tell("look")
        joe.shows(lambda line: line["photos"] == [[320, 240], [1_600, 1_200]], "in large")
        joe.picture("joe-photo")
