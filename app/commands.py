"""All that a user can do, one method each. Counterpart: `domain/edit.py`; the engine's rules refuse, and say so at the field.

Theory: a command makes an `Edit` and sends it; the mirror changes when the engine tells of it, never before. An edit that
was applied goes on the undo stack; undoing sends its inverse as a new edit, redoing the inverse of that. It leaves its stack
when the engine has done it: while that is awaited the one below is next, so that pressing undo twice quickly takes back two
edits, and what is refused is still where it was.
One rule: a refusal goes to whoever asked (`then`); where nobody can show it, it is a toast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec
from PySide6.QtCore import QObject, Signal

from app.draft import (
    DeviceDraft,
    Login,
    author_name,
    credential_of,
    deletion_steps,
    edit_of,
    new_id,
    now_us,
    steps_of,
)
from app.model import Model
from app.panels.alert_acts import AlertActs, Deed
from app.said import as_done, refusal_words
from app.trust import trusting, what_it_shows
from app.words import BETWEEN, count_of, ends_of_link
from domain.alerts import PersonAct
from domain.edit import Edit, Step, change, creation, deletion, inverse
from domain.errors import Refusal
from domain.inventory import Credential, CredentialKind, Device, Entity, Kind, Link, probe_names
from domain.vault import Secret
from domain.watching import PortWatch
from domain.wire import ProbeNow, Reply, SubmitEdit, ToEngine

UNDO_DEPTH = 200
Then = Callable[[tuple[Refusal, ...]], None]
"""Told once what the engine said; empty means done."""


class Asks(Protocol):
    """What the commands need of an engine's link."""

    def request(self, make: Callable[[int], ToEngine], then: Callable[[Reply], None]) -> None:
        """Ask; `then` gets the one reply."""


class Said(NamedTuple):
    """A toast: what was done, and the edit that "Undo" on it would take back."""

    text: str
    edit: Edit | None = None
    bad: bool = False


class Commands(QObject):
    """The one way from a click to the engine."""

    said = Signal(object)
    clashed = Signal(object)
    """An edit that was refused because what it changes is no longer as it was."""
    stacks_changed = Signal()

    def __init__(self, model: Model, link: Asks, author: str = "", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.author = author or author_name()
        self._model = model
        self._link = link
        self._alert_acts = AlertActs(link.request)
        self._done: list[Edit] = []
        self._undone: list[Edit] = []
        self._awaited: set[UUID] = set()
        """Edits of either stack whose inverse is on its way to the engine."""

    # Devices

    def add_device(self, draft: DeviceDraft, then: Then) -> UUID:
        """Add a device, with its site and logins where they are new. Returns the id that it will have."""
        made = steps_of(self._model.inventory, draft)
        self._submit(f"Add {draft.name or draft.address}", made.steps, then, secrets=made.secrets)
        return made.device

    def edit_device(self, device: Device, draft: DeviceDraft, then: Then) -> None:
        """Change a device into its draft; at once done where nothing differs."""
        made = steps_of(self._model.inventory, draft, device)
        if made.steps:
            self._submit(f"Change {device.name}", made.steps, then, secrets=made.secrets)
        else:
            then(())

    def move_device(self, id: UUID, lng: float, lat: float) -> None:
        """Put a device at a place of its own."""
        device = self._model.inventory.device(id)
        if device is None:
            return
        title = f"Move {device.name}" if self._model.inventory.place_of(device) else f"Place {device.name}"
        self._change_device(device, title, lng=lng, lat=lat)

    def pause_device(self, id: UUID, *, paused: bool) -> None:
        """Stop asking a device, or ask it again."""
        device = self._model.inventory.device(id)
        if device is not None:
            self._change_device(
                device,
                f"{'Pause' if paused else 'Resume'} {device.name}",
                paused=paused,
                paused_until_us=None,
            )

    def delete_devices(self, ids: Iterable[UUID]) -> None:
        """Delete devices together with the links that end at them: one edit, one undo."""
        inventory = self._model.inventory
        devices = [device for id in ids if (device := inventory.device(id)) is not None]
        if not devices:
            return
        what = devices[0].name if len(devices) == 1 else count_of(len(devices), "device", "devices")
        self._submit(f"Delete {what}", deletion_steps(inventory, devices))

    # Links

    def edit_link(self, old: Link, new: Link, then: Then) -> None:
        """Change a link; at once done where nothing differs."""
        step = change("link", old, new)
        if step is not None:
            self._submit(f"Change {self._ends(old)}", [step], then)
        else:
            then(())

    def delete_link(self, id: UUID) -> None:
        """Delete a link and leave its ends alone."""
        link = self._model.inventory.link(id)
        if link is not None:
            self._submit(f"Delete {self._ends(link)}", [deletion("link", link)])

    def adopt_links(self, links: Sequence[Link], then: Then) -> None:
        """Draw links that devices tell of: one edit, one undo."""
        what = self._ends(links[0]) if len(links) == 1 else count_of(len(links), "link", "links")
        self._submit(f"Adopt {what}", [creation("link", link) for link in links], then)

    # Logins

    def add_credential(self, name: str, kind: CredentialKind, login: Login, then: Then) -> None:
        """Keep a new login, its secret sealed."""
        new = credential_of(login, kind, name)
        self._submit(f"Add {name}", [creation("credential", new)], then, secrets={new.id: login.secret})

    def edit_credential(
        self, old: Credential, name: str, login: Login, then: Then, *, replaces: bool
    ) -> None:
        """Change a login; with `replaces` its secret too. Undo brings back all but the secret."""
        new = msgspec.structs.replace(credential_of(login, old.kind, name), id=old.id)
        step = change("credential", old, new)
        if step is None and not replaces:
            then(())
            return
        title = f"Change {name}" if step is not None else f"Replace the secret of {name}"
        steps = [step] if step is not None else []
        self._submit(title, steps, then, secrets={old.id: login.secret} if replaces else None)

    def delete_credential(self, id: UUID, then: Then) -> None:
        """Delete a login that nothing is asked with."""
        credential = self._model.inventory.credential(id)
        if credential is not None:
            self._submit(f"Delete {credential.name}", [deletion("credential", credential)], then)

    def trust_probe(self, id: UUID, name: str, seen: str) -> None:
        """Trust a certificate or host key from now on: the fingerprint that a person saw, for one probe by its name."""
        device = self._model.inventory.device(id)
        trusted = probe_names(device).get(name) if device is not None else None
        if device is None or trusted is None:
            return
        probes = trusting(device, trusted, seen).probes
        self._change_device(device, f"Trust the {what_it_shows(trusted)} of {device.name}", probes=probes)

    # What people want to be told of

    def put(self, kind: Kind, thing: Entity, then: Then | None = None, title: str = "") -> None:
        """Make a rule, planned work or another thing with a name, or change the one of its id; `title` where that says more."""
        old = self._model.inventory.get(kind, thing.id)
        step = creation(kind, thing) if old is None else change(kind, old, thing)
        if step is not None:
            said = title or f"{'Add' if old is None else 'Change'} {getattr(thing, 'name', '')}"
            self._submit(said, [step], then)
        elif then is not None:
            then(())

    def drop(self, kind: Kind, id: UUID, then: Then | None = None, title: str = "") -> None:
        """Delete a rule, planned work or another thing that nothing hangs on."""
        thing = self._model.inventory.get(kind, id)
        if thing is not None:
            self._submit(title or f"Delete {getattr(thing, 'name', '')}", [deletion(kind, thing)], then)

    def watch_port(self, id: UUID, interface: str, chosen: PortWatch | None) -> None:
        """Choose when it is alerted of that a port is down, or leave it to the rules again."""
        device = self._model.inventory.device(id)
        if device is None:
            return
        ports = [port for port in device.ports if port.interface != interface]
        ports += [chosen] if chosen is not None else []
        ports.sort(key=lambda port: port.interface)
        self._change_device(device, f"Change alerts of {interface} of {device.name}", ports=tuple(ports))

    def tag_devices(
        self, ids: Iterable[UUID], add: Iterable[str], remove: Iterable[str], then: Then | None = None
    ) -> None:
        """Give devices tags and take others away: one edit, one undo."""
        added, gone = tuple(add), frozenset(remove)
        steps = []
        devices = [device for id in ids if (device := self._model.inventory.device(id)) is not None]
        for device in devices:
            kept = [tag for tag in device.tags if tag not in gone]
            tags = tuple(dict.fromkeys([*kept, *added]))
            step = change("device", device, msgspec.structs.replace(device, tags=tags))
            steps += [step] if step is not None else []
        if steps:
            what = devices[0].name if len(devices) == 1 else count_of(len(steps), "device", "devices")
            self._submit(f"Tag {what}", steps, then)
        elif then is not None:
            then(())

    # Polling

    def probe_now(self, id: UUID) -> None:
        """Ask a device at once, out of turn."""
        self._link.request(lambda number: ProbeNow(number, id), self._toast_refusals)

    # Alerts

    def acknowledge(self, alert: UUID) -> None:
        """Take an alert: it stays open, and everybody sees who has it."""
        found = self._model.alerts.get(alert)
        if found is not None and found.is_open and found.acknowledged_us is None:
            self.act_on_alerts([alert], "acknowledge")

    def act_on_alerts(
        self,
        alerts: Iterable[UUID],
        act: PersonAct,
        *,
        text: str = "",
        to: str = "",
        then: Then | None = None,
    ) -> None:
        """Acknowledge alerts, comment on them, assign them to somebody (or nobody), resolve them or open them again."""
        self._alert_acts.act(alerts, Deed(act, self.author, text, to), then or self.tell_refusals)

    # Undo and redo

    @property
    def undo_title(self) -> str:
        """What the next undo takes back; empty where there is nothing."""
        top = self._top(self._done)
        return top.title if top else ""

    @property
    def redo_title(self) -> str:
        """What the next redo does again; empty where there is nothing."""
        top = self._top(self._undone)
        return top.title.removeprefix("Undo: ") if top else ""

    def undo(self) -> None:
        """Take back the newest edit that is not taken back yet."""
        top = self._top(self._done)
        if top is None:
            self.said.emit(Said("Nothing to undo"))
        else:
            self._take_back(top)

    def undo_edit(self, edit: Edit) -> None:
        """Take back this edit, which may lie under others; a clash is refused by the engine."""
        if edit.id not in self._awaited and any(done.id == edit.id for done in self._done):
            self._take_back(edit)

    def redo(self) -> None:
        """Do again what was taken back last."""
        top = self._top(self._undone)
        if top is None:
            self.said.emit(Said("Nothing to redo"))
            return
        again = inverse(top, new_id(), now_us(), self.author)
        self._awaited.add(top.id)
        self._send(again, {}, lambda refusals: self._on_redone(top, again, refusals))

    def forget(self) -> None:
        """Forget what could be undone: another network comes."""
        self._done.clear()
        self._undone.clear()
        self._awaited.clear()
        self.stacks_changed.emit()

    def submit(self, edit: Edit, secrets: dict[UUID, Secret], then: Then) -> None:
        """Send an edit made elsewhere, such as a whole network, and keep it undoable."""
        self._send(edit, secrets, lambda refusals: self._on_applied(edit, refusals, then))

    # Inside

    def _ends(self, link: Link) -> str:
        return BETWEEN.join(ends_of_link(self._model.inventory, link))

    def _top(self, stack: list[Edit]) -> Edit | None:
        """Return the newest edit of a stack that is not being inverted already."""
        return next((edit for edit in reversed(stack) if edit.id not in self._awaited), None)

    def _change_device(self, old: Device, title: str, **fields: object) -> None:
        step = change("device", old, msgspec.structs.replace(old, **fields))
        if step is not None:
            self._submit(title, [step])

    def _submit(
        self,
        title: str,
        steps: Iterable[Step],
        then: Then | None = None,
        *,
        secrets: dict[UUID, Secret] | None = None,
    ) -> None:
        edit = edit_of(title, self.author, steps)
        self.submit(edit, secrets or {}, then or self.tell_refusals)

    def _send(self, edit: Edit, secrets: dict[UUID, Secret], then: Then) -> None:
        self.stacks_changed.emit()
        self._link.request(
            lambda number: SubmitEdit(number, edit, secrets), lambda reply: then(reply.refusals)
        )

    def _on_applied(self, edit: Edit, refusals: tuple[Refusal, ...], then: Then) -> None:
        if not refusals and edit.steps:
            self._done.append(edit)
            del self._done[:-UNDO_DEPTH]
            self._undone.clear()
            self.stacks_changed.emit()
            self.said.emit(Said(as_done(edit.title), edit))
        elif not refusals:  # a secret alone: the old one is gone
            self.said.emit(Said(as_done(edit.title)))
        then(refusals)
        self._tell_clash(edit, refusals)

    def _take_back(self, edit: Edit) -> None:
        back = inverse(edit, new_id(), now_us(), self.author)
        self._awaited.add(edit.id)
        self._send(back, {}, lambda refusals: self._on_undone(edit, back, refusals))

    def _on_undone(self, edit: Edit, back: Edit, refusals: tuple[Refusal, ...]) -> None:
        self._awaited.discard(edit.id)
        if refusals:
            self._tell_failure("undo", back, refusals)
        else:
            self._done = [done for done in self._done if done.id != edit.id]
            self._undone.append(back)
            self.said.emit(Said(f"Undone: {back.title.removeprefix('Undo: ')}"))
        self.stacks_changed.emit()

    def _on_redone(self, undone: Edit, again: Edit, refusals: tuple[Refusal, ...]) -> None:
        self._awaited.discard(undone.id)
        if refusals:
            self._tell_failure("redo", again, refusals)
        else:
            self._undone = [other for other in self._undone if other.id != undone.id]
            self._done.append(again)
            self.said.emit(Said(as_done(again.title), again))
        self.stacks_changed.emit()

    def tell_refusals(self, refusals: tuple[Refusal, ...]) -> None:
        """Say in a toast what was refused, if anything was; a clash is shown by whoever hears of it."""
        if refusals and not _is_clash(refusals):
            self.said.emit(Said(refusal_words(refusals), bad=True))

    def _tell_failure(self, what: str, edit: Edit, refusals: tuple[Refusal, ...]) -> None:
        self.said.emit(Said(f"Could not {what}: {refusal_words(refusals)}", bad=True))
        self._tell_clash(edit, refusals)

    def _tell_clash(self, edit: Edit, refusals: tuple[Refusal, ...]) -> None:
        if _is_clash(refusals):
            self.clashed.emit(edit)

    def _toast_refusals(self, reply: Reply) -> None:
        self.tell_refusals(reply.refusals)


def _is_clash(refusals: tuple[Refusal, ...]) -> bool:
    return any(refusal.code == "CLASH" for refusal in refusals)
