"""The SQLite file of one tenant: looked at before it is opened, made, moved to the newest schema. Counterpart: `store.py`.

Theory: looking never writes. A file without a write-ahead log is opened `immutable`, one with a log read-only, so that what
is refused stays byte for byte what it was. The order: is it SQLite at all, is it whole, is it ours, which revision is it.
A file up to 64 MB is checked whole, of a larger one all tables but the samples (a damaged page there is found on reading).
One rule: everything that changes the schema happens in one transaction, so that a kill leaves the old file.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from domain.text import text_from_bytes
from engine.storage import migration
from engine.storage.errors import StorageRefused
from engine.storage.tables import metadata

APPLICATION_ID = 0x48454C47
"""Marks a file as ours, at byte 68 of its header (https://www.sqlite.org/fileformat.html)."""
PAGE_BYTES = 8192
"""Holds a cycle of 500 values without an overflow page, which a 4096-byte page does not."""
WHOLE_CHECK_BYTES = 64 * 1024 * 1024
BUSY_TIMEOUT_S = 5.0
_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_VERSION_TABLE = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""
_KEPT = "The file has not been changed."
_RESTORE = "Put a copy in its place (one is kept before every update of the program), or move it away to start empty."


def engine_for(path: Path, foreign_keys: bool = True) -> Engine:
    """Return an engine whose transactions begin when SQLAlchemy says so, schema changes included.

    Python's sqlite3 begins none before a CREATE TABLE; its `isolation_level=None` and an explicit BEGIN do.
    """

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        for pragma in (
            f"page_size = {PAGE_BYTES}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "fullfsync = ON",
            f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
            "cache_size = -8000",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def prepare(path: Path) -> None:
    """Leave at `path` a database with the newest schema. Raises StorageRefused, and then the file is as it was."""
    found = _revision_of(path)
    if found is None:
        _create(path)
    elif found != migration.HEAD:
        if not migration.is_older(found):
            raise StorageRefused(
                f"{path} was written by a newer Heliograph: its schema is {found!r}, this program knows "
                f"up to {migration.HEAD!r}. Update the program, or choose another profile. {_KEPT}"
            )
        _migrate(path)


def refusal(path: Path, error: Exception) -> StorageRefused:
    """Return what to tell the user of a database that cannot be opened because of `error`."""
    cause = getattr(error, "orig", None) or error
    if getattr(cause, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageRefused(f"{path} is in use by another program. Close it and try again. {_KEPT}")
    return StorageRefused(f"{path} is damaged or cannot be read: {cause}. {_RESTORE} {_KEPT}")


def _revision_of(path: Path) -> str | None:
    """Return the revision of a database that is whole and ours, None where nothing is there yet."""
    try:
        with path.open("rb") as stream:
            header = stream.read(_HEADER_BYTES)
            size_bytes = stream.seek(0, os.SEEK_END)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageRefused(f"{path} cannot be read: {error.strerror}. {_KEPT}") from error
    if not size_bytes:
        return None
    if not header.startswith(_MAGIC):
        raise StorageRefused(
            f"{path} is damaged or no database: it begins with {_readable(header)}, {_readable(_MAGIC)} expected. "
            f"{_RESTORE} {_KEPT}"
        )
    try:
        with closing(_looking_at(path)) as connection:
            return _inspected(path, connection, size_bytes)
    except sqlite3.Error as error:
        raise refusal(path, error) from error


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _looking_at(path: Path) -> sqlite3.Connection:
    """Return a connection that reads what is there, its write-ahead log included, and writes nothing."""
    uri = f"{path.resolve().as_uri()}?mode=ro{'' if _has_log(path) else '&immutable=1'}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)


def _inspected(path: Path, connection: sqlite3.Connection, size_bytes: int) -> str | None:
    def ask(query: str) -> list[Any]:
        return [row[0] for row in connection.execute(query)]

    names = ask("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    owner = ask("PRAGMA application_id")[0]
    expected_bytes = ask("PRAGMA page_count")[0] * ask("PRAGMA page_size")[0]
    if size_bytes < expected_bytes and not _has_log(path):
        raise StorageRefused(
            f"{path} is damaged: it has {size_bytes} bytes, its header says {expected_bytes}. {_RESTORE} {_KEPT}"
        )
    if not names and owner in (0, APPLICATION_ID):
        return None
    if owner != APPLICATION_ID or "alembic_version" not in names:
        raise StorageRefused(
            f"{path} is a database of another program (tables: {', '.join(names[:5]) or 'none'}). "
            f"Choose another file or move it away. {_KEPT}"
        )
    checked = ["" if size_bytes <= WHOLE_CHECK_BYTES else f"('{name}')" for name in names if name != "sample"]
    for what in dict.fromkeys(checked):
        if (said := ask(f"PRAGMA quick_check{what}")) != ["ok"]:
            raise StorageRefused(f"{path} is damaged: {'; '.join(said)[:300]}. {_RESTORE} {_KEPT}")
    revisions = ask("SELECT version_num FROM alembic_version")
    return str(revisions[0]) if revisions else "none"


def _create(path: Path) -> None:
    """Make an empty database of the newest schema; only this user may read it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        engine = engine_for(path)
        with closing(engine.connect()) as connection, connection.begin():
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            metadata.create_all(connection)
            connection.exec_driver_sql(_VERSION_TABLE)
            connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (migration.HEAD,))
    except (OSError, SQLAlchemyError) as error:
        raise StorageRefused(f"{path} cannot be made: {_said(error)}") from error


def _migrate(path: Path) -> None:
    copy = path.with_name(f"{path.stem}.before-{migration.HEAD}.sqlite")
    try:
        _copy(path, copy)
    except (OSError, sqlite3.Error) as error:
        raise StorageRefused(
            f"{path} must be updated, and the copy {copy.name} that is kept before cannot be written: "
            f"{_said(error)}. {_KEPT}"
        ) from error
    try:
        engine = engine_for(path, foreign_keys=False)
        with closing(engine.connect()) as connection, connection.begin():
            migration.upgrade(connection)
            if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                raise StorageRefused(
                    f"{path} could not be updated: rows without their owner in {broken[0][0]}. {_KEPT}"
                )
    except SQLAlchemyError as error:
        raise StorageRefused(
            f"{path} could not be updated to schema {migration.HEAD!r}: {_said(error)}. It is as it was before, "
            f"and {copy.name} is a copy."
        ) from error


def _copy(path: Path, copy: Path) -> None:
    """Copy a database with what is in its write-ahead log; a copy under its final name is a whole one."""
    part = copy.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with closing(_looking_at(path)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.replace(copy)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def _readable(header: bytes) -> str:
    """Return the first bytes of a file as words where they are some, else as two digits each."""
    start = header[: len(_MAGIC)]
    text = text_from_bytes(start)
    return f'"{text}"' if text and text.encode() == start.rstrip(b"\0") else f"the bytes {start.hex(' ')}"


def _said(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)
