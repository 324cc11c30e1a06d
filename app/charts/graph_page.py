"""The graph with everything: all ranges, comparison, figures, files. Counterpart: `device_graph.py`, the small one.

Curves of one unit go in one plot: other interfaces, other sensors, the same number of another device. One rule: another
device that is drawn is watched for as long as it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QToolButton, QVBoxLayout

from app.charts.choice import Choice, choice_of
from app.charts.curves import Wanted
from app.charts.device_graph import RANGES, DeviceGraph
from app.charts.export import as_csv, picture_of, write_csv, write_png
from app.charts.inks import CURVES_CAP
from app.charts.legend import LegendTable, Said
from app.draft import now_us
from app.panels.finder import Entry
from app.panels.picker import Picker, grouped, matches
from app.panels.text import LineLabel
from app.words import clock, where
from domain.inventory import Device, probe_names

PLOT_PX = 232
DEVICES_OFFERED = 60
_PROBED = frozenset({"rtt_ms", "loss_pct", "jitter_ms", "answer_ms", "http_status", "certificate_left_s"})


class GraphPage(DeviceGraph):
    """A graph to work with."""

    def offered_ranges(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(RANGES)

    def lay_out(self, layout: QVBoxLayout) -> None:
        """Make what only this one has, and put the parts below each other."""
        self._others: list[tuple[UUID, Choice]] = []
        self.dialog: QFileDialog | None = None
        self.table = LegendTable(self._look)
        self.table.taken_away.connect(self._take_away)
        self.note = LineLabel("", "small", prose=True)
        self.note.hide()
        self.add, self.save = _tool("Compare with"), _tool("Save as")
        self.add.clicked.connect(self._open_comparison)
        self.save.clicked.connect(self._open_save_menu)
        self._look.changed.connect(self._dress)
        self._dress()
        top = QHBoxLayout()
        top.setSpacing(2)
        top.addWidget(self.what, 1)
        top.addWidget(self.add)
        top.addWidget(self.save)
        ranges = QHBoxLayout()
        ranges.addWidget(self.ranges)
        ranges.addStretch(1)
        self.plot.setFixedHeight(PLOT_PX)
        layout.addLayout(top)
        layout.addLayout(ranges)
        layout.addSpacing(4)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self.table)
        layout.addWidget(self.note)

    def show_device(self, device: UUID, choices: list[Choice]) -> None:
        """Begin anew with another device."""
        if device != self._device:
            self._others.clear()
            self.note.hide()
        super().show_device(device, choices)
        self.watch()

    def wanted(self) -> list[Wanted]:
        """What was chosen, and what it is compared with; each says of what it is where there are several."""
        own = super().wanted()
        if not self._others or self.current is None or self._device is None:
            return own
        drawn = [(self._device, self.current), *self._others]
        devices = len({device for device, _ in drawn}) > 1
        return [
            Wanted(device, metric, instance, self._name_of(device, instance, name, with_device=devices))
            for device, choice in drawn
            for metric, instance, name in choice.curves
        ][:CURVES_CAP]

    def load(self) -> None:
        """Ask for what is to be drawn; what no longer goes with it is taken away."""
        unit = self.current.unit if self.current else ""
        self._others = [
            (device, choice)
            for device, choice in self._others
            if choice.unit == unit and (device != self._device or choice != self.current)
        ]
        super().load()
        self.watch()

    def watch(self) -> None:
        """Have the engine tell of every device that is drawn."""
        if self._device is not None:
            self._link.watch(list(dict.fromkeys([self._device, *(device for device, _ in self._others)])))

    def compare(self, device: UUID, choice: Choice) -> None:
        """Draw something beside what is drawn."""
        if (device, choice) not in self._others and len(self.wanted()) + len(choice.curves) <= CURVES_CAP:
            self._others.append((device, choice))
            self.load()

    def show_legend(self) -> None:
        """Tell what is under the pointer in the line above, all of it in the table."""
        at_s = self._hover_at_s()
        self.plot.point_at(at_s)
        self.legend.show_curves(self.headline(at_s), [])
        self.table.show_curves(
            self._rows(at_s), "Then" if at_s is not None or self._model.moment_us is not None else "Now"
        )
        self.add.setEnabled(len(self.curves.wanted) < CURVES_CAP)

    def csv(self) -> str:
        """Return the numbers of the shown range."""
        to_s = self._model.now_us() / 1e6
        unit = self.current.unit if self.current else ""
        return as_csv(self.plot.curves, unit, to_s - self.plot.range_s, to_s)

    def save_to(self, path: Path, write: Callable[[Path], None]) -> None:
        """Write a file and say how it went."""
        try:
            write(path)
        except OSError as error:
            self.note.setText(f"Not saved: {error.strerror or error}")
        else:
            self.note.setText(f"Saved as {path.name}")
        self.note.show()

    def _rows(self, at_s: float | None) -> list[Said]:
        to_s, rows = self._model.now_us() / 1e6, []
        own = len(self.current.curves) if self.current else 0
        for number, curve in enumerate(self.plot.curves):
            stats = curve.series.stats(to_s - self.plot.range_s, to_s)
            figures = (stats.low, stats.mean, stats.high, stats.high_95) if stats else ()
            said = tuple(self.said_value(value) for value in figures)
            rows.append(
                Said(curve.name or self._own_name(), self._value_at(number, at_s), said, number >= own)
            )
        return rows

    def _own_name(self) -> str:
        """What a lone curve is called: of what it is, as the title says the rest."""
        return (self.current.curves[0][1] or self.current.title) if self.current else ""

    def _name_of(self, device: UUID, instance: str, name: str, *, with_device: bool) -> str:
        found = self._model.inventory.device(device) if with_device else None
        return " ".join(part for part in (found.name if found else "", instance, name) if part)

    def _take_away(self, number: int) -> None:
        gone = self.curves.wanted[number][:3]
        self._others = [
            (device, choice)
            for device, choice in self._others
            if not any((device, metric, instance) == gone for metric, instance, _ in choice.curves)
        ]
        self.load()

    # What it can be compared with

    def _open_comparison(self) -> None:
        self._drop(lambda text: grouped(self._comparisons(text)), "Search interfaces, sensors, devices")

    def _drop(self, offer: Callable[[str], list[Entry]], hint: str) -> None:
        Picker(self._look, offer, hint, self).drop_under(self.what)

    def _comparisons(self, text: str) -> Iterator[tuple[str, Entry]]:
        """Go over what else has the unit: of this device first, then other devices that can tell the same."""
        now = self.current
        if now is None or self._device is None:
            return
        drawn = {(device, choice.curves) for device, choice in self._others}
        for choice in self._choices:
            fits = choice.unit == now.unit and choice is not now and matches(text, choice.title)
            if fits and (self._device, choice.curves) not in drawn:
                take = lambda c=choice: self.compare(self._device, c)  # noqa: E731
                yield "This device", Entry(choice.title, take)
        count = 0
        for device in self._model.inventory.devices():
            if device.id != self._device and matches(text, device.name, device.address):
                count += 1
                if count > DEVICES_OFFERED:
                    yield "Other devices", Entry("More: type to search")
                    return
                take = lambda d=device: self._compare_device(d)  # noqa: E731
                yield "Other devices", Entry(device.name, take, where(self._model.inventory, device))

    def _compare_device(self, device: Device) -> None:
        """Compare with another device: at once where there is one such number, else with the one that is picked."""
        if self.current is None:
            return
        metric, instance, _ = self.current.curves[0]
        instances = self._instances(device, metric, instance)
        if len(instances) == 1:
            self.compare(device.id, choice_of(metric, instances[0]))
            return

        def offer(text: str) -> list[Entry]:
            made = (
                (device.name, Entry(name, lambda n=name: self.compare(device.id, choice_of(metric, n))))  # type: ignore[misc]
                for name in instances
                if matches(text, name)
            )
            return grouped(made)

        self._drop(offer, f"Search {device.name}")

    def _instances(self, device: Device, metric: str, instance: str) -> list[str]:
        """Return of what a device has such a number; of a device that was never watched, its interfaces and probes say so."""
        if not instance:
            return [""]
        heard = {i for m, i in self._model.samples.get(device.id, {}) if m == metric}
        if metric in _PROBED:
            heard |= set(probe_names(device))
        else:
            facts = self._model.facts.get(device.id, {})
            heard |= {field.partition("/")[2] for field, _ in facts if field.startswith("interface/")}
        return sorted(heard, key=lambda name: (name != instance, name.casefold())) or [instance]

    # Files

    def _open_save_menu(self) -> None:
        menu = QMenu(self)
        menu.addAction("Picture (PNG)…", lambda: self._ask_where("png"))
        menu.addAction("Numbers (CSV)…", lambda: self._ask_where("csv"))
        menu.popup(self.save.mapToGlobal(self.save.rect().bottomLeft()))
        menu.aboutToHide.connect(menu.deleteLater)

    def _ask_where(self, ending: str) -> None:
        found = self._model.inventory.device(self._device) if self._device else None
        title = self.current.title if self.current else ""
        name = "".join(
            c if c.isalnum() or c in " ,-" else "_" for c in f"{found.name if found else ''} {title}"
        )
        dialog = QFileDialog(self, "Save the graph" if ending == "png" else "Save the numbers")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("Pictures (*.png)" if ending == "png" else "Tables (*.csv)")
        dialog.setDefaultSuffix(ending)
        dialog.selectFile(f"{name.strip()}, {clock(now_us(), 0).replace(':', '')}.{ending}")
        made = self._writer(ending)
        dialog.fileSelected.connect(lambda path: self.save_to(Path(path), made))
        dialog.finished.connect(dialog.deleteLater)
        self.dialog = dialog
        dialog.destroyed.connect(self._forget_dialog)
        dialog.open()

    def _forget_dialog(self) -> None:
        self.dialog = None

    def _writer(self, ending: str) -> Callable[[Path], None]:
        """Return what writes the file: of what is shown now, not of what is when a place was found for it."""
        if ending == "png":
            image = picture_of(
                [self.legend, self.plot, self.table], self.what, self._look.theme.surface.panel
            )
            return lambda path: write_png(path, image)
        text = self.csv()
        return lambda path: write_csv(path, text)

    def _dress(self) -> None:
        self.add.setIcon(self._look.icon("plus", size_px=16))
        self.save.setIcon(self._look.icon("download", size_px=16))


def _tool(story: str) -> QToolButton:
    made = QToolButton()
    made.setProperty("kind", "bare")
    made.setToolTip(story)
    made.setAccessibleName(story)
    made.setIconSize(QSize(16, 16))
    return made
