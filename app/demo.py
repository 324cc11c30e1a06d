"""The demo: a simulated network as a child, and what its operator would have typed in as one edit; no Qt.

Counterpart: `simnet`, started as a program, never imported: it writes its inventory to a file and says `ready`.
One rule: what the user did to the demo stays done; only addresses and ports follow the simulator.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from app.draft import edit_of, new_id
from app.programs import Child, command_of
from domain.edit import Edit, Step, change, creation
from domain.inventory import (
    Credential,
    CredentialKind,
    Device,
    Inventory,
    Link,
    LinkKind,
    Probe,
    ProbeKind,
    Role,
    Site,
)
from domain.radio import RadioPath, Sector
from domain.vault import Secret

NETWORK_NAME = "VoralpNet"
INTERVAL_S = 5.0
FILE_NAME = "demo.json"


class TypedCredential(msgspec.Struct):
    """A login with its secret."""

    name: str
    kind: CredentialKind
    user: str
    secret: str


class TypedSite(msgspec.Struct):
    """A site by name, and the one that it hangs under."""

    name: str
    lng: float
    lat: float
    region: str = ""
    elevation_m: float | None = None
    pop: str = ""


class TypedProbe(msgspec.Struct):
    """A probe; its credential by name."""

    kind: ProbeKind
    port: int = 0
    credential: str | None = None


class TypedDevice(msgspec.Struct):
    """A device; its site by name."""

    name: str
    site: str
    address: str
    role: Role
    probes: list[TypedProbe]
    subscribers: int = 0
    is_entry: bool = False
    sectors: tuple[Sector, ...] = ()


class TypedLink(msgspec.Struct):
    """A link between two devices by name."""

    a: str
    b: str
    kind: LinkKind
    capacity_bps: int
    a_interface: str = ""
    b_interface: str = ""
    path: list[tuple[float, float]] = []
    radio: RadioPath | None = None


class Typed(msgspec.Struct):
    """All that an operator of the simulated network would have typed in."""

    name: str
    credentials: list[TypedCredential]
    sites: list[TypedSite]
    devices: list[TypedDevice]
    links: list[TypedLink]


class Demo:
    """The running simulator. `on_settled` gets the inventory, or None with what the simulator said last; from a thread."""

    def __init__(
        self, profile: Path, state: Path | None, on_settled: Callable[[Typed | None, str], None]
    ) -> None:
        profile.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = profile / FILE_NAME
        self._on_settled = on_settled
        self._settled = threading.Lock()
        command = [*command_of("simnet"), "run", "--scenario", "demo", "--transit", "--with-parent"]
        command += ["--inventory", str(self._file)]
        if state is not None:
            command += ["--state", str(state)]
        self._child = Child(command, profile / "logs" / "simnet.log", self._on_event, self._on_exit)

    def stop(self) -> None:
        """End the simulator."""
        self._child.stop()

    def _on_event(self, event: dict[str, Any]) -> None:
        if event.get("event") != "ready" or not self._settled.acquire(blocking=False):
            return
        try:
            typed = msgspec.json.decode(self._file.read_bytes(), type=Typed)
            self._file.unlink()
        except (OSError, msgspec.MsgspecError) as error:
            self._on_settled(None, f"the simulator's inventory cannot be read: {error}")
        else:
            self._on_settled(typed, "")

    def _on_exit(self, code: int) -> None:
        if self._settled.acquire(blocking=False):
            last = self._child.last_lines
            self._on_settled(None, last[-1] if last else f"the simulator ended with code {code}")


def edit_from(typed: Typed, inventory: Inventory, author: str) -> tuple[Edit, dict[UUID, Secret]] | None:
    """Return the one edit that makes the demo network, or what follows it; None where nothing is to do.

    Made it is only where there is nothing at all: of a demo whose devices were deleted, sites and logins are left.
    """
    if any(inventory.tables.values()):
        steps = list(_moved_endpoints(typed, inventory))
        return (edit_of(f"Follow {typed.name}", author, steps), {}) if steps else None
    secrets: dict[UUID, Secret] = {}
    steps = []
    credentials: dict[str, UUID] = {}
    for row in typed.credentials:
        credentials[row.name] = id = new_id()
        secrets[id] = Secret(row.secret)
        steps.append(creation("credential", Credential(id, row.name, row.kind, row.user)))
    sites = {place.name: new_id() for place in typed.sites}
    for place in sorted(typed.sites, key=lambda place: place.pop != ""):
        pop = sites[place.pop] if place.pop else None
        site = Site(
            sites[place.name], place.name, place.region, place.lng, place.lat, place.elevation_m, pop=pop
        )
        steps.append(creation("site", site))
    devices: dict[str, UUID] = {}
    for told in typed.devices:
        devices[told.name] = id = new_id()
        device = Device(
            id,
            told.name,
            told.address,
            tuple(
                Probe(p.kind, p.port, credentials[p.credential] if p.credential else None)
                for p in told.probes
            ),
            told.role,
            sites[told.site],
            told.subscribers,
            INTERVAL_S,
            is_entry=told.is_entry,
            sectors=told.sectors,
        )
        steps.append(creation("device", device))
    for end in typed.links:
        path = tuple((lng, lat) for lng, lat in end.path)
        link = Link(
            new_id(),
            devices[end.a],
            devices[end.b],
            end.a_interface,
            end.b_interface,
            end.kind,
            end.capacity_bps,
            path,
            radio=end.radio,
        )
        steps.append(creation("link", link))
    return edit_of(f"Add {typed.name}", author, steps), secrets


def _moved_endpoints(typed: Typed, inventory: Inventory) -> list[Step]:
    by_name = {told.name: told for told in typed.devices}
    found = []
    for device in inventory.devices():
        told = by_name.get(device.name)
        if told is None:
            continue
        ports = {probe.kind: probe.port for probe in told.probes}
        probes = tuple(
            msgspec.structs.replace(probe, port=ports.get(probe.kind, probe.port)) for probe in device.probes
        )
        moved = change("device", device, msgspec.structs.replace(device, address=told.address, probes=probes))
        if moved is not None:
            found.append(moved)
    return found
