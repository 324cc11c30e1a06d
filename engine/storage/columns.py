"""What tables have in common: the owner of a row, references within a tenant, checks. Counterpart: `tables.py`, all of them.

One rule: a check here is one that the rules of the vocabulary hold already; it is the second lock, not the first.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    literal_column,
)

from domain.rules import NAME_CAP, NOTE_CAP
from engine.storage.types import Id

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def tenant_id() -> Column[Any]:
    """Return the column that says whose a row is, part of its key."""
    return Column("tenant_id", Id, ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)


def owned(columns: list[str], table: str, **options: Any) -> ForeignKeyConstraint:
    """Return a reference within the tenant, checked when the transaction ends, so that an edit's steps may come in any order."""
    return ForeignKeyConstraint(
        ["tenant_id", *columns],
        [f"{table}.tenant_id", f"{table}.id"],
        deferrable=True,
        initially="DEFERRED",
        **options,
    )


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """Return a check that a text is one of some."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def between(column: str, low: float, high: float) -> CheckConstraint:
    """Return a check that a number lies in a range, both ends in it."""
    return CheckConstraint(f"{column} BETWEEN {low:.0f} AND {high:.0f}", name=column)


def named() -> CheckConstraint:
    """Return a check of `name`."""
    return CheckConstraint(f"length(name) BETWEEN 1 AND {NAME_CAP}", name="name")


def noted() -> CheckConstraint:
    """Return a check of `note`."""
    return CheckConstraint(f"length(note) <= {NOTE_CAP}", name="note")


def placed(table: str, second: str) -> list[CheckConstraint | Index]:
    """Return what PostGIS holds a place to (SQLite cannot look into WKB, there the rules alone do), and how a server finds what
    has one: by box, by words in `name`, a second column and `note`, and in the order of names."""
    check = CheckConstraint(
        "ST_X(place) BETWEEN -180 AND 180 AND ST_Y(place) BETWEEN -90 AND 90", name="place"
    )
    words: ColumnElement[Any] = literal_column(f"things_text(name, {second}, note)").label("words")
    trigrams: dict[str, Any] = {"postgresql_using": "gin", "postgresql_ops": {"words": "gin_trgm_ops"}}
    boxes: dict[str, Any] = {"postgresql_using": "gist", "postgresql_include": ["id", "place", "name"]}
    envelope: ColumnElement[Any] = literal_column("st_envelope(place)")
    return [
        check.ddl_if(dialect="postgresql"),
        Index(f"ix_{table}_place", "tenant_id", envelope, **boxes).ddl_if(dialect="postgresql"),
        Index(f"ix_{table}_name", "tenant_id", "name", "id").ddl_if(dialect="postgresql"),
        Index(f"ix_{table}_words", words, **trigrams).ddl_if(dialect="postgresql"),
    ]
