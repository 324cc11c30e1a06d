"""A strip of the photographs of one site or device, below what else is known of it. Counterpart: `desk.py` does what is wanted.

Theory: a list on its side: arrows go along it, Enter opens one in large, F2 writes its caption, Delete takes it away; files are
dropped anywhere on the strip, or pasted. One rule: it shows what the mirror has, and changes nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPainterPath,
    QPixmap,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QProgressBar,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.look import HEAD_PX, Look, color, font
from app.model import Model
from app.panels.text import LEFT, Label, LineLabel, button, paint_end_elided, tip
from app.photos.files import GivenFile, given_files, has_files
from app.photos.words import Journey, in_order, journey_of, journeys_in, origin_of
from app.team.rights import offer, switch, why_not
from app.team.words import UNCONFIRMED, pending_of
from domain.photo import CAPTION_CAP, Photo
from domain.roles import Permission

TAKES: Permission = "edits:write"
"""What changing photographs takes."""
CELL_PX, THUMB_W_PX, THUMB_H_PX, CAPTION_PX, GAP_PX = 104, 100, 75, 18, 4
SIGN_PX, DONE_PX = 12, 3
NO_PHOTO = "No photograph yet. Drop one here, paste it, or add a file."
NO_PHOTO_READ = "No photograph yet."
_ID = Qt.ItemDataRole.UserRole


class Cell(NamedTuple):
    """One photograph as it is painted."""

    photo: Photo
    is_pending: bool


class _Painter(QStyledItemDelegate):
    """Paints a small picture with its caption, and lets that be written where it stands."""

    def __init__(self, strip: PhotoStrip) -> None:
        super().__init__(strip)
        self._strip = strip

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """All are of one size."""
        return QSize(CELL_PX, THUMB_H_PX + CAPTION_PX + 2 * GAP_PX)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint the picture cut to the frame, or what is said while it is not here."""
        cell, theme = self._strip.cells[index.row()], self._strip.look.theme
        rect = QRectF(option.rect)
        frame = QRectF(rect.x() + 2, rect.y() + 2, THUMB_W_PX, THUMB_H_PX)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        path = QPainterPath()
        path.addRoundedRect(frame, 4, 4)
        painter.fillPath(path, color(theme.surface.raised))
        pixmap = self._strip.picture_of(cell.photo.thumb)
        if pixmap is not None:
            painter.setClipPath(path)
            painter.drawPixmap(frame, pixmap, QRectF(_middle_of(pixmap, THUMB_W_PX / THUMB_H_PX)))
            painter.setClipping(False)
        else:
            self._paint_absent(painter, frame)
        state = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(color(theme.accent.accent if self._strip.list.hasFocus() else theme.text.faint))
            painter.drawPath(path)
        journey = self._strip.journeys.get(cell.photo.id)
        if cell.is_pending or (journey is not None and journey.is_up):
            self._paint_pending(painter, frame, is_bad=journey is not None and journey.trouble)
        if journey is not None and journey.part:
            done = QRectF(frame.x(), frame.bottom() - DONE_PX, frame.width() * journey.part, DONE_PX)
            painter.fillRect(done, color(theme.accent.accent))
        room = QRectF(rect.x() + 2, frame.bottom() + 2, THUMB_W_PX, CAPTION_PX)
        paint_end_elided(painter, room, cell.photo.caption, font(HEAD_PX), theme.text.quiet)
        painter.restore()

    def _paint_absent(self, painter: QPainter, frame: QRectF) -> None:
        painter.setFont(font(HEAD_PX))
        painter.setPen(color(self._strip.look.theme.text.quiet))
        flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
        painter.drawText(frame.adjusted(6, 4, -6, -4), flags, self._strip.absent_words())

    def _paint_pending(self, painter: QPainter, frame: QRectF, *, is_bad: bool) -> None:
        look = self._strip.look
        name, ink = (
            ("triangle-alert", look.theme.status_text["degraded"])
            if is_bad
            else ("arrow-up", look.theme.text.text)
        )
        plate = QRectF(frame.right() - SIGN_PX - 7, frame.y() + 3, SIGN_PX + 4, SIGN_PX + 4)
        path = QPainterPath()
        path.addRoundedRect(plate, 4, 4)
        painter.fillPath(path, color(look.theme.surface.panel))
        painter.drawPixmap(plate.adjusted(2, 2, -2, -2).toRect(), look.pixmap(name, ink, SIGN_PX))

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        """Return a field for the caption."""
        field = QLineEdit(parent)
        field.setMaxLength(CAPTION_CAP)
        field.setPlaceholderText("Caption")
        field.setFont(font(HEAD_PX))
        return field

    def setEditorData(self, editor: QWidget, index: QModelIndex | QPersistentModelIndex) -> None:
        """Show the caption as it is."""
        if isinstance(editor, QLineEdit):
            editor.setText(self._strip.cells[index.row()].photo.caption)

    def setModelData(
        self, editor: QWidget, model: object, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Say what was written; the list shows it when the engine has it."""
        if isinstance(editor, QLineEdit):
            self._strip.caption_written.emit(index.data(_ID), editor.text())

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Write where the caption stands."""
        rect: QRect = option.rect
        editor.setGeometry(rect.x(), rect.bottom() - 29, rect.width(), 28)


class _Row(QListWidget):
    """The small pictures, beside each other."""

    def __init__(self, strip: PhotoStrip) -> None:
        super().__init__()
        self._strip = strip
        self.setFlow(QListWidget.Flow.LeftToRight)
        self.setWrapping(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(THUMB_H_PX + CAPTION_PX + 2 * GAP_PX + 12)
        self.setAcceptDrops(False)
        self.setAccessibleName("Photographs")
        self.itemActivated.connect(lambda item: strip.opened.emit(item.data(_ID)))
        self.itemDoubleClicked.connect(lambda item: strip.opened.emit(item.data(_ID)))
        self.itemClicked.connect(self._on_clicked)

    def _on_clicked(self, item: QListWidgetItem) -> None:
        if QGuiApplication.keyboardModifiers() == Qt.KeyboardModifier.NoModifier:
            self._strip.opened.emit(item.data(_ID))

    def event(self, event: QEvent) -> bool:
        """Keep the keys for ourselves that mean something else to the window: they are about a photograph here."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            keys = (Qt.Key.Key_F2, Qt.Key.Key_Delete, Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if event.key() in keys or event.matches(QKeySequence.StandardKey.Paste):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Delete takes away, Ctrl+V pastes; the rest is the list's."""
        item = self.currentItem()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and item is not None:
            self._strip.opened.emit(item.data(_ID))
        elif event.key() == Qt.Key.Key_Delete and item is not None and not self._strip.why_not:
            self._strip.removed.emit(item.data(_ID))
        elif event.matches(QKeySequence.StandardKey.Paste):
            self._strip.paste()
        else:
            super().keyPressEvent(event)


class PhotoStrip(QWidget):
    """The photographs of `subject`. `picture_of` returns a small one, or None where it is not here; `absent_words` says why."""

    files_given = Signal(object, object)
    """Photographs are to be made of files: the site's or device's id, a list of `GivenFile`."""
    file_wanted = Signal(object)
    opened = Signal(object)
    caption_written = Signal(object, str)
    removed = Signal(object)
    cancelled = Signal()

    def __init__(self, model: Model, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self.look = model, look
        self.subject: UUID | None = None
        self.cells: list[Cell] = []
        self.journeys: dict[UUID, Journey] = {}
        """Of those whose bytes are on their way."""
        self.picture_of: Callable[[str], QPixmap | None] = lambda digest: None
        self.absent_words: Callable[[], str] = lambda: ""
        self.why_not = ""
        self.list = _Row(self)
        self.list.setItemDelegate(_Painter(self))
        self.empty = Label("", "small", wrap=True)
        self.count = Label("", "small")
        self.add = button("Add…", "link")
        self.add.clicked.connect(lambda: self.file_wanted.emit(self.subject))
        self.doing = LineLabel("", "small", prose=True)
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(4)
        self.bar.setProperty("kind", "thin")
        self.cancel = button("Cancel", "link")
        self.cancel.clicked.connect(self.cancelled)
        self._under_way = self._progress()
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._lay_out()

    def show_of(self, subject: UUID | None) -> None:
        """Show the photographs of a site or device; of nothing, be gone."""
        is_other, self.subject = subject != self.subject, subject
        self.setVisible(subject is not None)
        if subject is None:
            return
        self.why_not = why_not(self._model, TAKES)
        team = (self._model.today or self._model).team
        pending, ways = pending_of(team), journeys_in(team)
        photos = in_order(self._model.inventory.photos(subject))
        cells = [Cell(photo, photo.id in pending) for photo in photos]
        journeys = {one.id: journey for one in photos if (journey := journey_of(one, ways)) is not None}
        is_otherwise, self.journeys = journeys != self.journeys, journeys
        if cells != self.cells:
            self.cells = cells
            self._fill()
        elif is_otherwise:  # the list stays: somebody may be writing a caption
            for row, cell in enumerate(cells):
                self.list.item(row).setToolTip(self._story(cell))
            self.look_again()
        if is_other:
            self.list.scrollToTop()
            self.list.clearSelection()
            self.show_progress("", 0.0)
        self.count.setText(f"{len(cells):,}" if cells else "")
        self.list.setVisible(bool(cells))
        self.empty.setText(NO_PHOTO_READ if self.why_not else NO_PHOTO)
        self.empty.setVisible(not cells)
        switch(self.add, self.why_not)
        edits = QAbstractItemView.EditTrigger
        self.list.setEditTriggers(edits.NoEditTriggers if self.why_not else edits.EditKeyPressed)

    def show_progress(self, words: str, part: float) -> None:
        """Say what is being added, and how much of it is done; nothing where `words` is empty."""
        self._under_way.setVisible(bool(words))
        self.doing.setText(words)
        self.bar.setValue(round(100 * part))

    def look_again(self) -> None:
        """A picture came, or the theme is another."""
        self.list.viewport().update()

    def paste(self) -> None:
        """Take what was copied."""
        self._give(given_files(QGuiApplication.clipboard().mimeData()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+V pastes."""
        if event.matches(QKeySequence.StandardKey.Paste):
            self.paste()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done, with the photograph under the pointer or without one."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        item = self.list.itemAt(self.list.viewport().mapFromGlobal(event.globalPos()))
        if item is not None:
            id = item.data(_ID)
            self.list.setCurrentItem(item)
            offer(menu, "Open", lambda: self.opened.emit(id))
            offer(menu, "Write caption", lambda: self.list.editItem(item), self.why_not)
            offer(menu, "Delete", lambda: self.removed.emit(id), self.why_not)
            menu.addSeparator()
        offer(menu, "Add…", lambda: self.file_wanted.emit(self.subject), self.why_not)
        nothing = "" if has_files(QGuiApplication.clipboard().mimeData()) else "No picture was copied"
        offer(menu, "Paste", self.paste, self.why_not or nothing)
        menu.popup(event.globalPos())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files, where the role allows it."""
        if has_files(event.mimeData()) and not self.why_not:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        """Have photographs made of what was dropped."""
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self._give(given_files(event.mimeData()))

    def _give(self, files: list[GivenFile]) -> None:
        if files and self.subject is not None and not self.why_not:
            self.files_given.emit(self.subject, files)

    def _fill(self) -> None:
        chosen = self.list.currentItem()
        kept = chosen.data(_ID) if chosen is not None else None
        self.list.clear()
        for cell in self.cells:
            item = QListWidgetItem()
            item.setData(_ID, cell.photo.id)
            item.setData(
                Qt.ItemDataRole.AccessibleTextRole, cell.photo.caption or "Photograph without a caption"
            )
            item.setToolTip(self._story(cell))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            self.list.addItem(item)
            if cell.photo.id == kept:
                self.list.setCurrentItem(item)

    def _story(self, cell: Cell) -> str:
        journey = self.journeys.get(cell.photo.id)
        lines = [cell.photo.caption, origin_of(cell.photo), UNCONFIRMED if cell.is_pending else ""]
        return tip("\n".join(line for line in (*lines, journey.words if journey else "") if line))

    def _progress(self) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.doing, 3)
        row.addWidget(self.bar, 2)
        row.addWidget(self.cancel)
        made.hide()
        return made

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Label("Photographs", "head"))
        head.addWidget(self.count)
        head.addStretch(1)
        head.addWidget(self.add)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.empty, 0, LEFT)
        layout.addWidget(self.list)
        layout.addWidget(self._under_way)


def _middle_of(pixmap: QPixmap, ratio: float) -> QRect:
    """Return the middle of a picture that is as wide as `ratio` says."""
    width, height = pixmap.width(), pixmap.height()
    if width > ratio * height:
        kept = round(ratio * height)
        return QRect((width - kept) // 2, 0, kept, height)
    kept = round(width / ratio)
    return QRect(0, (height - kept) // 2, width, kept)
