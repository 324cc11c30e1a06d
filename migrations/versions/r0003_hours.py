"""Samples are rolled up to hours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("sample_source") as batch:
        batch.add_column(sa.Column("rolled_us", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "sample_hour",
        sa.Column("source_key", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("hour_us", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("schema_key", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("tenant_key", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("source_key", "hour_us", "schema_key", name="pk_sample_hour"),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (hour_us)",
    )
