"""The one schema, for SQLite on a laptop and PostGIS on a server. Counterpart: `migrations/` makes it, `rows.py` fills it.

Theory: a tenant's things are keyed (tenant_id, id), and so are the references between them: nothing can point into another
tenant. Inventory is rows with checked columns; what was observed has no foreign key to it, because an observation may come
before the device (from another engine) and after it is gone. Samples are one row a device and poll cycle, packed, under
integer keys of this database; on PostgreSQL they are partitioned by ranges of `at_us`, which is why it is in the key.
Boxes are searched with GIST on PostgreSQL; on SQLite nothing is asked by box, so there is no R*Tree to keep in step.
One rule: times are int64 microseconds UTC, and a change here is a migration in the same commit (`alembic check`).
"""

from __future__ import annotations

from typing import get_args

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from domain.health import Status
from domain.inventory import LINK_KINDS, ROLES, CredentialKind
from domain.load import LinkStatus
from domain.rules import CAPACITY_MAX_BPS, INTERVAL_RANGE_S, NAME_CAP, SUBSCRIBERS_MAX
from domain.watch_rules import FOR_RANGE_S
from domain.watching import COMPARISONS, REPEATS, RULE_KINDS, SEVERITIES
from engine.storage import diagrams  # noqa: F401 - part of the schema
from engine.storage.columns import between, metadata, named, noted, one_of, owned, placed, tenant_id
from engine.storage.types import Bends, Id, Place, Plain

__all__ = ["metadata"]

EDIT_STATES = ("pending", "confirmed", "refused")

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
    Column("revision", BigInteger, nullable=False, server_default="0"),
    named(),
)

# Inventory: what people intend

site = Table(
    "site",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("place", Place),
    Column("elevation_m", Double),
    Column("note", Text, nullable=False),
    Column("pop_id", Id),
    named(),
    noted(),
    *placed("site", "region"),
)

credential = Table(
    "credential",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("auth", Text, nullable=False, server_default=""),
    Column("privacy", Text, nullable=False, server_default=""),
    Column("context", Text, nullable=False, server_default=""),
    named(),
    one_of("kind", get_args(CredentialKind)),
)

device = Table(
    "device",
    metadata,
    tenant_id(),
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
    Column("tags", Plain, nullable=False, server_default="[]"),
    Column("ports", Plain, nullable=False, server_default="[]"),
    Column("is_entry", Boolean, nullable=False, server_default=false()),
    Column("sectors", Plain, nullable=False, server_default="[]"),
    Column("polled_by", Id),
    owned(["site_id"], "site"),
    named(),
    noted(),
    *placed("device", "address"),
    CheckConstraint("length(address) BETWEEN 2 AND 45", name="address"),
    one_of("role", ROLES),
    between("subscribers", 0, SUBSCRIBERS_MAX),
    between("interval_s", *INTERVAL_RANGE_S),
    Index(None, "tenant_id", "site_id"),
)

link = Table(
    "link",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("a_id", Id, nullable=False),
    Column("b_id", Id, nullable=False),
    Column("a_interface", Text, nullable=False),
    Column("b_interface", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("capacity_bps", BigInteger, nullable=False),
    Column("path", Bends),
    Column("note", Text, nullable=False),
    Column("radio", Plain),
    owned(["a_id"], "device"),
    owned(["b_id"], "device"),
    CheckConstraint("a_id <> b_id", name="ends"),
    one_of("kind", LINK_KINDS),
    between("capacity_bps", 0, CAPACITY_MAX_BPS),
    Index(None, "tenant_id", "a_id"),
    Index(None, "tenant_id", "b_id"),
)

rule = Table(
    "rule",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("op", Text, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("clear_at", Double),
    Column("for_s", Double, nullable=False),
    Column("severity", Text, nullable=False),
    Column("scope", Plain, nullable=False),
    Column("is_on", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    named(),
    noted(),
    one_of("kind", RULE_KINDS),
    one_of("op", COMPARISONS),
    one_of("severity", SEVERITIES),
    between("for_s", *FOR_RANGE_S),
)

maintenance = Table(
    "maintenance",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("starts_us", BigInteger, nullable=False),
    Column("ends_us", BigInteger, nullable=False),
    Column("scope", Plain, nullable=False),
    Column("repeat", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("with_dependents", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    named(),
    noted(),
    one_of("repeat", REPEATS),
    CheckConstraint("ends_us > starts_us", name="span"),
)

ignored = Table(
    "ignored",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    named(),
    CheckConstraint(f"length(key) BETWEEN 1 AND {NAME_CAP}", name="key"),
)

edit = Table(
    "edit",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("origin", Id, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("body", Plain, nullable=False),
    UniqueConstraint("tenant_id", "origin", "seq"),
    CheckConstraint("seq > 0", name="seq"),
    one_of("state", EDIT_STATES),
)

# What was observed

fact = Table(
    "fact",
    metadata,
    tenant_id(),
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
    tenant_id(),
    Column("device_id", Id, primary_key=True),
    Column("vantage", Id, primary_key=True),
    Column("status", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("heard_us", BigInteger, nullable=False),
    Column("probes", Plain, nullable=False),
    Column("reason", Text, nullable=False),
    one_of("status", get_args(Status)),
    sqlite_with_rowid=False,
)

link_state = Table(
    "link_state",
    metadata,
    tenant_id(),
    Column("link_id", Id, primary_key=True),
    Column("status", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("ab_bps", Double),
    Column("ba_bps", Double),
    one_of("status", get_args(LinkStatus)),
    sqlite_with_rowid=False,
)

alert = Table(
    "alert",
    metadata,
    tenant_id(),
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
    Column("kind", Text, nullable=False, server_default="device_down"),
    Column("instance", Text, nullable=False, server_default=""),
    Column("title", Text, nullable=False, server_default=""),
    Column("value", Double),
    Column("limit", Double),
    Column("since_us", BigInteger, nullable=False, server_default="0"),
    Column("cleared_why", Text, nullable=False, server_default=""),
    Column("acts", Plain, nullable=False, server_default="[]"),
    Column("assigned_to", Text, nullable=False, server_default=""),
    Column("resolved_us", BigInteger),
    Column("resolved_by", Text, nullable=False, server_default=""),
    Column("silenced", Text, nullable=False, server_default=""),
    CheckConstraint("count > 0", name="count"),
    one_of("severity", SEVERITIES),
)

journal = Table(
    "journal",
    metadata,
    tenant_id(),
    Column("origin", Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Id),
    Column("body", Plain, nullable=False),
    CheckConstraint("seq > 0", name="seq"),
    Index(None, "tenant_id", "subject", "seq"),
    Index(None, "tenant_id", "subject", "at_us"),
    Index(None, "tenant_id", "kind", "at_us"),
    sqlite_with_rowid=False,
)

keyframe = Table(
    "keyframe",
    metadata,
    tenant_id(),
    Column("origin", Id, primary_key=True),
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

find = Table(
    "find",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("first_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Column("body", Plain, nullable=False),
    sqlite_with_rowid=False,
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
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

secret_wrap = Table(
    "secret_wrap",
    metadata,
    tenant_id(),
    Column("secret_id", Id, primary_key=True),
    Column("install", Id, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    owned(["secret_id"], "secret", ondelete="CASCADE"),
)
