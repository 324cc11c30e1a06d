"""Brings a server's database to this version's schema. Counterpart: `engine/storage/migration.py`, which knows the history.

One rule: one transaction, and one server at a time: the others wait for it and then find nothing left to do.
"""

from __future__ import annotations

from sqlalchemy import NullPool, create_engine, make_url, text

from domain.vault import Secret
from engine.storage import migration
from migrations.guards import OWNER
from sync_server.settings import SettingRefused

LOCK = 0x48454C494F  # "HELIO"
"""The advisory lock of whoever migrates."""


def migrate_to_head(owner_url: Secret) -> str:
    """Migrate as the owner and return the revision.

    Raises SettingRefused where it is not the owner, sqlalchemy.exc.SQLAlchemyError where it fails: nothing has changed then.
    """
    url = make_url(owner_url.value).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            name = connection.execute(text("SELECT current_user")).scalar_one()
            if name != OWNER:
                raise SettingRefused(f"migrations are run by {OWNER}, got {name}")
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            migration.upgrade(connection)
    finally:
        engine.dispose()
    return migration.HEAD
