"""What is asked about a paper: a submap's name, a drawing's text and ink. Counterpart: `desk.py` opens them.

One rule: the engine's refusal comes back to the field that it names.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from app.commands import Then
from app.dialogs.form import Form
from app.panels.text_box import TextBox
from domain.diagram import COLORS, Drawing

TEXT_PX = 96
INKS = dict(zip(COLORS, ("Quiet", "Strong", "Accent", "Blue", "Teal", "Sand"), strict=True))


class NameForm(Form):
    """The name of a submap."""

    def __init__(
        self, title: str, name: str, verb: str, submit: Callable[[str, Then], None], parent: QWidget
    ) -> None:
        super().__init__(title, verb, parent, width_px=420)
        self._submit = submit
        self.name = QLineEdit(name)
        self.body.addWidget(self.fields.add("name", "Name", self.name))
        self.name.selectAll()
        self.name.setFocus()

    def submit(self) -> None:
        """Send the name."""
        if self.submit_button.isEnabled():
            self.begin()
            self._submit(" ".join(self.name.text().split()), self.on_answer)


class DrawingForm(Form):
    """What is written in a drawing, and in which ink."""

    def __init__(
        self, drawing: Drawing, verb: str, submit: Callable[[Drawing, Then], None], parent: QWidget
    ) -> None:
        super().__init__(f"{drawing.shape.capitalize()} on the schematic", verb, parent, width_px=420)
        self._drawing, self._submit = drawing, submit
        self.text = TextBox(drawing.text)
        self.text.setFixedHeight(TEXT_PX)
        self.text.setTabChangesFocus(True)
        self.ink = QComboBox()
        for color, words in INKS.items():
            self.ink.addItem(words, color)
        self.ink.setCurrentIndex(max(0, self.ink.findData(drawing.color)))
        self.body.addWidget(self.fields.add("text", "Text", self.text))
        self.body.addWidget(self.fields.add("color", "Colour", self.ink))
        self.text.selectAll()
        self.text.setFocus()

    def submit(self) -> None:
        """Send the drawing as it is to be."""
        if self.submit_button.isEnabled():
            self.begin()
            text, color = self.text.toPlainText().strip(), self.ink.currentData()
            self._submit(msgspec.structs.replace(self._drawing, text=text, color=color), self.on_answer)
