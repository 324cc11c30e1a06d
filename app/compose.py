"""Builds every long-lived object of the window once, and takes them down in reverse. Counterpart: `__main__.py`.

Theory: the engine and the simulator are on their way while Qt still builds the window; whoever is last makes the map live.
One rule: no globals and no registry; who needs something gets it here.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from app.commands import Commands
from app.demo import NETWORK_NAME, Demo, Typed, edit_from
from app.engine_link import EngineLink, Status
from app.garbage import Garbage
from app.log import open_log
from app.look import Look, ThemeName, font, load_fonts
from app.map.scheme import prepare_web_engine
from app.map.tools import Units
from app.map.view import MapView
from app.model import Delta, Model
from app.profile import replace_file
from app.programs import command_of, window_command
from app.report import Measured, report_of, shortcomings, write_report
from app.team.networks import joined_networks
from app.window import Window
from domain.errors import Refusal

_log = logging.getLogger("heliograph.window")
WARM_UP_MS = 1500


class Options(NamedTuple):
    """How the window was asked for. `seconds` None: until it is closed."""

    profile: Path
    theme: ThemeName | None = None
    headless: bool = False
    seconds: float | None = None
    screenshot: Path | None = None
    report: Path | None = None
    demo: bool = False
    simnet_state: Path | None = None
    moment: str | None = None
    """A link to a moment, which is opened when the network is there."""


class Remembered(msgspec.Struct):
    """What the window remembers of its last time, in `window.json` of the profile."""

    theme: ThemeName = "dark"
    locked: bool = False
    units: Units = "metric"
    order: tuple[str, ...] = ()
    """Layers of the map from the top down; `hidden` None: those that are off at first."""
    hidden: tuple[str, ...] | None = None
    network: str = ""
    """The folder of the joined network that was shown; empty: this computer's own."""
    winbox: str = ""
    """Where WinBox lies, where somebody has said so."""


class App(QObject):
    """The running window program."""

    _demo_settled = Signal(object, str)

    def __init__(self, options: Options, started_s: float, argv: list[str]) -> None:
        super().__init__()
        self._garbage = Garbage(self)
        open_log()
        prepare_web_engine(argv)
        self.qt = QApplication(argv[:1])
        self.qt.setApplicationName("Heliograph")
        self.qt.setStyle("Fusion")
        load_fonts()
        self.qt.setFont(font())
        self._options = options
        self._started_s = started_s
        self._measured = Measured()
        self._map_idle = False
        self._typed: Typed | None = None
        self._snapshot_seen = False
        self.code = 0
        self._demo_settled.connect(self._on_demo_settled)
        self.demo = (
            Demo(options.profile, options.simnet_state, self._demo_settled.emit) if options.demo else None
        )
        self.model = Model()
        demo_engine = [*command_of("engine"), "--name", NETWORK_NAME, "--key-place", "file"]
        command = demo_engine if options.demo else None
        recalled = _recall(options.profile)
        shown = options.profile if options.demo else _shown_last(options.profile, recalled.network)
        self.link = EngineLink(shown, self.model, command)
        self.link.status_changed.connect(self._on_status)
        self.link.start()
        self.commands = Commands(self.model, self.link)
        self.look = Look(options.theme or recalled.theme)
        self.look.changed.connect(self._remember)
        self.map = MapView(self.model, self.look.name, started_s=started_s)
        self.map.became_idle.connect(self._on_map_idle)
        self.map.tools.locked, self.map.tools.units = recalled.locked, recalled.units
        if recalled.hidden is not None:
            self.map.layers.recall(recalled.order, recalled.hidden)
        self.map.tools.changed.connect(self._remember)
        self.map.layers.changed.connect(self._remember)
        self.model.changed.connect(self._on_changed)
        self.window = Window(self.model, self.link, self.commands, self.look, self.map)
        self.window.closed.connect(self.qt.quit)
        self.window.demo_wanted.connect(_open_demo)
        self.window.team.keep_command(command)
        self.window.team.attached.connect(lambda _: self._remember())
        self.window.tunnels.winbox = recalled.winbox
        self.window.tunnels.changed.connect(self._remember)

    def run(self) -> int:
        """Show the window until it is closed or its time is up; return the exit code."""
        self.window.show()
        _log.info("window_open", extra={"profile": self._options.profile})
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: self.qt.quit())
        if self._options.seconds is not None:
            left_s = max(0.0, self._options.seconds - (time.monotonic() - self._started_s))
            QTimer.singleShot(round(left_s * 1000), self, self._on_time_up)
        app = self.qt
        app.exec()
        self._close()
        return self.code

    def _on_status(self, status: Status) -> None:
        _log.info("engine_" + status.kind, extra={"said": status.text, "details": status.details})

    def _on_map_idle(self, after_s: float) -> None:
        self._map_idle = True
        _log.info("map_idle", extra={"after_s": round(after_s, 3)})
        self._note_live()
        QTimer.singleShot(WARM_UP_MS, self, _warm_up)

    def _on_changed(self, delta: Delta) -> None:
        self._note_live()
        if delta.initial and not self._snapshot_seen:
            self._snapshot_seen = True
            self._add_demo()
            if self._options.moment is not None:
                QTimer.singleShot(0, self, self._open_moment)

    def _open_moment(self) -> None:
        self.window.past.open_link(self._options.moment or "")

    def _note_live(self) -> None:
        if self._measured.start_to_live_map_s is not None or not self._map_idle:
            return
        if any(health.status == "up" for health in self.model.health.values()):
            after_s = round(time.monotonic() - self._started_s, 3)
            self._measured.start_to_live_map_s = after_s
            _log.info("map_live", extra={"after_s": after_s})

    # The demo

    def _on_demo_settled(self, typed: Typed | None, said: str) -> None:
        if typed is None:
            _log.error("demo_failed", extra={"said": said})
            self.window.toasts.say(f"The demo network did not start: {said}")
            return
        _log.info("demo_ready", extra={"devices": len(typed.devices)})
        self._typed = typed
        self._add_demo()

    def _add_demo(self) -> None:
        if self._typed is None or not self._snapshot_seen:
            return
        made = edit_from(self._typed, self.model.inventory, self.commands.author)
        self._typed = None
        if made is not None:
            self.commands.submit(*made, _log_refusals)

    # The end

    def _on_time_up(self) -> None:
        if self._options.screenshot is not None:
            self._measured.screenshot_saved = self.window.grab().save(str(self._options.screenshot))
        self.map.report(self._on_report)

    def _on_report(self, page: dict[str, object]) -> None:
        self._measured.map = page
        self._measured.external_requests = self.map.external_requests
        self._measured.engine_restarts = self.link.restarts
        report = report_of(self.model, self._measured)
        why = shortcomings(report)
        if self._options.report is not None:
            try:
                write_report(report, self._options.report)
            except OSError as error:
                why.append(f"the report could not be written: {error}")
        if not self._measured.screenshot_saved:
            why.append(f"the picture could not be written to {self._options.screenshot}")
        if self.link.status.kind != "ready":
            why.append(f"the engine is {self.link.status.kind}: {self.link.status.text}")
        for reason in why:
            _log.error("run_failed", extra={"said": reason})
        self.code = 1 if why else 0
        self.qt.quit()

    def _close(self) -> None:
        self.window.close()
        self.link.stop()
        if self.demo is not None:
            self.demo.stop()
        self.map.setParent(None)
        self.map.deleteLater()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        _log.info("window_closed", extra={"code": self.code})

    def _remembered(self) -> Remembered:
        tools, layers = self.map.tools, self.map.layers
        shown = self.link.profile
        return Remembered(
            self.look.name,
            tools.locked,
            tools.units,
            layers.order,
            tuple(sorted(layers.hidden)),
            shown.name if shown != self._options.profile else "",
            self.window.tunnels.winbox,
        )

    def _remember(self) -> None:
        file = self._options.profile / "window.json"
        try:
            replace_file(file, msgspec.json.encode(self._remembered()))
        except OSError as error:
            _log.warning("window_forgotten", extra={"said": str(error)})


def _log_refusals(refusals: tuple[Refusal, ...]) -> None:
    for refusal in refusals:
        _log.error("demo_refused", extra={"said": refusal.message})


def _recall(profile: Path) -> Remembered:
    try:
        return msgspec.json.decode((profile / "window.json").read_bytes(), type=Remembered)
    except (OSError, msgspec.MsgspecError):
        return Remembered()


def _shown_last(profile: Path, network: str) -> Path:
    """Return the folder of the joined network that was shown last, where it is still there; else this computer's own."""
    folders = {joined.folder.name: joined.folder for joined in joined_networks(profile)}
    return folders.get(network, profile)


def _warm_up() -> None:
    """Load the chart library while nobody waits for it."""
    threading.Thread(
        target=lambda: __import__("app.charts.device_graph"), daemon=True, name="warm up"
    ).start()


def _open_demo() -> None:
    """Open the demo in a window of its own, which lives on without this one."""
    subprocess.Popen([*window_command(), "demo"], stdin=subprocess.DEVNULL, start_new_session=True)
