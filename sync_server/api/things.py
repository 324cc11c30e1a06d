"""What the resources of the inventory have in common: one is read, made, changed and deleted, each change an edit.

Counterpart: `../ledger.py`, which judges and writes edits; `devices.py`, `sites.py`, `links.py` and `rules.py`, the lists.

Theory: the bodies are made of the vocabulary's own types: to make a thing takes their fields but the id, to change one any of
them. Each answer about one thing has an ETag, made of what it says; a change says by If-Match from which state it goes out
(`*`: from any), so that of two who change one thing at a time the second sees what the first did.
A plain change is judged before the tenant is held, by what was read of one of its revisions, and written by one call if it is
still of that: two exchanges with the database, and nobody waits while Python thinks. All else, and what is refused, is judged
under the lock.
One rule: a change is held against what is there under the tenant's lock, never against what may be another by then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, cast
from uuid import UUID

import msgspec
from fastapi import Header
from msgspec import UNSET, UnsetType

from domain.alert_rules import DEFAULT_RULES
from domain.edit import Edit, Step, change, creation, deletion, entity_from, fields_of
from domain.errors import RefusedByRule
from domain.inventory import TYPES, Entity, Kind
from domain.nouns import noun_of
from domain.roles import Permission, permission_to_edit
from domain.rules import TITLE_CAP, of_edit, refusals
from domain.text import clean_text
from sync_server import inventory
from sync_server.api.errors import refused
from sync_server.api.ids import new_id
from sync_server.api.routes import Body, Call, Routes
from sync_server.ledger import Ledger, moved_by, told_of
from sync_server.proofs import revision_of
from sync_server.security import audit

HEADER_CAP = 1_000
IfMatch = Annotated[
    str | None,
    Header(max_length=HEADER_CAP, description="the ETag of what is changed, or `*` for whatever is there"),
]
BUILT_IN: Mapping[str, Mapping[UUID, Entity]] = {"rule": {rule.id: rule for rule in DEFAULT_RULES}}
"""Things that are there without a row, until somebody changes them."""
_CODES: Mapping[str, Mapping[str, str]] = {"device": {"role": "INVALID_DEVICE_TYPE"}}


class Bodies(NamedTuple):
    """What makes and what changes a thing of a kind."""

    new: type[Body]
    change: type[Body]


def bodies_of(kind: Kind) -> Bodies:
    """Return the bodies of a kind, made of its fields."""
    fields = [field for field in msgspec.structs.fields(TYPES[kind]) if field.name != "id"]
    new: list[Any] = []
    changed: list[Any] = []
    for field in fields:
        default = [] if field.required else [msgspec.field(default=field.default)]
        if field.default_factory is not msgspec.NODEFAULT:
            default = [msgspec.field(default_factory=field.default_factory)]
        new.append((field.name, field.type, *default))
        changed.append((field.name, field.type | UnsetType, UNSET))
    codes = {"codes": _CODES.get(kind, {})}
    name = kind.capitalize()
    options: dict[str, Any] = {
        "bases": (Body,),
        "module": __name__,
        "frozen": True,
        "kw_only": True,
        "namespace": codes,
    }
    parts = ((f"New{name}", new), (f"{name}Change", changed))
    made = (msgspec.defstruct(called, of, **options) for called, of in parts)
    return Bodies(*cast(Iterator[type[Body]], made))


Show = Callable[[Call, UUID], Awaitable[Any]]
"""Returns a thing as its route gives it, with its `etag`; None where there is none within reach."""


def add_routes(routes: Routes, kind: Kind, gives: type[Any], show: Show) -> None:
    """Declare how one thing of a kind is read, made, changed and deleted."""
    path, bodies = f"/{kind}s", bodies_of(kind)
    may_write = permission_to_edit(kind)
    may_read = cast(Permission, may_write.replace(":write", ":read"))

    async def shown(call: Call, id: UUID) -> Any:
        found = await show(call, id)
        if found is None:
            raise absent(kind)
        call.etag = found.etag
        return found

    async def make_one(call: Call) -> Any:
        return await shown(call, await make(call, kind))

    async def change_one(call: Call, id: UUID, *, if_match: IfMatch = None) -> Any:
        await alter(call, kind, id, if_match)
        return await shown(call, id)

    async def change_at_once(call: Call, id: UUID, *, if_match: IfMatch = None) -> Any | None:
        return await alter_at_once(call, kind, id, if_match, show)

    async def delete_one(call: Call, id: UUID, *, if_match: IfMatch = None) -> None:
        await remove(call, kind, id, if_match)

    said = {
        shown: ("read", f"Return a {kind}."),
        make_one: ("make", f"Make a {kind}."),
        change_one: ("change", f"Change what the body names of a {kind}."),
        delete_one: ("delete", f"Delete a {kind} that nothing else needs."),
    }
    for handler, (verb, doc) in said.items():
        handler.__name__, handler.__doc__ = f"{verb}_{kind}", doc
    one = f"{path}/{{id}}"
    routes.route("GET", one, allow=may_read, gives=gives, alone=True)(shown)
    routes.route("POST", path, allow=may_write, takes=bodies.new, gives=gives, status=201)(make_one)
    routes.route("PATCH", one, allow=may_write, takes=bodies.change, gives=gives, at_once=change_at_once)(
        change_one
    )
    routes.route("DELETE", one, allow=may_write, status=204)(delete_one)


async def make(call: Call, kind: Kind) -> UUID:
    """Make a thing of the request's body; return its id. Raises RefusedByRule."""
    thing = _entity(kind, new_id(call), msgspec.to_builtins(call.body))
    await apply(call, f"Add {_name(thing)}", (creation(kind, thing),))
    return thing.id


async def alter(call: Call, kind: Kind, id: UUID, if_match: str | None) -> None:
    """Change a thing as the request's body says. Raises RefusedByRule."""
    ledger = await open_ledger(call)
    stored = await inventory.thing(call.transaction, kind, id)
    old = BUILT_IN.get(kind, {}).get(id) if stored is None else stored
    if old is None:
        raise absent(kind)
    if if_match is None:
        raise refused("VERSION_REQUIRED", "say by If-Match, with the thing's ETag or *, what you change")
    check_etag(old, if_match)
    new = _entity(kind, id, {**fields_of(old), **msgspec.to_builtins(call.body)})
    step = change(kind, old, new)
    if step is None:
        await call.record(f"{kind}.changed", (kind, id), {"changed": []})
    else:
        one = creation(kind, new) if stored is None else step
        held = None if stored is None else {kind: stored}
        await apply(call, f"Change {_name(new)}", (one,), ledger, held)


async def alter_at_once(call: Call, kind: Kind, id: UUID, if_match: str | None, show: Show) -> Any | None:
    """Change a thing as `alter` does and return it as `show` would; None, and nothing is changed, where that takes the lock."""
    who, now_us = call.who, round(call.services.now_s() * 1_000_000)
    if if_match is None or who.tenant is None or who.reach.sites is not None or id in BUILT_IN.get(kind, {}):
        return None
    call.is_noting = True
    found = await show(call, id)
    if found is None or call.as_of is None:
        return None
    old = TYPES[kind](**{field: getattr(found, field) for field in TYPES[kind].__struct_fields__})
    try:
        check_etag(old, if_match)
        new = _entity(kind, id, {**fields_of(old), **msgspec.to_builtins(call.body)})
    except RefusedByRule:
        return None
    step = change(kind, old, new)
    if step is None:
        return None
    edit = _edit(call, f"Change {_name(new)}", (step,), now_us)
    if [*of_edit(edit)] or any(moved_by(edit)) or (step.after or {}).get("polled_by"):
        return None
    part = await inventory.part_for(call, edit.steps, {kind: old})
    if refusals(part, edit) or not call.is_proven:
        return None
    seen = revision_of(call.as_of)
    revision = seen + 1
    columns = inventory.columns_between(kind, old, new)
    told = told_of(who.tenant, revision, now_us, edit, [(kind, id)])
    audited = audit.row_of(who, *act_of(edit.steps), _detail(edit, revision))
    given = seen, inventory.table_of(kind), id, columns, *told, *audited
    if not columns or not await call.services.database.write(who, "sync.change_thing", *given):
        return None
    call.etag = inventory.etag_of(new)
    same = {field: getattr(new, field) for field in new.__struct_fields__}
    return msgspec.structs.replace(found, **same, etag=call.etag)


async def remove(call: Call, kind: Kind, id: UUID, if_match: str | None) -> None:
    """Delete a thing. Raises RefusedByRule."""
    ledger = await open_ledger(call)
    old = await inventory.thing(call.transaction, kind, id)
    if old is None:
        raise absent(kind)
    if if_match is not None:
        check_etag(old, if_match)
    await apply(call, f"Delete {_name(old)}", (deletion(kind, old),), ledger, {kind: old})


async def open_ledger(call: Call) -> Ledger:
    """Return the tenant's ledger, held until the request ends."""
    return await Ledger.open(call.transaction, call.who, round(call.services.now_s() * 1_000_000))


async def apply(
    call: Call,
    title: str,
    steps: tuple[Step, ...],
    ledger: Ledger | None = None,
    held: Mapping[Kind, Entity] | None = None,
) -> None:
    """Apply an edit of the asker's and write into the audit what it changed; `held` as for `part_for`. Raises RefusedByRule."""
    edit = _edit(call, title, steps, round(call.services.now_s() * 1_000_000))
    ledger = ledger or await open_ledger(call)
    if found := await ledger.apply(edit, held):
        raise RefusedByRule(found)
    await call.record(*act_of(steps), _detail(edit, ledger.revision))


def act_of(steps: tuple[Step, ...]) -> tuple[str, tuple[str, object]]:
    """Return what an edit is called in the audit, and what it is about."""
    kind, id, before, after = steps[0].kind, steps[0].id, steps[0].before, steps[0].after
    done = "made" if before is None else "deleted" if after is None else "changed"
    return f"{kind}.{done}", (kind, id)


def check_etag(thing: Entity, if_match: str) -> None:
    """Refuse where none of the given tags is the thing's. Raises RefusedByRule."""
    tags = [tag.strip().removeprefix("W/") for tag in if_match.split(",")]
    if "*" not in tags and inventory.etag_of(thing) not in tags:
        raise refused("VERSION_STALE", "somebody changed it meanwhile: read it again")


def absent(kind: Kind) -> RefusedByRule:
    """Return the refusal of what is not there, or not within reach."""
    return refused(f"{kind.upper()}_NOT_FOUND", f"there is no such {noun_of(kind).one}")


def _edit(call: Call, title: str, steps: tuple[Step, ...], at_us: int) -> Edit:
    return Edit(new_id(call), at_us, call.who.name, clean_text(title, TITLE_CAP), steps)


def _detail(edit: Edit, revision: int) -> dict[str, Any]:
    """Return what the audit tells of an edit."""
    changed = sorted({name for step in edit.steps if step.before and step.after for name in step.after})
    told = {"edit": str(edit.id), "revision": revision, "title": edit.title, "changed": changed}
    return {**told, "steps": len(edit.steps)}


def _entity(kind: Kind, id: UUID, fields: dict[str, Any]) -> Entity:
    try:
        return entity_from(kind, id, fields)
    except msgspec.ValidationError as error:
        raise refused("INVALID_INPUT", str(error)[:500]) from None


def _name(thing: Any) -> str:
    return getattr(thing, "name", "") or "a link"
