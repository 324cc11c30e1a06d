"""The map under a whole network: 1,000, 5,000 and 20,000 devices with twice as many links, in a real page, drawn in software.

For N devices: `nN_first_frame_s` from the data handed to the page's door (a page that stands idle with an empty network) to the
frame that shows it; `nN_changes_p95_ms` from 1,000 changes of status handed over to the frame that shows them all in symbols and
rings (names of what is odd follow); `nN_down_p95_ms` the same where 1,000 devices go down or come back, and `nN_storm_p95_ms`
where all links at them do so in the same message, which is then painted with the next frame of the map;
`nN_longest_task_ms`, the longest task of the page's main thread in all of it but the last, whose is `nN_storm_longest_task_ms`;
`nN_heap_mb`, its JavaScript heap before that, and `nN_heap_with_workers_mb` with those of its workers afterwards. Then the
map is dragged for four seconds: `nN_pan_frame_p95_ms`, `nN_pan_fps`.
`vs_*_5k_x` is how many times as long others take for 1,000 changes at 5,000 devices, middle against middle (bench_map_peers.py):
`leaflet` is Leaflet as network maps have it: a marker with an icon for each device, a path in its default renderer (SVG) for each
half-link, and a new icon for each device that changes; `leaflet_canvas` and `leaflet_svg` have circles as paths instead, which is
the fastest that Leaflet has, `whole_set_data` is MapLibre with one GeoJSON source that is set whole. They draw no basemap, no
names and no rings, and are handed the changes within the page.
On the clock all of them, and ours, wait two frames of the browser for being painted, 17-33 ms whatever they did. So
`vs_*_5k_cpu_x` puts beside it what the same changes cost: `*_cpu_ms` is what Python, all that draws and the page's process spend
on a round of 1,000 changes and the 200 ms after it, less what they spend while nothing changes. Ours has in it the channel,
and the names and ages that follow the statuses, which the others do not draw.
`search_p95_ms`: a key pressed in the window's search over 10,000 devices, to the rows it shows.
"Painted" is the same for all: the own frame of the map, or of the glass over it, was drawn, and the browser has come to its next.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen" if not os.environ.get("DISPLAY") else "xcb")
os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = "--enable-precise-memory-info"

import PySide6
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.dialogs.palette import Palette
from app.look import Look
from app.lookup.book import Book
from app.map import feed
from app.map.scheme import prepare_web_engine
from app.map.view import MapView
from app.model import Model
from map_assets.files import ASSETS
from tests.bench.bench_map_peers import PEERS, PeersPage
from tests.bench.page_tools import PAN, PAN_S, cpu_s, heaps_mb, open_door
from tests.map.networks import id_of, meshed, now_us

SIZES = (1_000, 5_000, 20_000)
CHANGES = 1_000
ROUNDS = 20
STORMS = 20
PEER_ROUNDS = 8
IDLE_MS = 1_000
SEARCHES = 40
WAIT_S = 240.0
STATUSES = ("degraded", "up", "stale", "up")
WATCH = """
window.gaps = {longest: 0, last: performance.now()};
new PerformanceObserver((list) => {
  for (const {duration} of list.getEntries()) gaps.longest = Math.max(gaps.longest, duration);
}).observe({type: 'longtask'});
PerformanceObserver.supportedEntryTypes.join()
"""


def until(true: Callable[[], bool], what: str, every_ms: int = 2) -> None:
    """Let the window live until something holds."""
    ends_s = time.monotonic() + WAIT_S
    while not true():
        if time.monotonic() > ends_s:
            raise RuntimeError(f"{what} did not come within {WAIT_S:.0f} s")
        QTest.qWait(every_ms)


class Bench:
    """A page that stands idle, and what it says of itself."""

    def __init__(self) -> None:
        self.view = MapView(Model(), "dark")
        self.view.resize(1280, 800)
        idle: list[float] = []
        self.painted: dict[int, int] = {}
        self.view.became_idle.connect(idle.append)
        self.view.painted.connect(self.painted.__setitem__)
        self.view.show()
        until(lambda: bool(idle), "an idle page")
        QTest.qWait(500)
        self.js(WATCH)

    def js(self, code: str) -> Any:
        """Run code in the page and return its value."""
        answers: list[Any] = []
        self.view.page.runJavaScript(code, answers.append)
        until(lambda: bool(answers), code)
        return answers[0]

    def painted_ms(self, message: dict[str, Any]) -> float:
        """Hand a message to the page and return how long it took to the frame that shows it."""
        stamp_us = now_us()
        self.view._send(**message, stamp_us=stamp_us)
        until(lambda: stamp_us in self.painted, "the painted frame")
        return (self.painted[stamp_us] - stamp_us) / 1000

    def close(self) -> None:
        """Take the page down."""
        self.view.close()
        self.view.deleteLater()
        QTest.qWait(50)


def changes(chance: random.Random, count: int, status: str) -> dict[str, Any]:
    """Return 1,000 changes of status."""
    since_us = now_us()
    names = chance.sample(range(count), min(CHANGES, count))
    return {"health": [{"id": id_of(f"R{i}"), "status": status, "since_us": since_us} for i in names]}


def storms(model: Model, chance: random.Random, *, links_too: bool) -> Iterator[dict[str, Any]]:
    """Yield what goes down and what comes back, in turns: 1,000 devices, and all links at them."""
    devices = [device.id for device in model.inventory.devices()]
    while True:
        down = chance.sample(devices, min(CHANGES, len(devices)))
        names = frozenset(down if links_too else ())
        links = [link.id for link in model.inventory.links() if names & {link.a, link.b}]
        for status in ("down", "up"):
            since_us = now_us()
            yield {
                "health": [{"id": id, "status": status, "since_us": since_us} for id in down],
                "loads": [row | {"status": status} for row in feed.load_rows(model, links)],
            }


def percentile(values: list[float], share: float) -> float:
    """Return a percentile of some figures."""
    return sorted(values)[max(0, round(len(values) * share) - 1)]


class Spent:
    """What changes cost in CPU, less what the same page spends while nothing changes."""

    def __init__(self) -> None:
        since_s, spent_s = time.monotonic(), cpu_s()
        QTest.qWait(IDLE_MS)
        self.idle = (cpu_s() - spent_s) / (time.monotonic() - since_s)
        self.since_s, self.spent_s = time.monotonic(), cpu_s()

    def ms(self, rounds: int) -> float:
        """Return what each of the rounds since has cost, in milliseconds of a core."""
        spent_s = cpu_s() - self.spent_s - self.idle * (time.monotonic() - self.since_s)
        return round(spent_s / rounds * 1000, 1)


def panned_ms(bench: Bench) -> list[float]:
    """Drag the map to and fro and return the times between frames."""
    where: list[dict[str, Any]] = []
    bench.view.report(where.append)
    bench.js(PAN % PAN_S)
    until(lambda: bench.js("Array.isArray(globalThis.panned_ms)"), "the end of the drag")
    bench.view.report(where.append)
    until(lambda: len(where) == 2, "where the map is")
    if where[0]["center"] == where[1]["center"]:
        raise RuntimeError("the map did not move")
    return list(json.loads(bench.js("JSON.stringify(panned_ms)")))


def measure(count: int, port: int) -> dict[str, float]:
    """Measure one size; Chromium's debugging protocol is at a port."""
    chance = random.Random(count)
    model = Model()
    model.merge(meshed(count))
    model.flush()
    whole = feed.whole(model)
    bench = Bench()
    first_ms = bench.painted_ms(whole)
    QTest.qWait(2000)
    taken_ms = []
    spent = Spent()
    for round_ in range(ROUNDS):
        taken_ms.append(bench.painted_ms(changes(chance, count, STATUSES[round_ % len(STATUSES)])))
        QTest.qWait(200)
    spent_ms = spent.ms(ROUNDS)
    stormy = {}
    for kind in ("down", "storm"):
        took_ms = []
        for storm in islice(storms(model, chance, links_too=kind == "storm"), STORMS):
            took_ms.append(bench.painted_ms(storm))
            QTest.qWait(1000)
        stormy[f"n{count // 1000}k_{kind}_longest_task_ms"] = round(bench.js("gaps.longest"), 1)
        bench.js("gaps.longest = 0")
        stormy |= {
            f"n{count // 1000}k_{kind}_p{n}_ms": round(percentile(took_ms, n / 100), 1) for n in (50, 95)
        }
    figures = {
        f"n{count // 1000}k_first_frame_s": round(first_ms / 1000, 2),
        f"n{count // 1000}k_changes_p95_ms": round(percentile(taken_ms, 0.95), 1),
        f"n{count // 1000}k_changes_p50_ms": round(percentile(taken_ms, 0.5), 1),
        f"n{count // 1000}k_changes_cpu_ms": spent_ms,
        f"n{count // 1000}k_longest_task_ms": stormy.pop(f"n{count // 1000}k_down_longest_task_ms"),
        f"n{count // 1000}k_heap_mb": round(bench.js("performance.memory.usedJSHeapSize / 1e6"), 1),
    }
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(heaps_mb, port)
        until(asked.done, "the heaps")
    figures |= stormy
    figures[f"n{count // 1000}k_heap_with_workers_mb"] = round(sum(asked.result()), 1)
    gaps_ms = panned_ms(bench)
    figures[f"n{count // 1000}k_pan_frame_p95_ms"] = round(percentile(gaps_ms, 0.95), 1)
    figures[f"n{count // 1000}k_pan_fps"] = round(1000 * len(gaps_ms) / sum(gaps_ms), 1)
    bench.close()
    return figures


def against_peers(own_ms: float, own_cpu_ms: float, count: int = 5_000) -> dict[str, float]:
    """Let others draw the same network and changes, for which the map took `own_ms` and spent `own_cpu_ms`."""
    chance = random.Random(count)
    model = Model()
    model.merge(meshed(count))
    model.flush()
    whole = feed.whole(model)
    network = {key: whole[key] for key in ("devices", "links", "loads")}
    rounds = [changes(chance, count, STATUSES[i % len(STATUSES)])["health"] for i in range(PEER_ROUNDS)]
    figures = {}
    for peer in PEERS:
        page = PeersPage()
        page.show()

        def js(code: str, page: PeersPage = page) -> Any:
            answers: list[Any] = []
            page.page.runJavaScript(code, answers.append)
            until(lambda: bool(answers), code)
            return answers[0]

        until(lambda: js("globalThis.there === true"), "the peers' page")
        page.prepare(peer, network)
        until(lambda: js("globalThis.prepared === true"), peer)
        QTest.qWait(1000)
        spent = Spent()
        page.start(rounds)
        until(lambda: js("Array.isArray(globalThis.taken_ms)"), peer, every_ms=250)
        spent_ms = spent.ms(PEER_ROUNDS)
        taken_ms = percentile(json.loads(js("JSON.stringify(taken_ms)")), 0.5)
        figures |= {
            f"peer_{peer}_5k_p50_ms": round(taken_ms, 1),
            f"vs_{peer}_5k_x": round(taken_ms / own_ms, 1),
            f"peer_{peer}_5k_cpu_ms": spent_ms,
            f"vs_{peer}_5k_cpu_x": round(spent_ms / own_cpu_ms, 1),
        }
        page.close()
        page.deleteLater()
        QTest.qWait(50)
    return figures


def search_p95_ms(count: int = 10_000) -> float:
    """Press keys in the window's search: to the rows it shows."""
    model = Model()
    book = Book(model)
    model.merge(meshed(count))
    model.flush()
    until(lambda: book.waiting == 0, "the index of the search")
    palette = Palette(model, book, Look("dark"), [])
    palette.show()
    chance = random.Random(count)
    taken_ms = []
    for _ in range(SEARCHES):
        palette.field.clear()
        for letter in f"r{chance.randrange(count)}":
            since_s = time.perf_counter()
            QTest.keyClicks(palette.field, letter)
            palette.repaint()
            taken_ms.append((time.perf_counter() - since_s) * 1000)
    palette.close()
    return round(percentile(taken_ms, 0.95), 1)


def run() -> dict[str, Any]:
    """Run the bench and return its figures."""
    port = open_door()
    prepare_web_engine(sys.argv)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    figures: dict[str, float] = {}
    for count in SIZES:
        figures |= measure(count, port)
    figures |= against_peers(figures["n5k_changes_p50_ms"], figures["n5k_changes_cpu_ms"])
    figures["search_p95_ms"] = search_p95_ms()
    application.processEvents()
    versions = {
        name: json.loads((ASSETS / "node_modules" / name / "package.json").read_text())["version"]
        for name in ("maplibre-gl", "leaflet")
    }
    return {"figures": figures, "peers": versions | {"PySide6": PySide6.__version__}}
