"""Things of an inventory for tests, and Hypothesis strategies that make whole ones."""

from __future__ import annotations

from uuid import UUID

from hypothesis import strategies as st

from domain.edit import Edit, Step, change, creation, deletion
from domain.inventory import TYPES, Credential, Device, Entity, Inventory, Kind, Probe

COMMUNITY = Credential(UUID(int=900), "public", "snmp_community")
LOGIN = Credential(UUID(int=901), "api", "routeros_login", "heliograph")


def device(number: int, **fields: object) -> Device:
    """Return a device that every rule accepts."""
    given = {
        "name": f"R{number}",
        "address": f"10.0.{number // 250}.{number % 250 + 1}",
        "probes": (Probe("icmp"),),
    }
    return Device(id=UUID(int=number), **{**given, **fields})  # type: ignore[arg-type]


def edit(*steps: Step, number: int = 1) -> Edit:
    """Return an edit of these steps."""
    return Edit(UUID(int=10_000 + number), 1_000_000 + number, "mara", "test", steps)


def inventory(*entities: Entity) -> Inventory:
    """Return an inventory that holds these things."""
    found = Inventory()
    kinds: dict[type, Kind] = {type: kind for kind, type in TYPES.items()}  # type: ignore[misc]
    for entity in entities:
        found.tables[kinds[type(entity)]][entity.id] = entity
    return found


names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
places = st.none() | st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@st.composite
def devices(draw: st.DrawFn, number: int) -> Device:
    """Draw a device with the given number as its id."""
    place = draw(places)
    lng, lat = place if place else (None, None)
    role = draw(st.sampled_from(["pop", "relay", "access"]))
    return device(
        number, name=draw(names), lng=lng, lat=lat, role=role, subscribers=draw(st.integers(0, 999))
    )


@st.composite
def edits_over(draw: st.DrawFn, start: Inventory, count: int) -> list[Edit]:
    """Draw edits that fit one after the other: things made, changed and deleted."""
    current = dict(start.tables["device"])
    found = []
    for number in range(count):
        steps = []
        for _ in range(draw(st.integers(1, 3))):
            what = draw(st.sampled_from(["make", "change", "delete"])) if current else "make"
            if what == "make":
                new = draw(devices(draw(st.integers(1, 8)).__add__(number * 8)))
                if new.id in current:
                    continue
                steps.append(creation("device", new))
                current[new.id] = new
            else:
                id = draw(st.sampled_from(sorted(current)))
                old = current[id]
                if what == "delete":
                    steps.append(deletion("device", old))
                    del current[id]
                else:
                    new = draw(devices(id.int))
                    step = change("device", old, new)
                    if step:
                        steps.append(step)
                        current[id] = new
        if steps:
            found.append(edit(*steps, number=number))
    return found
