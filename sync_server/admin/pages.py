"""How a page and its forms are declared, checked and shown. Counterpart: `api/routes.py`.

Theory: a page is a function that gives its template what to show. A form belongs to a page: it is carried out by the function
that the API has for it, and then the page is shown again, with what was done or what was wrong at which field. So what was typed
wrong is still there, and a secret that is shown once stands in an answer and in no address, even where the page cannot be shown.
`admin.js` sends the forms, with the session's CSRF token and the page's tenant, which must be the asker's still; it puts the
answer in the place of the page.
One rule: templates escape everything; the only script and style are files of our own (Content-Security-Policy).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from domain.errors import Refusal, RefusedByRule
from sync_server.admin.forms import Form, read_form
from sync_server.admin.frame import frame_of, rendered
from sync_server.api.access import refuse_foreign_page
from sync_server.api.errors import FULL, FULL_WAIT_S, refused, request_id_of, status_of
from sync_server.api.pages import CURSOR_CAP, Page
from sync_server.api.routes import Allow, Call, Of, Read, admitted, carried_out
from sync_server.database import DatabaseBusy
from sync_server.security.limits import LimitClass, LimitExceeded
from sync_server.security.passwords import TooBusy
from sync_server.security.principal import Principal
from sync_server.security.tokens import TokenInvalid
from sync_server.services import Services

_log = logging.getLogger("sync_server.admin")
SAFETY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What a browser is told of every page."""


class Go(NamedTuple):
    """Another page to go to."""

    path: str


class Said(NamedTuple):
    """What was done, in a sentence, and what is shown this once."""

    notice: str
    once: dict[str, Any] = {}  # noqa: RUF012 nobody changes it


class _Failed(NamedTuple):
    """A form that was refused: which, what was typed, and why."""

    form: str = ""
    typed: Form = Form({})
    refusals: tuple[Refusal, ...] = ()


Shower = Callable[..., Awaitable["dict[str, Any] | Go | Response"]]
Actor = Callable[..., Awaitable["Said | Go"]]


class Declared(NamedTuple):
    """A page: where it is, who may see it, how it is shown."""

    path: str
    template: str
    allow: Allow
    of: Of
    show: Shower


class Pages:
    """The pages of a subject."""

    def __init__(self) -> None:
        self.router = APIRouter(include_in_schema=False)

    def page(
        self, path: str, template: str = "", *, allow: Allow, of: Of = "tenant", limit: LimitClass = "api"
    ) -> Callable[[Shower], Declared]:
        """Declare a page; its function gives what the template shows, another page, or an answer of its own."""

        def declare(show: Shower) -> Declared:
            declared = Declared(path, template, allow, of, show)

            async def endpoint(request: Request) -> Response:
                services: Services = request.app.state.services
                who: Principal | None = None
                try:
                    if allow != "anybody":
                        who = await admitted(request, services, allow, of, limit)
                    call = _call(request, services, who)
                    response = await _shown(call, declared, None, _Failed())
                    if call.finish is not None:
                        call.finish(response)
                    return response
                except _FAILURES as error:
                    return await _refused(request, services, who, error)

            self._add("GET", path, endpoint, allow, of)
            return declared

        return declare

    def act(
        self,
        path: str,
        *,
        allow: Allow,
        on: Declared,
        then: Declared | None = None,
        of: Of = "tenant",
        limit: LimitClass = "api",
        transacts: bool = True,
    ) -> Callable[[Actor], Actor]:
        """Declare what a form of the page `on` does; after it that page is shown again, or `then`.

        The form's name, for what was wrong in it, is the function's. `transacts` False for what has transactions of its own.
        """

        def declare(act: Actor) -> Actor:
            async def endpoint(request: Request) -> Response:
                services: Services = request.app.state.services
                who: Principal | None = None
                failed = _Failed()
                said: Said | Go | None = None
                try:
                    if allow == "anybody":
                        refuse_foreign_page(request, services)
                    else:
                        who = await admitted(request, services, allow, of, limit)
                        _refuse_other_tenant(request, who, of)
                    call = _call(request, services, who)
                    try:
                        form = await read_form(request)
                        failed = _Failed(act.__name__, form)
                        ids = _ids(request)
                        if who is None or not transacts:
                            said = await act(call, form, **ids)
                        else:
                            said = await carried_out(call, lambda: act(call, form, **ids), "POST")
                    except RefusedByRule as error:
                        if _is_elsewhere(error):
                            raise
                        failed = failed._replace(refusals=tuple(error.refusals))
                    if isinstance(said, Go):
                        response = Response(status_code=204, headers={"Location": said.path})
                    else:
                        shown = then if then is not None and said is not None else on
                        response = await _answered(_call(request, services, who), shown, said, failed)
                    if call.finish is not None:
                        call.finish(response)
                    return response
                except _FAILURES as error:
                    return await _refused(request, services, who, error)

            self._add("POST", path, endpoint, allow, of)
            return act

        return declare

    def _add(self, method: str, path: str, endpoint: Callable[..., Any], allow: Allow, of: Of) -> None:
        self.router.add_api_route(
            path,
            endpoint,
            methods=[method],
            response_model=None,
            openapi_extra={"x-allow": allow, "x-of": of},
        )


_FAILURES = (
    RefusedByRule,
    TokenInvalid,
    LimitExceeded,
    TooBusy,
    DatabaseBusy,
    asyncpg.PostgresError,
    OSError,
)


def _call(request: Request, services: Services, who: Principal | None) -> Call:
    return Call(
        request, services, Read(None, b""), Page(after=request.query_params.get("cursor") or None), who
    )


def _ids(request: Request) -> dict[str, UUID]:
    try:
        return {name: UUID(text) for name, text in request.path_params.items()}
    except ValueError:
        raise refused("PAGE_NOT_FOUND", "there is no such page") from None


def _is_elsewhere(error: RefusedByRule) -> bool:
    """Tell whether the page itself cannot be shown: what it is about is not there."""
    return any(refusal.code.endswith("_NOT_FOUND") and not refusal.field for refusal in error.refusals)


def _refuse_other_tenant(request: Request, who: Principal, of: Of) -> None:
    """Refuse a form of a page that was shown in another tenant than the session is in by now."""
    shown_in = request.headers.get("X-Tenant")
    if of == "tenant" and shown_in is not None and shown_in != str(who.tenant or ""):
        said = "another window has entered another tenant meanwhile: nothing was done, look at the page again"
        raise refused("TENANT_CONFLICT", said)


async def _answered(call: Call, page: Declared, said: Said | None, failed: _Failed) -> Response:
    """Show a page after a form; where that fails, at least what was done, and what is shown this once."""
    try:
        return await _shown(call, page, said, failed)
    except _FAILURES as error:
        if said is None or not said.notice:
            raise
        _log.error("page_failed", extra={"reason": str(error), "request_id": request_id_of(call.request)})
        context = {"notice": said.notice, "once": defaultdict(str, said.once)}
        return rendered(call.services, "done.html", context, 200, SAFETY)


async def _shown(call: Call, page: Declared, said: Said | None, failed: _Failed) -> Response:
    request, services = call.request, call.services
    if len(call.page.after or "") > CURSOR_CAP:
        raise refused("INVALID_INPUT", "the cursor of a former page expected", "cursor")
    ids = {name: id for name, id in _ids(request).items() if f"{{{name}}}" in page.path}

    async def show() -> tuple[dict[str, Any] | Go | Response, dict[str, Any]]:
        given = await page.show(call, **ids)
        return given, await frame_of(call) if call.is_known else {}

    given, frame = await (carried_out(call, show, "GET") if call.is_known else show())
    if isinstance(given, Response):
        return given
    if isinstance(given, Go):
        return RedirectResponse(given.path, 303)
    first = failed.refusals[0] if failed.refusals else None
    at_fields = defaultdict(str, {one.field: one.message for one in failed.refusals if one.field})
    context = {
        **frame,
        "failed": failed.form if failed.refusals else "",
        "typed": failed.typed,
        "errors": at_fields,
        "problem": "; ".join(refusal.message for refusal in failed.refusals if not refusal.field),
        "codes": {refusal.code for refusal in failed.refusals},
        "notice": said.notice if said is not None else "",
        "once": defaultdict(str, said.once if said is not None else {}),
        "next_cursor": call.shown.next if call.shown is not None else "",
        **given,
    }
    path = page.path
    for name, id in ids.items():
        path = path.replace(f"{{{name}}}", str(id))
    headers = {**SAFETY, "Content-Location": path}
    return rendered(services, page.template, context, status_of(first.code) if first else 200, headers)


async def _refused(request: Request, services: Services, who: Principal | None, error: Exception) -> Response:
    if isinstance(error, TokenInvalid):
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return rendered(
            services, "opening.html", {"target": quote(target)}, 401, {**SAFETY, "X-Session": "over"}
        )
    headers = dict(SAFETY)
    if isinstance(error, RefusedByRule):
        code, said = error.refusals[0].code, error.refusals[0].message
    elif isinstance(error, LimitExceeded):
        code, said = "RATE_LIMIT_EXCEEDED", str(error)
        headers["Retry-After"] = str(error.wait_s)
    elif isinstance(error, TooBusy | DatabaseBusy):
        code, said = "SERVER_BUSY", "too much at once: try again in a moment"
    elif isinstance(error, asyncpg.DiskFullError):
        code, said = "STORAGE_FULL", FULL
        headers["Retry-After"] = str(FULL_WAIT_S)
    elif isinstance(error, asyncpg.UniqueViolationError):
        code, said = "WRITE_CONFLICT", "somebody else did the same at this moment: look again"
    elif isinstance(error, asyncpg.InsufficientPrivilegeError):
        code, said = "INSUFFICIENT_PERMISSIONS", "that belongs to another tenant, or may not be changed"
    elif isinstance(error, asyncpg.IntegrityConstraintViolationError | asyncpg.DataError):
        code, said = "INVALID_INPUT", "the database refuses this: a value is out of what may be"
    else:
        _log.error("database_failed", extra={"reason": str(error), "request_id": request_id_of(request)})
        code, said = "DATABASE_ERROR", "the database cannot be used now: try again"
    context = {"code": code, "said": said, "request_id": request_id_of(request)}
    return rendered(services, "error.html", context, status_of(code), headers)
