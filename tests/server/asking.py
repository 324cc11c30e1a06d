"""A right request of every route and page with an id in its path. Counterparts: `things.py`; `test_foreign_ids.py`, which asks.

Theory: a refusal proves nothing unless the same request is carried out for whom the thing belongs to. So each route has here what
it is asked with, made anew for each: the owner's request differs from another's in nothing but whose it is.
One rule: a route that takes a body has a line in `REQUESTS`, a form that brings more than nothing one in `FORMS`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx

from tests.server.clients import Person
from tests.server.test_installs import text
from tests.server.things import (
    PICTURE,
    Side,
    credential,
    device,
    hook,
    message,
    piece_of,
    site,
    told,
)

ANY = {"If-Match": "*"}


class Asked(NamedTuple):
    """What a request brings beside its method and path."""

    body: Any = None
    headers: Mapping[str, str] = MappingProxyType({})
    query: str = ""
    content: bytes | None = None


def signed(id: str, secret: str, body: dict[str, Any]) -> Asked:
    """Return a message as a hook's secret signs it."""
    raw, now = json.dumps(body).encode(), str(int(time.time()))
    signature = hmac.new(secret.encode(), f"{now}.".encode() + raw, hashlib.sha256).hexdigest()
    headers = {"X-Timestamp": now, "X-Signature": f"sha256={signature}", "Content-Type": "application/json"}
    return Asked(None, headers, content=raw)


Build = Callable[[Side, str, Side], Awaitable[Asked]]
"""Makes a right request of who asks, about a thing, of whose side it is."""


def plain(body: Any = None, query: str = "", **headers: str) -> Build:
    """Return what makes the same request for everybody."""

    async def build(asker: Side, id: str, of: Side) -> Asked:
        return Asked(body, headers, query)

    return build


async def _answer(asker: Side, id: str, of: Side) -> Asked:
    return Asked({"answer": of.kept.get(id, text(bytes(32)))})


async def _secret(asker: Side, id: str, of: Side) -> Asked:
    return Asked(await told(asker))


async def _wraps(asker: Side, id: str, of: Side) -> Asked:
    body = await told(asker)
    return Asked({"epoch": body["epoch"], "version": 1, "wraps": body["wraps"]})


async def _owed(asker: Side, id: str, of: Side) -> Asked:
    body = await told(asker)
    wraps = [{**body["wraps"][0], "credential": await credential(asker), "version": 1}]
    return Asked({"epoch": body["epoch"], "wraps": wraps})


async def _audience(asker: Side, id: str, of: Side) -> Asked:
    return Asked({"kind": "engineers", "sites": [await site(asker)], "is_left": True})


async def _tried(asker: Side, id: str, of: Side) -> Asked:
    return Asked({"kind": "people", "people": [asker.admin.opened["user"]["id"]]})


async def _piece(asker: Side, id: str, of: Side) -> Asked:
    return Asked(piece_of(of.kept.get(id, PICTURE)))


async def _signed(asker: Side, id: str, of: Side) -> Asked:
    own = id if id in asker.kept else await hook(asker)
    return signed(id, asker.kept[own], message(device=await device(asker)))


async def _move(asker: Side, id: str, of: Side) -> Asked:
    return Asked({"site": await site(asker), "name": "Mine"}, ANY)


async def _rewire(asker: Side, id: str, of: Side) -> Asked:
    return Asked({"a": await device(asker), "b": await device(asker), "note": "mine"}, ANY)


REQUESTS: dict[tuple[str, str], Build] = {
    **{
        ("POST", f"/alerts/{{id}}/{act}"): plain({"text": "hm"})
        for act in ("acknowledge", "resolve", "reopen")
    },
    ("POST", "/alerts/{id}/comment"): plain({"text": "hm"}),
    ("POST", "/alerts/{id}/assign"): plain({"to": "Ada"}),
    ("POST", "/credentials/{id}/audience"): _tried,
    ("PUT", "/credentials/{id}/audience"): _audience,
    ("PUT", "/credentials/{id}/secret"): _secret,
    ("PUT", "/credentials/{id}/wraps"): _wraps,
    ("PATCH", "/devices/{id}"): _move,
    ("GET", "/devices/{id}/series"): plain(query="?metric=cpu_load_pct"),
    ("POST", "/hooks/{id}"): _signed,
    ("PATCH", "/installs/{id}"): plain({"name": "Mine"}),
    ("POST", "/installs/{id}/owed"): _owed,
    ("POST", "/installs/{id}/proof"): _answer,
    ("PATCH", "/keys/{id}"): plain({"name": "Mine"}),
    ("PATCH", "/links/{id}"): _rewire,
    ("PUT", "/maps/{id}"): _piece,
    ("PUT", "/pictures/{id}"): _piece,
    ("PATCH", "/platform/users/{id}"): plain({"name": "Mine"}),
    ("PATCH", "/rules/{id}"): plain({"name": "Mine"}, **ANY),
    ("PATCH", "/sites/{id}"): plain({"name": "Mine"}, **ANY),
    ("PATCH", "/tags/{id}"): plain({"name": "mine"}),
    ("PATCH", "/users/{id}"): plain({"name": "Mine", "role": "wall"}),
}
"""What a route with an id is asked with, where it takes a body or needs more than the path."""


FORMS: dict[str, dict[str, str]] = {
    **{
        f"/admin/alerts/{{id}}/{act}": {"text": "hm"}
        for act in ("acknowledge", "comment", "reopen", "resolve", "take")
    },
    "/admin/alerts/{id}/assign": {"to": "Ada"},
    "/admin/rules/{id}": {"name": "Mine", "kind": "link_down", "op": "gt", "severity": "info", "etag": "*"},
    "/admin/installs/{id}": {"name": "Mine"},
    "/admin/operators/{id}": {"name": "Mine", "role": "platform_operator"},
    "/admin/tenants/{id}": {"name": "Mine"},
    "/admin/users/{id}": {"name": "Mine", "role": "wall", "reach": "all"},
    **{
        f"/admin/{path}": {"sure": ""}
        for path in (
            *("rules/{id}/delete", "rules/{id}/off", "rules/{id}/on", "hooks/{id}/end"),
            *("account/sessions/{id}/end", "installs/{id}/revoke", "keys/{id}/end", "push-keys/{id}/end"),
            *("quarantine/{id}/drop", "quarantine/{id}/replay", "tenants/{id}/close", "tenants/{id}/open"),
            *(f"operators/{{id}}/{act}" for act in ("authenticator", "close", "link", "open", "remove")),
            *(
                f"users/{{id}}/{act}"
                for act in ("authenticator", "close", "link", "open", "remove", "sessions")
            ),
        )
    },
}
"""What a right form of each page about one thing brings."""


def form_of(path: str) -> dict[str, str]:
    """Return a right form. Raises AssertionError where nobody has said which."""
    assert path in FORMS, f"{path}: say in FORMS what a right form brings"
    return FORMS[path]


def request_of(method: str, path: str, takes_body: bool) -> Build:
    """Return what makes a right request of a route. Raises AssertionError where it takes a body and nobody has said which."""
    found = REQUESTS.get((method, path))
    assert found or not takes_body, f"{method} {path}: say in REQUESTS what a right body is"
    return found or plain()


async def ask(person: Person, method: str, path: str, id: str, asked: Asked) -> httpx.Response:
    """Send a request about a thing; return the response."""
    target = path.replace("{id}", id) + asked.query
    options: dict[str, Any] = {} if asked.content is None else {"content": asked.content}
    return await person.ask(method, target, asked.body, headers=asked.headers, **options)


def refusal_of(said: httpx.Response, *ids: str) -> tuple[int, str, str]:
    """Return status and code of an answer, and all else that it says of a failure, without the ids that were asked about."""
    error = dict(said.json().get("error") or {}) if said.content else {}
    error.pop("request_id", None)
    words = json.dumps(error)
    for id in ids:
        words = words.replace(id, "ID")
    return said.status_code, error.get("code", ""), words
