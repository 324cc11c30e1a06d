"""The authenticator of an account: put in place, asked, taken away. Counterpart: `totp.py` knows codes, `api/account.py` asks.

One rule: the secret is kept sealed under the server's own, bound to its account, and shown once; a code counts once, also
when two logins come at the same moment: the database decides which was first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from asyncpg import Record

from sync_server.database import Transaction
from sync_server.security import totp
from sync_server.security.keyring import DoesNotOpen, Keyring

Ask = Callable[..., Awaitable["Record | None"]]
_PURPOSE = "authenticator"


class WrongCode(Exception):
    """The code is wrong, too old or was used; so is the recovery code."""


class Authenticators:
    """Checks codes and changes authenticators. `now_s` is seconds since 1970 UTC."""

    def __init__(self, keyring: Keyring, now_s: Callable[[], float]) -> None:
        self._keyring = keyring
        self._now_s = now_s

    async def check(self, ask: Ask, account: UUID, sealed: bytes, used_step: int, code: str) -> None:
        """Take a code, or a recovery code. `ask` runs one statement. Raises WrongCode."""
        step = self._matching_step(account, sealed, used_step, code)
        if step is not None:
            row = await ask("SELECT identity.use_totp($1, $2) AS done", account, step)
        else:
            row = await ask("SELECT identity.use_recovery($1, $2) AS done", account, totp.recovery_hash(code))
        if row is None or not row["done"]:
            raise WrongCode

    async def begin(self, transaction: Transaction, account: UUID) -> bytes | None:
        """Keep a new secret, which counts from the first right code on; None where there is an authenticator already."""
        secret = totp.new_secret()
        sealed = self._keyring.seal(_PURPOSE, account.bytes, secret)
        return secret if await transaction.fetchval("SELECT identity.keep_totp($1)", sealed) else None

    async def confirm(self, transaction: Transaction, account: UUID, code: str) -> list[str]:
        """Turn the authenticator of whom a transaction is for on and return its recovery codes. Raises WrongCode."""
        row = await transaction.fetchrow("SELECT * FROM identity.find_account()")
        if row is None or row["totp"] is None or row["totp_on"]:
            raise WrongCode
        step = self._matching_step(account, row["totp"], row["totp_step"], code)
        if step is None or not await transaction.fetchval("SELECT identity.use_totp($1, $2)", account, step):
            raise WrongCode
        codes = totp.new_recovery_codes()
        kept = [totp.recovery_hash(one) for one in codes]
        await transaction.execute("SELECT identity.turn_totp(true, $1)", kept)
        return codes

    def _matching_step(self, account: UUID, sealed: bytes, used_step: int, code: str) -> int | None:
        try:
            secret = self._keyring.open(_PURPOSE, account.bytes, sealed)
        except DoesNotOpen:  # the setting's secret was lost: the recovery codes still are there
            return None
        return totp.matching_step(secret, code, self._now_s(), used_step)
