"""The map: POPs above sites, sectors and radio paths, diagrams with what stands in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.storage.types import Id, Plain
from migrations.building import check, column, index, make, owned, text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("site", sa.Column("pop_id", Id))
    op.add_column("device", sa.Column("sectors", Plain, nullable=False, server_default="[]"))
    op.add_column("link", sa.Column("radio", Plain))
    make(
        "diagram",
        column("id", Id),
        text("name"),
        sa.Column("parent_id", Id),
        text("background"),
        column("background_width", sa.Double),
        text("note"),
        sa.Column("site_id", Id),
        owned("diagram", "parent_id", "diagram"),
        owned("diagram", "site_id", "site"),
        check("diagram", "name", "length(name) BETWEEN 1 AND 120"),
        check("diagram", "note", "length(note) <= 4000"),
        key=["id"],
    )
    _make_contents()


def _make_contents() -> None:
    make(
        "spot",
        *_standing("spot"),
        column("thing", Id),
        column("is_pinned", sa.Boolean),
        key=["id"],
    )
    index("spot", "diagram_id")
    make(
        "drawing",
        *_standing("drawing"),
        text("shape"),
        column("width", sa.Double),
        column("height", sa.Double),
        text("text"),
        text("color"),
        check("drawing", "shape", "shape IN ('text', 'box', 'ellipse', 'line')"),
        key=["id"],
    )
    index("drawing", "diagram_id")


def _standing(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        column("id", Id),
        column("diagram_id", Id),
        column("x", sa.Double),
        column("y", sa.Double),
        owned(table, "diagram_id", "diagram"),
    )
