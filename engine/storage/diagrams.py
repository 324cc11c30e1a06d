"""The tables of the schematic view. Counterpart: `tables.py`, the schema's other tables; `domain/diagram.py` says what they mean.

One rule: as there.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Table, Text

from domain.diagram import SHAPES
from engine.storage.columns import metadata, named, noted, one_of, owned, tenant_id
from engine.storage.types import Id

diagram = Table(
    "diagram",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("parent_id", Id),
    Column("background", Text, nullable=False),
    Column("background_width", Double, nullable=False),
    Column("note", Text, nullable=False),
    Column("site_id", Id),
    owned(["parent_id"], "diagram"),
    owned(["site_id"], "site"),
    named(),
    noted(),
)

spot = Table(
    "spot",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("diagram_id", Id, nullable=False),
    Column("thing", Id, nullable=False),
    Column("x", Double, nullable=False),
    Column("y", Double, nullable=False),
    Column("is_pinned", Boolean, nullable=False),
    owned(["diagram_id"], "diagram"),
    Index(None, "tenant_id", "diagram_id"),
)

drawing = Table(
    "drawing",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("diagram_id", Id, nullable=False),
    Column("shape", Text, nullable=False),
    Column("x", Double, nullable=False),
    Column("y", Double, nullable=False),
    Column("width", Double, nullable=False),
    Column("height", Double, nullable=False),
    Column("text", Text, nullable=False),
    Column("color", Text, nullable=False),
    owned(["diagram_id"], "diagram"),
    one_of("shape", SHAPES),
    Index(None, "tenant_id", "diagram_id"),
)
