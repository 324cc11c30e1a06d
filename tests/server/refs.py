"""Every place where a body or a query may name a thing by its id, and a right request with an id there.

Counterpart: `test_foreign_refs.py`, which puts another tenant's ids there; `things.py`, what stands in paths.
One rule: a field or parameter of OpenAPI with an id has a line in `REFS`, and so has every field of the inventory that names one.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Literal, NamedTuple
from uuid import uuid4

import msgspec

from domain.inventory import TYPES
from tests.server import things
from tests.server.asking import ANY, Asked, signed
from tests.server.clients import PASSWORD
from tests.server.test_installs import proven, text
from tests.server.things import Side

Make = Callable[[Side], Awaitable[str]]
Fate = Literal["refused", "nothing", "done"]
Place = tuple[str, str, str]
"""Method, path, and the field of the body or the parameter."""


class Ref(NamedTuple):
    """`own` makes a thing that belongs in the place, `put` a request of somebody's with an id there, `on` what its path names.

    `fate` of an id that is not the asker's: "refused"; "nothing" is found or kept; "done": it is taken as any unknown one, and
    never looked up. `with_own`: what an id of the asker's own does.
    """

    own: Make
    put: Callable[[Side, str], Awaitable[Asked]]
    on: Make | None = None
    fate: Fate = "refused"
    with_own: Fate = "done"


def ids_in(
    schema: dict[str, Any], parts: dict[str, Any], at: str = "", seen: tuple[str, ...] = ()
) -> Iterator[str]:
    """Go over the fields of a schema that hold ids, as `wraps[].install`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from ids_in(parts[name], parts, at, (*seen, name))
        return
    if schema.get("format") == "uuid":
        yield at
    for one in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from ids_in(one, parts, at, seen)
    for name, one in schema.get("properties", {}).items():
        yield from ids_in(one, parts, f"{at}.{name}" if at else name, seen)
    for one in (schema.get("items"), *schema.get("prefixItems", ())):
        if isinstance(one, dict):
            yield from ids_in(one, parts, f"{at}[]", seen)


def places_in(document: dict[str, Any]) -> set[Place]:
    """Return every place of OpenAPI and of the inventory's own types where an id goes, but those of paths."""
    parts = document["components"]["schemas"]
    found: set[Place] = set()
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            short = method.upper(), path.removeprefix("/api/v1")
            for parameter in one.get("parameters", ()):
                if parameter["in"] != "path" and list(ids_in(parameter["schema"], parts)):
                    found.add((*short, parameter["name"]))
            for media in one.get("requestBody", {}).get("content", {}).values():
                found |= {(*short, at) for at in ids_in(media["schema"], parts)}
    for kind, type_ in TYPES.items():
        (schema,), own = msgspec.json.schema_components([type_], ref_template="{name}")
        found |= {("POST", "/edits", f"{kind}: {at}") for at in ids_in(schema, own) if at != "id"}
    return found


def _query(name: str) -> Callable[[Side, str], Awaitable[Asked]]:
    async def put(side: Side, id: str) -> Asked:
        return Asked(query=f"?{name}={id}")

    return put


def _body(fields: Callable[[str], dict[str, Any]], **headers: str) -> Callable[[Side, str], Awaitable[Asked]]:
    async def put(side: Side, id: str) -> Asked:
        return Asked(fields(id), headers)

    return put


def _device(**more: Any) -> dict[str, Any]:
    number = uuid4().int
    address = f"10.{number % 250}.{number // 250 % 250}.{number // 62_500 % 250 + 1}"
    return {"name": "D", "address": address, **more}


def _probe(id: str) -> dict[str, Any]:
    return {"probes": [{"kind": "routeros", "port": 8728, "credential": id}]}


def _edit(kind: str, thing: str, after: dict[str, Any], **more: Any) -> dict[str, Any]:
    step = {"kind": kind, "id": thing, "before": None, "after": after}
    edit = {"id": str(uuid4()), "at_us": 1_700_000_000_000_000, "title": "T", "steps": [step]}
    return {"edits": [{**edit, **more}]}


def _noted(site: str) -> dict[str, Any]:
    step = {"kind": "site", "id": site, "before": {"note": ""}, "after": {"note": "mine"}}
    return _edit("site", site, {}, steps=[step])


def _made(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    return _edit(kind, str(uuid4()), fields)


def _step(kind: str, fields: Callable[[str], dict[str, Any]]) -> Callable[[Side, str], Awaitable[Asked]]:
    return _body(lambda id: _made(kind, fields(id)))


async def _with_device(side: Side) -> str:
    id = await things.site(side)
    await things.device(side, site=id)
    return id


async def _hung_under(side: Side) -> str:
    id = await things.site(side)
    await side.admin.post("/sites", {"name": "B", "pop": id}, expect=201)
    return id


async def _alerted(side: Side) -> str:
    id = await things.alert(side)
    return str((await side.admin.get(f"/alerts/{id}"))["subject"])


async def _end(side: Side) -> str:
    link = await things.link(side)
    return str((await side.admin.get(f"/links/{link}"))["a"])


async def _account(side: Side) -> str:
    return str(side.admin.opened["user"]["id"])


async def _install(side: Side) -> str:
    return side.install


async def _diagram(side: Side) -> str:
    id = str(uuid4())
    body = _edit("diagram", id, {"name": "D"})
    told = (await side.admin.ask("POST", "/edits", body, expect=200)).json()["data"]
    assert told[0]["state"] == "confirmed", told
    return id


async def _log_in(side: Side, id: str) -> Asked:
    return Asked({"login": side.admin.opened["user"]["login"], "password": PASSWORD, "tenant": id})


async def _secret(side: Side, id: str) -> Asked:
    return Asked(await things.told(side, id))


async def _wraps(side: Side, id: str) -> Asked:
    body = await things.told(side, id)
    return Asked({"epoch": body["epoch"], "version": 1, "wraps": body["wraps"]})


async def _audience(side: Side, id: str) -> Asked:
    body = await things.told(side, id)
    of = {"kind": "engineers", "version": 1, "is_left": True}
    return Asked({**of, "epoch": body["epoch"], "wraps": body["wraps"]})


async def _left(side: Side, credential: str, install: str) -> Asked:
    epoch = (await things.told(side))["epoch"]
    wrap = {"credential": credential, "install": install, "version": 1, "wrapped": text(os.urandom(80))}
    return Asked({"epoch": epoch, "wraps": [wrap]})


async def _left_of(side: Side, id: str) -> Asked:
    return await _left(side, id, await proven(side.admin))


async def _left_for(side: Side, id: str) -> Asked:
    return await _left(side, await things.credential(side), id)


async def _hooked(side: Side, id: str) -> Asked:
    hook = side.kept["hook"]
    return signed(hook, side.kept[hook], things.message(device=id))


async def _hook(side: Side) -> str:
    side.kept["hook"] = await things.hook(side)
    return str(side.kept["hook"])


async def _pushed(side: Side, id: str) -> Asked:
    made = await side.admin.post("/push-keys", {"name": "P"}, expect=201)
    body = {"messages": [{"reported": {"door": "open"}, "device": id}]}
    return Asked(body, {"Authorization": f"Bearer {made['secret']}"})


async def _ends(side: Side, id: str, name: str) -> dict[str, Any]:
    return {"a": await things.device(side), "b": await things.device(side), name: id}


def _linked(name: str, *, in_edit: bool = False, **headers: str) -> Callable[[Side, str], Awaitable[Asked]]:
    async def put(side: Side, id: str) -> Asked:
        ends = await _ends(side, id, name)
        return Asked(_made("link", ends) if in_edit else ends, headers)

    return put


async def _spot(side: Side, id: str) -> Asked:
    return Asked(_made("spot", {"diagram": await _diagram(side), "thing": id, "x": 0.0, "y": 0.0}))


async def _spot_in(side: Side, id: str) -> Asked:
    return Asked(_made("spot", {"diagram": id, "thing": await things.device(side), "x": 0.0, "y": 0.0}))


def _photo(field: str, id: str) -> dict[str, Any]:
    size = {"width": 4, "height": 3, "added_us": 10**15}
    return {"digest": "ab" * 32, "thumb": "cd" * 32, **size, field: id}


def _team_map(id: str) -> dict[str, Any]:
    size = {"size_bytes": 9, "schema": "raster", "min_zoom": 0, "max_zoom": 9, "bounds": [9, 47, 10, 48]}
    return {"name": "M", "digest": uuid4().hex * 2, **size, "added_us": 10**15, "sharer": id}


def _scope(name: str) -> Callable[[str], dict[str, Any]]:
    return lambda id: {"name": "R", "kind": "device_down", "scope": {name: [id]}}


def _work(name: str) -> Callable[[str], dict[str, Any]]:
    return lambda id: {"name": "M", "starts_us": 10**15, "ends_us": 10**15 + 10**9, "scope": {name: [id]}}


_LOGIN = things.login
_of_device: dict[str, tuple[Make, Callable[[str], dict[str, Any]]]] = {
    "site": (things.site, lambda id: {"site": id}),
    "polled_by": (_install, lambda id: {"polled_by": id}),
    "probes[].credential": (_LOGIN, _probe),
}
_SCOPED: tuple[tuple[str, Make], ...] = (("devices", things.device), ("sites", things.site))

REFS: dict[Place, Ref] = {
    ("GET", "/alerts", "subject"): Ref(_alerted, _query("subject"), fate="nothing"),
    ("GET", "/audit", "actor"): Ref(_account, _query("actor"), fate="nothing"),
    ("GET", "/devices", "site"): Ref(_with_device, _query("site"), fate="nothing"),
    ("GET", "/events", "subject"): Ref(things.device, _query("subject"), fate="nothing"),
    ("GET", "/links", "device"): Ref(_end, _query("device"), fate="nothing"),
    ("GET", "/metrics/latest", "site"): Ref(_with_device, _query("site"), fate="nothing"),
    ("GET", "/sites", "pop"): Ref(_hung_under, _query("pop"), fate="nothing"),
    ("POST", "/alerts", "device"): Ref(things.device, _body(lambda id: things.message(device=id))),
    ("POST", "/hooks/{id}", "device"): Ref(things.device, _hooked, _hook),
    ("POST", "/telemetry", "messages[].device"): Ref(things.device, _pushed),
    ("POST", "/auth/login", "tenant"): Ref(things.tenant, _log_in),
    ("POST", "/auth/switch", "tenant"): Ref(things.tenant, _body(lambda id: {"tenant": id})),
    **{
        (method, "/credentials/{id}/audience", field): Ref(own, _body(of), things.login, fate)
        for method, unknown in (("POST", "nothing"), ("PUT", "done"))
        for field, own, of, fate in (
            ("people[]", _account, lambda id: {"kind": "people", "people": [id]}, unknown),
            ("sites[]", things.site, lambda id: {"kind": "engineers", "sites": [id]}, "refused"),
        )
    },
    ("PUT", "/credentials/{id}/audience", "wraps[].install"): Ref(_install, _audience, things.credential),
    ("PUT", "/credentials/{id}/secret", "wraps[].install"): Ref(_install, _secret, things.credential),
    ("PUT", "/credentials/{id}/wraps", "wraps[].install"): Ref(_install, _wraps, things.credential),
    ("POST", "/installs/{id}/owed", "wraps[].credential"): Ref(
        things.credential, _left_of, _install, "nothing"
    ),
    ("POST", "/installs/{id}/owed", "wraps[].install"): Ref(things.install, _left_for, _install, "nothing"),
    **{
        ("POST", "/devices", field): Ref(own, _body(lambda id, of=of: _device(**of(id))))
        for field, (own, of) in _of_device.items()
    },
    **{
        ("PATCH", "/devices/{id}", field): Ref(own, _body(of, **ANY), things.device)
        for field, (own, of) in _of_device.items()
    },
    **{
        ("POST", "/edits", f"device: {field}"): Ref(own, _step("device", lambda id, of=of: _device(**of(id))))
        for field, (own, of) in _of_device.items()
    },
    ("POST", "/keys", "sites[]"): Ref(
        things.site, _body(lambda id: {"name": "K", "scopes": ["read"], "sites": [id]})
    ),
    ("POST", "/users", "sites[]"): Ref(
        things.site,
        _body(lambda id: {"login": f"{uuid4().hex}@example.org", "name": "U", "role": "wall", "sites": [id]}),
    ),
    ("PATCH", "/users/{id}", "sites[]"): Ref(things.site, _body(lambda id: {"sites": [id]}), things.user),
    **{("POST", "/links", end): Ref(things.device, _linked(end)) for end in "ab"},
    **{("PATCH", "/links/{id}", end): Ref(things.device, _linked(end, **ANY), things.link) for end in "ab"},
    **{("POST", "/edits", f"link: {end}"): Ref(things.device, _linked(end, in_edit=True)) for end in "ab"},
    ("POST", "/push-keys", "device"): Ref(things.device, _body(lambda id: {"name": "P", "device": id})),
    **{("POST", "/rules", f"scope.{n}[]"): Ref(own, _body(_scope(n)), fate="done") for n, own in _SCOPED},
    **{
        ("PATCH", "/rules/{id}", f"scope.{n}[]"): Ref(own, _body(_scope(n), **ANY), things.rule, "done")
        for n, own in _SCOPED
    },
    **{
        ("POST", "/edits", f"{kind}: scope.{n}[]"): Ref(own, _step(kind, of(n)), fate="done")
        for kind, of in (("rule", _scope), ("maintenance", _work))
        for n, own in _SCOPED
    },
    ("POST", "/sites", "pop"): Ref(things.site, _body(lambda id: {"name": "S", "pop": id})),
    ("PATCH", "/sites/{id}", "pop"): Ref(things.site, _body(lambda id: {"pop": id}, **ANY), things.site),
    ("POST", "/edits", "site: pop"): Ref(things.site, _step("site", lambda id: {"name": "S", "pop": id})),
    ("POST", "/edits", "diagram: parent"): Ref(
        _diagram, _step("diagram", lambda id: {"name": "D", "parent": id})
    ),
    ("POST", "/edits", "diagram: site"): Ref(
        things.site, _step("diagram", lambda id: {"name": "D", "site": id})
    ),
    ("POST", "/edits", "spot: diagram"): Ref(_diagram, _spot_in),
    ("POST", "/edits", "spot: thing"): Ref(things.device, _spot, fate="done"),
    ("POST", "/edits", "drawing: diagram"): Ref(
        _diagram, _step("drawing", lambda id: {"diagram": id, "shape": "box", "x": 0.0, "y": 0.0})
    ),
    **{
        ("POST", "/edits", f"photo: {field}"): Ref(
            own, _step("photo", lambda id, field=field: _photo(field, id))
        )
        for field, own in (("site", things.site), ("device", things.device))
    },
    ("POST", "/edits", "team_map: sharer"): Ref(
        things.user, _step("team_map", _team_map), None, "refused", "refused"
    ),
    ("POST", "/edits", "edits[].id"): Ref(
        things.edit,
        _body(lambda id: _edit("site", str(uuid4()), {"name": "S"}, id=id)),
        None,
        "done",
        "refused",
    ),
    ("POST", "/edits", "edits[].undoes"): Ref(
        things.edit, _body(lambda id: _edit("site", str(uuid4()), {"name": "S"}, undoes=id)), fate="done"
    ),
    ("POST", "/edits", "edits[].steps[].id"): Ref(
        things.site,
        _body(_noted),
    ),
}
"""What an id in each place does."""
