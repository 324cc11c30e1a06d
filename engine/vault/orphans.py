"""Secrets whose credential is gone. Counterpart: `compose.py`, which has them looked for at each start.

One rule: what an undo may still bring back is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from uuid import UUID

from engine.storage import StorageFailed, Store
from engine.vault.vault import Vault

_log = logging.getLogger("engine.vault")

SECRETS_KEPT_US = 7 * 86_400_000_000
"""How long the secret of a deleted credential is kept sealed, so that undo and redo have it back, after a restart too."""


def forget_orphans(store: Store, vault: Vault, known: Iterable[UUID], now_us: int) -> None:
    """Delete the secrets of credentials that are gone for so long that no undo brings them back; `known` are no orphans."""
    orphans = store.secrets().keys() - set(known)
    if not orphans:
        return
    try:
        for orphan in orphans - store.credentials_changed_since(now_us - SECRETS_KEPT_US):
            vault.delete(orphan)
    except StorageFailed as error:  # a full disk is no reason not to poll: the next start deletes them
        _log.error("storage_failed", extra={"reason": error.message})
