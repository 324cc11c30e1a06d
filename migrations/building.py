"""What revisions are built of: columns, keys and references as the schema names them. Counterpart: `versions/`.

One rule: what a released revision has used here keeps its meaning for ever.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from engine.storage.types import Id


def make(table: str, *parts: Any, key: list[str], **options: Any) -> None:
    """Create a table whose rows belong to a tenant."""
    first, last = column("tenant_id", Id), primary_key(table, "tenant_id", *key)
    op.create_table(table, first, *parts, of_tenant(table), last, **options)


def column(name: str, type: Any, *, autoincrement: bool = False) -> sa.Column[Any]:
    """Return a column that is never null."""
    return sa.Column(name, type, nullable=False, autoincrement=autoincrement)


def text(name: str) -> sa.Column[Any]:
    """Return a column of text."""
    return column(name, sa.Text)


def primary_key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    """Return the primary key."""
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    """Return what is there once."""
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    """Return a check, named as the schema names it."""
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def of_tenant(table: str) -> sa.ForeignKeyConstraint:
    """Return the reference to the owner."""
    name = op.f(f"fk_{table}_tenant_id")
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=name, ondelete="CASCADE")


def owned(table: str, column: str, owner: str, **options: Any) -> sa.ForeignKeyConstraint:
    """Return a reference within the tenant that is checked when the transaction ends."""
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{owner}.tenant_id", f"{owner}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
        deferrable=True,
        initially="DEFERRED",
        **options,
    )


def index(table: str, *columns: str) -> None:
    """Create an index of a tenant's rows."""
    every = ["tenant_id", *columns]
    op.create_index(op.f(f"ix_{table}_{'_'.join(every)}"), table, every)
