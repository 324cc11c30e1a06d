"""The one schema, for SQLite on a laptop and PostGIS on a server. Counterpart: `migrations/` makes it, `rows.py` fills it.

Theory: a tenant's things are keyed (tenant_id, id), and so are the references between them: nothing can point into another
tenant. Inventory is rows with checked columns; what was observed has no foreign key to it, because an observation may come
before the device (from another engine) and after it is gone. Samples are one row a device and poll cycle, packed, under
integer keys of this database; on PostgreSQL they are partitioned by ranges of `at_us`, which is why it is in the key.
Boxes are searched with GIST on PostgreSQL. On SQLite nothing is asked by box (the engine holds the inventory in memory),
so there is no R*Tree to keep in step.
One rule: times are int64 microseconds UTC, and a change here is a migration in the same commit (`alembic check`).
"""

from __future__ import annotations

from typing import Any, get_args

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from domain.alerts import Severity
from domain.health import Status
from domain.inventory import LINK_KINDS, ROLES, CredentialKind
from domain.load import LinkStatus
from domain.rules import CAPACITY_MAX_BPS, INTERVAL_RANGE_S, NAME_CAP, NOTE_CAP, SUBSCRIBERS_MAX
from engine.storage.types import Bends, Id, Place, Plain

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

EDIT_STATES = ("pending", "confirmed", "refused")


def _tenant_id() -> Column[Any]:
    return Column("tenant_id", Id, ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)


def _owned(columns: list[str], table: str, **options: Any) -> ForeignKeyConstraint:
    """Return a reference within the tenant, checked when the transaction ends, so that an edit's steps may come in any order."""
    return ForeignKeyConstraint(
        ["tenant_id", *columns],
        [f"{table}.tenant_id", f"{table}.id"],
        deferrable=True,
        initially="DEFERRED",
        **options,
    )


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _between(column: str, low: float, high: float) -> CheckConstraint:
    return CheckConstraint(f"{column} BETWEEN {low:.0f} AND {high:.0f}", name=column)


def _named() -> CheckConstraint:
    return CheckConstraint(f"length(name) BETWEEN 1 AND {NAME_CAP}", name="name")


def _noted() -> CheckConstraint:
    return CheckConstraint(f"length(note) <= {NOTE_CAP}", name="note")


def _placed() -> CheckConstraint:
    """Return what PostGIS holds a place to; SQLite cannot look into WKB, there the rules alone do."""
    check = CheckConstraint(
        "ST_X(place) BETWEEN -180 AND 180 AND ST_Y(place) BETWEEN -90 AND 90", name="place"
    )
    return check.ddl_if(dialect="postgresql")


meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Plain, nullable=False),
)

tenant = Table(
    "tenant",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("id", Id, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    _named(),
)

# Inventory: what people intend

site = Table(
    "site",
    metadata,
    _tenant_id(),
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("place", Place),
    Column("elevation_m", Double),
    Column("note", Text, nullable=False),
    _named(),
    _noted(),
    _placed(),
    Index("ix_site_place", "place", postgresql_using="gist").ddl_if(dialect="postgresql"),
)

credential = Table(
    "credential",
    metadata,
    _tenant_id(),
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("auth", Text, nullable=False, server_default=""),
    Column("privacy", Text, nullable=False, server_default=""),
    Column("context", Text, nullable=False, server_default=""),
    _named(),
    _one_of("kind", get_args(CredentialKind)),
)

device = Table(
    "device",
    metadata,
    _tenant_id(),
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("probes", Plain, nullable=False),
    Column("role", Text, nullable=False),
    Column("site_id", Id),
    Column("subscribers", Integer, nullable=False),
    Column("interval_s", Double, nullable=False),
    Column("place", Place),
    Column("paused", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("profile", Text, nullable=False, server_default=""),
    Column("may_slow", Boolean, nullable=False, server_default=false()),
    Column("paused_until_us", BigInteger),
    _owned(["site_id"], "site"),
    _named(),
    _noted(),
    _placed(),
    CheckConstraint("length(address) BETWEEN 2 AND 45", name="address"),
    _one_of("role", ROLES),
    _between("subscribers", 0, SUBSCRIBERS_MAX),
    _between("interval_s", *INTERVAL_RANGE_S),
    Index(None, "tenant_id", "site_id"),
    Index("ix_device_place", "place", postgresql_using="gist").ddl_if(dialect="postgresql"),
)

link = Table(
    "link",
    metadata,
    _tenant_id(),
    Column("id", Id, primary_key=True),
    Column("a_id", Id, nullable=False),
    Column("b_id", Id, nullable=False),
    Column("a_interface", Text, nullable=False),
    Column("b_interface", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("capacity_bps", BigInteger, nullable=False),
    Column("path", Bends),
    Column("note", Text, nullable=False),
    _owned(["a_id"], "device"),
    _owned(["b_id"], "device"),
    CheckConstraint("a_id <> b_id", name="ends"),
    _one_of("kind", LINK_KINDS),
    _between("capacity_bps", 0, CAPACITY_MAX_BPS),
    Index(None, "tenant_id", "a_id"),
    Index(None, "tenant_id", "b_id"),
)

edit = Table(
    "edit",
    metadata,
    _tenant_id(),
    Column("id", Id, primary_key=True),
    Column("origin", Id, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("body", Plain, nullable=False),
    UniqueConstraint("tenant_id", "origin", "seq"),
    CheckConstraint("seq > 0", name="seq"),
    _one_of("state", EDIT_STATES),
)

# What was observed

fact = Table(
    "fact",
    metadata,
    _tenant_id(),
    Column("subject", Id, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("vantage", Id, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("value", Plain, nullable=False),
    sqlite_with_rowid=False,
)

health = Table(
    "health",
    metadata,
    _tenant_id(),
    Column("device_id", Id, primary_key=True),
    Column("vantage", Id, primary_key=True),
    Column("status", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("heard_us", BigInteger, nullable=False),
    Column("probes", Plain, nullable=False),
    Column("reason", Text, nullable=False),
    _one_of("status", get_args(Status)),
    sqlite_with_rowid=False,
)

link_state = Table(
    "link_state",
    metadata,
    _tenant_id(),
    Column("link_id", Id, primary_key=True),
    Column("status", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("ab_bps", Double),
    Column("ba_bps", Double),
    _one_of("status", get_args(LinkStatus)),
    sqlite_with_rowid=False,
)

alert = Table(
    "alert",
    metadata,
    _tenant_id(),
    Column("id", Id, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("subject", Id, nullable=False),
    Column("severity", Text, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cleared_us", BigInteger),
    Column("acknowledged_us", BigInteger),
    Column("acknowledged_by", Text, nullable=False),
    Column("count", Integer, nullable=False),
    CheckConstraint("count > 0", name="count"),
    _one_of("severity", get_args(Severity)),
)

journal = Table(
    "journal",
    metadata,
    _tenant_id(),
    Column("origin", Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Id),
    Column("body", Plain, nullable=False),
    CheckConstraint("seq > 0", name="seq"),
    Index(None, "tenant_id", "subject", "seq"),
    sqlite_with_rowid=False,
)

keyframe = Table(
    "keyframe",
    metadata,
    _tenant_id(),
    Column("origin", Id, primary_key=True),
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# Numbers over time

sample_source = Table(
    "sample_source",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenant.id", ondelete="CASCADE"), nullable=False),
    Column("device_id", Id, nullable=False),
    Column("vantage", Id, nullable=False),
    Column("rolled_us", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("tenant_id", "device_id", "vantage"),
)

sample_schema = Table(
    "sample_schema",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("tenant_id", Id, ForeignKey("tenant.id", ondelete="CASCADE"), nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("series", Plain, nullable=False),
    Column("used_us", BigInteger, nullable=False),
    UniqueConstraint("tenant_id", "digest"),
)

sample = Table(
    "sample",
    metadata,
    Column("source_key", Integer, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    Column("schema_key", Integer, primary_key=True, autoincrement=False),
    Column("tenant_key", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (at_us)",
)

sample_hour = Table(
    "sample_hour",
    metadata,
    Column("source_key", Integer, primary_key=True, autoincrement=False),
    Column("hour_us", BigInteger, primary_key=True, autoincrement=False),
    Column("schema_key", Integer, primary_key=True, autoincrement=False),
    Column("tenant_key", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (hour_us)",
)

# Secrets, sealed

secret = Table(
    "secret",
    metadata,
    _tenant_id(),
    Column("id", Id, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

secret_wrap = Table(
    "secret_wrap",
    metadata,
    _tenant_id(),
    Column("secret_id", Id, primary_key=True),
    Column("install", Id, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    _owned(["secret_id"], "secret", ondelete="CASCADE"),
)
