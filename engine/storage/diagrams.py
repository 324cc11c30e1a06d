"""The tables of the schematic view, of photographs, and of a team's maps. Counterparts: `tables.py`, the schema's other tables;
`domain/diagram.py`, `photo.py` and `team_map.py` say what they mean.

One rule: as there.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Double, Index, Integer, Table, Text

from domain.diagram import SHAPES
from domain.photo import CAPTION_CAP, SIDE_PX
from domain.team_map import SCHEMAS, TEAM_MAP_CAP_BYTES
from engine.storage.columns import between, metadata, named, noted, one_of, owned, tenant_id
from engine.storage.types import Id, Plain

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

photo = Table(
    "photo",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("thumb", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("added_us", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("caption", Text, nullable=False),
    Column("taken_us", BigInteger),
    Column("site_id", Id),
    Column("device_id", Id),
    owned(["site_id"], "site"),
    owned(["device_id"], "device"),
    CheckConstraint("(site_id IS NULL) <> (device_id IS NULL)", name="subject"),
    CheckConstraint(f"length(caption) <= {CAPTION_CAP}", name="caption"),
    between("width", 1, SIDE_PX),
    between("height", 1, SIDE_PX),
    Index(None, "tenant_id", "site_id"),
    Index(None, "tenant_id", "device_id"),
    Index(None, "tenant_id", "digest"),
    Index(None, "tenant_id", "thumb"),
)

team_map = Table(
    "team_map",
    metadata,
    tenant_id(),
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("schema", Text, nullable=False),
    Column("min_zoom", Integer, nullable=False),
    Column("max_zoom", Integer, nullable=False),
    Column("bounds", Plain, nullable=False),
    Column("added_us", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("sharer", Id),
    named(),
    between("size_bytes", 1, TEAM_MAP_CAP_BYTES),
    one_of("schema", SCHEMAS),
    Index(None, "tenant_id", "digest"),
)
