"""Tabs, of which those that do not fit are in a menu. Counterpart: `device.py`, whose device decides which there are.

One rule: choosing by program tells nobody, choosing by hand does; what is shown is always written on a tab.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QMenu, QPushButton, QSizePolicy, QWidget

from app.look import BASE_PX, font
from app.panels.text import button, caption

SPACING_PX = 16
HEIGHT_PX = 32
MORE = "More"


class Tabs(QWidget):
    """One of several pages, by key."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT_PX)
        self.titles: dict[str, str] = {}
        self.current = ""
        self.buttons: dict[str, QPushButton] = {}
        self.more = self._button(MORE)
        self.more.clicked.connect(self._open_menu)

    def show_tabs(self, titles: Mapping[str, str]) -> None:
        """Offer these. What was chosen stays so where it still exists, else it is the first."""
        if dict(titles) == self.titles:
            return
        self.titles = dict(titles)
        for key in self.buttons.keys() - titles.keys():
            self.buttons.pop(key).deleteLater()
        for key, title in titles.items():
            if key not in self.buttons:
                made = self.buttons[key] = self._button(title)
                made.clicked.connect(lambda _=False, key=key: self._take(key))
        if self.current not in self.titles:
            self.current = next(iter(self.titles), "")
        self._arrange()

    def choose(self, key: str) -> None:
        """Choose by program."""
        if key in self.titles:
            self.current = key
            self._arrange()

    def step(self, by: int) -> None:
        """Choose a neighbour, by hand."""
        keys = list(self.titles)
        self._take(keys[(keys.index(self.current) + by) % len(keys)])

    def add_keys(self, widget: QWidget) -> None:
        """Let Ctrl+Page Up and Ctrl+Page Down go from tab to tab while a widget has the keyboard."""
        for keys, by in (("Ctrl+PgDown", 1), ("Ctrl+PgUp", -1)):
            shortcut = QShortcut(QKeySequence(keys), widget)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda by=by: self.step(by))

    def sizeHint(self) -> QSize:
        """It takes what width there is."""
        return QSize(200, HEIGHT_PX)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many as fit."""
        super().resizeEvent(event)
        self._arrange()

    def hidden_keys(self) -> list[str]:
        """The tabs that are in the menu."""
        return [key for key in self.titles if self.buttons[key].isHidden()]

    def _button(self, title: str) -> QPushButton:
        made = button(title, "tab", self)
        made.setCheckable(True)
        made.show()
        return made

    def _take(self, key: str) -> None:
        self.choose(key)
        self.chosen.emit(key)

    def _arrange(self) -> None:
        keys = list(self.titles)
        widths = {key: self._width(self.buttons[key]) for key in keys}
        whole = sum(widths.values()) + SPACING_PX * (len(keys) - 1)
        self.more.setText(MORE)
        fitting = len(keys)
        if whole > self.width():
            room = self.width() - self._more_width()
            fitting = 0
            for key in keys:
                room -= widths[key] + SPACING_PX
                if room < 0:
                    break
                fitting += 1
        x = 0
        for number, key in enumerate(keys):
            made, shown = self.buttons[key], number < fitting
            made.setVisible(shown)
            made.setChecked(key == self.current)
            if shown:
                made.setGeometry(x, 0, widths[key], HEIGHT_PX)
                x += widths[key] + SPACING_PX
        in_menu = self.current in keys[fitting:]
        self.more.setVisible(fitting < len(keys))
        self.more.setChecked(in_menu)
        self.more.setText(caption(f"{self.titles[self.current] if in_menu else MORE} ▾"))
        self.more.setGeometry(x, 0, self._width(self.more), HEIGHT_PX)

    def _more_width(self) -> int:
        """The widest that the button of the menu may become."""
        metrics = self.more.fontMetrics()
        return max(metrics.horizontalAdvance(f"{title} ▾") for title in (MORE, *self.titles.values())) + 8

    @staticmethod
    def _width(made: QPushButton) -> int:
        bold_px = QFontMetrics(font(BASE_PX, 600)).horizontalAdvance(made.text())  # as the chosen one is
        return max(made.sizeHint().width(), bold_px) + 2

    def _open_menu(self) -> None:
        self._arrange()
        menu = self.menu()
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def menu(self) -> QMenu:
        """Return the menu of the tabs that do not fit."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for key in self.hidden_keys():
            action = menu.addAction(caption(self.titles[key]), lambda key=key: self._take(key))  # type: ignore[misc]
            action.setCheckable(True)
            action.setChecked(key == self.current)
        return menu
