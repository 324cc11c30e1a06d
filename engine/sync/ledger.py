"""A team's inventory on this computer: edits of its own go onto the disk before they are shown, news of the server's too.

Counterparts: `session.py`, which decides; `requests.py` and `client.py`, who bring edits and messages.

Theory: one lock for all that changes the inventory. Under it the session says what a message changes, that is written in one
transaction, then the session has it and everybody hears of it. An edit has no journal row here: the confirmed one's comes down.
One rule: what is shown, and what is acknowledged to the server, is on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol
from uuid import UUID

import msgspec

from domain.edit import Edit
from domain.errors import Refusal
from domain.inventory import KINDS, Inventory
from domain.journal import JournalRow
from domain.merge import Thing
from domain.nouns import noun_of
from domain.roles import Permission, permission_to_edit
from domain.sync import Entries, Outcomes, Welcome
from domain.team import PENDING_THINGS_CAP, TrayEntry
from engine.ledger import Written
from engine.state import State
from engine.storage import StoreThread
from engine.storage.store import NO_SECRETS, Secrets
from engine.storage.team import TeamStore
from engine.sync.session import Change, Session


class Publishing(Protocol):
    """What news set in motion once they are on disk and in the state."""

    def __call__(
        self, before: Inventory, touched: list[tuple[str, UUID]], renewed: set[UUID], written: Written
    ) -> None: ...


class TeamLedger:
    """Made of what is on disk. `on_news` gets the parts of entries after their inventory was published, `on_edit` is called
    when something is to be pushed or the tray is another, `on_logins` before logins that are new, with their secrets, are on
    disk."""

    def __init__(
        self,
        session: Session,
        state: State,
        thread: StoreThread,
        store: TeamStore,
        *,
        changing: asyncio.Lock,
        may: Callable[[], tuple[Permission, ...]],
        publish: Publishing,
        on_news: Callable[[tuple[Entries, ...]], None],
        on_edit: Callable[[], None],
        on_logins: Callable[[Iterable[UUID]], Awaitable[None]],
        now_us: Callable[[], int],
    ) -> None:
        self.session = session
        self._state = state
        self._thread = thread
        self._store = store
        self._changing = changing
        self._may = may
        self._publish = publish
        self._on_news = on_news
        self._on_edit = on_edit
        self._on_logins = on_logins
        self._now_us = now_us

    # Edits of this computer, for `requests.py`, which holds the lock

    async def has(self, id: UUID) -> bool:
        """Tell whether an edit was kept before."""
        return await self._thread.run(self._store.has_edit, id) or await self._thread.has_edit(id)

    def refusals(self, edit: Edit) -> list[Refusal]:
        """Return why this member may not make an edit; what is known here may be old, so the server says it again."""
        kinds = dict.fromkeys(step.kind for step in edit.steps)
        lacking = [noun_of(kind).many for kind in kinds if permission_to_edit(kind) not in self._may()]
        if lacking:
            said = f"your role here does not allow to change {', '.join(lacking)}"
            return [Refusal("INSUFFICIENT_PERMISSIONS", said)]
        return self.session.size_refusals(edit)

    async def keep(
        self, edit: Edit, after: Inventory, touched: list[tuple[str, UUID]], secrets: Secrets
    ) -> Written | None:
        """Write an edit as pending; one that only brings secrets goes no further than this computer."""
        made = [step.id for step in edit.steps if step.kind == "credential" and step.id in secrets]
        await self._on_logins(id for id in made if id not in self._state.inventory.tables["credential"])
        change = self.session.submit(edit) if edit.steps else Change(self.session.cursor)
        await self._write(change, secrets)
        self._on_edit()
        return Written(self._now_us())

    # What the server says

    async def welcome(self, welcome: Welcome) -> None:
        """Take the server's first words."""
        async with self._changing:
            is_anew = self.session.begins_anew(welcome)
            edits = await self._thread.run(self._store.own_edits) if is_anew else []
            change = self.session.open(welcome, edits)
            if is_anew:
                await self._take(change)

    async def hear_outcomes(self, message: Outcomes) -> None:
        """Take what became of edits."""
        async with self._changing:
            await self._take(self.session.outcomes(message, self._now_us()))
        self._on_edit()

    async def hear_entries(self, part: Entries, *, left_out: bool = False) -> Change | None:
        """Take a part of entries, of which some may be left out; return what changed once they are complete and on disk."""
        async with self._changing:
            change = self.session.entries(part, self._now_us(), left_out=left_out)
            if change is not None:
                await self._take(change)
        if change is not None:
            self._on_edit()
        return change

    async def drop(self, edit: UUID) -> None:
        """Forget an entry of the tray. Raises StorageFailed."""
        async with self._changing:
            await self._take(self.session.drop(edit))
        self._on_edit()

    def forget_team(self) -> None:
        """Be no team's any more, on disk, with what is shown here but its maps; this engine is to be started again then."""
        shown, confirmed = self.session.visible.tables, self.session.confirmed.tables
        unlike = {
            (kind, id): shown[kind].get(id)
            for kind in KINDS
            for id in shown[kind].keys() | confirmed[kind].keys()
            if shown[kind].get(id) != confirmed[kind].get(id)
        }
        unlike |= dict.fromkeys(
            ("team_map", id) for id in confirmed["team_map"].keys() | shown["team_map"].keys()
        )
        self._store.forget_team(unlike)

    # What there is

    @property
    def pending(self) -> list[Edit]:
        """Edits that the server has not confirmed, the oldest first."""
        return self.session.pending

    @property
    def tray(self) -> list[TrayEntry]:
        """What was not applied, the oldest first."""
        return sorted(self.session.tray.values(), key=lambda entry: entry.at_us)

    def told(self, cap: int) -> dict[str, Any]:
        """Return what is pending and what was not applied as plain data, the newest first, at most so many of each."""
        pending, tray = self.pending[::-1], self.tray[::-1]
        return {
            "pending": msgspec.to_builtins(pending[:cap]),
            "tray": msgspec.to_builtins(tray[:cap]),
            "more": max(0, len(pending) - cap) + max(0, len(tray) - cap),
        }

    def pending_things(self) -> tuple[Thing, ...]:
        """Return the things that pending edits touch, the last touched first, not too many."""
        found: dict[Thing, None] = {}
        for edit in reversed(self.session.pending):
            for step in edit.steps:
                found.setdefault((step.kind, step.id))
                if len(found) >= PENDING_THINGS_CAP:
                    return tuple(found)
        return tuple(found)

    # How

    async def _take(self, change: Change) -> None:
        before = self._state.inventory
        await self._write(change)
        if change.shown:
            self._state.inventory = Inventory(self.session.visible.tables)
        journal = tuple(_rows(change.news))
        if change.shown or journal:
            touched: list[tuple[str, UUID]] = list(change.shown)
            self._publish(before, touched, set(), Written(self._now_us(), journal))
        if change.news:
            self._on_news(change.news)

    async def _write(self, change: Change, secrets: Secrets = NO_SECRETS) -> None:
        await self._thread.run(self._store.write, change, secrets)
        self.session.take(change)


def _rows(parts: Iterable[Entries]) -> Iterable[JournalRow]:
    return (row for part in parts for row in part.journal)
