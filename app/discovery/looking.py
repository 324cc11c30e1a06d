"""The forms that begin to look: a sweep of ranges, a walk of neighbours. Counterpart: `domain/discovering.py` says what is wrong.

One rule: how much is asked for, and how long that takes, stands under the ranges while they are typed.
"""

from __future__ import annotations

import ipaddress
import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import cast
from uuid import UUID

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget
from shiboken6 import isValid

from app.commands import Asks, Commands
from app.dialogs.chips import Chips, Offer, order_keys
from app.dialogs.fields import Field
from app.dialogs.form import Form
from app.discovery.asking import AskingInputs, usual_credentials
from app.look import Look
from app.model import Model
from app.panels.picker import matches
from app.panels.text import Label
from app.panels.text_box import TextBox
from app.words import age, count_of, isolated, where
from domain.discovering import (
    ADDRESSES_PER_OPERATION,
    Asking,
    SweepSettings,
    WalkSettings,
    count_addresses,
    read_spans,
    sweep_refusals,
    walk_refusals,
)
from domain.errors import Refusal
from domain.inventory import Device, Inventory
from domain.receiving import plain_address
from domain.searching import StartSweep, StartWalk
from domain.wire import Reply, ToEngine

WIDTH_PX = 560
RANGES_PX = 62
RANGES_CHARS = 8_000
NETS_AT_FIRST = 8
SEEDS_AT_FIRST = 5
JUDGED_MS = 600
"""So long after the last key it is said what is wrong with ranges."""
NOTHING_SILENT = "Nothing is added by itself: what is found waits for you."


def usual_ranges(inventory: Inventory) -> str:
    """Return where one would look first: the /24s in which devices are, the fullest first."""
    nets: Counter[ipaddress.IPv4Network] = Counter()
    for device in inventory.devices():
        address = plain_address(device.address)
        if address and ":" not in address:
            nets[ipaddress.ip_network((address, 24), strict=False)] += 1  # type: ignore[index]
    return ", ".join(str(net) for net, _ in nets.most_common(NETS_AT_FIRST))


def usual_seeds(inventory: Inventory) -> list[Device]:
    """Return where neighbours are followed from if nobody says: where the network is entered, else its POPs."""
    devices = list(inventory.devices())
    seeds = [device for device in devices if device.is_entry]
    seeds = seeds or [device for device in devices if device.role == "pop"] or devices[:1]
    return seeds[:SEEDS_AT_FIRST]


def count_words(text: str, rate_per_s: float | None) -> str:
    """Return how much ranges are and how long that takes; "" where they cannot be read."""
    spans, wrong = read_spans(text)
    count = count_addresses(spans)
    if wrong or not count:
        return ""
    said = count_of(count, "address", "addresses")
    if count > ADDRESSES_PER_OPERATION:
        return f"{said}, at most {ADDRESSES_PER_OPERATION:,} go in one sweep"
    if rate_per_s is None or rate_per_s <= 0:
        return said
    return f"{said}, about {age(max(1, math.ceil(count / rate_per_s)))} at {rate_per_s:g}/s"


class LookingForm(Form):
    """What both have: how it is asked, refusals before it is sent, the one answer."""

    def __init__(  # noqa: PLR0917
        self,
        title: str,
        model: Model,
        asks: Asks,
        commands: Commands,
        look: Look,
        asking: Asking | None,
        parent: QWidget | None,
    ) -> None:
        super().__init__(title, "Start", parent, width_px=WIDTH_PX, hint=NOTHING_SILENT)
        self._model, self._asks = model, asks
        start = asking or Asking(usual_credentials(model.inventory))
        self.asking = AskingInputs(model, commands, look, self.fields, start)
        self.asking.arranged.connect(self.arrange)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(JUDGED_MS)

    @property
    @abstractmethod
    def keyed(self) -> list[QWidget]:
        """What takes the keyboard before the logins, in the order in which it is seen."""

    @abstractmethod
    def message(self, bad: list[Refusal]) -> Callable[[int], ToEngine]:
        """Return what is sent; `bad` gets what cannot be read or is refused."""

    def arrange(self) -> None:
        """Be as high as what is in it, and let Tab go through it as it is seen."""
        order_keys((*self.keyed, *self.asking.keyed, self.cancel_button, self.submit_button))
        self.fit_soon()

    def submit(self) -> None:
        """Begin, if nothing is wrong with what was typed."""
        if not self.submit_button.isEnabled():
            return
        self._typing.stop()
        self.fields.clear()
        bad: list[Refusal] = []
        message = self.message(bad)
        if bad:
            self.refuse(bad)
            return
        self.begin()
        self._asks.request(message, self._on_reply)

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Show refusals at their fields, those that were hidden too."""
        self.asking.show_refused(refusals)
        super().refuse(refusals)

    def _on_reply(self, reply: Reply) -> None:
        if isValid(self):
            self.on_answer(reply.refusals)


class SweepForm(LookingForm):
    """Ranges, and how their addresses are asked."""

    def __init__(  # noqa: PLR0917
        self,
        model: Model,
        asks: Asks,
        commands: Commands,
        look: Look,
        start: SweepSettings | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            "Sweep addresses", model, asks, commands, look, start.asking if start else None, parent
        )
        self.settings = start
        self.ranges = TextBox(start.ranges if start else usual_ranges(model.inventory))
        self.ranges.setTabChangesFocus(True)
        self.ranges.setFixedHeight(RANGES_PX)
        self.ranges.setPlaceholderText("10.0.0.0/24, 10.0.1.1-10.0.1.40, 10.0.2.7")
        self.count = Label("", "small", wrap=True)
        self.body.addWidget(self.fields.add("ranges", "Ranges of addresses", self.ranges))
        self.body.addWidget(self.count)
        self.body.addWidget(self.asking)
        self.body.addStretch(1)
        self.ranges.textChanged.connect(self._tell)
        self.ranges.textChanged.connect(self._typing.start)
        self._typing.timeout.connect(self._judge)
        self.asking.changed.connect(self._tell)
        self._tell()
        self.arrange()
        self.ranges.setFocus()
        self.ranges.selectAll()

    @property
    def keyed(self) -> list[QWidget]:
        """What takes the keyboard before the logins."""
        return [self.ranges]

    def message(self, bad: list[Refusal]) -> Callable[[int], ToEngine]:
        """Return the wish to begin."""
        asking = self.asking.asking(bad)
        settings = SweepSettings(self.ranges.toPlainText()[:RANGES_CHARS], asking)
        if not bad:
            bad += sweep_refusals(self._model.inventory, settings)
        self.settings = settings
        return lambda number: StartSweep(number, settings)

    def _tell(self) -> None:
        said = count_words(self.ranges.toPlainText()[:RANGES_CHARS], self.asking.rate_per_s())
        self.count.setText(said)
        self.count.setVisible(bool(said))

    def _judge(self) -> None:
        settings = SweepSettings(self.ranges.toPlainText()[:RANGES_CHARS])
        wrong = [
            said for said in sweep_refusals(self._model.inventory, settings) if said.code == "INVALID_INPUT"
        ]
        show_wrong(self.fields.by_name["ranges"], wrong)
        self.fit_soon()


class WalkForm(LookingForm):
    """Where it begins, how far it goes, and how addresses are asked."""

    def __init__(  # noqa: PLR0917
        self,
        model: Model,
        asks: Asks,
        commands: Commands,
        look: Look,
        start: WalkSettings | None = None,
        devices: Iterable[UUID] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            "Follow neighbours", model, asks, commands, look, start.asking if start else None, parent
        )
        self.settings = start
        inventory = model.inventory
        old = start or WalkSettings()
        seeds = [device for id in devices or old.devices if (device := inventory.device(id)) is not None]
        if not seeds and not old.addresses:
            seeds = usual_seeds(inventory)
        self.devices = Chips(look, "Add…", "Search devices", self._offers, "None")
        self.devices.choose((device.id, isolated(device.name)) for device in seeds)
        self.addresses = QLineEdit(", ".join(old.addresses))
        self.addresses.setPlaceholderText("None")
        self.addresses.setMaxLength(RANGES_CHARS)
        self.within = QLineEdit(old.within)
        self.within.setPlaceholderText("Private addresses only")
        self.within.setMaxLength(RANGES_CHARS)
        self.steps, self.most = QLineEdit(str(old.depth)), QLineEdit(str(old.most))
        for line in (self.steps, self.most):
            line.setMaxLength(8)
        from_devices: Field = self.fields.add("devices", "From these devices", self.devices)
        self.devices.changed.connect(from_devices.accept)
        self.devices.arranged.connect(self.arrange)
        self.body.addWidget(from_devices)
        self.body.addWidget(self.fields.add("addresses", "And from these addresses", self.addresses))
        self.body.addWidget(self.fields.add("within", "Only within these ranges", self.within))
        limits = QHBoxLayout()
        limits.setSpacing(12)
        limits.addWidget(self.fields.add("depth", "Steps from where it begins", self.steps))
        limits.addWidget(self.fields.add("most", "Addresses asked at most", self.most))
        self.body.addLayout(limits)
        self.body.addWidget(self.asking)
        self.body.addStretch(1)
        self.within.textChanged.connect(lambda _: self._typing.start())
        self._typing.timeout.connect(self._judge)
        self.arrange()
        self.devices.setFocus()

    @property
    def keyed(self) -> list[QWidget]:
        """What takes the keyboard before the logins."""
        return [*self.devices.keyed, self.addresses, self.within, self.steps, self.most]

    def message(self, bad: list[Refusal]) -> Callable[[int], ToEngine]:
        """Return the wish to begin."""
        settings = WalkSettings(
            cast("tuple[UUID, ...]", tuple(self.devices.keys)),
            tuple(dict.fromkeys(self.addresses.text().replace(",", " ").replace(";", " ").split())),
            self.within.text().strip(),
            _whole(self.steps, "depth", bad),
            _whole(self.most, "most", bad),
            self.asking.asking(bad),
        )
        if not bad:
            bad += walk_refusals(self._model.inventory, settings)
        self.settings = settings
        return lambda number: StartWalk(number, settings)

    def _judge(self) -> None:
        show_wrong(self.fields.by_name["within"], read_spans(self.within.text())[1])
        self.fit_soon()

    def _offers(self, text: str) -> Iterator[Offer]:
        inventory = self._model.inventory
        for device in sorted(inventory.devices(), key=lambda device: device.name.casefold()):
            place = where(inventory, device)
            if matches(text, device.name, device.address, place):
                key: Hashable = device.id
                yield Offer(key, "", device.name, isolated(device.name), device.address)


def show_wrong(field: Field, wrong: Sequence[Refusal]) -> None:
    """Show at a field what is wrong with what is typed in it so far."""
    field.accept()
    if wrong:
        field.refuse(wrong[0].message)


def _whole(line: QLineEdit, field: str, bad: list[Refusal]) -> int:
    text = line.text().strip()
    if text.isdecimal():
        return int(text)
    bad.append(Refusal("INVALID_INPUT", f"a number expected, got “{text}”", field))
    return 0
