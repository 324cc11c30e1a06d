"""The device panel: who it is, how it is and why, what can be done, what is known. Counterpart: `Model`; actions are commands.

One rule: a reason is told with its evidence: what does not answer, what still does, and when the last answer came.
"""

from __future__ import annotations

from uuid import UUID

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.access.ways import Ways
from app.look import Look
from app.model import Delta, Model
from app.panels.alert_words import Why, why
from app.panels.device_body import DeviceBody
from app.panels.graph_place import Watches
from app.panels.subject import SubjectPanel, Told
from app.panels.tabs import Tabs
from app.panels.text import Label, button
from app.trust import Shown, untrusted
from app.words import age_of, capitalized, clock, sentence, where
from domain.health import Health
from domain.inventory import Device, probe_names, probe_word

UNTRUSTED = "untrusted"


def reason_of(status: str, device: Device, health: Health | None, now_us: int) -> str:
    """Return why a device is not well, with its evidence; nothing where it is."""
    if health is None or status == "maintenance" or (status == "up" and not untrusted(device, health)):
        return ""
    told: dict[str, list[str]] = {}
    silent, answering = [], []
    for name in probe_names(device):
        state = health.probes.get(name)
        if (
            state is not None
            and state.failure is not None
            and (state.failed or state.failure.kind == UNTRUSTED)
        ):
            if state.failure.kind == "no_answer":
                silent.append(probe_word(name))
            else:
                told.setdefault(state.failure.message, []).append(probe_word(name))
        elif state is not None and state.answering:
            answering.append(probe_word(name))
    sentences = [f"No answer to {_listed(silent)}."] if silent else []
    sentences += [f"{_listed(words)}: {message}." for message, words in told.items()]
    if not sentences and health.reason:
        sentences = [f"{capitalized(health.reason)}."]
    if answering and (silent or told):
        sentences.append(f"{_listed(answering)} still {'answers' if len(answering) == 1 else 'answer'}.")
    last = health.last_answer_us
    if last and not answering:
        sentences.append(f"The last answer came at {clock(last, now_us)}, {age_of(last, now_us)} ago.")
    return " ".join(sentences)


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


class SecondWay(QWidget):
    """A quiet line under the sentence: that it hangs on one way since, and the way to what is to blame."""

    def __init__(self) -> None:
        super().__init__()
        self.words = Label("", "small", wrap=True)
        self.verb = button("Show", "link")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.words, 1)
        row.addWidget(self.verb, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def show_words(self, words: str) -> None:
        """Say it, or be gone where there is nothing to say."""
        self.words.setText(words)
        self.setVisible(bool(words))


class DevicePanel(SubjectPanel):
    """One device: overview, interfaces, graphs, what else it tells of, journal."""

    probe_wanted = Signal(object)
    trust_asked = Signal(object, str)
    """Somebody wants to look at what a probe is shown: the device's id and the probe's name."""
    device_chosen = Signal(object)
    """Another device was chosen, such as a neighbour, or what is to blame: a device or a link."""

    def __init__(self, model: Model, link: Watches, look: Look, parent: QWidget | None = None) -> None:
        self.probe = button("Poll now")
        super().__init__(model, look, self.probe, parent)
        self.changing = [self.probe]
        self.trust = button("", "link", self)
        self.trust.clicked.connect(self._on_trust)
        self.add_to_reason(self.trust)
        self.to_cause = button("Show the cause", "link", self)
        self.to_cause.clicked.connect(self._on_cause)
        self.add_to_reason(self.to_cause)
        self.second_way = SecondWay()
        self.second_way.verb.clicked.connect(self._on_cause)
        self._head.insertWidget(self._head.indexOf(self.sentence) + 1, self.second_way)
        self._why = Why()
        self.tabs = Tabs()
        self.ways = Ways(model)
        self._head.addWidget(self.ways)
        self.end_head(self.tabs)
        self.body = DeviceBody(model, link, look)
        self.below.addWidget(self.body, 1)
        self.probe.clicked.connect(lambda: self.probe_wanted.emit(self.subject))
        self.tabs.chosen.connect(self.body.show_page)
        self.tabs.add_keys(self)
        self.body.all_wanted.connect(self.show_tab)
        self.body.device_chosen.connect(self.device_chosen)
        self._untrusted: list[Shown] = []
        model.changed.connect(self._on_changed)
        look.changed.connect(self._refresh)

    def show_device(self, id: UUID) -> None:
        """Show a device."""
        self.subject = id
        self._refresh()

    def show_tab(self, key: str) -> None:
        """Show what is under a tab."""
        self.tabs.choose(key)
        self.body.show_page(key)

    def tick(self) -> None:
        """Show ages as of now."""
        if self.isVisible():
            self._refresh()
            self.body.tick()

    def _on_changed(self, delta: Delta) -> None:
        id = self.subject
        if id is None or not self.isVisible():
            return
        if (
            delta.inventory
            or delta.team
            or delta.tunnels
            or delta.alerts
            or delta.faults
            or id in delta.health | delta.facts | delta.values
            or delta.link_states
        ):
            self._refresh()

    def _refresh(self) -> None:
        device = self._model.inventory.device(self.subject) if self.subject is not None else None
        if device is None:
            return
        now = self._model.now_us()
        status, health = self._model.status_of(device.id), self._model.health.get(device.id)
        self._why = told = why(self._model, device, status, now)
        said = told.sentence or sentence(status, self._model.since_us_of(device.id), now)
        if (live := self._live_status(device.id)) not in ("", status):
            said = f"{said}; now {live}"
        own = reason_of(status, device, health, now) if status != "affected" else ""
        reason = " ".join(filter(None, (told.reason, own)))
        self.show_head(Told(self._crumb(device), device.name, status, said, reason))
        self.to_cause.setVisible(told.cause is not None and not told.quiet)
        self.second_way.show_words(told.quiet)
        self._untrusted = untrusted(device, health)
        self.trust.setVisible(bool(self._untrusted))
        if self._untrusted:
            first = self._untrusted[0]
            of = f" of {probe_word(first.name)}" if len(self._untrusted) > 1 else ""
            self.trust.setText(f"Trust this {first.what}{of}…")
        self.ways.show_device(device)
        self.body.read(device.id)
        self.tabs.show_tabs(self.body.tabs())
        if self.tabs.current != self.body.current:
            self.body.show_page(self.tabs.current)
        self.body.show_device(device, status)

    def _live_status(self, device: UUID) -> str:
        """Return how a device is now while the past is shown; empty where it is not there any more, or nothing is past."""
        today = self._model.today
        if today is None or today.inventory.device(device) is None:
            return ""
        return today.status_of(device)

    def _on_trust(self) -> None:
        if self.subject is not None and self._untrusted:
            self.trust_asked.emit(self.subject, self._untrusted[0].name)

    def _on_cause(self) -> None:
        if self._why.cause is not None:
            self.device_chosen.emit(self._why.cause)

    def _crumb(self, device: Device) -> str:
        site = self._model.inventory.site(device.site)
        parts = [where(self._model.inventory, device) or "No site"]
        if site is not None and site.elevation_m is not None:
            parts.append(f"{site.elevation_m:,.0f} m")
        return ", ".join(parts)
