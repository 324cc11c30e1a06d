"""A window of a team in which somebody works, killed and opened again. Counterparts: `tests/e2e/working_window.py`, which it is;
`fault_run.py`, the team around it.

One rule: it is open again when it has painted: the device that is down is red on the map, and all others are drawn.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from domain.edit import Step, creation
from domain.inventory import Device, Probe
from engine.compose import new_id
from tests.e2e.window_process import Line, WindowProcess
from tests.ports import free_port
from tests.server.clients import PASSWORD, Person
from tests.team.processes import Office, until

NAME = "Säntis"
MASTS = "Mast"
MASTS_COUNT = 4
RED_PX = 60


@contextmanager
def accepting(port: int = 0) -> Iterator[int]:
    """Yield a port whose connections are all taken; 0: any."""
    host = socket.create_server(("127.0.0.1", port))

    def accept() -> None:
        while True:
            try:
                host.accept()[0].close()
            except OSError:
                return

    taker = threading.Thread(target=accept, daemon=True)
    taker.start()
    try:
        yield host.getsockname()[1]
    finally:
        host.shutdown(socket.SHUT_RDWR)  # who waits in accept() wakes up
        taker.join()
        host.close()


class _Process(WindowProcess):
    """The window's process, in a session of its own; what was acknowledged is kept apart from what is seen."""

    def __init__(self, folder: Path) -> None:
        self.acknowledged: list[Line] = []
        self.refused: list[str] = []
        super().__init__(folder, NAME, program="working_window", own_session=True)

    def _on_line(self, text: str) -> None:
        told = json.loads(text)
        if "done" in told:
            self.acknowledged.append(told)
        elif "refused" in told:
            self.refused.append(told["refused"])
        else:
            super()._on_line(text)


class WindowAtWork:
    """Mia's window, in which masts wander. `acknowledged`: the edits that it was told of, of all its lives."""

    def __init__(self, office: Office, admin: Person, folder: Path, ending: ExitStack) -> None:
        self._folder, self._ending = folder / "mia", ending
        self._folder.mkdir()
        self._fate = ending.enter_context(ExitStack())
        """What keeps the device alive that is to die."""
        self._line = office.line()
        self._lives: list[_Process] = []
        asked = {"login": "mia@example.org", "name": "mia", "role": "engineer"}
        token = office.ask(admin.post("/users", asked, expect=201))["link"].partition("#")[2]
        self.open()
        self.process.tell(f"join {self._line.url}/link#{token} {PASSWORD.replace(' ', '_')}")
        self.team("joined", reachability="online")
        self.masts: list[UUID] = []
        self.behind = 0
        """How many masts stood before where an acknowledged move had put them, when they rested last."""

    def steps(self, polled_by: UUID) -> list[Step]:
        """Return what makes its devices: masts that are up, and one that is about to die."""
        fate = self._fate.enter_context(accepting(free_port()))  # where nobody else listens afterwards
        fated = Device(
            new_id(),
            NAME,
            "127.0.0.1",
            (Probe("tcp", fate),),
            interval_s=1.0,
            lng=9.3,
            lat=47.2,
            polled_by=polled_by,
        )
        masts = [
            Device(
                new_id(),
                f"{MASTS} {number}",
                "127.0.0.1",
                (Probe("tcp", self._ending.enter_context(accepting())),),
                interval_s=1.0,
                lng=round(9.0 + number / 20, 5),
                lat=47.1,
                polled_by=polled_by,
            )
            for number in range(MASTS_COUNT)
        ]
        self.masts = [mast.id for mast in masts]
        return [creation("device", device) for device in (fated, *masts)]

    def begin(self) -> None:
        """Let one device die, see it red among all others, and let somebody work."""
        self.shows(lambda line: line["tree"].startswith(f"{NAME}, up"), "all that is there")
        self._fate.close()
        self.painted()
        self.work()

    @property
    def process(self) -> _Process:
        """The one that runs, or ran last."""
        return self._lives[-1]

    @property
    def acknowledged(self) -> list[Line]:
        """What its engine acknowledged to it, in its order: edit, device, lng."""
        return [line for life in self._lives for line in life.acknowledged]

    @property
    def refused(self) -> list[str]:
        """What was refused, in words."""
        return [said for life in self._lives for said in life.refused]

    @property
    def profile(self) -> Path:
        """The folder of the team's network."""
        (found,) = (self._folder / "profile" / "teams").iterdir()
        return found

    def shows(self, true: Callable[[Line], bool], what: str) -> Line:
        """Wait until it shows something."""
        return self.process.until(true, f"mia: {what}")

    def team(self, what: str, **fields: Any) -> Line:
        """Wait until it stands so with its team."""
        return self.shows(
            lambda line: line["team"] is not None and fields.items() <= line["team"].items(), what
        )

    def painted(self) -> Line:
        """Wait until the network is on the map."""
        return self.shows(
            lambda line: line["red_px"] > RED_PX and line["rendered"] > MASTS_COUNT, "the network is painted"
        )

    def work(self) -> None:
        """Let masts wander; return when a move is acknowledged to this life."""
        self.process.tell(f"work {MASTS}")
        until(lambda: self.process.acknowledged, "a move is acknowledged")

    def rest(self) -> dict[str, list[float]]:
        """Let them stand still; return where they are, which is no place before the last that was acknowledged."""
        self.process.tell("rest")
        masts = {str(mast) for mast in self.masts}
        line = self.shows(lambda line: line["still"] and masts <= line["places"].keys(), "all stand still")
        least = {told["device"]: told["lng"] for told in self.acknowledged}
        places = {mast: line["places"][mast] for mast in masts}
        self.behind = sum(places[mast][0] < lng for mast, lng in least.items())
        self.team("all is told", reachability="online", pending=0)
        return places

    def open(self) -> None:
        """Open it."""
        self._lives.append(self._ending.enter_context(_Process(self._folder)))

    def kill(self, *, whole: bool) -> float:
        """Kill the window's process, or all of its session, open it again at once; return the seconds until it has painted."""
        dead = self.process.process
        began_s = time.monotonic()
        if whole:
            os.killpg(dead.pid, signal.SIGKILL)
        else:
            dead.kill()
        dead.wait()
        self.open()
        self.process.tell(f"work {MASTS}")
        self.painted()
        took_s = time.monotonic() - began_s
        until(lambda: not in_session(dead.pid), "nobody of the one before is left")
        return took_s

    def close(self) -> None:
        """Close it, and see that nobody of it is left."""
        self.process.__exit__()
        until(lambda: not in_session(self.process.process.pid), "nobody is left")


def in_session(leader: int) -> list[int]:
    """Return the processes of a session that have not ended."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except (OSError, ValueError):
                continue
            if int(session) == leader and state not in "ZX":
                found.append(int(entry.name))
    return found
