"""Where an edit that was accepted is written down, in a network of one's own.

Counterparts: `requests.py`; `sync/ledger.py`, a team's.

One rule: an edit and what it did are on disk in one transaction, with the journal row that says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from domain.edit import Edit
from domain.errors import Refusal
from domain.inventory import Inventory
from domain.journal import JournalRow
from domain.text import clean_text
from engine.journal import JournalPen
from engine.storage import Batch, StorageFailed, StoreThread
from engine.storage.store import Secrets

NAMES_CAP = 20
"""Things that a row about an edit names."""


class Written(NamedTuple):
    """An edit on disk: when, and the rows of the journal that tell of it, if it has any here."""

    at_us: int
    journal: tuple[JournalRow, ...] = ()


class Ledger(Protocol):
    """Keeps edits. Nobody else writes while one is judged and kept."""

    async def has(self, id: UUID) -> bool:
        """Tell whether an edit was kept before."""

    def refusals(self, edit: Edit) -> list[Refusal]:
        """Return why an edit may not be made here, whatever it changes."""

    async def keep(
        self, edit: Edit, after: Inventory, touched: list[tuple[str, UUID]], secrets: Secrets
    ) -> Written | None:
        """Write an edit that the rules let pass; None where it was there. Raises StorageFailed."""


class OwnLedger:
    """The ledger of a network of one's own."""

    def __init__(self, store: StoreThread, pen: JournalPen, now_us: Callable[[], int]) -> None:
        self._store = store
        self._pen = pen
        self._now_us = now_us

    async def has(self, id: UUID) -> bool:
        """Tell whether an edit was kept before."""
        return await self._store.has_edit(id)

    def refusals(self, edit: Edit) -> list[Refusal]:
        """Return nothing: it is one's own."""
        return []

    async def keep(
        self, edit: Edit, after: Inventory, touched: list[tuple[str, UUID]], secrets: Secrets
    ) -> Written | None:
        """Write an edit, what it did, and its row; None where it was there. Raises StorageFailed."""
        row = self._row(edit, touched)
        try:
            kept = await self._store.apply_edit(edit, after, row, secrets)
        except StorageFailed as error:
            refused = msgspec.structs.replace(
                row, kind="edit_refused", body={**row.body, "reason": error.message}
            )
            self._store.put(Batch(journal=[refused]))  # the number was given: no gap
            raise
        return Written(row.at_us, (row,)) if kept else None

    def _row(self, edit: Edit, touched: list[tuple[str, UUID]]) -> JournalRow:
        things = list(dict.fromkeys(touched))
        return self._pen.row(
            self._now_us(),
            "edit_applied",
            things[0][1] if len(things) == 1 else None,
            edit=str(edit.id),
            title=clean_text(edit.title),
            author=clean_text(edit.author),
            touched=[[kind, str(id)] for kind, id in things[:NAMES_CAP]],
            count=len(things),
            **({"undoes": str(edit.undoes)} if edit.undoes else {}),
        )
