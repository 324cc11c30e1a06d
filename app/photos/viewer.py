"""One photograph in large, over the whole window; the others of its site or device are beside it. Counterpart: `desk.py`.

One rule: what is not here is said in the place of the picture, with the small one dimmed behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.look import BASE_PX, Look, color, font
from app.model import Model
from app.panels.text import Label, button
from app.photos.strip import TAKES
from app.photos.words import in_order, journey_of, journeys_in, origin_of
from app.team.rights import switch, why_not
from app.team.words import UNCONFIRMED, pending_of
from domain.photo import CAPTION_CAP, Photo

MARGIN_PX = 24
DIM = 0.35
_STEPS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_PageUp: -1,
    Qt.Key.Key_PageDown: 1,
    Qt.Key.Key_Home: -(10**6),
    Qt.Key.Key_End: 10**6,
}


class _Sheet(QWidget):
    """Where the picture is painted, as large as it goes."""

    def __init__(self, viewer: PhotoViewer) -> None:
        super().__init__()
        self._viewer = viewer
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it, or the small one dimmed with what is said."""
        photo = self._viewer.photo
        if photo is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        pixmap = self._viewer.picture_of(photo.digest)
        shown = pixmap or self._viewer.picture_of(photo.thumb)
        fitted = QSize(photo.width, photo.height).scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        if pixmap is not None and fitted.width() > photo.width:
            fitted = QSize(photo.width, photo.height)
        frame = QRectF(
            (self.width() - fitted.width()) / 2,
            (self.height() - fitted.height()) / 2,
            fitted.width(),
            fitted.height(),
        )
        theme = self._viewer.look.theme
        if pixmap is None:
            painter.fillRect(frame, color(theme.surface.ground))
        if shown is not None:
            painter.setOpacity(1.0 if pixmap is not None else DIM)
            painter.drawPixmap(frame, shown, QRectF(shown.rect()))
            painter.setOpacity(1.0)
        if pixmap is None:
            words, middle = self._viewer.absent_words(), int(Qt.AlignmentFlag.AlignCenter)
            painter.setFont(font(BASE_PX, 500))
            plate = painter.boundingRect(self.rect(), middle, words).adjusted(-14, -8, 14, 8)
            painter.fillRect(plate, color(theme.surface.panel))
            painter.setPen(color(theme.text.text))
            painter.drawText(plate, middle, words)


class PhotoViewer(QFrame):
    """Shown over `over`. `picture_of` and `absent_words` as those of the strip."""

    caption_written = Signal(object, str)
    removed = Signal(object)
    closed = Signal()

    def __init__(
        self,
        model: Model,
        look: Look,
        picture_of: Callable[[str], QPixmap | None],
        absent_words: Callable[[], str],
        over: QWidget,
    ) -> None:
        super().__init__(over)
        self._model, self.look, self._over = model, look, over
        self.picture_of, self.absent_words = picture_of, absent_words
        self.photo: Photo | None = None
        self._photos: list[Photo] = []
        self._subject: UUID | None = None
        self.sheet = _Sheet(self)
        self.caption = QLineEdit()
        self.caption.setMaxLength(CAPTION_CAP)
        self.caption.editingFinished.connect(self._on_caption)
        self.origin, self.place = Label("", "small"), Label("", "small")
        self.delete = button("Delete")
        self.delete.clicked.connect(self._remove)
        self.back, self.on, self._close = QToolButton(), QToolButton(), QToolButton()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Photograph")
        self._lay_out()
        self.hide()
        over.installEventFilter(self)
        look.changed.connect(self._dress)
        self._dress()

    def open(self, photo: Photo) -> None:
        """Show a photograph."""
        self._subject, self.photo = photo.subject, photo
        self.setGeometry(self._over.rect())
        self.show()
        self.raise_()
        self.setFocus()
        self.refresh()

    def refresh(self) -> None:
        """Show what the mirror has by now; close where nothing is left."""
        if self.photo is None or self._subject is None:
            return
        before = [photo.id for photo in self._photos]
        self._photos = in_order(self._model.inventory.photos(self._subject))
        if not self._photos:
            self.close_it()
            return
        at = next((n for n, photo in enumerate(self._photos) if photo.id == self.photo.id), None)
        if at is None:  # it was taken away: the next one moves up
            was = before.index(self.photo.id) if self.photo.id in before else 0
            at = min(was, len(self._photos) - 1)
        is_other = self.photo.id != self._photos[at].id
        self.photo = photo = self._photos[at]
        if is_other or not self.caption.hasFocus():
            self.caption.setText(photo.caption)
        team = (self._model.today or self._model).team
        journey = journey_of(photo, journeys_in(team))
        more = [UNCONFIRMED] if photo.id in pending_of(team) else []
        more += [journey.words] if journey is not None else []
        self.origin.setText("  ".join([origin_of(photo), *more]))
        self.place.setText(f"{at + 1:,} of {len(self._photos):,}" if len(self._photos) > 1 else "")
        self.back.setVisible(len(self._photos) > 1)
        self.on.setVisible(len(self._photos) > 1)
        self.back.setEnabled(at > 0)
        self.on.setEnabled(at + 1 < len(self._photos))
        why = why_not(self._model, TAKES)
        switch(self.delete, why)
        self.caption.setReadOnly(bool(why))
        self.caption.setPlaceholderText("No caption" if why else "Write a caption")
        self.caption.setToolTip(why)
        self.sheet.update()

    def step(self, by: int) -> None:
        """Go to another photograph of the same thing."""
        if self.photo is None or not self._photos:
            return
        at = next((n for n, photo in enumerate(self._photos) if photo.id == self.photo.id), 0)
        self._on_caption()
        self.photo = self._photos[max(0, min(len(self._photos) - 1, at + by))]
        self.caption.setText(self.photo.caption)
        self.refresh()

    def close_it(self) -> None:
        """Show the window again."""
        if self.isVisible():
            self._on_caption()
            self.hide()
            self.photo, self._photos = None, []
            self.closed.emit()

    def event(self, event: QEvent) -> bool:
        """Keep the keys for ourselves that mean something else to the window."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go on, Esc closes, F2 writes the caption, Delete takes it away."""
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            self.close_it()
        elif key in _STEPS:
            self.step(_STEPS[key])
        elif key in (Qt.Key.Key_F2, Qt.Key.Key_Return, Qt.Key.Key_Enter) and not self.caption.isReadOnly():
            self.caption.setFocus()
            self.caption.selectAll()
        elif key == Qt.Key.Key_Delete and self.delete.isEnabled():
            self._remove()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Beside the picture is out."""
        if self.caption.hasFocus():
            self.setFocus()
        elif event.button() == Qt.MouseButton.LeftButton:
            self.close_it()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Be as large as the window; Esc in the caption takes back what was typed, Enter keeps it."""
        if watched is self._over and event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self._over.rect())
        if watched is self.caption and isinstance(event, QKeyEvent):
            keys = (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if event.key() in keys and event.type() == QEvent.Type.KeyPress:
                if event.key() == Qt.Key.Key_Escape and self.photo is not None:
                    self.caption.setText(self.photo.caption)
                self.setFocus()
                return True
        return super().eventFilter(watched, event)

    def _on_caption(self) -> None:
        if self.photo is not None and self.caption.text() != self.photo.caption:
            self.caption_written.emit(self.photo.id, self.caption.text())

    def _remove(self) -> None:
        if self.photo is not None:
            self.removed.emit(self.photo.id)

    def _dress(self) -> None:
        theme = self.look.theme
        self.setStyleSheet(f"PhotoViewer {{ background: {theme.surface.scrim}; }}")
        for made, name, words in (
            (self.back, "chevron-left", "Before (Left)"),
            (self.on, "chevron-right", "Next (Right)"),
            (self._close, "x", "Close (Esc)"),
        ):
            made.setIcon(self.look.icon(name, theme.text.text, 18))
            made.setToolTip(words)

    def _lay_out(self) -> None:
        self.caption.installEventFilter(self)
        for made, then in (
            (self.back, lambda: self.step(-1)),
            (self.on, lambda: self.step(1)),
            (self._close, self.close_it),
        ):
            made.setProperty("kind", "bare")
            made.setIconSize(QSize(18, 18))
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            made.clicked.connect(then)
        middle = QHBoxLayout()
        middle.setSpacing(12)
        middle.addWidget(self.back)
        middle.addWidget(self.sheet, 1)
        middle.addWidget(self.on)
        bar = QFrame()
        bar.setProperty("kind", "panel")
        bar.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(12)
        row.addWidget(self.caption, 1)
        for widget in (self.origin, self.place, self.delete, self._close):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        layout.setSpacing(12)
        layout.addLayout(middle, 1)
        layout.addWidget(bar)
