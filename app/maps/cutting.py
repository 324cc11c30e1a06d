"""The form that cuts an area out of a map. Counterpart: `domain/maps.py`, `MeasureCut` and `CutMap`.

One rule: how large it will be stands in the form before anything is written, and it is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox, QWidget
from shiboken6 import isValid

from app.commands import Asks
from app.dialogs.form import Form, two_columns
from app.maps.words import bounds_words, boxes_around, cut_words
from app.panels.text import Label
from app.words import capitalized, count_of
from domain.geometry import LngLat
from domain.maps import BOXES_CAP, Box, CutMap, CutSettings, CutSize, MapFile, MeasureCut
from domain.wire import Reply

VIEW, DRAWN, SITES = range(3)
ASKED_AFTER_MS = 400
KM_MOST = 500


class CutForm(Form):
    """Which area, which zooms, what it is called. `draw` lets a box be drawn and calls back with it, or None."""

    def __init__(
        self,
        asks: Asks,
        source: MapFile,
        view: Box | None,
        places: Sequence[LngLat],
        *,
        draw: Callable[[Callable[[Box | None], None]], None],
        show: Callable[[Sequence[Box]], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(f"Cut an area out of {source.name}", "Cut", parent, width_px=520)
        self._asks, self._source, self._places, self._draw, self._show_areas = (
            asks,
            source,
            places,
            draw,
            show,
        )
        self._view = view
        self._drawn: Box | None = None
        self._asked = 0
        self.name = QLineEdit(f"{source.name}, a part")
        self.name.setMaxLength(80)
        self.area = QComboBox()
        around = f"Around {count_of(len(places), 'place', 'places')} of the network"
        self.area.addItems(["What the map shows now", "A box that I draw on the map…", around])
        self.km, self.least, self.most = QSpinBox(), QSpinBox(), QSpinBox()
        self.km.setRange(1, KM_MOST)
        self.km.setValue(20)
        self.km.setSuffix(" km")
        for spin, value in ((self.least, source.min_zoom), (self.most, source.max_zoom)):
            spin.setRange(source.min_zoom, source.max_zoom)
            spin.setValue(value)
        for spin in (self.km, self.least, self.most):  # in steps by arrow keys and the wheel
            spin.lineEdit().setTextMargins(8, 0, 8, 0)
        self.where, self.forecast = Label("", "small", wrap=True), Label("", wrap=True)
        self.body.addWidget(self.fields.add("name", "Name", self.name))
        self.body.addWidget(self.fields.add("boxes", "Area", self.area))
        self._around = self.fields.add("km", "So far around each", self.km)
        self.body.addWidget(self._around)
        self.body.addWidget(self.where)
        grid = two_columns()
        grid.addWidget(self.fields.add("min_zoom", "From zoom", self.least), 0, 0)
        grid.addWidget(self.fields.add("max_zoom", "To zoom", self.most), 0, 1)
        self.body.addLayout(grid)
        self.body.addWidget(self.forecast)
        self.body.addStretch(1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(ASKED_AFTER_MS)
        self._timer.timeout.connect(self.measure)
        self.area.model().item(SITES).setEnabled(bool(places))  # type: ignore[attr-defined]
        self.area.model().item(VIEW).setEnabled(view is not None)  # type: ignore[attr-defined]
        self.area.setCurrentIndex(SITES if places else VIEW if view is not None else DRAWN)
        self.area.activated.connect(self._on_area)
        for spin in (self.km, self.least, self.most):
            spin.valueChanged.connect(self._on_changed)
        self.finished.connect(lambda: self._show_areas(()))
        self._on_changed()

    @property
    def boxes(self) -> tuple[Box, ...]:
        """The areas that are cut out."""
        match self.area.currentIndex():
            case 2:
                return tuple(boxes_around(self._places, self.km.value(), BOXES_CAP))
            case 1:
                return () if self._drawn is None else (self._drawn,)
        return () if self._view is None else (self._view,)

    @property
    def settings(self) -> CutSettings:
        """What is asked for."""
        return CutSettings(
            self._source.id, self.name.text().strip(), self.boxes, self.least.value(), self.most.value()
        )

    def submit(self) -> None:
        """Begin to cut."""
        if self.submit_button.isEnabled():
            self.begin()
            settings = self.settings
            self._asks.request(lambda n: CutMap(n, settings), lambda reply: self.on_answer(reply.refusals))

    def measure(self) -> None:
        """Ask how large it will be."""
        settings = self.settings
        if not settings.boxes:
            return
        self._asked += 1
        asked = self._asked
        self.forecast.setText("Measuring…")
        self._asks.request(lambda n: MeasureCut(n, settings), lambda reply: self._on_measured(asked, reply))

    def _on_measured(self, asked: int, reply: Reply) -> None:
        if not isValid(self) or asked != self._asked:
            return
        if reply.refusals:
            self.forecast.setText(f"{capitalized(reply.refusals[0].message)}.")
        else:
            self.forecast.setText(cut_words(msgspec.convert(reply.result["size"], CutSize)))
        self.fit_soon()

    def _on_area(self, index: int) -> None:
        if index == DRAWN:
            self._draw(self._on_drawn)
        self._on_changed()

    def _on_drawn(self, box: Box | None) -> None:
        if isValid(self):
            self._drawn = box or self._drawn
            self._on_changed()

    def _on_changed(self) -> None:
        boxes = self.boxes
        self._around.setVisible(self.area.currentIndex() == SITES)
        if not boxes:
            self.where.setText("No box yet: choose it again to draw one.")
        elif len(boxes) == 1:
            self.where.setText(bounds_words(boxes[0]))
        else:
            self.where.setText(f"{len(boxes):,} boxes; what lies between them is left out.")
        self.submit_button.setEnabled(bool(boxes))
        self.forecast.setText("" if not boxes else "Measuring…")
        self._show_areas(boxes)
        self._timer.start()
        self.fit_soon()
