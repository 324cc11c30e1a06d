"""Where the key to all secrets lies: move it, make new ones, lock. Counterpart: `domain/vault.py`, `engine/vault`.

One rule: what cannot be taken back is asked once, and what it means is said before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.commands import Asks
from app.dialogs.confirm import Confirm
from app.dialogs.fields import Fields
from app.dialogs.form import Board, two_columns
from app.model import Delta, Model
from app.panels.text import Label, button
from app.words import capitalized, count_of
from domain.errors import Refusal
from domain.vault import (
    KEY_PLACES,
    PASSWORD_RANGE,
    KeyPlace,
    Lock,
    RotateKeys,
    Secret,
    SetAutoLock,
    SetKeyPlace,
    VaultState,
)
from domain.wire import Reply, ToEngine

PLACE_TITLES: dict[KeyPlace, str] = {
    "keyring": "The keyring of this computer",
    "file": "A file in the profile",
    "password": "A master password",
}
_GOOD_FOR: dict[KeyPlace, str] = {
    "keyring": "Whoever is logged in as you can open the secrets.",
    "file": "Whoever can read your files can open the secrets. The engine starts by itself.",
    "password": "Whoever knows it can open the secrets. The engine starts locked. "
    "If it is forgotten, all logins must be entered anew.",
}

_LIES: dict[KeyPlace, str] = {
    "keyring": "The key lies in the keyring of this computer.",
    "file": "The key lies in a file in the profile.",
    "password": "The key is sealed under a master password.",
}


class VaultBoard(Board):
    """How the vault stands, and what can be done with it."""

    unlock_wanted = Signal()

    def __init__(self, model: Model, asks: Asks, parent: QWidget | None = None) -> None:
        super().__init__("Vault", parent, width_px=560)
        self._model, self._asks = model, asks
        self._state: VaultState | None = None
        self.fields = Fields()
        self.told = Label("", wrap=True)
        self.place = QComboBox()
        for place in KEY_PLACES:
            self.place.addItem(PLACE_TITLES[place], place)
        self.password, self.again = _password(), _password()
        self.move_button = button("Move the key there")
        self.auto_lock = QLineEdit()
        self.auto_lock.setMaxLength(8)
        self.auto_lock_button = button("Set")
        self._lay_out()
        self.rotate_button = self.verb("Make new keys…")
        self.unlock_button = self.verb("Unlock…", "primary")
        self.lock_button = self.verb("Lock now")
        self.rotate_button.clicked.connect(self._confirm_rotation)
        self.unlock_button.clicked.connect(self.unlock_wanted)
        self.lock_button.clicked.connect(lambda: self._ask(Lock, "Locked."))
        self.move_button.clicked.connect(self.move_key)
        self.auto_lock_button.clicked.connect(self.set_auto_lock)
        for verb in (self.move_button, self.auto_lock_button):
            verb.setAutoDefault(False)
        self.again.returnPressed.connect(self.move_key)
        self.auto_lock.returnPressed.connect(self.set_auto_lock)
        self.place.currentIndexChanged.connect(self._on_place)
        model.changed.connect(self._on_changed)
        self._show()

    def move_key(self) -> None:
        """Put new keys in the chosen place, after a question."""
        self.fields.clear()
        place: KeyPlace = self.place.currentData()
        password: Secret | None = None
        if place == "password":
            if self.password.text() != self.again.text():
                self._refuse((Refusal("INVALID_INPUT", "the same password twice expected", "again"),))
                return
            password = Secret(self.password.text())
        same = self._state is not None and place == self._state.place
        question = "Change the master password?" if same else f"Keep the key in: {PLACE_TITLES[place]}?"
        Confirm(
            question,
            f"{_GOOD_FOR[place]} All secrets are sealed anew; older copies of the database stay sealed under the old key, "
            "which is deleted.",
            "Change it" if same else "Move it",
            lambda: self._ask(lambda number: SetKeyPlace(number, place, password), "Done: {} sealed anew."),
            self,
        ).open()

    def set_auto_lock(self) -> None:
        """Lock after so many minutes from now on."""
        self.fields.clear()
        text = self.auto_lock.text().strip() or "0"
        try:
            minutes = int(text)
        except ValueError:
            said = f"a whole number of minutes expected, got “{text[:20]}”"
            self._refuse((Refusal("INVALID_INPUT", said, "minutes"),))
            return
        done = f"Locks after {minutes} min." if minutes else "Does not lock by itself."
        self._ask(lambda number: SetAutoLock(number, minutes), done)

    def _confirm_rotation(self) -> None:
        Confirm(
            "Make new keys?",
            "All secrets are sealed anew under new keys in the same place, and the old ones are deleted. Older copies of the "
            "database stay sealed under the old keys.",
            "Make new keys",
            lambda: self._ask(RotateKeys, "New keys: {} sealed anew."),
            self,
        ).open()

    def _ask(self, make: Callable[[int], ToEngine], done: str) -> None:
        self.fields.clear()
        self.say([])
        self._set_busy(True)
        self._asks.request(make, lambda reply: self._on_reply(reply, done))

    def _on_reply(self, reply: Reply, done: str) -> None:
        if not isValid(self):
            return
        self._set_busy(False)
        if reply.refusals:
            self._refuse(reply.refusals)
            return
        self.password.clear()
        self.again.clear()
        self.outcome.setText(done.format(count_of(int(reply.result.get("secrets", 0)), "secret", "secrets")))

    def _refuse(self, refusals: tuple[Refusal, ...]) -> None:
        self.outcome.setText("")
        known = [said for said in refusals if self.fields.knows(said.field)]
        self.fields.refuse(known)
        self.say([said for said in refusals if said not in known])

    def _set_busy(self, busy: bool) -> None:
        self.outcome.setText("Sealing…" if busy else "")
        for verb in (self.move_button, self.rotate_button, self.lock_button, self.auto_lock_button):
            verb.setEnabled(not busy)

    def _on_changed(self, delta: Delta) -> None:
        if delta.engine:
            self._show()

    def _show(self) -> None:
        engine = self._model.engine
        state = engine.vault if engine is not None else None
        if state == self._state and state is not None:
            return
        if state is not None and (self._state is None or self._state.place != state.place):
            self.place.setCurrentIndex(KEY_PLACES.index(state.place))
        if state is not None and (self._state is None or self._state.auto_lock_min != state.auto_lock_min):
            self.auto_lock.setText(str(state.auto_lock_min) if state.auto_lock_min else "")
        self._state = state
        self.told.setText(story_of(state))
        has_password = state is not None and state.place == "password"
        locked = state is not None and state.locked
        self.unlock_button.setVisible(locked)
        self.lock_button.setVisible(has_password and not locked)
        self.rotate_button.setVisible(state is not None and not locked)
        self._auto.setVisible(has_password)
        self._moving.setVisible(state is not None and not locked)
        self._on_place()

    def _on_place(self) -> None:
        place: KeyPlace = self.place.currentData()
        same = self._state is not None and place == self._state.place
        self.fields.by_name["password"].setVisible(place == "password")
        self.fields.by_name["again"].setVisible(place == "password")
        self._good_for.setText(_GOOD_FOR[place])
        self.move_button.setText("Change the master password" if same else "Move the key there")
        self.move_button.setVisible(not same or place == "password")

    def _lay_out(self) -> None:
        box = QFrame()
        box.setProperty("kind", "reason")
        inner = QVBoxLayout(box)
        inner.setContentsMargins(12, 10, 12, 10)
        inner.addWidget(self.told)
        self._moving = QWidget()
        moving = QVBoxLayout(self._moving)
        moving.setContentsMargins(0, 0, 0, 0)
        moving.setSpacing(10)
        self._good_for = Label("", "small", wrap=True)
        grid = two_columns()
        grid.addWidget(self.fields.add("place", "The key lies in", self.place), 0, 0, 1, 2)
        grid.addWidget(self._good_for, 1, 0, 1, 2)
        low = PASSWORD_RANGE[0]
        grid.addWidget(
            self.fields.add("password", f"New master password, {low} or more", self.password), 2, 0
        )
        grid.addWidget(self.fields.add("again", "Once more", self.again), 2, 1)
        moving.addLayout(grid)
        moving.addLayout(_left(self.move_button))
        self._auto = QWidget()
        auto = QHBoxLayout(self._auto)
        auto.setContentsMargins(0, 0, 0, 0)
        auto.setSpacing(8)
        field = self.fields.add(
            "minutes", "Lock by itself after so many minutes without use; empty is never", self.auto_lock
        )
        auto.addWidget(field, 1)
        holder = QVBoxLayout()
        holder.setContentsMargins(0, 19, 0, 0)
        holder.addWidget(self.auto_lock_button)
        holder.addStretch(1)
        auto.addLayout(holder)
        self.outcome = Label("", "quiet", wrap=True)
        for part in (box, self._moving, self._auto, self.outcome):
            self.body.addWidget(part)
        self.body.addStretch(1)


def story_of(state: VaultState | None) -> str:
    """Return how the vault stands as sentences."""
    if state is None:
        return "How the vault stands is not known yet."
    if state.locked:
        why = f" {capitalized(state.why)}." if state.why else ""
        return f"Locked: devices that are asked with a login wait.{why}"
    keys = (
        f"Keys of {datetime.fromtimestamp(state.rotated_us / 1e6):%Y-%m-%d}."
        if state.rotated_us
        else "First keys."
    )
    return f"Open. {_LIES[state.place]} {keys}"


def _password() -> QLineEdit:
    made = QLineEdit()
    made.setEchoMode(QLineEdit.EchoMode.Password)
    made.setMaxLength(PASSWORD_RANGE[1] + 1)
    return made


def _left(widget: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(widget)
    row.addStretch(1)
    return row
