"""How far each secret of a team's folder is shared: entered here and not told yet, or the team's, and until when it may be here.

Counterparts: `team.py`, whose transaction marks what is entered; `engine/sync/secrets.py`, which shares.

Theory: the sealed bytes lie where those of every network lie; here is a row beside each. `untold`: it was entered on this
computer and the server has not said that it has it.
One rule: a secret that is untold is never replaced or dropped by what the server says, only by its own person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, MetaData, Table, delete, select

from engine.storage import rows, tables
from engine.storage.batch import SealedSecret
from engine.storage.store import Secrets, Store
from engine.storage.types import Id

_metadata = MetaData()
_shared = Table(
    "shared_secret",
    _metadata,
    Column("id", Id, primary_key=True),
    Column("untold", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("until_us", BigInteger, nullable=False),
)


class Shared(msgspec.Struct, frozen=True):
    """How a secret here is shared. `version` is the server's number of it, 0 where it has none; `until_us` 0: for ever."""

    untold: bool = True
    version: int = 0
    epoch: int = 0
    until_us: int = 0


class SharedSecrets:
    """The part of a team's store that says so. Calls as `Store`: any thread, one at a time, on disk when they return."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._install = store.loaded.origin

    def read(self) -> dict[UUID, Shared]:
        """Return how each is shared."""

        def found(connection: Connection, _: UUID) -> dict[UUID, Shared]:
            _metadata.create_all(connection)
            return {
                row.id: Shared(row.untold, row.version, row.epoch, row.until_us)
                for row in connection.execute(select(_shared))
            }

        return self._store.within(found)

    def note_told(self, id: UUID, sealed: bytes, shared: Shared) -> bool:
        """Note that the server has a secret; False where another was entered here since."""

        def note(connection: Connection, tenant: UUID) -> bool:
            secret = tables.secret
            query = select(secret.c.sealed).where(secret.c.tenant_id == tenant, secret.c.id == id)
            if connection.execute(query).scalar() != sealed:
                return False
            _put(connection, {id: shared})
            return True

        return self._store.within(note)

    def take(self, secrets: Secrets, shared: Mapping[UUID, Shared], gone: Iterable[UUID]) -> None:
        """Keep the team's `secrets`, how they and others are `shared`, and forget those that are `gone`.

        What is untold stays as it is: the caller holds who enters secrets, and names none of those.
        """

        def write(connection: Connection, tenant: UUID) -> None:
            rows.write_secrets(connection, tenant, self._install, secrets)
            _put(connection, shared)
            rows.delete_rows(connection, tables.secret, "id", tenant, gone)
            connection.execute(delete(_shared).where(_shared.c.id.in_(list(gone))))

        self._store.within(write)


def note_untold(connection: Connection, secrets: Mapping[UUID, SealedSecret]) -> None:
    """Note in a transaction that secrets were entered here."""
    if secrets:
        _metadata.create_all(connection)
        _put(connection, dict.fromkeys(secrets, Shared()))


def forget_shared(connection: Connection) -> None:
    """Forget all of it: the network is one's own from now on."""
    _metadata.drop_all(connection)


def _put(connection: Connection, shared: Mapping[UUID, Shared]) -> None:
    if shared:
        connection.execute(delete(_shared).where(_shared.c.id.in_(list(shared))))
        plain = [{"id": id, **msgspec.structs.asdict(one)} for id, one in shared.items()]
        connection.execute(_shared.insert(), plain)
