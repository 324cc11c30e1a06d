"""People say what to be told of: rules, maintenance, tags and ports; discovery keeps what it found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.storage.types import Id, Plain
from migrations.building import check, column, index, make, text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KINDS = (
    "'device_down', 'device_degraded', 'device_stale', 'link_down', 'port_down', 'threshold', 'change', "
    "'flapping', 'anomaly', 'trend', 'cut_off'"
)


def upgrade() -> None:
    """Go to this revision."""
    for name in ("tags", "ports"):
        op.add_column("device", sa.Column(name, Plain, nullable=False, server_default="[]"))
    op.add_column("device", sa.Column("is_entry", sa.Boolean, nullable=False, server_default=sa.false()))
    index("journal", "subject", "at_us")
    index("journal", "kind", "at_us")
    _extend_alert()
    _make_watching()
    make(
        "find",
        column("id", Id),
        column("first_us", sa.BigInteger),
        column("last_us", sa.BigInteger),
        column("body", Plain),
        key=["id"],
        sqlite_with_rowid=False,
    )


def _extend_alert() -> None:
    for name in ("instance", "title", "cleared_why", "assigned_to", "resolved_by", "silenced"):
        op.add_column("alert", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("alert", sa.Column("kind", sa.Text, nullable=False, server_default="device_down"))
    op.add_column("alert", sa.Column("since_us", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("alert", sa.Column("acts", Plain, nullable=False, server_default="[]"))
    op.add_column("alert", sa.Column("resolved_us", sa.BigInteger))
    for name in ("value", "limit"):
        op.add_column("alert", sa.Column(name, sa.Double))
    op.execute(
        "UPDATE alert SET kind = rule, since_us = opened_us"
    )  # the rules so far were called what they are


def _make_watching() -> None:
    make(
        "rule",
        *_named("rule"),
        text("kind"),
        text("metric"),
        text("op"),
        column("threshold", sa.Double),
        sa.Column("clear_at", sa.Double),
        column("for_s", sa.Double),
        text("severity"),
        column("scope", Plain),
        column("is_on", sa.Boolean),
        *_noted("rule"),
        check("rule", "kind", f"kind IN ({_KINDS})"),
        check("rule", "op", "op IN ('gt', 'gte', 'lt', 'lte', 'eq', 'ne')"),
        check("rule", "severity", "severity IN ('critical', 'warning', 'info')"),
        check("rule", "for_s", "for_s BETWEEN 0 AND 86400"),
        key=["id"],
    )
    make(
        "maintenance",
        *_named("maintenance"),
        column("starts_us", sa.BigInteger),
        column("ends_us", sa.BigInteger),
        column("scope", Plain),
        text("repeat"),
        text("zone"),
        column("with_dependents", sa.Boolean),
        *_noted("maintenance"),
        check("maintenance", "repeat", "repeat IN ('', 'daily', 'weekly', 'monthly')"),
        check("maintenance", "span", "ends_us > starts_us"),
        key=["id"],
    )
    make(
        "ignored",
        *_named("ignored"),
        text("key"),
        check("ignored", "key", "length(key) BETWEEN 1 AND 120"),
        key=["id"],
    )


def _named(table: str) -> tuple[sa.Column[object], sa.Column[object], sa.CheckConstraint]:
    return (
        column("id", Id),
        text("name"),
        check(table, "name", "length(name) BETWEEN 1 AND 120"),
    )


def _noted(table: str) -> tuple[sa.Column[object], sa.CheckConstraint]:
    return text("note"), check(table, "note", "length(note) <= 4000")
