"""A user of a window goes once over the map and all it can do, then says what was seen and what wanted out.

    python -m tests.e2e.walk_cut_off FOLDER

Run by `test_the_map_without_a_route.py` in a network of its own that has a loopback and nothing else. One line of JSON on stdout:
the steps that were done, the requests that the page wanted out (`external_requests`), and what the kernel refused for want of
a route (`no_route`), before and after an attempt of the walk itself. The network is four devices at the loopback that are asked
by ping: of TCP within the loopback the kernel drops some late acknowledgements, and counts them as having no route.
One rule: it only waits for what a user would see.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from msgspec.structs import replace
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtTest import QTest

from app.compose import App, Options
from app.dialogs.palette import Palette
from app.draft import new_id, now_us
from app.map.reports import Report
from domain.edit import Edit, creation
from domain.errors import Refusal
from domain.geometry import LngLat
from domain.inventory import Probe
from tests.e2e.walk_further import Further
from tests.e2e.walk_works import Works
from tests.map.networks import PLACES, small
from tests.map_files import write_map

STEP_MS = 40
WAIT_S = 90.0
"""Longest wait for one step: generous, because the machine may be busy."""
ROUTER = "Hauchenberg"
ZOOMS = (1.0, 9.0, 14.0)
OUTSIDE = (
    (socket.AF_INET, socket.SOCK_DGRAM, "192.0.2.1"),
    (socket.AF_INET, socket.SOCK_STREAM, "192.0.2.1"),
    (socket.AF_INET6, socket.SOCK_STREAM, "2001:db8::1"),
)
"""Addresses of documentation (RFC 5737, RFC 3849)."""

Step = tuple[str, Callable[[], object]]


def no_route() -> int:
    """Return how many packets and connections of this network the kernel had no route for, over IPv4 and IPv6."""
    heads, values = (
        line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Ip:")
    )
    six = dict(line.split() for line in Path("/proc/net/snmp6").read_text().splitlines())
    return int(values[heads.index("OutNoRoutes")]) + int(six["Ip6OutNoRoutes"])


def try_outside() -> None:
    """Want out by each way that the counter is to notice."""
    for family, kind, address in OUTSIDE:
        with socket.socket(family, kind) as made, contextlib.suppress(OSError):
            made.connect((address, 9))


class Walk(QObject):
    """Does one step after the other: each is a name and what tells that it is over."""

    def __init__(self, app: App, folder: Path) -> None:
        super().__init__()
        self.app, self.folder = app, folder
        self.page: Report = {}
        self.done: list[str] = []
        self.refused: list[Refusal] = []
        self._answers: dict[str, object] = {}
        self._steps = self.steps()
        self._step: Step = next(self._steps)
        self._since_s = time.monotonic()
        self._asked: Step | None = None
        self._still = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._go_on)
        self._timer.start(STEP_MS)

    def steps(self) -> Iterator[Step]:
        """Yield what a user does, and what is seen then."""
        app, window, map, model = self.app, self.app.window, self.app.map, self.app.model
        yield "engine", lambda: app.link.status.kind == "ready" and model.tenant is not None
        there, works = small(), Works(self, self.folder)
        further = Further(self, works, self.folder)
        devices = [
            replace(one, address=f"127.0.0.{n}", probes=(Probe("icmp"),), interval_s=2.0)
            for n, one in enumerate(there.devices, 11)
        ]
        steps = [creation("device", one) for one in devices] + [creation("link", one) for one in there.links]
        edit = Edit(new_id(), now_us(), app.commands.author, "Add four", tuple(steps))
        app.commands.submit(edit, {}, self.refused.extend)
        router = next(one for one in there.devices if one.name == ROUTER)
        place = LngLat(*PLACES[ROUTER][:2])
        yield "live", lambda: model.status_of(router.id) == "up"
        for theme in ("dark", "light"):
            app.look.set_theme(theme)
            for zoom in ZOOMS:
                map.look_at(place.lng, place.lat, zoom)
                yield f"zoom {zoom:.0f}, {theme}", lambda zoom=zoom: self.stands_at(zoom)
        window.open_palette()
        palette = next(p for p in window.findChildren(Palette) if p.isVisible())
        palette.field.setText(ROUTER.lower())
        yield "search", lambda: ROUTER in palette.titles
        QTest.keyClick(palette.field, Qt.Key.Key_Return)
        yield "fly", lambda: self.stands_over(place)
        yield from works.looking()
        yield from works.air()
        yield from works.files()
        yield from further.formats()
        yield from works.editing()
        yield from further.area()
        yield from further.several()
        file = write_map(self.folder / "own.pmtiles")
        window.maps.take_files([file])
        yield "own map", lambda: any(not one.trouble for one in model.maps.values()) and self.stands()
        yield from works.cutting()
        yield from further.schemas()
        window.schematic.toggle()
        yield "schematic", lambda: self.stands() and map.tools.on_paper and self.page["rendered_devices"]
        window.schematic.toggle()
        yield "map again", lambda: self.stands() and not map.tools.on_paper
        yield from further.paper()
        window.imagine(router.id)
        yield "what if", lambda: window.topology.imagining.impact is not None
        window.step_back()
        yield "no what if", lambda: window.topology.imagining.impact is None
        yield from further.imagining()
        yield from works.past()
        yield from further.past()
        yield "live at the end", lambda: not window.past.machine.is_on and self.stands()

    def stands(self) -> bool:
        """Tell whether the page has painted all that it was told; where it has not said so since the step began, it is asked."""
        if self._asked is not self._step:
            self._asked, self._still = self._step, False
            self.app.map.when_still(lambda: self.app.map.report(self._on_report))
        return self._still

    def stands_at(self, zoom: float) -> bool:
        """Tell whether the map stands at a zoom, as near as its window lets it."""
        return self.stands() and self.page["zoom"] is not None and abs(self.page["zoom"] - zoom) < 1.0

    def stands_over(self, place: LngLat) -> bool:
        """Tell whether the map stands over a place."""
        center = self.page["center"]
        return self.stands() and center is not None and abs(center[0] - place.lng) < 0.1

    def says(self, code: str) -> object:
        """Return what the page last answered to some code, and ask it again."""
        self.app.map.page.runJavaScript(code, lambda answer: self._answers.update({code: answer}))
        return self._answers.get(code)

    def _on_report(self, page: Report) -> None:
        self.page, self._still = page, True

    def _go_on(self) -> None:
        name, is_over = self._step
        if not is_over():
            if self._still:
                self._asked = None
            if self.refused or time.monotonic() - self._since_s > WAIT_S:
                self._end(f"not seen: {name}")
            return
        self.done.append(name)
        print(name, file=sys.stderr, flush=True)
        self._since_s, self._asked, self._still = time.monotonic(), None, False
        self._timer.stop()  # hands wait between press and release, and the next look must not come then
        try:
            following = next(self._steps, None)
        except Exception as error:
            self._end(f"after {name}: {error!r}")
            raise
        self._timer.start(STEP_MS)
        if following is None:
            self._end("")
        else:
            self._step = following

    def _end(self, trouble: str) -> None:
        self._timer.stop()
        wanted = no_route()
        try_outside()
        said = {
            "trouble": trouble or " ".join(refusal.message for refusal in self.refused),
            "done": self.done,
            "external_requests": self.app.map.external_requests,
            "console_errors": self.page.get("console_errors"),
            "no_route": wanted,
            "no_route_after_attempts": no_route(),
        }
        print(json.dumps(said), flush=True)
        self.app.qt.quit()


def main() -> int:
    """Walk, and end."""
    folder = Path(sys.argv[1])
    options = Options(folder / "profile", headless=True, theme="dark")
    app = App(options, time.monotonic(), ["heliograph"])
    walk = Walk(app, folder)
    code = app.run()
    return code if walk.done else 1


if __name__ == "__main__":
    sys.exit(main())
