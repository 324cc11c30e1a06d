"""`/edits`: the record of what people changed, and the way in for many changes at once. Counterpart: `../ledger.py`, the sync.

Theory: an edit names itself, so that to send it again is harmless: it is answered as it was. The edits of one request are taken
one after the other, each whole or not at all, and each is told of by itself: one that is refused does not hold up the next.
One rule: the author is who asks; nobody says who did something.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import Query

from domain.edit import Edit, Step, inverse
from domain.errors import Refusal, RefusedByRule
from domain.rules import STEPS_CAP
from sync_server.api.envelope import Detail
from sync_server.api.errors import refused
from sync_server.api.ids import new_id
from sync_server.api.pages import Page, cut
from sync_server.api.routes import Body, Call, Routes
from sync_server.api.things import open_ledger

routes = Routes("edits")
EDITS_CAP = 200
"""Edits in one request."""
PAGE_BYTES = 4_194_304
"""About how much of edits a page holds: one may be as long as a request's body."""
AT_ONCE = 8
"""Edits that are taken from the database at a time."""


class NewEdit(Body, frozen=True):
    """An edit as whoever made it names and times it. `undoes` is the edit that it takes back."""

    id: UUID
    at_us: int
    title: str
    steps: tuple[Step, ...]
    version: int = 1
    undoes: UUID | None = None


class NewEdits(Body, frozen=True):
    """Edits, in the order in which they were made."""

    edits: tuple[NewEdit, ...]


class Outcome(msgspec.Struct, frozen=True):
    """What became of an edit: `revision` is its place in the order of all that changed, null where it was refused."""

    id: UUID
    state: Literal["confirmed", "refused"]
    revision: int | None
    refusals: tuple[Detail, ...] = ()


class EditRow(msgspec.Struct, frozen=True):
    """An edit that was applied."""

    revision: int
    edit: Edit


@routes.route("GET", "/edits", allow="edits:read", gives=list[EditRow], paged=True)
async def list_edits(
    call: Call,
    *,
    since: Annotated[int, Query(ge=0, le=2**62, description="only of later revisions")] = 0,
) -> list[EditRow]:
    """List edits, the newest first; long ones make a page shorter. An edit tells all that it touched: who reaches some sites
    only sees none."""
    if call.who.reach.sites is not None:
        raise refused("INSUFFICIENT_PERMISSIONS", "you reach some sites only, and edits tell of all")
    asked = call.transaction.cursor(_LIST, since, call.page.key(int), call.page.limit + 1, prefetch=AT_ONCE)
    rows, size_bytes = [], 0
    async for row in asked:
        rows.append(row)
        size_bytes += row["size_bytes"]
        if size_bytes > PAGE_BYTES and len(rows) > 1:
            call.page = Page(len(rows) - 1, call.page.after)  # this one is the next page's first
            break
    rows, call.shown = cut(rows, call.page, lambda row: row["seq"])
    return [EditRow(row["seq"], msgspec.convert(row["body"], Edit)) for row in rows]


@routes.route("POST", "/edits", allow="edits:write", takes=NewEdits, gives=list[Outcome])
async def send_edits(call: Call) -> list[Outcome]:
    """Apply edits, each whole or not at all."""
    body: NewEdits = call.body
    if not 1 <= len(body.edits) <= EDITS_CAP:
        said = f"1 to {EDITS_CAP} edits expected, got {len(body.edits)}"
        raise refused("INVALID_INPUT", said, "edits")
    if (steps := sum(len(edit.steps) for edit in body.edits)) > STEPS_CAP:
        raise refused("INVALID_INPUT", f"at most {STEPS_CAP} steps expected, got {steps}", "edits")
    ledger = await open_ledger(call)
    told: list[Outcome] = []
    for sent in body.edits:
        edit = Edit(
            sent.id, sent.at_us, call.who.name, sent.title, sent.steps, sent.version, undoes=sent.undoes
        )
        known = await ledger.known(edit.id)
        if known is not None:
            same = msgspec.structs.replace(known[1], author=edit.author) == edit
            told.append(_confirmed(edit, known[0]) if same else _refused(edit, [_TAKEN]))
        elif found := await ledger.apply(edit):
            told.append(_refused(edit, found))
        else:
            told.append(_confirmed(edit, ledger.revision))
    detail = {
        "confirmed": [str(one.id) for one in told if one.state == "confirmed"],
        "refused": [str(one.id) for one in told if one.state == "refused"],
        "revision": ledger.revision,
    }
    await call.record("edits.sent", ("edit", body.edits[0].id), detail)
    return told


@routes.route("POST", "/edits/{id}/undo", allow="edits:write", gives=EditRow, status=201)
async def undo_edit(call: Call, id: UUID) -> EditRow:
    """Take an edit back by a new one; refused where what it changed was changed since."""
    ledger = await open_ledger(call)
    known = None if call.who.reach.sites is not None else await ledger.known(id)
    if known is None:
        raise refused("EDIT_NOT_FOUND", "there is no such edit")
    edit = inverse(known[1], new_id(call), round(call.services.now_s() * 1_000_000), call.who.name)
    if found := await ledger.apply(edit):
        raise RefusedByRule(found)
    await call.record("edit.undone", ("edit", id), {"edit": str(edit.id), "revision": ledger.revision})
    return EditRow(ledger.revision, edit)


_LIST = (
    "SELECT seq, body, octet_length(body::text) AS size_bytes FROM edit"
    " WHERE origin = current_tenant() AND seq > $1 AND ($2::bigint IS NULL OR seq < $2) ORDER BY seq DESC LIMIT $3"
)
_TAKEN = Refusal("EDIT_ALREADY_EXISTS", "another edit has this id", "id")


def _confirmed(edit: Edit, revision: int) -> Outcome:
    return Outcome(edit.id, "confirmed", revision)


def _refused(edit: Edit, found: list[Refusal]) -> Outcome:
    details: list[Any] = [
        Detail(r.code, r.message, r.field, "" if r.subject is None else str(r.subject)) for r in found
    ]
    return Outcome(edit.id, "refused", None, tuple(details))
