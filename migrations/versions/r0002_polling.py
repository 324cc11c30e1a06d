"""Devices know their SNMP profile and when they may rest; credentials know SNMPv3 and SSH."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KINDS = "'snmp_community', 'snmp_v3', 'routeros_login', 'ssh_login', 'ssh_key'"


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("credential") as batch:
        for name in ("auth", "privacy", "context"):
            batch.add_column(sa.Column(name, sa.Text, nullable=False, server_default=""))
        batch.drop_constraint(op.f("ck_credential_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_credential_kind"), f"kind IN ({_KINDS})")
    with op.batch_alter_table("device") as batch:
        batch.add_column(sa.Column("profile", sa.Text, nullable=False, server_default=""))
        batch.add_column(sa.Column("may_slow", sa.Boolean, nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("paused_until_us", sa.BigInteger))
