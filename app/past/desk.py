"""What the window has of the past: the machine, its bar, its links and exports, and who hears whom. Counterpart: `window.py`.

One rule: the map is told of the past before the mirror is, so that nothing old is ever seen without its frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast
from uuid import UUID

import msgspec
from PySide6.QtCore import QObject, QPoint, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from app.draft import now_us
from app.look import Look
from app.model import Model
from app.panels.map_frame import Map
from app.panels.notices import Toasts
from app.past.bar import PastBar
from app.past.clip import FRAMES, Shooting, clip_moments, free_path, into_clip, into_picture, into_pictures
from app.past.event_list import gather_events, list_of
from app.past.machine import Engine, TimeMachine
from app.past.share import BadLink, MomentLink, View, is_link, link_of, read_link
from app.past.words import label_of, read_time, stamp_of
from app.symbols import STATUSES
from app.team.words import LOADS_ELSEWHERE, is_unheard
from app.topology.table_file import write_table
from app.words import clock, count_of
from domain.asking import Density, QueryDensity, QueryTimeline, RowMark
from domain.geometry import is_place
from domain.journal import JournalRow
from domain.wire import Reply

COUNT_AFTER_MS = 120
"""How long the span stands before it is counted."""
START_BACK_US = 600_000_000
MARKS_CAP = 50
LOADS_NEAR_US = 60_000_000
"""Loads of a moment nearer than this are not said to be of another: polls are no denser."""
HOURS_NOTE = "Load is the mean of the hour: single polls are not kept so long"
EARLY_NOTE = "Older than what is kept whole: what did not change since is not known"
BAD_TIME = "That is no moment: try 22:14, yesterday 22:14, -2h, 2026-11-20 22:14 or a link"


class Hands(Protocol):
    """What the window does for it."""

    selected: UUID | None
    toasts: Toasts

    def select(self, id: UUID | None, *, fly: bool = False, beside: bool = False) -> None:
        """Choose a thing."""


class PastDesk(QObject):
    """`bar` belongs under the map, and is seen only in the past."""

    turned = Signal(bool)
    """The past was entered (True) or left."""

    def __init__(self, model: Model, link: Engine, look: Look, map: Map) -> None:
        super().__init__()
        self._model, self._link, self._map = model, link, map
        self.machine = TimeMachine(model, link, self)
        self.bar = PastBar(self.machine, look)
        self.bar.hide()
        self.marks_us: list[int] = []
        self.shooting: Shooting | None = None
        self._select_there: UUID | None = None
        self._counting = False
        self._count_later = QTimer(self)
        self._count_later.setSingleShot(True)
        self._count_later.setInterval(COUNT_AFTER_MS)
        self._count_later.timeout.connect(self._count)

    def connect_to(self, hands: Hands) -> None:
        """Be heard."""
        self._hands = hands
        machine, bar = self.machine, self.bar
        machine.entered.connect(self._on_entered)
        machine.left.connect(self._on_left)
        machine.came.connect(self._on_came)
        machine.arrived.connect(self._on_arrived)
        machine.lived.connect(self._on_lived)
        machine.failed.connect(hands.toasts.say)
        self._map.past_left.connect(machine.leave)
        bar.back_wanted.connect(machine.leave)
        bar.link_wanted.connect(self.copy_link)
        bar.marked.connect(self.mark)
        bar.export_wanted.connect(self._open_export)
        bar.typed.connect(self.go)
        bar.stop_wanted.connect(lambda: self.shooting.cancel() if self.shooting is not None else None)
        bar.scrubber.span_changed.connect(self._count_later.start)

    # Going there

    def toggle(self) -> None:
        """Go to the past, or back to what is live."""
        if self.machine.is_on:
            self.machine.leave()
        else:
            self.machine.enter(now_us() - START_BACK_US)
            self._find_beginning()

    def _find_beginning(self) -> None:
        """Where nothing was kept so long ago, begin halfway to what was first."""
        start_us = self.machine.at_us

        def take(reply: Reply) -> None:
            rows = msgspec.convert(reply.result.get("rows", []), list[JournalRow])
            if rows and rows[0].at_us > start_us == self.machine.at_us:
                self.machine.seek((rows[0].at_us + now_us()) // 2)

        first = RowMark(0, UUID(int=0), 0)
        self._link.request(
            lambda number: QueryTimeline(number, 0, now_us(), None, ("edit_applied",), 1, after=first), take
        )

    def ask_where(self) -> None:
        """Let somebody type a moment, or paste a link to one."""
        if not self.machine.is_on:
            self.toggle()
        self.bar.go.setFocus()
        self.bar.go.selectAll()

    def step_back(self) -> bool:
        """Leave the past; False where one was not there."""
        was_on = self.machine.is_on
        self.machine.leave()
        return was_on

    def go(self, text: str) -> None:
        """Go to a moment that was typed or pasted; what cannot be read is said."""
        if is_link(text):
            self.open_link(text)
            return
        at_us = read_time(text, now_us())
        if at_us is None:
            self._hands.toasts.say(BAD_TIME)
            return
        self.bar.go.clear()
        self.machine.enter(at_us)

    def open_link(self, text: str) -> None:
        """Go where a link leads; what is wrong with it is said."""
        try:
            found = read_link(text)
        except BadLink as error:
            self._hands.toasts.say(f"This link cannot be opened: {error}")
            return
        self.bar.go.clear()
        if found.at_us > now_us():
            self._hands.toasts.say("This link is to a moment that has not come yet")
            return
        self._select_there = found.select
        if found.view is not None:
            self._map.look_at(*found.view)
        self.machine.enter(found.at_us)

    def copy_link(self) -> None:
        """Put a link to what is seen on the clipboard."""
        at_us, selected = self.machine.at_us, self._hands.selected

        def on_report(report: dict[str, object]) -> None:
            center, zoom = cast("tuple[float, float] | None", report.get("center")), report.get("zoom")
            there = (
                not self._map.tools.on_paper
                and center is not None
                and isinstance(zoom, int | float)
                and is_place(*center)
            )
            view = (
                View(*center, float(zoom))
                if there and center is not None and isinstance(zoom, int | float)
                else None
            )
            QGuiApplication.clipboard().setText(link_of(MomentLink(at_us, view, selected)))
            self._hands.toasts.say("Link to this moment copied")

        self._map.report(on_report)

    def mark(self) -> None:
        """Mark this moment for a picture, or take its mark away."""
        at_us = self.machine.at_us
        if at_us in self.marks_us:
            self.marks_us.remove(at_us)
        elif len(self.marks_us) < MARKS_CAP:
            self.marks_us.append(at_us)
        self.bar.scrubber.show_marks(self.marks_us)

    # What is seen

    def _on_entered(self) -> None:
        self._map.show_past(self.machine.at_us, label_of(self.machine.at_us, now_us()), (), {})
        self.bar.show()
        self.turned.emit(True)
        self.bar.scrubber.show_length(self.bar.scrubber.span.to_us - self.bar.scrubber.span.from_us)
        self.bar.scrubber.setFocus()
        self._on_lived()
        self._count_later.start()

    def _on_left(self) -> None:
        self._map.leave_past()
        self._select_there = None
        self.bar.hide()
        self.turned.emit(False)

    def _on_came(self) -> None:
        self._frame()

    def _on_arrived(self) -> None:
        self._frame()
        wanted, self._select_there = self._select_there, None
        inventory = self._model.inventory
        if wanted is not None and (inventory.device(wanted) or inventory.link(wanted)):
            self._hands.select(wanted)

    def _on_lived(self) -> None:
        live = self.machine.live
        if live is None:
            return
        counts = Counter(live.status_of(device.id) for device in live.inventory.devices())
        said = ", ".join(f"{counts[status]:,} {status}" for status in STATUSES if counts[status])
        self.bar.show_live(f"Live now: {said or 'no devices'}", bad=counts["down"] > 0)
        if self.machine.there_us:
            self._frame()

    def _frame(self) -> None:
        machine = self.machine
        notes = []
        if machine.load_source == "hours":
            notes.append(HOURS_NOTE)
        if machine.load_source == "none" and machine.live is not None and is_unheard(machine.live.team):
            notes.append(LOADS_ELSEWHERE)
        if machine.loads_us and abs(machine.loads_us - machine.there_us) >= LOADS_NEAR_US:
            notes.append(f"Load: as of {clock(machine.loads_us, machine.there_us)}")
        if machine.begins_us is None and machine.there_us:
            notes.append(EARLY_NOTE)
        self.bar.show_note(". ".join(notes))
        label = label_of(machine.there_us or machine.at_us, now_us())
        self._map.show_past(machine.there_us or machine.at_us, label, notes, self.ghosts())

    def ghosts(self) -> dict[UUID, str]:
        """Return the status that devices have now, where it is another than at the moment that is shown."""
        live, then = self.machine.live, self._model
        if live is None or not self.machine.there_us:
            return {}
        return {
            device.id: now
            for device in then.inventory.devices()
            if live.inventory.device(device.id) is not None
            and (now := live.status_of(device.id)) != then.status_of(device.id)
        }

    def _count(self) -> None:
        if self._counting or not self.machine.is_on:
            return
        self._counting = True
        span, buckets = self.bar.scrubber.span, self.bar.scrubber.buckets

        def take(reply: Reply) -> None:
            self._counting = False
            if "density" in reply.result:
                self.bar.scrubber.show_density(msgspec.convert(reply.result["density"], Density))
            if self.bar.scrubber.span != span:
                self._count_later.start()

        self._link.request(
            lambda number: QueryDensity(number, max(span.from_us, 0), span.to_us, buckets), take
        )

    # Files

    def _open_export(self) -> None:
        menu = QMenu(self.bar)
        menu.addAction("Picture of this moment…").triggered.connect(
            lambda: self._choose("png", self.save_pictures)
        )
        marked = menu.addAction(
            f"Pictures of {count_of(len(self.marks_us), 'marked moment', 'marked moments')}…"
        )
        marked.setEnabled(bool(self.marks_us))
        marked.triggered.connect(
            lambda: self._choose("png", lambda path: self.save_pictures(path, self.marks_us))
        )
        menu.addAction("Clip of what the line shows…").triggered.connect(
            lambda: self._choose("apng", self.save_clip)
        )
        menu.addAction("List of what happened there…").triggered.connect(
            lambda: self._choose("csv", self.save_list)
        )
        menu.popup(self.bar.export.mapToGlobal(QPoint(0, self.bar.export.height())))
        menu.aboutToHide.connect(menu.deleteLater)

    def _choose(self, ending: str, then: Callable[[Path], None]) -> None:
        dialog = QFileDialog(self.bar, "Export")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending)
        dialog.selectFile(f"Network {stamp_of(self.machine.at_us)}.{ending}")
        dialog.fileSelected.connect(lambda name: then(Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save_pictures(self, path: Path, moments_us: list[int] | None = None) -> None:
        """Save the map as it was at this moment; or at some, each in a file beside `path` that is named by it."""
        if moments_us is None:
            self._shoot([self.machine.at_us], *into_picture(path), "Picture")
        else:
            self._shoot(sorted(moments_us), *into_pictures(path), "Picture")

    def save_clip(self, path: Path, frames: int = FRAMES) -> None:
        """Save what the line shows as a clip, and beside it, once it is whole, what happened there."""
        from_us, to_us = self._shown_span()
        try:
            take, end = into_clip(path)
        except OSError as error:
            self._hands.toasts.say(f"The clip could not be written: {error.strerror or error}")
            return

        def end_with_list(why: str) -> None:
            end(why)
            if not why:
                self._save_list(free_path(path.with_suffix(".csv")), from_us, to_us)

        self._shoot(clip_moments(from_us, to_us, frames), take, end_with_list, "Frame")

    def save_list(self, path: Path) -> None:
        """Save what happened in what the line shows, as a table."""
        self._save_list(path, *self._shown_span())

    def _save_list(self, path: Path, from_us: int, to_us: int) -> None:
        gather_events(self._link, from_us, to_us, lambda rows: self._write(path, list_of(self._model, rows)))

    def _shown_span(self) -> tuple[int, int]:
        from_us, to_us = self.bar.scrubber.span
        return max(from_us, 0), min(to_us, now_us())

    def _write(self, path: Path, text: str) -> None:
        try:
            write_table(path, text)
        except OSError as error:
            self._hands.toasts.say(f"The list could not be written: {error.strerror or error}")
        else:
            self._hands.toasts.say(f"{path.name} saved")

    def _shoot(
        self,
        moments_us: list[int],
        take: Callable[[int, QImage], None],
        end: Callable[[str], None],
        what: str,
    ) -> None:
        if self.shooting is not None:
            return
        screen = cast("QWidget", self._map)
        shooting = Shooting(self.machine, self._map, moments_us, take, lambda: screen.grab().toImage(), self)
        shooting.progressed.connect(
            lambda done, of: self.bar.show_progress(f"{what} {min(done + 1, of)} of {of}")
        )
        shooting.ended.connect(lambda why: self._on_shot(why, end))
        self.shooting = shooting
        shooting.start()

    def _on_shot(self, why: str, end: Callable[[str], None]) -> None:
        shooting, self.shooting = self.shooting, None
        if shooting is not None:
            shooting.deleteLater()
        self.bar.show_progress("")
        try:
            end(why)
        except OSError as error:
            why = error.strerror or str(error)
        said = f"Saved at {clock(now_us(), now_us())}" if not why else f"Nothing was saved: {why}"
        self._hands.toasts.say(said)
