"""`/tags`: the words that devices are marked with. Counterpart: the tags of `devices.py`.

A tag is no thing of its own: it is there as long as a device has it. To rename or take it away is one edit of all those devices.
One rule: the devices within reach are meant, no others.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import msgspec
from fastapi import Path

from domain.edit import change
from domain.inventory import Device
from domain.rules import NAME_CAP, STEPS_CAP
from sync_server import inventory
from sync_server.api.errors import refused
from sync_server.api.pages import cut
from sync_server.api.routes import Body, Call, Routes
from sync_server.api.things import apply, open_ledger

routes = Routes("tags")
TagText = Annotated[str, Path(max_length=NAME_CAP, description="the tag's text")]


class Tag(msgspec.Struct, frozen=True):
    """A tag, and how many devices have it."""

    name: str
    devices: int


class TagChange(Body, frozen=True):
    """What a tag is called from now on; a name that is there already joins the two."""

    name: str


@routes.route("GET", "/tags", allow="tags:read", gives=list[Tag], paged=True)
async def list_tags(call: Call) -> list[Tag]:
    """List the tags that devices have, by name."""
    rows = await call.transaction.fetch(
        "SELECT tag, count(*) AS devices FROM device, jsonb_array_elements_text(tags) AS tag"
        " WHERE $1::text IS NULL OR tag > $1 GROUP BY tag ORDER BY tag LIMIT $2",
        call.page.key(str),
        call.page.limit + 1,
    )
    rows, call.shown = cut(rows, call.page, lambda row: row["tag"])
    return [Tag(row["tag"], row["devices"]) for row in rows]


@routes.route("PATCH", "/tags/{id}", allow="tags:write", takes=TagChange, gives=Tag, limit="bulk")
async def rename_tag(call: Call, id: TagText) -> Tag:
    """Rename a tag at all devices that have it."""
    count = await _replace(call, id, call.body.name)
    return Tag(call.body.name, count)


@routes.route("DELETE", "/tags/{id}", allow="tags:write", status=204, limit="bulk")
async def delete_tag(call: Call, id: TagText) -> None:
    """Take a tag away from all devices that have it."""
    await _replace(call, id, None)


async def _replace(call: Call, old: str, new: str | None) -> int:
    ledger = await open_ledger(call)
    devices: list[Device] = await inventory.things(
        call.transaction, "device", f"t.tags @> jsonb_build_array($1::text) LIMIT {STEPS_CAP + 1}", old
    )
    if not devices:
        raise refused("TAG_NOT_FOUND", f"no device has the tag {quote(old)[:NAME_CAP]}")
    if len(devices) > STEPS_CAP:
        raise refused("INVALID_INPUT", f"more than {STEPS_CAP} devices have this tag")
    steps = []
    for device in devices:
        tags = dict.fromkeys(new if tag == old else tag for tag in device.tags)
        changed = msgspec.structs.replace(device, tags=tuple(tag for tag in tags if tag is not None))
        step = change("device", device, changed)
        if step is not None:
            steps.append(step)
    if steps:
        title = f"Remove the tag {old}" if new is None else f"Rename the tag {old} to {new}"
        await apply(call, title, tuple(steps), ledger)
    else:
        await call.record("tag.changed", ("tag", old), {"changed": []})
    return len(devices)
