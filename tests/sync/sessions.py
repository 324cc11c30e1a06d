"""A session whose changes are taken at once, and messages of its server, for tests that read as conversations."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import msgspec

from domain.edit import Edit, change
from domain.errors import Refusal
from domain.inventory import Device, Entity, Tenant
from domain.sync import Entries, Outcome, Outcomes, Push, Welcome
from engine.sync.session import Change, Cursor, OwnEdit, Session
from tests.unit.inventories import device, edit, inventory

NOW_US = 1_780_000_000_000_000
MAST = device(1, name="Mast", note="old")
NO = Refusal("IN_USE", "no")


def welcome(epoch: str = "one", revision: int = 5) -> Welcome:
    """Return a server's first words."""
    return Welcome(
        1, "1.0", Tenant(UUID(int=1), "t"), epoch, revision, UUID(int=2), "mara", "engineer", (), True, 0, 0
    )


class Talk:
    """A session at revision 5 of epoch "one", connected, that knows the mast."""

    def __init__(self, *things: Entity, edits: Iterable[OwnEdit] = ()) -> None:
        self.session = Session(inventory(*(things or (MAST,))), Cursor("one", 5, 5), edits)
        self.did(self.session.open(welcome()))

    def did(self, change: Change) -> Change:
        """Take a change."""
        self.session.take(change)
        return change

    def submit(self, edit: Edit) -> Change:
        """Submit an edit."""
        return self.did(self.session.submit(edit))

    def pushed(self) -> list[int]:
        """Return the numbers of the edits that are sent now."""
        push = self.session.next_push()
        return [] if push is None else numbers(push)

    def outcome(self, edit: Edit, revision: int = 0, **more: object) -> Change:
        """Hear what became of an edit."""
        one = Outcome(edit.id, revision, **more)  # type: ignore[arg-type]
        return self.did(self.session.outcomes(Outcomes((one,)), NOW_US))

    def entries(self, since: int, revision: int, *devices: Device, **more: object) -> Change | None:
        """Hear entries: devices, `gone`, `edits`, `complete` False for a part that is not the last."""
        part = Entries(since, revision, complete=True, devices=devices)
        said = self.session.entries(msgspec.structs.replace(part, **more), NOW_US)
        return None if said is None else self.did(said)

    @property
    def seen(self) -> Device | None:
        """The mast as it is shown."""
        return self.session.visible.device(MAST.id)


def renaming(number: int, old: Device, **fields: object) -> tuple[Edit, Device]:
    """Return an edit of a device, and what the device is then."""
    new = msgspec.structs.replace(old, **fields)
    step = change("device", old, new)
    assert step is not None
    return edit(step, number=number), new


def numbers(push: Push) -> list[int]:
    """Return the numbers of pushed edits."""
    return [one.id.int - 10_000 for one in push.edits]
