"""Connections of the requests' role, and transactions that say for whom they run. Counterpart: the policies of `migrations/`.

Theory: the role owns nothing and row-level security is forced, so a statement sees the rows of the tenant that its
transaction has set, and nothing where none is set; for who reaches some sites only, what stands at those. What is set ends with
the transaction (`is_local`), so that the next request on the same connection, or on PgBouncer's, begins with nothing.
What one statement reads needs no more than that statement: it sets for whom it runs, as who still is who he was, and is its own
transaction, so that a list is one exchange with the database and not four.
One rule: there is no way to a tenant's row but through `transaction`, `read` and `write`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeAlias
from uuid import UUID

import asyncpg
import msgspec

from domain.roles import EVERYWHERE, Reach
from sync_server.pool import Connection, Pool, is_lost
from sync_server.settings import Settings

Transaction: TypeAlias = Connection
"""A connection within a transaction: `fetch`, `fetchrow`, `fetchval`, `execute` with `$1` parameters."""

_log = logging.getLogger("sync_server")

APPLICATION = "heliograph"
SAID = "heliograph_"
"""How channels begin."""
Watch: TypeAlias = Callable[["asyncpg.Connection[Any]"], None]


class Asking(Protocol):
    """Who a transaction is for; `security.Principal` is one."""

    @property
    def id(self) -> UUID: ...
    @property
    def tenant(self) -> UUID | None: ...
    @property
    def is_platform(self) -> bool: ...
    @property
    def reach(self) -> Reach: ...


class Reads(Protocol):
    """What can be asked for rows: a transaction, or statements that are one each."""

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """Return the rows of a statement with `$1` parameters."""


class Standing(NamedTuple):
    """What the database said of somebody who asks, word for word, and the function call that it said it to.

    `call` has `{0}`, `{1}` … where its arguments stand.
    """

    call: str
    arguments: tuple[object, ...]
    said: str


class Work(NamedTuple):
    """The server itself at work for a tenant, or for none."""

    tenant: UUID | None = None
    id: UUID = UUID(int=0)
    is_platform: bool = False
    reach: Reach = EVERYWHERE


class DatabaseBusy(Exception):
    """No connection was free for as long as a request may wait."""


class Database:
    """What is asked, and for whom. Opened once by `main.py`, closed last."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._wait_s = settings.pool_wait_s
        self.is_full = False
        """Whether its disk took nothing more when something was last written, and had no room when it was last looked for."""
        self.on_said: Callable[[str, str], None] | None = None
        """Is told what transactions of this process said by `sync.say`, channel and text, once they are committed."""

    @classmethod
    async def open(cls, settings: Settings, watch: Watch | None = None) -> Database:
        """Connect; `watch` is given every connection. Raises OSError or asyncpg.PostgresError where it cannot be used."""

        async def prepare(connection: asyncpg.Connection[Any]) -> None:
            await _prepare(connection)
            if watch is not None:
                watch(connection)

        pool = asyncpg.create_pool(
            settings.database_url.value,
            min_size=settings.pool_min,
            max_size=settings.pool_max,
            statement_cache_size=settings.statement_cache,
            command_timeout=settings.statement_timeout_s,
            init=prepare,
            reset=_reset,
            server_settings={"application_name": APPLICATION},
        )
        return cls(Pool(await pool, settings), settings)

    @property
    def open_connections(self) -> int:
        """How many connections there are."""
        return self._pool.open_connections

    @property
    def idle_connections(self) -> int:
        """How many connections wait for work."""
        return self._pool.idle_connections

    @asynccontextmanager
    async def transaction(self, who: Asking, *, is_snapshot: bool = False) -> AsyncIterator[Transaction]:
        """Yield a connection in a transaction for `who`: committed at the end, rolled back where an exception leaves it.

        `is_snapshot`: all its statements see the database at one moment, and write nothing.
        Raises DatabaseBusy, OSError (no database), asyncpg.PostgresError.
        """
        async with self._noted() as (connection, said):
            await connection.execute(f"{_SNAPSHOT if is_snapshot else 'BEGIN'}; {_said(who)}")
            try:
                yield connection
            except BaseException:
                if not is_lost(connection):
                    await connection.execute("ROLLBACK")
                said.clear()
                raise
            await connection.execute("COMMIT")

    async def read(
        self, who: Asking, standing: Standing | None, statement: str, *arguments: object
    ) -> list[asyncpg.Record]:
        """Return the rows of one statement for `who`, in a transaction of its own; none where his standing is another by now.

        So rows prove that it is the same, and no rows prove nothing. `standing` None: who it is was seen to otherwise.
        Raises as `transaction` does.
        """
        standing = standing or _ANY
        query = _alone(statement, len(arguments), standing.call, len(standing.arguments))
        settings = _settings_of(who).values()
        async with self._lent() as connection:
            return await connection.fetch(query, *arguments, *settings, *standing.arguments, standing.said)

    async def ask(self, statement: str, *arguments: object) -> asyncpg.Record | None:
        """Return the first row of one statement that runs for nobody and is a transaction of its own.

        Only for functions that check for themselves what they may give; no tenant's row is seen. Raises as `transaction` does.
        """
        async with self._noted() as (connection, _):
            return await connection.fetchrow(statement, *arguments)

    async def write(self, who: Asking, function: str, *arguments: object) -> Any:
        """Return what a function gives that changes something for `who`, in a transaction of its own.

        It is given whom it runs for first, and sets that before it looks at anything. Raises as `transaction` does.
        """
        places = ", ".join(f"${place}" for place in range(1, len(arguments) + 2))
        row = await self.ask(
            f"SELECT {function}({places}) AS done", [*_settings_of(who).values()], *arguments
        )
        return None if row is None else row["done"]

    @asynccontextmanager
    async def _noted(self) -> AsyncIterator[tuple[Transaction, dict[tuple[str, str], None]]]:
        """Yield a connection and what is said on it, which is passed on in the end: not where an exception ends it."""
        said: dict[tuple[str, str], None] = {}

        def note(_: object, message: asyncpg.PostgresLogMessage) -> None:
            if message.severity == "INFO" and str(message.message).startswith(SAID):
                said[str(message.message), str(message.detail)] = None

        async with self._lent() as connection:
            if self.on_said is None:
                yield connection, said
                return
            connection.add_log_listener(note)
            try:
                yield connection, said
            finally:
                with suppress(asyncpg.InterfaceError):
                    connection.remove_log_listener(note)
        if self.on_said is not None:
            for channel, text in said:
                self.on_said(channel, text)

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Transaction]:
        """Yield a connection of the pool. However asyncpg says that it was lost: that is a ConnectionResetError."""
        try:
            lent = await self._pool.take()
        except TimeoutError:
            raise DatabaseBusy(f"no connection to the database was free for {self._wait_s:g} s") from None
        connection, is_sound = lent.connection, False
        try:
            yield connection
            is_sound = True
        except asyncpg.DiskFullError as error:
            if not self.is_full:
                _log.error("database_full", extra={"reason": str(error)})
            self.is_full = True
            raise
        except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            if isinstance(error, asyncpg.InterfaceError) and not is_lost(connection):
                raise
            with suppress(asyncpg.InterfaceError):
                connection.terminate()
            raise ConnectionResetError("the connection to the database was lost") from error
        finally:
            await self._pool.give_back(lent, is_sound)

    async def look_for_room(self) -> None:
        """Find out whether a disk that was full has room again, by a sort that does not fit into memory: it keeps nothing.

        Raises as `ask` does; one that has no room yet is no failure.
        """
        if not self.is_full:
            return
        with suppress(asyncpg.DiskFullError):
            async with self.transaction(Work()) as transaction:
                await transaction.execute("SET LOCAL work_mem = '64kB'")
                await transaction.fetchval(_SORTED)
            self.is_full = False
            _log.info("database_has_room")

    async def close(self) -> None:
        """Wait for what is under way, then close every connection."""
        await self._pool.close()


@asynccontextmanager
async def beyond_reach(transaction: Transaction, who: Asking) -> AsyncIterator[None]:
    """Let a transaction see the whole tenant for a while, for rules that hold between things within reach and others."""
    if who.reach.sites is None:
        yield
        return
    await transaction.execute(_SET_SITES, "")
    yield
    await transaction.execute(_SET_SITES, _sites_said(who))


@asynccontextmanager
async def in_tenant(transaction: Transaction, who: Asking, tenant: UUID) -> AsyncIterator[None]:
    """Let a transaction of the platform see a tenant, and write its audit, for a while; then it is where it was."""
    if tenant == who.tenant:
        yield
        return
    assert who.is_platform, "nobody else looks across tenants"
    await enter(transaction, tenant)
    yield
    await enter(transaction, who.tenant)


async def enter(transaction: Transaction, tenant: UUID | None) -> None:
    """Let a transaction go on in a tenant, or in none. Only where the database itself has said that it is the asker's."""
    await transaction.execute(_SET_TENANT, "" if tenant is None else str(tenant))


_SORTED = """
    SELECT count(*) FROM (SELECT FROM generate_series(1, 2000) AS n ORDER BY repeat(md5(n::text), 128) || n OFFSET 1) AS s
"""
"""Eight megabytes, half of a piece of PostgreSQL's log."""
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SET_TENANT = "SELECT set_config('heliograph.tenant', $1, true)"
_SET_SITES = "SELECT set_config('heliograph.sites', $1, true)"


_ANY = Standing("lower({0})", ("",), "")
_SETTINGS = ("tenant", "user", "platform", "sites")


def _settings_of(who: Asking) -> dict[str, str]:
    """Return what says for whom a transaction is: ids, and no text of anybody's."""
    values = (
        "" if who.tenant is None else str(UUID(int=who.tenant.int)),
        str(UUID(int=who.id.int)),
        "yes" if who.is_platform else "",
        _sites_said(who),
    )
    return dict(zip(_SETTINGS, values, strict=True))


def _said(who: Asking) -> str:
    """Return the statement that says for whom a transaction is."""
    settings = _settings_of(who).items()
    return "SELECT " + ", ".join(f"set_config('heliograph.{k}', '{v}', true)" for k, v in settings)


@lru_cache(1_024)
def _alone(statement: str, count: int, call: str, call_count: int) -> str:
    """Return a statement of `count` parameters that says for whom it runs before it reads; behind its own come the settings',
    the call's and what that is to say.

    The rows hang on the one row of who asks, which PostgreSQL has to make first; were it otherwise, no tenant would be set
    when the policies ask, and they would show nothing.
    """
    first = count + 1
    set_all = ", ".join(
        f"set_config('heliograph.{name}', ${place}, true)" for place, name in enumerate(_SETTINGS, first)
    )
    first += len(_SETTINGS)
    asked = call.format(*(f"${first + place}" for place in range(call_count)))
    return f"""
        SELECT r.* FROM (SELECT concat({set_all}) AS them FROM {asked} a WHERE a::text = ${first + call_count} OFFSET 0) AS says
        CROSS JOIN LATERAL (SELECT * FROM ({statement}) AS s WHERE says.them IS NOT NULL OFFSET 0) AS r
    """


def _sites_said(who: Asking) -> str:
    sites = who.reach.sites
    return "" if sites is None else "{" + ",".join(str(UUID(int=site.int)) for site in sorted(sites)) + "}"


async def _prepare(connection: asyncpg.Connection[Any]) -> None:
    """Have JSON come and go as plain data."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode, decoder=msgspec.json.decode
    )


async def _reset(connection: asyncpg.Connection[Any]) -> None:
    """Spare the round trip: what is set ends with its transaction, and the pool has ended that."""


def _encode(value: Any) -> str:
    return json.dumps(value)
