"""Rows and what they mean: one `Shape` for every table that holds things of the vocabulary. Counterpart: `tables.py`.

One rule: what comes out of a row is checked like what comes from anywhere (msgspec.ValidationError), so that a database
somebody wrote into cannot put a thing into the engine that the vocabulary does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Table, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from domain.alerts import Alert
from domain.diagram import Diagram, Drawing, Spot
from domain.edit import Step
from domain.fact import Fact
from domain.finding import Find
from domain.geometry import LngLat
from domain.health import Health
from domain.inventory import Credential, Device, Entity, Inventory, Kind, Link, Site
from domain.journal import JournalRow
from domain.load import LinkState
from domain.photo import Photo
from domain.team_map import TeamMap
from domain.watching import AlertRule, Ignored, Maintenance
from engine.storage import diagrams, tables
from engine.storage.batch import FindRow, SealedSecret
from engine.storage.types import is_postgres

T = TypeVar("T", bound=msgspec.Struct)
Row = dict[str, Any]


@dataclass(frozen=True)
class Shape(Generic[T]):
    """How one type is kept: fields are columns of the same name, but those in `names`, and `lng` and `lat`, which are `place`."""

    table: Table
    type: type[T]
    names: Mapping[str, str] = field(default_factory=dict)

    def to_row(self, thing: T) -> Row:
        """Return a thing as a row, without its tenant."""
        row = {
            self.names.get(name, name): getattr(thing, name)
            for name in thing.__struct_fields__
            if name not in ("lng", "lat")
        }
        if "place" in self.table.c:
            lng, lat = getattr(thing, "lng", None), getattr(thing, "lat", None)
            row["place"] = None if lng is None or lat is None else LngLat(lng, lat)
        return row

    def from_row(self, row: Mapping[Any, Any]) -> T:
        """Return the thing of a row. Raises msgspec.ValidationError where it is none."""
        fields = {str(name): value for name, value in row.items()}  # SQLAlchemy's names are a subclass of str
        if (place := fields.pop("place", None)) is not None:
            fields["lng"], fields["lat"] = place
        for name, column in self.names.items():
            fields[name] = fields.pop(column)
        return msgspec.convert(fields, self.type)


SITE = Shape(tables.site, Site, {"pop": "pop_id"})
CREDENTIAL = Shape(tables.credential, Credential)
DEVICE = Shape(tables.device, Device, {"site": "site_id"})
LINK = Shape(tables.link, Link, {"a": "a_id", "b": "b_id"})
FACT = Shape(tables.fact, Fact)
HEALTH = Shape(tables.health, Health, {"device": "device_id"})
LINK_STATE = Shape(tables.link_state, LinkState, {"link": "link_id"})
ALERT = Shape(tables.alert, Alert)
JOURNAL = Shape(tables.journal, JournalRow)
INVENTORY: dict[Kind, Shape[Any]] = {
    "site": SITE,
    "credential": CREDENTIAL,
    "device": DEVICE,
    "link": LINK,
    "rule": Shape(tables.rule, AlertRule),
    "maintenance": Shape(tables.maintenance, Maintenance),
    "ignored": Shape(tables.ignored, Ignored),
    "diagram": Shape(diagrams.diagram, Diagram, {"parent": "parent_id", "site": "site_id"}),
    "spot": Shape(diagrams.spot, Spot, {"diagram": "diagram_id"}),
    "drawing": Shape(diagrams.drawing, Drawing, {"diagram": "diagram_id"}),
    "photo": Shape(diagrams.photo, Photo, {"site": "site_id", "device": "device_id"}),
    "team_map": Shape(diagrams.team_map, TeamMap),
}


def put(connection: Connection, shape: Shape[T], tenant: UUID, things: Iterable[T]) -> None:
    """Write things of a tenant; what has the same key is replaced."""
    upsert(connection, shape.table, [{"tenant_id": tenant, **shape.to_row(thing)} for thing in things])


def upsert(connection: Connection, table: Table, rows: list[Row]) -> None:
    """Insert rows; a row whose key is there replaces it."""
    if rows:
        dialect_insert = postgresql.insert if is_postgres(connection.dialect) else sqlite.insert
        statement = dialect_insert(table)
        keys = list(table.primary_key.columns)
        rest = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest), rows)


def insert_new(connection: Connection, table: Table, rows: list[Row]) -> None:
    """Insert rows; a row whose key is there is left as it is."""
    if rows:
        dialect_insert = postgresql.insert if is_postgres(connection.dialect) else sqlite.insert
        connection.execute(dialect_insert(table).on_conflict_do_nothing(), rows)


def read(connection: Connection, shape: Shape[T], tenant: UUID) -> list[T]:
    """Return all things of one type that a tenant has. Raises msgspec.ValidationError for a row that is none."""
    columns = [column for column in shape.table.columns if column.name != "tenant_id"]
    found = connection.execute(select(*columns).where(shape.table.c.tenant_id == tenant))
    return [shape.from_row(row) for row in found.mappings()]


def read_inventory(connection: Connection, tenant: UUID) -> Inventory:
    """Return all intended things of a tenant."""
    entities: dict[str, dict[UUID, Entity]] = {
        kind: {thing.id: thing for thing in read(connection, shape, tenant)}
        for kind, shape in INVENTORY.items()
    }
    return Inventory(entities)


def read_finds(connection: Connection, tenant: UUID) -> list[Find]:
    """Return what discovery found for a tenant. Raises msgspec.ValidationError for what is none."""
    found = connection.execute(select(tables.find.c.body).where(tables.find.c.tenant_id == tenant))
    return [msgspec.convert(body, Find) for body in found.scalars()]


def write_finds(connection: Connection, tenant: UUID, finds: Iterable[FindRow]) -> None:
    """Replace finds, and delete those that are gone."""
    given = list(finds)
    here = [(row.find, {"tenant_id": tenant, "id": row.id}) for row in given if row.find is not None]
    upsert(
        connection,
        tables.find,
        [{**key, "first_us": f.first_us, "last_us": f.last_us, "body": f} for f, key in here],
    )
    delete_rows(connection, tables.find, "id", tenant, [row.id for row in given if row.find is None])


Touched = dict[tuple[Kind, UUID], Entity | None]
"""What an edit changed: each thing as it is afterwards, None where it is gone."""


def touched_by(steps: tuple[Step, ...], after: Inventory) -> Touched:
    """Return what steps changed, read from the inventory that they led to."""
    return {(step.kind, step.id): after.get(step.kind, step.id) for step in steps}


def write_touched(connection: Connection, tenant: UUID, touched: Touched) -> None:
    """Bring the inventory's rows to what an edit led to."""
    for kind, shape in INVENTORY.items():
        put(connection, shape, tenant, [t for (k, _), t in touched.items() if k == kind and t is not None])
    for kind, shape in reversed(INVENTORY.items()):
        gone = [id for (k, id), t in touched.items() if k == kind and t is None]
        delete_rows(connection, shape.table, "id", tenant, gone)


def write_secrets(
    connection: Connection, tenant: UUID, install: UUID, secrets: Mapping[UUID, SealedSecret]
) -> None:
    """Replace sealed secrets and whom they are wrapped for: this install."""
    delete_rows(connection, tables.secret, "id", tenant, secrets)
    owner = {"tenant_id": tenant}
    insert_new(
        connection,
        tables.secret,
        [{**owner, "id": id, "sealed": secret.sealed} for id, secret in secrets.items()],
    )
    insert_new(
        connection,
        tables.secret_wrap,
        [
            {**owner, "secret_id": id, "install": install, "wrapped": secret.wrapped}
            for id, secret in secrets.items()
        ],
    )


def delete_rows(connection: Connection, table: Table, column: str, tenant: UUID, ids: Iterable[UUID]) -> None:
    """Delete a tenant's rows whose `column` is one of `ids`."""
    if found := [{"is_tenant": tenant, "is_id": id} for id in ids]:
        here = (table.c.tenant_id == bindparam("is_tenant")) & (table.c[column] == bindparam("is_id"))
        connection.execute(delete(table).where(here), found)
