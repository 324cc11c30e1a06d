"""Opens what is set for the whole network, the MIB browser, and questions of trust. Counterpart: `dialogs/`, `mibs/`.

One rule: a dialog reads the model and asks the engine; nothing is kept here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.commands import Asks, Commands, Then
from app.dialogs.credentials import Credentials
from app.dialogs.maintenance import MaintenanceBoard
from app.dialogs.maintenance_form import MaintenanceForm, first_work
from app.dialogs.quarantine import Quarantine
from app.dialogs.receivers import ReceiversForm
from app.dialogs.rules import Rules
from app.dialogs.storage import StorageForm
from app.dialogs.tags import TagForm
from app.dialogs.trust import TrustQuestion
from app.dialogs.unlock import UnlockForm
from app.dialogs.vault import VaultBoard
from app.look import Look
from app.mibs.browser import MibBrowser
from app.model import Delta, Model
from app.panels.notices import Banner
from app.planned import NAME_CHARS
from app.trust import untrusted
from app.words import capitalized, count_of, name_of_link
from domain.inventory import Device
from domain.watching import Maintenance, Scope


class Settings(QObject):
    """One method a dialog, and the banner that says that the vault is locked."""

    device_wanted = Signal(str)
    """An address that is to become a device."""

    def __init__(self, model: Model, asks: Asks, commands: Commands, look: Look, window: QWidget) -> None:
        super().__init__(window)
        self._model, self._asks, self._commands, self._window = model, asks, commands, window
        self._look = look
        self.banner = Banner(look)
        model.changed.connect(self._on_changed)

    def open_credentials(self) -> None:
        """Open the list of logins."""
        Credentials(self._model, self._asks, self._commands, self._window).open()

    def open_rules(self) -> None:
        """Open what is alerted of."""
        Rules(self._model, self._commands, self._look, self._window).open()

    def open_maintenance(self) -> None:
        """Open what is planned."""
        MaintenanceBoard(self._model, self._commands, self._look, self._window).open()

    def plan_work(self, scope: Scope, name: str = "") -> None:
        """Open the form for new work on something."""

        def submit(work: Maintenance, then: Then) -> None:
            self._commands.put("maintenance", work, then, f"Plan {work.name}")

        work = first_work(scope, f"Work on {name}"[:NAME_CHARS] if name else "")
        MaintenanceForm(self._model, self._look, work, submit, is_new=True, parent=self._window).open()

    def plan_work_on(self, id: UUID | None) -> None:
        """Open the form for new work on a device, on both ends of a link, or on what is still to be chosen."""
        inventory = self._model.inventory
        device, link = (inventory.device(id), inventory.link(id)) if id is not None else (None, None)
        if device is not None:
            self.plan_work(Scope(devices=(device.id,)), device.name)
        elif link is not None:
            self.plan_work(Scope(devices=(link.a, link.b)), name_of_link(inventory, link))
        else:
            self.plan_work(Scope())

    def open_tags(self, devices: Sequence[Device]) -> None:
        """Open the tags of several devices."""
        TagForm(self._model.inventory, self._commands, self._look, devices, self._window).open()

    def open_storage(self) -> None:
        """Open how long numbers are kept."""
        StorageForm(self._model, self._asks, self._window).open()

    def open_receivers(self) -> None:
        """Open what is listened for."""
        form = ReceiversForm(self._model, self._asks, self._window)
        form.quarantine_wanted.connect(self.open_quarantine)
        form.open()

    def open_quarantine(self) -> None:
        """Open who sends without being a device."""
        board = Quarantine(self._asks, self._window)
        board.device_wanted.connect(self.device_wanted)
        board.open()

    def open_vault(self) -> None:
        """Open where the key lies."""
        board = VaultBoard(self._model, self._asks, self._window)
        board.unlock_wanted.connect(self.open_unlock)
        board.open()

    def open_unlock(self) -> None:
        """Ask for the master password, if it is needed."""
        state = self._model.engine.vault if self._model.engine is not None else None
        if state is not None and state.locked:
            UnlockForm(state, self._asks, self._window).open()
        else:
            self.open_vault()

    def open_mibs(self, id: UUID | None = None) -> None:
        """Open the MIB browser, with a device to be walked where it is asked over SNMP."""
        device = self._model.inventory.device(id) if id is not None else None
        asked = device is not None and any(probe.kind == "snmp" for probe in device.probes)
        MibBrowser(self._model, self._asks, self._look, id if asked else None, self._window).show()

    def open_trust(self, id: UUID | None, name: str = "") -> None:
        """Ask whether what a device shows is to be trusted: by the probe of that name, or the first that was not."""
        device = self._model.inventory.device(id) if id is not None else None
        if device is None:
            return
        for shown in untrusted(device, self._model.health.get(device.id)):
            if name in ("", shown.name):
                trust = partial(self._commands.trust_probe, device.id, shown.name)
                TrustQuestion(device.name, shown, trust, self._window).open()
                return

    def _on_changed(self, delta: Delta) -> None:
        if not (delta.engine or delta.inventory):
            return
        state = self._model.engine.vault if self._model.engine is not None else None
        if state is None or not state.locked:
            self.banner.hide()
            return
        devices = self._model.inventory.devices()
        waiting = sum(any(probe.credential is not None for probe in device.probes) for device in devices)
        said = f"The vault is locked: {count_of(waiting, 'device waits', 'devices wait')} for their logins"
        why = f"{capitalized(state.why)}." if state.why else ""
        self.banner.say(said, why, bad=False, verb="Unlock…", then=self.open_unlock)
