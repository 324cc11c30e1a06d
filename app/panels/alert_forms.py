"""What is asked before something is done to alerts: a comment's words, a person's name. Counterpart: `alert_desk.py` opens them.

One rule: what the engine refuses stands at its field, in the engine's words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCompleter, QLineEdit, QWidget

from app.dialogs.form import Form
from app.panels.alert_acts import Then
from app.panels.text import Label
from app.panels.text_box import TextBox
from app.words import count_of
from domain.alerts import Alert

TEXT_PX = 96
Submit = Callable[[str, Then], None]


class CommentForm(Form):
    """Words about one alert or several."""

    def __init__(self, what: str, submit: Submit, parent: QWidget) -> None:
        super().__init__("Comment", "Comment", parent, hint="Ctrl+Return sends it")
        self._submit = submit
        self.text = TextBox()
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(TEXT_PX)
        self.body.addWidget(Label(what, "quiet", wrap=True))
        self.body.addWidget(self.fields.add("text", "What is to be said", self.text))
        self.body.addStretch(1)
        self.text.setFocus()

    def submit(self) -> None:
        """Send it; the form closes when the engine has taken it."""
        if self.submit_button.isEnabled():
            self.begin()
            self._submit(self.text.toPlainText(), self.on_answer)


class AssignForm(Form):
    """Who has one alert or several from now on."""

    def __init__(self, what: str, known: Iterable[str], now: str, submit: Submit, parent: QWidget) -> None:
        super().__init__("Assign", "Assign", parent, width_px=420, hint="Empty: nobody has it")
        self._submit = submit
        self.to = QLineEdit(now)
        self.to.selectAll()
        completer = QCompleter(sorted(set(known), key=str.casefold), self.to)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.to.setCompleter(completer)
        self.body.addWidget(Label(what, "quiet", wrap=True))
        self.body.addWidget(self.fields.add("to", "To", self.to))
        self.body.addStretch(1)
        self.to.setFocus()

    def submit(self) -> None:
        """Send it; the form closes when the engine has taken it."""
        if self.submit_button.isEnabled():
            self.begin()
            self._submit(self.to.text(), self.on_answer)


def people_in(alerts: Iterable[Alert], me: str) -> set[str]:
    """Return who is known by what was done to alerts, and who sits here."""
    found = {me}
    for alert in alerts:
        found.update(name for act in alert.acts for name in (act.by, act.to))
    return {name for name in found if name}


def what_words(titles: list[str]) -> str:
    """Return which alerts something is about: the one by its name, several by their number."""
    return titles[0] if len(titles) == 1 else count_of(len(titles), "alert", "alerts")
