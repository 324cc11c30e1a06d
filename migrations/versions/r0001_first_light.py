"""Inventory, edits, what was observed, the journal, samples and sealed secrets: the first schema.

One rule: a revision that was released is never changed. The way back is the copy that is kept before every migration.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.storage.types import Bends, Id, Place, Plain
from migrations.building import check, column, index, make, of_tenant, owned, primary_key, text, unique

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    on_postgres = op.get_bind().dialect.name == "postgresql"
    if on_postgres:
        op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    op.create_table("meta", text("name"), column("value", Plain), primary_key("meta", "name"))
    op.create_table(
        "tenant",
        column("key", sa.Integer, autoincrement=True),
        column("id", Id),
        text("name"),
        check("tenant", "name", "length(name) BETWEEN 1 AND 120"),
        primary_key("tenant", "key"),
        unique("tenant", "id"),
    )
    _make_inventory(on_postgres)
    _make_edit()
    _make_observed()
    _make_journal()
    _make_samples()
    _make_secrets()


def _make_inventory(on_postgres: bool) -> None:
    is_placed = "ST_X(place) BETWEEN -180 AND 180 AND ST_Y(place) BETWEEN -90 AND 90"
    make(
        "site",
        column("id", Id),
        text("name"),
        text("region"),
        sa.Column("place", Place),
        sa.Column("elevation_m", sa.Double),
        text("note"),
        check("site", "name", "length(name) BETWEEN 1 AND 120"),
        check("site", "note", "length(note) <= 4000"),
        *([check("site", "place", is_placed)] if on_postgres else []),
        key=["id"],
    )
    make(
        "credential",
        column("id", Id),
        text("name"),
        text("kind"),
        text("user"),
        check("credential", "name", "length(name) BETWEEN 1 AND 120"),
        check("credential", "kind", "kind IN ('snmp_community', 'routeros_login')"),
        key=["id"],
    )
    roles = "'pop', 'relay', 'access', 'switch', 'sector', 'customer', 'power', 'server', 'other'"
    make(
        "device",
        column("id", Id),
        text("name"),
        text("address"),
        column("probes", Plain),
        text("role"),
        sa.Column("site_id", Id),
        column("subscribers", sa.Integer),
        column("interval_s", sa.Double),
        sa.Column("place", Place),
        column("paused", sa.Boolean),
        text("note"),
        owned("device", "site_id", "site"),
        check("device", "name", "length(name) BETWEEN 1 AND 120"),
        check("device", "note", "length(note) <= 4000"),
        *([check("device", "place", is_placed)] if on_postgres else []),
        check("device", "address", "length(address) BETWEEN 2 AND 45"),
        check("device", "role", f"role IN ({roles})"),
        check("device", "subscribers", "subscribers BETWEEN 0 AND 10000000"),
        check("device", "interval_s", "interval_s BETWEEN 1 AND 3600"),
        key=["id"],
    )
    index("device", "site_id")
    make(
        "link",
        column("id", Id),
        column("a_id", Id),
        column("b_id", Id),
        text("a_interface"),
        text("b_interface"),
        text("kind"),
        column("capacity_bps", sa.BigInteger),
        sa.Column("path", Bends),
        text("note"),
        owned("link", "a_id", "device"),
        owned("link", "b_id", "device"),
        check("link", "ends", "a_id <> b_id"),
        check("link", "kind", "kind IN ('fibre', 'wireless', 'copper')"),
        check("link", "capacity_bps", "capacity_bps BETWEEN 0 AND 100000000000000"),
        key=["id"],
    )
    index("link", "a_id")
    index("link", "b_id")
    if on_postgres:
        op.create_index("ix_site_place", "site", ["place"], postgresql_using="gist")
        op.create_index("ix_device_place", "device", ["place"], postgresql_using="gist")


def _make_edit() -> None:
    make(
        "edit",
        column("id", Id),
        column("origin", Id),
        column("seq", sa.BigInteger),
        column("at_us", sa.BigInteger),
        text("state"),
        column("body", Plain),
        check("edit", "seq", "seq > 0"),
        check("edit", "state", "state IN ('pending', 'confirmed', 'refused')"),
        unique("edit", "tenant_id", "origin", "seq"),
        key=["id"],
    )


def _make_observed() -> None:
    make(
        "fact",
        column("subject", Id),
        text("field"),
        text("source"),
        column("vantage", Id),
        column("at_us", sa.BigInteger),
        column("value", Plain),
        key=["subject", "field", "source", "vantage"],
        sqlite_with_rowid=False,
    )
    make(
        "health",
        column("device_id", Id),
        column("vantage", Id),
        text("status"),
        column("since_us", sa.BigInteger),
        column("heard_us", sa.BigInteger),
        column("probes", Plain),
        text("reason"),
        check("health", "status", "status IN ('up', 'degraded', 'down', 'unknown', 'stale')"),
        key=["device_id", "vantage"],
        sqlite_with_rowid=False,
    )
    make(
        "link_state",
        column("link_id", Id),
        text("status"),
        column("since_us", sa.BigInteger),
        column("at_us", sa.BigInteger),
        sa.Column("ab_bps", sa.Double),
        sa.Column("ba_bps", sa.Double),
        check("link_state", "status", "status IN ('up', 'down', 'unknown')"),
        key=["link_id"],
        sqlite_with_rowid=False,
    )
    make(
        "alert",
        column("id", Id),
        text("rule"),
        column("subject", Id),
        text("severity"),
        column("opened_us", sa.BigInteger),
        text("reason"),
        sa.Column("cleared_us", sa.BigInteger),
        sa.Column("acknowledged_us", sa.BigInteger),
        text("acknowledged_by"),
        column("count", sa.Integer),
        check("alert", "count", "count > 0"),
        check("alert", "severity", "severity IN ('critical', 'warning', 'info')"),
        key=["id"],
    )


def _make_journal() -> None:
    make(
        "journal",
        column("origin", Id),
        column("seq", sa.BigInteger),
        column("at_us", sa.BigInteger),
        text("kind"),
        sa.Column("subject", Id),
        column("body", Plain),
        check("journal", "seq", "seq > 0"),
        key=["origin", "seq"],
        sqlite_with_rowid=False,
    )
    index("journal", "subject", "seq")
    make(
        "keyframe",
        column("origin", Id),
        column("at_us", sa.BigInteger),
        column("seq", sa.BigInteger),
        column("body", sa.LargeBinary),
        key=["origin", "at_us"],
    )


def _make_samples() -> None:
    op.create_table(
        "sample_source",
        column("key", sa.Integer, autoincrement=True),
        column("tenant_id", Id),
        column("device_id", Id),
        column("vantage", Id),
        of_tenant("sample_source"),
        primary_key("sample_source", "key"),
        unique("sample_source", "tenant_id", "device_id", "vantage"),
    )
    op.create_table(
        "sample_schema",
        column("key", sa.Integer, autoincrement=True),
        column("tenant_id", Id),
        column("digest", sa.LargeBinary(16)),
        column("series", Plain),
        column("used_us", sa.BigInteger),
        of_tenant("sample_schema"),
        primary_key("sample_schema", "key"),
        unique("sample_schema", "tenant_id", "digest"),
    )
    op.create_table(
        "sample",
        column("source_key", sa.Integer),
        column("at_us", sa.BigInteger),
        column("schema_key", sa.Integer),
        column("tenant_key", sa.Integer),
        column("data", sa.LargeBinary),
        primary_key("sample", "source_key", "at_us", "schema_key"),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (at_us)",
    )


def _make_secrets() -> None:
    make("secret", column("id", Id), column("sealed", sa.LargeBinary), key=["id"])
    make(
        "secret_wrap",
        column("secret_id", Id),
        column("install", Id),
        column("wrapped", sa.LargeBinary),
        owned("secret_wrap", "secret_id", "secret", ondelete="CASCADE"),
        key=["secret_id", "install"],
    )
