"""Opens the forms of single things, devices and links, and asks before one is deleted. Counterpart: `window.py`.

One rule: a form is open at once; what only the engine knows, such as its SNMP profiles, comes while one types.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QWidget

from app.commands import Asks, Commands
from app.dialogs.confirm import Confirm
from app.dialogs.device_form import DeviceForm, Submit
from app.dialogs.link_form import LinkForm
from app.dialogs.place_field import Pick
from app.draft import draft_of
from app.look import Look
from app.model import Model
from app.words import count_of, name_of_link
from domain.geometry import LngLat
from domain.inventory import Device, Link
from domain.wire import QueryProfiles


class Forms:
    """`add` takes the draft of a new device, `pick` asks for a click on the map."""

    def __init__(  # noqa: PLR0917
        self,
        model: Model,
        asks: Asks,
        commands: Commands,
        look: Look,
        add: Submit,
        pick: Pick,
        window: QWidget,
    ) -> None:
        self._model, self._asks, self._commands = model, asks, commands
        self._look, self._add, self._pick, self._window = look, add, pick, window

    def add_device(self, place: LngLat | None = None, address: str = "") -> None:
        """Open the form for a new device, at a place or an address where one is given."""
        inventory, team = self._model.inventory, self._model.team
        form = DeviceForm(inventory, self._look, self._add, self._pick, self._window, place=place, team=team)
        form.address.setText(address)
        self._open(form)

    def edit_device(self, device: Device) -> DeviceForm:
        """Open the form of a device."""
        inventory, commands, team = self._model.inventory, self._commands, self._model.team
        submit: Submit = lambda draft, then: commands.edit_device(device, draft, then)  # noqa: E731
        draft = draft_of(inventory, device)
        form = DeviceForm(inventory, self._look, submit, self._pick, self._window, draft=draft, team=team)
        self._open(form)
        return form

    def edit_link(self, link: Link) -> LinkForm:
        """Open the form of a link."""
        commands = self._commands
        form = LinkForm(
            self._model, link, lambda new, then: commands.edit_link(link, new, then), self._window
        )
        form.open()
        return form

    def ask_to_delete(self, thing: Device | Link) -> None:
        """Ask once, then delete a device with the links that end at it, or a link."""
        inventory, commands, id = self._model.inventory, self._commands, thing.id
        if isinstance(thing, Device):
            links = sum(id in (row.a, row.b) for row in inventory.links())
            gone = f"{count_of(links, 'link', 'links')} to it will go too. " if links else ""
            name, then = thing.name, partial(commands.delete_devices, [id])
        else:
            name, gone = name_of_link(inventory, thing), "Its two ends stay. "
            then = partial(commands.delete_link, id)
        Confirm(f"Delete {name}?", f"{gone}You can undo this.", "Delete", then, self._window).open()

    def _open(self, form: DeviceForm) -> None:
        self._asks.request(QueryProfiles, form.on_profiles)
        form.open()
