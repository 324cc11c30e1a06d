"""Running the migrations in tests: whole, cut off at any statement, and held against the tables."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from alembic import command
from sqlalchemy import Engine, event

from engine.storage.migration import config_for, upgrade


class Cut(Exception):
    """The migration was stopped here."""


@contextmanager
def stopped_at(engine: Engine, number: int, stop: Callable[[], None]) -> Iterator[list[str]]:
    """Call `stop` before statement `number` (from 1) runs; yield the list that statements are added to."""
    said: list[str] = []

    def before(connection: object, cursor: object, statement: str, *rest: object) -> None:
        said.append(statement)
        if len(said) == number:
            stop()

    event.listen(engine, "before_cursor_execute", before)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", before)


def migrate(engine: Engine, revision: str = "") -> None:
    """Bring a database to the newest schema, or to an older one."""
    with engine.connect() as connection, connection.begin():
        if revision:
            command.upgrade(config_for(connection), revision)
        else:
            upgrade(connection)


def statements_of(engine: Engine) -> list[str]:
    """Bring a database to the newest schema and return the statements that did it."""
    with stopped_at(engine, 0, raise_cut) as said:
        migrate(engine)
    return said


def check(engine: Engine) -> None:
    """Do what `alembic check` does: raise where tables.py and the database differ."""
    with engine.connect() as connection, connection.begin():
        command.check(config_for(connection))


def raise_cut() -> None:
    """Stop as an error does."""
    raise Cut


def kill_self() -> None:
    """Stop as a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)
