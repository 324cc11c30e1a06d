"""What stands under the map in the past: when it is, how one goes, and the line of time. Counterpart: `desk.py` does it.

One rule: what is live now is always said here, in words, whatever the moment shows.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from app.draft import now_us
from app.look import Look
from app.panels.segments import Segments
from app.panels.text import LineLabel, button, set_property
from app.past.machine import SPEEDS, STEPS, TimeMachine
from app.past.scrubber import HOUR_US, Scrubber
from app.past.share import LINK_CAP
from app.past.words import TYPED_CAP, label_of

SPANS = {"1 h": HOUR_US, "12 h": 12 * HOUR_US, "7 d": 168 * HOUR_US, "90 d": 2160 * HOUR_US}
STEP_WORDS = {"all": "All events", "faults": "Faults", "edits": "Edits", "people": "People"}
SPEED_OF_START = "60x"
GO_PX = 164


class PastBar(QFrame):
    """Buttons and the scrubber; what they mean is told by signals."""

    back_wanted = Signal()
    link_wanted = Signal()
    marked = Signal()
    export_wanted = Signal()
    typed = Signal(str)
    stop_wanted = Signal()
    """The export is to be left."""

    def __init__(self, machine: TimeMachine, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "panel")
        self._machine, self._look = machine, look
        self.label = LineLabel("", "head", prose=True)
        self.note = LineLabel("", "small", prose=True)
        self.note.hide()
        self.live = LineLabel("", "small", prose=True)
        self.go = QLineEdit()
        self.go.setPlaceholderText("Go to: 22:14, -2h")
        self.go.setFixedWidth(GO_PX)
        self.go.setMaxLength(max(TYPED_CAP, LINK_CAP) + 1)
        self.go.setAccessibleName("Go to a moment")
        self.go.returnPressed.connect(lambda: self.typed.emit(self.go.text()))
        self.back = button("Back to live", "primary")
        self.back.setToolTip("Esc")
        self.link, self.mark, self.export = button("Copy link"), button("Mark"), button("Export")
        self.mark.setToolTip("Mark this moment for pictures, or take its mark away")
        self.previous, self.play, self.next = (
            self._tool(said) for said in ("Previous event (Left)", "Play (Space)", "Next event (Right)")
        )
        self.speeds = Segments({key: key for key in SPEEDS}, small=True)
        self.steps = Segments(STEP_WORDS, small=True)
        self.spans = Segments({key: key for key in SPANS}, small=True)
        self.speeds.choose(SPEED_OF_START)
        self.spans.choose("1 h")
        self.scrubber = Scrubber(look)
        self._work = QWidget()
        self._progress = LineLabel("", "small")
        stop = button("Cancel")
        stop.clicked.connect(self.stop_wanted)
        work = QHBoxLayout(self._work)
        work.setContentsMargins(0, 0, 0, 0)
        work.addWidget(self._progress, 1)
        work.addWidget(stop)
        self._work.hide()
        self._lay_out()
        self._connect()
        self._dress()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of rows that count as the next event."""
        return STEPS[self.steps.current]

    def show_progress(self, text: str) -> None:
        """Say how far an export is; nothing ends it."""
        self._progress.setText(text)
        self._work.setVisible(bool(text))
        self.export.setEnabled(not text)

    def show_live(self, text: str, *, bad: bool) -> None:
        """Say what is now."""
        self.live.setText(text)
        self.live.set_ink(self._look.theme.status_text["down"] if bad else self._look.theme.text.quiet)

    def show_note(self, text: str) -> None:
        """Say what is not as it was; without that, what is live has the room."""
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def refresh(self) -> None:
        """Show where the machine is."""
        machine = self._machine
        if not machine.is_on:
            return
        self.label.setText(label_of(machine.at_us, now_us()))
        self.scrubber.show_moment(machine.at_us, machine.there_us)
        icon = "pause" if machine.is_playing else "play"
        self.play.setIcon(self._look.icon(icon, self._look.theme.accent.ink))
        self.play.setToolTip("Pause (Space)" if machine.is_playing else "Play (Space)")

    def _tool(self, story: str) -> QToolButton:
        made = QToolButton(self)
        set_property(made, "kind", "bare")
        made.setToolTip(story)
        made.setAccessibleName(story)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return made

    def _connect(self) -> None:
        machine, scrubber = self._machine, self.scrubber
        for plain, signal in (
            (self.back, self.back_wanted),
            (self.link, self.link_wanted),
            (self.mark, self.marked),
            (self.export, self.export_wanted),
        ):
            plain.clicked.connect(signal)
        self.play.clicked.connect(self._toggle)
        self.previous.clicked.connect(lambda: machine.step(self.kinds, forward=False))
        self.next.clicked.connect(lambda: machine.step(self.kinds, forward=True))
        self.speeds.chosen.connect(lambda key: machine.set_speed(SPEEDS[key]))
        self.spans.chosen.connect(lambda key: scrubber.show_length(SPANS[key]))
        scrubber.toggled.connect(self._toggle)
        scrubber.stepped.connect(lambda forward: machine.step(self.kinds, forward=forward))
        scrubber.sought.connect(self._on_sought)
        machine.moving.connect(self.refresh)
        machine.came.connect(self.refresh)
        self._look.changed.connect(self._dress)

    def _toggle(self) -> None:
        if self._machine.is_playing:
            self._machine.pause()
        else:
            self._machine.play()

    def _on_sought(self, at_us: int) -> None:
        self._machine.pause()
        self._machine.seek(at_us)

    def _dress(self) -> None:
        set_property(self.play, "kind", "go")
        self.previous.setIcon(self._look.icon("skip-back"))
        self.next.setIcon(self._look.icon("skip-forward"))
        self.refresh()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.label)
        below = QHBoxLayout()
        below.setSpacing(12)
        below.addWidget(self.live, 2)
        below.addWidget(self.note, 3)
        words.addLayout(below)
        top.addLayout(words, 1)
        for part in (self.go, self.link, self.mark, self.export, self.back):
            top.addWidget(part)
        ways = QHBoxLayout()
        ways.setSpacing(6)
        for tool in (self.previous, self.play, self.next):
            ways.addWidget(tool)
        ways.addSpacing(6)
        middle = Qt.AlignmentFlag.AlignVCenter
        ways.addWidget(self.speeds, 0, middle)
        ways.addSpacing(6)
        ways.addWidget(self.steps, 0, middle)
        ways.addStretch(1)
        ways.addWidget(self._work)
        ways.addWidget(self.spans, 0, middle)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 8, 12, 4)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addLayout(ways)
        layout.addWidget(self.scrubber)
