"""What was done, by whom, from where: written in the transaction of the act. Counterpart: `identity.write_audit`, `api/audit.py`.

Theory: each tenant has a chain of its own, and the platform one more, for what belongs to none. A row's hash covers its content
and the hash before it; nobody may change or delete a row, and who does so past the database's rights breaks the chain, which
`/audit/verify` finds. The chain's head is a row that the transaction holds from here on: acts of a tenant follow one another.
One rule: written last in a transaction, and never a secret in it.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from sync_server.database import Transaction
from sync_server.security.principal import Origin, Principal

_WRITE = "SELECT identity.write_audit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"


class _Actor(NamedTuple):
    kind: str
    id: UUID | None
    name: str
    origin: Origin


async def record(
    transaction: Transaction,
    who: Principal,
    act: str,
    subject: tuple[str, object],
    detail: dict[str, Any] | None = None,
    *,
    of_platform: bool = False,
) -> None:
    """Write down what a principal does: `act` as "user.invited", `subject` its kind and id."""
    await transaction.execute(_WRITE, of_platform, *row_of(who, act, subject, detail))


def row_of(
    who: Principal, act: str, subject: tuple[str, object], detail: dict[str, Any] | None = None
) -> tuple[object, ...]:
    """Return what `identity.write_audit` is given of what a principal does, behind whether it is the platform's."""
    return _row_of(_Actor(who.kind, who.id, who.name, who.origin), act, subject, detail)


async def record_nobody(
    transaction: Transaction,
    origin: Origin,
    act: str,
    subject: tuple[str, object],
    detail: dict[str, Any] | None = None,
) -> None:
    """Write down what somebody tried who is nobody yet, in the platform's chain."""
    await transaction.execute(
        _WRITE, True, *_row_of(_Actor("nobody", None, "", origin), act, subject, detail)
    )


async def record_account(
    transaction: Transaction,
    account: tuple[UUID, str],
    origin: Origin,
    act: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write down what a person (id and name) did before there is a principal: logging in, taking a link."""
    actor = _Actor("user", *account, origin)
    await transaction.execute(_WRITE, False, *_row_of(actor, act, ("account", account[0]), detail))


def _row_of(
    actor: _Actor, act: str, subject: tuple[str, object], detail: dict[str, Any] | None
) -> tuple[object, ...]:
    origin = actor.origin
    return (
        actor.kind,
        actor.id,
        actor.name,
        act,
        subject[0],
        str(subject[1])[:256],
        detail or {},
        origin.address,
        origin.agent,
        origin.request,
    )
