"""What every form has: a title, fields, a way back, one verb. Counterpart: `fields.py`; the engine's refusals come back here.

One rule: a form stays open until what it sent was taken, and an answer that comes after it was closed is nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QScrollArea,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from app.dialogs.fields import Fields
from app.look import ROW_PX
from app.panels.text import RIGHT, Label, LineLabel, button, tip
from app.words import capitalized
from domain.errors import Refusal

MARGIN_PX = 24
SCREEN_SHARE = 0.86
"""Most of the screen's height that a form takes before it scrolls."""


class Form(QDialog):
    """A dialog that sends something. A subclass fills `body` and says in `submit` what is sent."""

    def __init__(
        self, title: str, verb: str, parent: QWidget | None = None, *, width_px: int = 520, hint: str = ""
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setFixedWidth(width_px)
        self.fields = Fields()
        self._inner = QWidget()
        self.body = QVBoxLayout(self._inner)
        self.body.setContentsMargins(MARGIN_PX, 20, MARGIN_PX, 12)
        self.body.setSpacing(12)
        self.body.addWidget(LineLabel(title, "title"))
        self.body.addWidget(self.fields.rest)
        self.submit_button = button(verb, "primary")
        self.submit_button.setDefault(True)
        self.submit_button.clicked.connect(self.submit)
        self.cancel_button = button("Cancel")
        self.cancel_button.setAutoDefault(False)
        self.cancel_button.clicked.connect(self.reject)
        self.foot = QHBoxLayout()
        self.foot.setContentsMargins(MARGIN_PX, 8, MARGIN_PX, 20)
        self.foot.setSpacing(8)
        self.foot.addWidget(Label(hint, "small", wrap=True), 1)
        self.foot.addWidget(self.cancel_button)
        self.foot.addWidget(self.submit_button)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(self._inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._area, 1)
        layout.addLayout(self.foot)
        QShortcut(QKeySequence("Ctrl+Return"), self, self.submit)

    @abstractmethod
    def submit(self) -> None:
        """Send what was typed: `begin`, and `on_answer` when the engine has said what it says."""

    def begin(self) -> None:
        """Forget the refusals, and take no second click until the answer is here."""
        self.fields.clear()
        self.submit_button.setEnabled(False)

    def on_answer(self, refusals: tuple[Refusal, ...]) -> None:
        """Close, or show what was refused where it was."""
        if not isValid(self):
            return
        self.submit_button.setEnabled(True)
        if refusals:
            self.refuse(refusals)
        else:
            self.accept()

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Show refusals at their fields, and bring the first into sight."""
        shown = self.fields.refuse(refusals)
        self.fit_soon()
        if shown is not None:
            QTimer.singleShot(0, self, lambda: self._area.ensureWidgetVisible(shown))

    def fit_soon(self) -> None:
        """Be as high as what is in it, once that is laid out."""
        QTimer.singleShot(0, self, self._fit)

    def showEvent(self, event: QShowEvent) -> None:
        """Be as high as what is in it."""
        self._fit()
        super().showEvent(event)

    def _fit(self) -> None:
        inner = self.body
        inner.activate()
        needed = (
            inner.heightForWidth(self.width()) if inner.hasHeightForWidth() else inner.sizeHint().height()
        )
        whole = needed + self.foot.sizeHint().height()
        most = int(self.screen().availableGeometry().height() * SCREEN_SHARE)
        bars = Qt.ScrollBarPolicy  # one that is not needed would take width, and so make itself needed
        self._area.setVerticalScrollBarPolicy(
            bars.ScrollBarAlwaysOff if whole <= most else bars.ScrollBarAsNeeded
        )
        self.resize(self.width(), min(whole, most))


class Board(QDialog):
    """A dialog that shows something and has verbs of its own. A subclass fills `body`, and `verbs` at the foot."""

    def __init__(self, title: str, parent: QWidget | None = None, *, width_px: int = 640) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setMinimumWidth(width_px)
        self.rest = Label("", "refusal", wrap=True)
        self.rest.hide()
        self.body = QVBoxLayout()
        self.body.setSpacing(12)
        self.verbs = QHBoxLayout()
        self.verbs.setSpacing(8)
        close = button("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addLayout(self.verbs)
        foot.addStretch(1)
        foot.addWidget(close)
        self._layout = layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN_PX, 20, MARGIN_PX, 20)
        layout.setSpacing(12)
        layout.addWidget(LineLabel(title, "title"))
        layout.addLayout(self.body, 1)
        layout.addWidget(self.rest)
        layout.addLayout(foot)

    def event(self, event: QEvent) -> bool:
        """Grow with what came after it was shown: Qt asks a dialog only once how high wrapped words are."""
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest and self.isVisible():
            needed_px = self._layout.totalHeightForWidth(self.width())
            room_px = round(self.screen().availableGeometry().height() * SCREEN_SHARE)
            if self.height() < min(needed_px, room_px):
                self.resize(self.width(), min(needed_px, room_px))
        return done

    def say(self, refusals: Sequence[Refusal]) -> None:
        """Show what was refused, or that nothing was; an answer that comes after it was closed is nothing."""
        if isValid(self):
            self.rest.setText("\n".join(capitalized(refusal.message) for refusal in refusals))
            self.rest.setVisible(bool(refusals))

    def forbid(self, why: str, verbs: Iterable[QPushButton]) -> None:
        """Say under the title why nothing can be changed here, and take the verbs away that would; empty: it can be."""
        if why:
            self._layout.insertWidget(1, Label(f"{why}.", "quiet", wrap=True))
            for made in verbs:
                made.hide()

    def verb(self, text: str, kind: str = "") -> QPushButton:
        """Put a verb at the foot."""
        made = button(text, kind)
        made.setAutoDefault(False)
        self.verbs.addWidget(made)
        return made


class _Prose(QStyledItemDelegate):
    """A sentence is read from its beginning; a name is cut in its middle."""

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideRight


def plain_table(
    heads: Sequence[str], stretched: int, numbers: Collection[int] = (), *, prose: Collection[int] = ()
) -> QTableWidget:
    """Return a table of whole rows, chosen one at a time; one column takes what room there is, `numbers` stand right.

    What does not fit is cut in its middle, in `prose` columns at its end.
    """
    made = QTableWidget(0, len(heads))
    made.setHorizontalHeaderLabels(list(heads))
    made.verticalHeader().hide()
    made.verticalHeader().setDefaultSectionSize(ROW_PX)
    made.setShowGrid(False)
    made.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
    made.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
    made.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    made.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    made.setWordWrap(False)
    made.setTabKeyNavigation(False)
    header = made.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    for column in range(len(heads)):
        fixed = QHeaderView.ResizeMode.ResizeToContents
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch if column == stretched else fixed)
        if column in prose:
            made.setItemDelegateForColumn(column, _Prose(made))
        head = made.horizontalHeaderItem(column)
        if column in numbers and head is not None:
            head.setTextAlignment(RIGHT)
    return made


def fill_row(table: QTableWidget, row: int, texts: Sequence[str], numbers: Collection[int] = ()) -> None:
    """Put texts in a row, whole on hover; those of the columns in `numbers` stand right."""
    for column, text in enumerate(texts):
        item = QTableWidgetItem(text)
        item.setToolTip(tip(text))
        if column in numbers:
            item.setTextAlignment(RIGHT)
        table.setItem(row, column, item)


def two_columns() -> QGridLayout:
    """Return a grid of two columns of one width."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(10)
    grid.setColumnStretch(0, 1)
    grid.setColumnStretch(1, 1)
    return grid
