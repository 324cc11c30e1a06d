"""Runs the history on the connection of an engine, a test or `-x url=...`. Counterpart: `storage/migration.py`, which calls it.

One rule: all of a run is one transaction. On SQLite that takes an explicit BEGIN, which `engine_for` gives.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import context
from sqlalchemy import Connection, create_engine, make_url

from engine.storage.file import engine_for
from engine.storage.tables import metadata

SERVERS = ("ix_device_name", "ix_site_name")


def include_name(name: str | None, kind: str, parents: Any) -> bool:
    """Tell whether a thing found in the database is ours: PostGIS' tables and the partitions of samples are not compared."""
    return kind != "table" or name in metadata.tables


def include_object(thing: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
    """Tell whether a thing of `tables.py` is meant for this dialect: some indexes are for a server's look-ups and lists only."""
    is_servers = kind == "index" and (
        name in SERVERS or thing.dialect_options["postgresql"]["using"] in ("gist", "gin")
    )
    return not is_servers or context.get_context().dialect.name == "postgresql"


def run(connection: Connection) -> None:
    """Run what was asked for within the connection's transaction."""
    if connection.dialect.name == "postgresql":
        import geoalchemy2  # noqa: F401, PLC0415 teaches SQLAlchemy to read geometry columns
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=include_name,
        include_object=include_object,
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    context.run_migrations()


def run_by_hand() -> None:
    """Run on the database that the command line names."""
    url = make_url(context.get_x_argument(as_dictionary=True)["url"])
    is_file = url.get_backend_name() == "sqlite"
    engine = engine_for(Path(str(url.database)), foreign_keys=False) if is_file else create_engine(url)
    with engine.begin() as connection:
        run(connection)


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    run_by_hand()
