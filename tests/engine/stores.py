"""Stores for tests: opened with ids that count up, and things to put into them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from uuid import UUID

from domain.diagram import Diagram, Drawing, Spot
from domain.edit import Edit, Step, apply, creation
from domain.inventory import Credential, Device, Inventory, Link, Probe, Site
from domain.journal import JournalRow
from domain.photo import Photo
from domain.radio import RadioPath, Sector
from domain.team_map import TeamMap
from engine.storage import Store

NOW_US = 1_780_000_000_000_000
DAY_US = 86_400_000_000


def ids(start: int) -> Callable[[], UUID]:
    """Return a maker of ids that count up."""
    numbers = count(start)
    return lambda: UUID(int=next(numbers))


def open_store(path: Path, now_us: int = NOW_US) -> Store:
    """Open a database whose tenant and origin have the same ids in every test."""
    return Store.open(path, now_us=now_us, new_id=ids(7_000_000))


SITE = Site(UUID(int=500), "Hochstein ⛰", "Tirol", 12.692083333333333, 46.8326, 2057.5, "key at the lift")
PLACELESS_SITE = Site(UUID(int=501), "Store room", pop=SITE.id)
CREDENTIAL = Credential(UUID(int=900), "public", "snmp_community")
DEVICES = tuple(
    Device(
        UUID(int=number),
        f"R{number} 'quoted' ü",
        f"10.0.0.{number}",
        (Probe("icmp"), Probe("snmp", 161, CREDENTIAL.id)),
        "relay",
        SITE.id if number % 2 else None,
        number * 10,
        7.5,
        *((None, None) if number % 3 else (-0.1 / number, 1 / 3 * number)),
        paused=number == 4,
        note="a\nb",
        sectors=(Sector(270.0, 60.0, 4_000.0, "wlan1", 5_500.0, 12.0, 19.0, 23.0, -2.0),)
        if number == 2
        else (),
    )
    for number in range(1, 7)
)
LINKS = (
    Link(
        UUID(int=300), DEVICES[0].id, DEVICES[1].id, "ether1", "wlan1", "fibre", 10**13, ((12.1, 46.7),), "n"
    ),
    Link(UUID(int=301), DEVICES[1].id, DEVICES[2].id, path=((0.1, 0.2), (0.30000000000000004, -0.0))),
    Link(UUID(int=302), DEVICES[2].id, DEVICES[3].id, radio=RadioPath(5_800.0, 12.0, 20.0, 30.0, 30.0, 23.0)),
)
DIAGRAM = Diagram(UUID(int=600), "Backbone", None, "ab" * 32, 800.0, "as drawn")
SUBMAP = Diagram(UUID(int=601), "Hochstein", DIAGRAM.id, site=SITE.id)
SPOTS = (
    Spot(UUID(int=610), DIAGRAM.id, DEVICES[0].id, -12.5, 40.0, is_pinned=True),
    Spot(UUID(int=611), DIAGRAM.id, SUBMAP.id, 1e6, -1e6),
)
PHOTO = Photo(
    UUID(int=630),
    "cd" * 32,
    "ef" * 32,
    2_048,
    1_536,
    NOW_US,
    "mara",
    "Mast، looking north",
    NOW_US - 1,
    SITE.id,
)
TEAM_MAP = TeamMap(
    UUID(int=640),
    "Bodensee، streets",
    "fa" * 32,
    300_000_000,
    "protomaps",
    0,
    14,
    (9.0, 47.4, 10.6, 48.0),
    NOW_US,
    "mara",
    UUID(int=9),
)
DRAWING = Drawing(UUID(int=620), DIAGRAM.id, "box", 1.0, 2.0, 30.0, 40.0, "Core\nroom", "accent")
THINGS: tuple[Step, ...] = (
    *(creation("spot", spot) for spot in SPOTS),
    creation("photo", PHOTO),
    creation("team_map", TEAM_MAP),
    creation("drawing", DRAWING),
    creation("diagram", SUBMAP),
    creation("diagram", DIAGRAM),
    *(creation("link", link) for link in LINKS),
    *(creation("device", device) for device in DEVICES),
    creation("credential", CREDENTIAL),
    creation("site", SITE),
    creation("site", PLACELESS_SITE),
)


def edit(number: int, *steps: Step) -> Edit:
    """Return an edit of these steps."""
    return Edit(UUID(int=10_000 + number), NOW_US + number, "mara", f"Edit {number}", steps)


def row(
    store: Store, seq: int, subject: UUID | None = None, kind: str = "edit_applied", **body: object
) -> JournalRow:
    """Return a journal row of the store's own origin."""
    return JournalRow(store.loaded.origin, seq, NOW_US + seq, kind, subject, body)  # type: ignore[arg-type]


def applied(store: Store, inventory: Inventory, number: int, *steps: Step) -> Inventory:
    """Apply an edit to an inventory and keep it in the store with journal row `number`."""
    made = edit(number, *steps)
    apply(inventory, made)
    assert store.apply_edit(made, inventory, row(store, number))
    return inventory


def filled(store: Store) -> Inventory:
    """Fill a store with sites, a credential, devices and links in one edit, journal row 1."""
    return applied(store, Inventory(), 1, *THINGS)


def fill_disk(store: Store) -> None:
    """Let the file grow no more."""
    with store._transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def free_disk(store: Store) -> None:
    """Let the file grow again."""
    with store._transaction() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
