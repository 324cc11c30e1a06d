"""Inventory, edits, what was observed, the journal, samples and sealed secrets: the first schema.

One rule: a revision that was released is never changed. The way back is the copy that is kept before every migration.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from engine.storage.types import Bends, Id, Place, Plain

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    on_postgres = op.get_bind().dialect.name == "postgresql"
    if on_postgres:
        op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    op.create_table("meta", _text("name"), _column("value", Plain), _key("meta", "name"))
    op.create_table(
        "tenant",
        _column("key", sa.Integer, autoincrement=True),
        _column("id", Id),
        _text("name"),
        _check("tenant", "name", "length(name) BETWEEN 1 AND 120"),
        _key("tenant", "key"),
        _unique("tenant", "id"),
    )
    _make_inventory(on_postgres)
    _make_edit()
    _make_observed()
    _make_journal()
    _make_samples()
    _make_secrets()


def _make_inventory(on_postgres: bool) -> None:
    is_placed = "ST_X(place) BETWEEN -180 AND 180 AND ST_Y(place) BETWEEN -90 AND 90"
    _make(
        "site",
        _column("id", Id),
        _text("name"),
        _text("region"),
        sa.Column("place", Place),
        sa.Column("elevation_m", sa.Double),
        _text("note"),
        _check("site", "name", "length(name) BETWEEN 1 AND 120"),
        _check("site", "note", "length(note) <= 4000"),
        *([_check("site", "place", is_placed)] if on_postgres else []),
        key=["id"],
    )
    _make(
        "credential",
        _column("id", Id),
        _text("name"),
        _text("kind"),
        _text("user"),
        _check("credential", "name", "length(name) BETWEEN 1 AND 120"),
        _check("credential", "kind", "kind IN ('snmp_community', 'routeros_login')"),
        key=["id"],
    )
    roles = "'pop', 'relay', 'access', 'switch', 'sector', 'customer', 'power', 'server', 'other'"
    _make(
        "device",
        _column("id", Id),
        _text("name"),
        _text("address"),
        _column("probes", Plain),
        _text("role"),
        sa.Column("site_id", Id),
        _column("subscribers", sa.Integer),
        _column("interval_s", sa.Double),
        sa.Column("place", Place),
        _column("paused", sa.Boolean),
        _text("note"),
        _owned("device", "site_id", "site"),
        _check("device", "name", "length(name) BETWEEN 1 AND 120"),
        _check("device", "note", "length(note) <= 4000"),
        *([_check("device", "place", is_placed)] if on_postgres else []),
        _check("device", "address", "length(address) BETWEEN 2 AND 45"),
        _check("device", "role", f"role IN ({roles})"),
        _check("device", "subscribers", "subscribers BETWEEN 0 AND 10000000"),
        _check("device", "interval_s", "interval_s BETWEEN 1 AND 3600"),
        key=["id"],
    )
    _index("device", "site_id")
    _make(
        "link",
        _column("id", Id),
        _column("a_id", Id),
        _column("b_id", Id),
        _text("a_interface"),
        _text("b_interface"),
        _text("kind"),
        _column("capacity_bps", sa.BigInteger),
        sa.Column("path", Bends),
        _text("note"),
        _owned("link", "a_id", "device"),
        _owned("link", "b_id", "device"),
        _check("link", "ends", "a_id <> b_id"),
        _check("link", "kind", "kind IN ('fibre', 'wireless', 'copper')"),
        _check("link", "capacity_bps", "capacity_bps BETWEEN 0 AND 100000000000000"),
        key=["id"],
    )
    _index("link", "a_id")
    _index("link", "b_id")
    if on_postgres:
        op.create_index("ix_site_place", "site", ["place"], postgresql_using="gist")
        op.create_index("ix_device_place", "device", ["place"], postgresql_using="gist")


def _make_edit() -> None:
    _make(
        "edit",
        _column("id", Id),
        _column("origin", Id),
        _column("seq", sa.BigInteger),
        _column("at_us", sa.BigInteger),
        _text("state"),
        _column("body", Plain),
        _check("edit", "seq", "seq > 0"),
        _check("edit", "state", "state IN ('pending', 'confirmed', 'refused')"),
        _unique("edit", "tenant_id", "origin", "seq"),
        key=["id"],
    )


def _make_observed() -> None:
    _make(
        "fact",
        _column("subject", Id),
        _text("field"),
        _text("source"),
        _column("vantage", Id),
        _column("at_us", sa.BigInteger),
        _column("value", Plain),
        key=["subject", "field", "source", "vantage"],
        sqlite_with_rowid=False,
    )
    _make(
        "health",
        _column("device_id", Id),
        _column("vantage", Id),
        _text("status"),
        _column("since_us", sa.BigInteger),
        _column("heard_us", sa.BigInteger),
        _column("probes", Plain),
        _text("reason"),
        _check("health", "status", "status IN ('up', 'degraded', 'down', 'unknown', 'stale')"),
        key=["device_id", "vantage"],
        sqlite_with_rowid=False,
    )
    _make(
        "link_state",
        _column("link_id", Id),
        _text("status"),
        _column("since_us", sa.BigInteger),
        _column("at_us", sa.BigInteger),
        sa.Column("ab_bps", sa.Double),
        sa.Column("ba_bps", sa.Double),
        _check("link_state", "status", "status IN ('up', 'down', 'unknown')"),
        key=["link_id"],
        sqlite_with_rowid=False,
    )
    _make(
        "alert",
        _column("id", Id),
        _text("rule"),
        _column("subject", Id),
        _text("severity"),
        _column("opened_us", sa.BigInteger),
        _text("reason"),
        sa.Column("cleared_us", sa.BigInteger),
        sa.Column("acknowledged_us", sa.BigInteger),
        _text("acknowledged_by"),
        _column("count", sa.Integer),
        _check("alert", "count", "count > 0"),
        _check("alert", "severity", "severity IN ('critical', 'warning', 'info')"),
        key=["id"],
    )


def _make_journal() -> None:
    _make(
        "journal",
        _column("origin", Id),
        _column("seq", sa.BigInteger),
        _column("at_us", sa.BigInteger),
        _text("kind"),
        sa.Column("subject", Id),
        _column("body", Plain),
        _check("journal", "seq", "seq > 0"),
        key=["origin", "seq"],
        sqlite_with_rowid=False,
    )
    _index("journal", "subject", "seq")
    _make(
        "keyframe",
        _column("origin", Id),
        _column("at_us", sa.BigInteger),
        _column("seq", sa.BigInteger),
        _column("body", sa.LargeBinary),
        key=["origin", "at_us"],
    )


def _make_samples() -> None:
    op.create_table(
        "sample_source",
        _column("key", sa.Integer, autoincrement=True),
        _column("tenant_id", Id),
        _column("device_id", Id),
        _column("vantage", Id),
        _of_tenant("sample_source"),
        _key("sample_source", "key"),
        _unique("sample_source", "tenant_id", "device_id", "vantage"),
    )
    op.create_table(
        "sample_schema",
        _column("key", sa.Integer, autoincrement=True),
        _column("tenant_id", Id),
        _column("digest", sa.LargeBinary(16)),
        _column("series", Plain),
        _column("used_us", sa.BigInteger),
        _of_tenant("sample_schema"),
        _key("sample_schema", "key"),
        _unique("sample_schema", "tenant_id", "digest"),
    )
    op.create_table(
        "sample",
        _column("source_key", sa.Integer),
        _column("at_us", sa.BigInteger),
        _column("schema_key", sa.Integer),
        _column("tenant_key", sa.Integer),
        _column("data", sa.LargeBinary),
        _key("sample", "source_key", "at_us", "schema_key"),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (at_us)",
    )


def _make_secrets() -> None:
    _make("secret", _column("id", Id), _column("sealed", sa.LargeBinary), key=["id"])
    _make(
        "secret_wrap",
        _column("secret_id", Id),
        _column("install", Id),
        _column("wrapped", sa.LargeBinary),
        _owned("secret_wrap", "secret_id", "secret", ondelete="CASCADE"),
        key=["secret_id", "install"],
    )


def _make(table: str, *parts: Any, key: list[str], **options: Any) -> None:
    """Create a table whose rows belong to a tenant."""
    first, last = _column("tenant_id", Id), _key(table, "tenant_id", *key)
    op.create_table(table, first, *parts, _of_tenant(table), last, **options)


def _column(name: str, type: Any, autoincrement: bool = False) -> sa.Column[Any]:
    return sa.Column(name, type, nullable=False, autoincrement=autoincrement)


def _text(name: str) -> sa.Column[Any]:
    return _column(name, sa.Text)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_tenant_id")
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=name, ondelete="CASCADE")


def _owned(table: str, column: str, owner: str, **options: Any) -> sa.ForeignKeyConstraint:
    """Return a reference within the tenant that is checked when the transaction ends."""
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{owner}.tenant_id", f"{owner}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
        deferrable=True,
        initially="DEFERRED",
        **options,
    )


def _index(table: str, *columns: str) -> None:
    every = ["tenant_id", *columns]
    op.create_index(op.f(f"ix_{table}_{'_'.join(every)}"), table, every)
