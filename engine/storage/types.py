"""Column types that mean the same on SQLite and PostGIS. Counterpart: `tables.py` uses them, migrations too.

An id is 16 bytes: BLOB and UUID. It is a type of our own and no variant, because a variant changes the column and not the
value, and 16 bytes against a 32-letter text (what SQLAlchemy's Uuid makes of it on SQLite) halve every key and index.
Places are WKB and `geometry(..., 4326)`. They load GeoAlchemy2 when the dialect is PostgreSQL and not before: it doubles
the import time of this package (see docs/PERFORMANCE.md) and a desktop never needs it.
One rule: what a migration has used here keeps its meaning for ever.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Dialect, LargeBinary, Text, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine

from domain.geometry import LngLat
from engine.storage.wkb import decode_bends, decode_point, encode_bends, encode_point

SRID = 4326


def is_postgres(dialect: Dialect) -> bool:
    """Tell whether a dialect is PostgreSQL; it is SQLite otherwise."""
    return dialect.name == "postgresql"


class Blob(LargeBinary):
    """Bytes that SQLite's driver takes as they are: a memoryview of each costs a first sweep 7 % of its CPU."""

    def bind_processor(self, dialect: Dialect) -> None:
        """Make nothing else of them."""


class Id(TypeDecorator[UUID]):
    """A UUID in 16 bytes."""

    impl = LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return UUID on PostgreSQL, BLOB on SQLite."""
        return dialect.type_descriptor(Uuid() if is_postgres(dialect) else Blob(16))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        """Return what the driver takes."""
        return value if value is None or is_postgres(dialect) else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """Return the id that the driver gave."""
        return value if value is None or isinstance(value, UUID) else UUID(bytes=value)


class Plain(TypeDecorator[Any]):
    """Plain data (None, truth, number, text, list, dict) as JSON: TEXT on SQLite, JSONB on PostgreSQL.

    None is JSON's null, so that "the device says there is none" is a value. SQLite's own JSON affinity is not used: it
    would turn a large number into a rounded one.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return JSONB on PostgreSQL, TEXT on SQLite."""
        if is_postgres(dialect):
            from sqlalchemy.dialects.postgresql import JSONB  # noqa: PLC0415 the server's driver only

            return dialect.type_descriptor(JSONB())
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return what the driver takes."""
        data = msgspec.json.encode(value)
        return msgspec.json.decode(data) if is_postgres(dialect) else data.decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the plain data."""
        return value if is_postgres(dialect) or value is None else msgspec.json.decode(value)


class Place(TypeDecorator[LngLat]):
    """A LngLat: WKB on SQLite, geometry(POINT,4326) on PostgreSQL."""

    impl = LargeBinary
    cache_ok = True
    spatial_index = False  # GeoAlchemy2 asks the decorator: it makes no index of its own

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return GeoAlchemy2's point on PostgreSQL, BLOB on SQLite."""
        return _geometry(dialect, "POINT")

    def process_bind_param(self, value: LngLat | None, dialect: Dialect) -> Any:
        """Return EWKT for PostGIS (Python writes floats so that they read back exactly), WKB for SQLite."""
        if value is None or not is_postgres(dialect):
            return None if value is None else encode_point(value)
        return f"SRID={SRID};POINT({value.lng!r} {value.lat!r})"

    def process_result_value(self, value: Any, dialect: Dialect) -> LngLat | None:
        """Return the place."""
        return None if value is None else decode_point(_bytes_of(value))


class Bends(TypeDecorator[tuple[tuple[float, float], ...]]):
    """The bends of a link between its ends: no bends is NULL. WKB on SQLite, geometry(MULTIPOINT,4326) on PostgreSQL.

    Not a line: its ends are the devices' places, which move, and one bend alone is no line.
    """

    impl = LargeBinary
    cache_ok = True
    spatial_index = False  # GeoAlchemy2 asks the decorator: it makes no index of its own

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return GeoAlchemy2's multipoint on PostgreSQL, BLOB on SQLite."""
        return _geometry(dialect, "MULTIPOINT")

    def process_bind_param(self, value: tuple[tuple[float, float], ...] | None, dialect: Dialect) -> Any:
        """Return EWKT for PostGIS, WKB for SQLite."""
        if not value or not is_postgres(dialect):
            return encode_bends(value) if value else None
        return f"SRID={SRID};MULTIPOINT({', '.join(f'({lng!r} {lat!r})' for lng, lat in value)})"

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[tuple[float, float], ...]:
        """Return the bends, in their order."""
        return () if value is None else decode_bends(_bytes_of(value))


def _geometry(dialect: Dialect | None, kind: str) -> TypeEngine[Any]:
    """Return the type of a place. GeoAlchemy2 asks without a dialect too, to learn whether it is a raster."""
    if dialect is None or not is_postgres(dialect):
        return LargeBinary()
    from geoalchemy2 import Geometry  # noqa: PLC0415 25 MB that only the server needs

    return dialect.type_descriptor(Geometry(kind, srid=SRID, spatial_index=False))


def _bytes_of(value: Any) -> bytes:
    data = getattr(value, "data", value)
    return bytes.fromhex(data) if isinstance(data, str) else bytes(data)
