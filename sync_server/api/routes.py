"""How a route is declared: what it allows, takes and gives. Counterpart: the resources beside this file; `openapi.py` tells.

Theory: one request is one transaction. A route's function gets a `Call`: who asks, their transaction, the body as the
type it asked for. Before it runs, token, budget, CSRF, permission and tenant are checked; after it, what a platform role read in
a foreign tenant is written down, and a change that wrote nothing into the audit is a bug. Then the transaction is committed, and
only then is anything answered. A route that only reads may be `alone`: each of its statements is a transaction, and its asker is
taken for who he was when he asked last, until rows prove it. Where one gave none, the database is asked who he is; if that is
another, all is done again. A route that changes something may be tried `at_once` before: read alone, judged, written by one call.
One rule: a body has exactly the fields of its type: one more is refused, so nobody assigns what was not offered.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeVar
from uuid import UUID

import asyncpg
import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import RefusedByRule
from domain.roles import Permission
from sync_server.api import envelope
from sync_server.api.access import SAFE, origin_of, principal_of
from sync_server.api.bodies import field_in, read_body
from sync_server.api.errors import refused, request_id_of
from sync_server.api.kept import kept_or_read
from sync_server.api.nested import stray_field
from sync_server.api.pages import CURSOR_CAP, DEFAULT_LIMIT, LIMIT_RANGE, Page, Shown, cut
from sync_server.database import DatabaseBusy, Reads, Transaction, in_tenant
from sync_server.security import audit
from sync_server.security.limits import LimitClass
from sync_server.security.principal import Origin, Principal
from sync_server.services import Services
from sync_server.usage import Used

PREFIX = "/api/v1"
BODY_CAP_BYTES = 1_048_576
UNKNOWN_CAP_BYTES = 65_536
"""Most that is read of somebody who has not said who it is."""
ONE_REQUEST = Used(requests=1)
Allow = Permission | Literal["anybody", "signed in"]
"""A permission; or "anybody", who has no token; or "signed in": any person, for the own account."""
Of = Literal["tenant", "platform", "either"]
_T = TypeVar("_T")
_Handler = TypeVar("_Handler", bound=Callable[..., Awaitable[Any]])


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request may bring: its fields and no other. `codes`: what a wrong field is called, where not INVALID_INPUT."""

    codes: ClassVar[Mapping[str, str]] = {}


class Declared(NamedTuple):
    """The types of a route's body and data, for the OpenAPI document."""

    takes: type[Body] | None
    gives: Any


class Read(NamedTuple):
    """A request's body as the type that its route takes, and the bytes that it was read of."""

    body: Any
    raw: bytes


class Call:
    """One request. `body` is of the type that the route takes, `raw` its bytes; `page` what part of a list is asked for."""

    def __init__(
        self, request: Request, services: Services, read: Read, page: Page, who: Principal | None = None
    ) -> None:
        self.request = request
        self.services = services
        self.body, self.raw = read
        self.page = page
        self.shown: Shown | None = None
        """What part of a list was given; goes into `meta`."""
        self.status = 200
        self.etag = ""
        """The tag of what is given, if it has one."""
        self.finish: Callable[[Response], None] | None = None
        """Called with the answer before it goes: for cookies."""
        self.recorded = 0
        self.looked_into: Mapping[UUID, int] = {}
        """Tenants of which devices were shown to who operates the platform, and how many."""
        self._who = who
        self._asked = self._proven = 0
        """Statements that were alone, and those that gave rows, which nobody but `who` could be given."""
        self.as_of: str | None = None
        """The tenant's version when the first `fetch` found something, where it is asked to note that: `is_noting`."""
        self.is_noting = False
        self._transaction: Transaction | None = None

    @property
    def is_known(self) -> bool:
        """Whether it is known who asks."""
        return self._who is not None

    @property
    def who(self) -> Principal:
        """Who asks."""
        assert self._who is not None, "a route for anybody asked who it is"
        return self._who

    @property
    def transaction(self) -> Transaction:
        """The transaction of this request, in the asker's tenant."""
        assert self._transaction is not None, "a route for anybody asked for a transaction"
        return self._transaction

    @property
    def reads(self) -> Reads:
        """What is asked for rows: the transaction, or where the route is alone this, each statement by itself."""
        return self._transaction or self

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """Return the rows of one statement that is a transaction of its own."""
        assert self.who.standing is not None, "nobody whom the database knows"
        if is_first := self.is_noting and not self._asked:
            query = f"SELECT q.*, ({_VERSION}) AS as_of FROM ({query}) AS q"
        rows = await self.services.database.read(self.who, self.who.standing, query, *args)
        if is_first and rows:
            self.as_of = rows[0]["as_of"]
        self._asked += 1
        self._proven += bool(rows)
        return rows

    @property
    def is_proven(self) -> bool:
        """Whether all that was read alone was given to nobody but `who`."""
        return 0 < self._asked == self._proven

    async def is_outdated(self) -> bool:
        """Tell whether something was not read for `who`, because he is another by now; that he is then. Raises TokenInvalid."""
        if self.is_proven:
            return False
        before, self._who = self.who, await self.services.admission.confirmed(self.who)
        return self.who.standing != before.standing

    async def confirm(self) -> None:
        """Ask the database who it is where that was only assumed. Raises TokenInvalid."""
        if self.who.is_assumed:
            self._who = await self.services.admission.confirmed(self.who)

    @property
    def origin(self) -> Origin:
        """Where the request came from."""
        return origin_of(self.request)

    async def record(
        self, act: str, subject: tuple[str, object], detail: dict[str, Any] | None = None, **where: bool
    ) -> None:
        """Write into the audit what was done, in this transaction."""
        self.recorded += 1
        await audit.record(self.transaction, self.who, act, subject, detail, **where)

    async def rows_by(self, column: str, select: str) -> list[Any]:
        """Return the rows of the page that is asked for, of a query without parameters, by a text column and `id`."""
        after, id = self.page.key(tuple[str, UUID]) or (None, None)
        rows = await self.transaction.fetch(
            f"SELECT * FROM ({select}) AS r WHERE $1::text IS NULL OR ({column}, id) > ($1, $2)"
            f" ORDER BY {column}, id LIMIT $3",
            after,
            id,
            self.page.limit + 1,
        )
        rows, self.shown = cut(rows, self.page, lambda row: (row[column], row["id"]))
        return rows


async def admitted(
    request: Request, services: Services, allow: Allow, of: Of, limit: LimitClass, *, may_assume: bool = False
) -> Principal:
    """Return who asks, if they may; `may_assume` as for `Admission.admit`. Raises RefusedByRule, TokenInvalid, LimitExceeded."""
    who = await principal_of(request, services, limit, may_assume=may_assume)
    request.state.tenant_id = who.tenant  # for the log
    try:
        _check(who, allow, of)
    except RefusedByRule:
        if not who.is_assumed:
            raise
        who = await services.admission.confirmed(who)
        _check(who, allow, of)
    if who.tenant is not None:
        services.usage.add(who.tenant, ONE_REQUEST)
    return who


async def carried_out(call: Call, work: Callable[[], Awaitable[_T]], method: str) -> _T:
    """Do the work of a call in a transaction of its own and write down who looked in from outside. Raises what `work` does.

    That is written last, and in the order of the tenants' ids: the audit of each is held until the end, and no two wait for each
    other's.
    """
    who = call.who
    async with call.services.database.transaction(who) as transaction:
        call._transaction = transaction
        done = await work()
        path = call.request.url.path
        reads = {tenant: {"devices": devices} for tenant, devices in call.looked_into.items()}
        if who.is_guest and who.tenant is not None and method == "GET":
            reads.setdefault(who.tenant, {})
        for tenant in sorted(reads):
            async with in_tenant(transaction, who, tenant):
                read = {"method": method, "path": path, **reads[tenant]}
                await audit.record(transaction, who, "tenant.read", ("tenant", tenant), read)
        if method not in SAFE and not call.recorded:
            raise AssertionError(f"{method} {path} changed something and wrote nothing down")
    return done


async def read_alone(call: Call, work: Callable[[], Awaitable[_T]], check: Callable[[], None]) -> _T:
    """Do the work of a call that only reads, in no transaction but its statements'. Raises what `work` and `check` do.

    `check` is asked where somebody is another than he was taken for. What a guest reads is written down, in a transaction.
    """
    while not call.who.is_guest:
        try:
            done = await work()
        except (
            OSError,
            DatabaseBusy,
            asyncpg.PostgresError,
        ):  # nothing was answered, so that nothing has to be proven
            raise
        except Exception:
            if not await call.is_outdated():
                raise
        else:
            if not await call.is_outdated():
                return done
        check()
    return await carried_out(call, work, "GET")


class Routes:
    """The routes of a resource, under `/api/v1`."""

    def __init__(self, tag: str) -> None:
        self.router = APIRouter(prefix=PREFIX, tags=[tag])

    def route(
        self,
        method: Literal["GET", "POST", "PATCH", "PUT", "DELETE"],
        path: str,
        *,
        allow: Allow,
        takes: type[Body] | None = None,
        gives: Any = None,
        status: int = 200,
        limit: LimitClass = "api",
        paged: bool = False,
        of: Of = "tenant",
        transacts: bool = True,
        alone: bool = False,
        keeps: bool = False,
        at_once: Callable[..., Awaitable[Any]] | None = None,
    ) -> Callable[[_Handler], _Handler]:
        """Declare a route. `takes` is the type of its body, `gives` that of its data; `transacts` False for one whose
        service has transactions, and writes the audit, itself; `alone` for one that asks `Call.reads` and nothing else;
        `keeps` for one of these whose answer is kept (by the rule of `kept.py`); `at_once` is tried first where somebody is no
        guest, alone too, and returns None where it has done nothing."""
        assert not alone or method == "GET", "what changes something is whole"
        assert alone or not keeps, "what is kept is read alone"
        assert transacts or at_once is None, "what is not done at once is done in a transaction"

        def declare(handler: _Handler) -> _Handler:
            async def endpoint(request: Request, **given: Any) -> Response:
                services: Services = request.app.state.services
                page = Page(given.pop("limit"), given.pop("cursor") or None) if paged else Page()
                if allow == "anybody":
                    call = Call(request, services, await _read_body(request, takes, UNKNOWN_CAP_BYTES), page)
                    call.status = status
                    return _answer(call, await handler(call, **given))
                may_assume = alone or at_once is not None
                who = await admitted(request, services, allow, of, limit, may_assume=may_assume)
                call = Call(request, services, await _read_body(request, takes), page, who)
                call.status = status
                if alone:

                    def read() -> Awaitable[Any]:
                        return read_alone(
                            call, lambda: handler(call, **given), lambda: _check(call.who, allow, of)
                        )

                    if keeps:
                        asked = path, page, *given.items()
                        return _answer(call, await kept_or_read(call, asked, read))
                    return _answer(call, await read())
                if at_once is not None:
                    async with services.queues.turn(who.tenant):
                        if not who.is_guest and (done := await at_once(call, **given)) is not None:
                            return _answer(call, done)
                        await call.confirm()
                        _check(call.who, allow, of)
                        return _answer(call, await carried_out(call, lambda: handler(call, **given), method))
                if not transacts:
                    return _answer(call, await handler(call, **given))
                return _answer(call, await carried_out(call, lambda: handler(call, **given), method))

            endpoint.__signature__ = _signature(handler, paged)  # type: ignore[attr-defined]
            endpoint.__doc__ = handler.__doc__
            endpoint.__name__ = handler.__name__
            endpoint.declared = Declared(takes, gives)  # type: ignore[attr-defined]
            self.router.add_api_route(
                path,
                endpoint,
                methods=[method],
                status_code=status,
                response_class=Response,
                response_model=None,
                openapi_extra={"x-allow": allow, "x-of": of},
            )
            return handler

        return declare


_VERSION = "SELECT t.revision || ' ' || e.epoch FROM tenant t, sync.epoch e WHERE t.id = current_tenant()"
"""As `sync.version_of` says it of the tenant that is set."""


def _check(who: Principal, allow: Allow, of: str) -> None:
    if allow == "signed in":
        if who.kind != "user":
            raise refused("INSUFFICIENT_PERMISSIONS", "that is for people: log in")
        return
    if allow not in who.permissions:
        raise refused("INSUFFICIENT_PERMISSIONS", f"the permission {allow} is needed")
    if of == "tenant" and who.tenant is None:
        raise refused("INSUFFICIENT_PERMISSIONS", "that is in a tenant: enter one first")
    if of == "platform" and not who.is_platform:
        raise refused("INSUFFICIENT_PERMISSIONS", "that is for the platform")


async def _read_body(request: Request, takes: type[Body] | None, cap_bytes: int = BODY_CAP_BYTES) -> Read:
    if takes is None:
        return Read(None, b"")
    data = await read_body(request, "application/json", cap_bytes)
    try:
        read = Read(msgspec.json.decode(data, type=takes), data)
        stray = stray_field(takes, data)
    except msgspec.ValidationError as error:
        said = str(error)
        missing = "missing required field" in said
        field = field_in(said)
        code = "MISSING_REQUIRED_FIELD" if missing else takes.codes.get(field, "INVALID_INPUT")
        raise refused(code, said[:500], field[:100]) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise refused("INVALID_INPUT", f"this is no JSON: {str(error)[:200]}") from None
    if stray:
        raise refused("INVALID_INPUT", f"a field that is not offered: {stray[-200:]}", stray[:100])
    return read


def _answer(call: Call, data: Any) -> Response:
    request_id = request_id_of(call.request)
    if call.status == 204:
        response = Response(status_code=204)
    else:
        response = envelope.answer(data, request_id, status=call.status, page=call.shown)
    if call.etag:
        response.headers["ETag"] = call.etag
    if call.finish is not None:
        call.finish(response)
    return response


def _signature(handler: Callable[..., Any], paged: bool) -> inspect.Signature:
    """Return what FastAPI is to read of a request: a route's own parameters behind the call, and those of a page."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    own = [
        parameter.replace(kind=keyword)
        for parameter in list(inspect.signature(handler, eval_str=True).parameters.values())[1:]
    ]
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    if paged:
        low, high = LIMIT_RANGE
        limit = Annotated[int, Query(ge=low, le=high, description="rows on a page")]
        cursor = Annotated[str, Query(max_length=CURSOR_CAP, description="`next` of the page before")]
        own += [
            inspect.Parameter("limit", keyword, default=DEFAULT_LIMIT, annotation=limit),
            inspect.Parameter("cursor", keyword, default="", annotation=cursor),
        ]
    return inspect.Signature([request, *own])
