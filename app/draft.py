"""A device as somebody typed it, on its way to an edit; no Qt. Counterpart: `dialogs/device_form.py` and `cli.py` fill it.

One rule: a draft is never judged here (the engine's rules do that); here is only what the steps are that it stands for.
"""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Iterable
from typing import Literal
from uuid import UUID

import msgspec

from domain.edit import Edit, Step, change, creation, deletion
from domain.ids import RANDOM_BYTES, uuid7
from domain.inventory import (
    DEFAULT_INTERVAL_S,
    DEFAULT_PORT,
    NEEDS,
    AuthProtocol,
    Credential,
    CredentialKind,
    Device,
    Inventory,
    PrivacyProtocol,
    Probe,
    ProbeKind,
    Role,
    Site,
)
from domain.radio import Sector
from domain.vault import Secret

_WORDS: dict[CredentialKind, str] = {
    "snmp_community": "community",
    "snmp_v3": "SNMPv3 user",
    "routeros_login": "login",
    "ssh_login": "SSH login",
    "ssh_key": "SSH key",
}
"""What a credential is called after its device where nobody gave it a name."""


def now_us() -> int:
    """Return the time of this computer, microseconds UTC."""
    return time.time_ns() // 1000


def new_id() -> UUID:
    """Return a new id, made now."""
    return uuid7(now_us(), os.urandom(RANDOM_BYTES))


def author_name() -> str:
    """Return who edits here: the user of this computer."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "somebody"


def v3_secret(auth: str, privacy: str) -> Secret:
    """Return the secret of an SNMPv3 user, as the vault keeps it."""
    return Secret(json.dumps({"auth": auth, "privacy": privacy}))


class Login(msgspec.Struct, frozen=True):
    """A login of a probe: one that exists, or a new one with its secret. `kind` "" is the first that the probe takes.

    `id` is what a new one will have, so that a refusal of it finds its row; a form makes it.
    """

    existing: UUID | None = None
    user: str = ""
    secret: Secret = Secret("")
    kind: CredentialKind | Literal[""] = ""
    name: str = ""
    auth: AuthProtocol = ""
    privacy: PrivacyProtocol = ""
    context: str = ""
    id: UUID | None = None


class ProbeDraft(msgspec.Struct, frozen=True):
    """One way the device shall be asked: a `Probe` whose login may be new."""

    kind: ProbeKind
    port: int
    login: Login | None = None
    tls: bool = False
    target: str = ""
    expect: str = ""
    pin: str = ""


class DeviceDraft(msgspec.Struct, frozen=True):
    """All that a device's form holds. `site_name` names a site to make where `site` is None; both empty: no site."""

    name: str
    address: str
    role: Role = "other"
    site: UUID | None = None
    site_name: str = ""
    region: str = ""
    lng: float | None = None
    lat: float | None = None
    probes: tuple[ProbeDraft, ...] = ()
    interval_s: float = DEFAULT_INTERVAL_S
    subscribers: int = 0
    note: str = ""
    paused: bool = False
    profile: str = ""
    may_slow: bool = False
    paused_until_us: int | None = None
    tags: tuple[str, ...] = ()
    is_entry: bool = False
    sectors: tuple[Sector, ...] = ()
    polled_by: UUID | None = None


class Steps(msgspec.Struct):
    """What a draft comes to: steps in the order they must be applied, and the secrets that go with them."""

    steps: list[Step]
    secrets: dict[UUID, Secret]
    device: UUID


def default_probe(kind: ProbeKind, login: Login | None = None) -> ProbeDraft:
    """Return a probe at its usual port."""
    return ProbeDraft(kind, DEFAULT_PORT[kind], login)


def steps_of(inventory: Inventory, draft: DeviceDraft, old: Device | None = None) -> Steps:
    """Return the steps that make a draft's device, or change `old` into it. No steps where nothing differs."""
    made = Steps([], {}, old.id if old else new_id())
    site = draft.site
    if site is None and draft.site_name:
        site = _site_named(inventory, draft.site_name, draft.region)
        if site is None:
            new_site = Site(new_id(), draft.site_name, draft.region, draft.lng, draft.lat)
            made.steps.append(creation("site", new_site))
            site = new_site.id
    device = msgspec.structs.replace(
        old or Device(made.device, "", ""),
        name=draft.name or draft.address,
        address=draft.address,
        probes=tuple(_probe(probe, draft, made) for probe in draft.probes),
        role=draft.role,
        site=site,
        subscribers=draft.subscribers,
        interval_s=draft.interval_s,
        lng=draft.lng,
        lat=draft.lat,
        paused=draft.paused,
        note=draft.note,
        profile=draft.profile,
        may_slow=draft.may_slow,
        paused_until_us=draft.paused_until_us,
        tags=draft.tags,
        is_entry=draft.is_entry,
        sectors=draft.sectors,
        polled_by=draft.polled_by,
    )
    if old is None:
        made.steps.append(creation("device", device))
    elif (changed := change("device", old, device)) is not None:
        made.steps.append(changed)
    return made


def draft_of(inventory: Inventory, device: Device) -> DeviceDraft:
    """Return an existing device as a draft, to be changed."""
    site = inventory.site(device.site)
    return DeviceDraft(
        name=device.name,
        address=device.address,
        role=device.role,
        site=device.site,
        site_name=site.name if site else "",
        region=site.region if site else "",
        lng=device.lng,
        lat=device.lat,
        probes=tuple(
            ProbeDraft(
                p.kind,
                p.port,
                Login(existing=p.credential) if p.credential else None,
                p.tls,
                p.target,
                p.expect,
                p.pin,
            )
            for p in device.probes
        ),
        interval_s=device.interval_s,
        subscribers=device.subscribers,
        note=device.note,
        paused=device.paused,
        profile=device.profile,
        may_slow=device.may_slow,
        paused_until_us=device.paused_until_us,
        tags=device.tags,
        is_entry=device.is_entry,
        sectors=device.sectors,
        polled_by=device.polled_by,
    )


def credential_of(login: Login, kind: CredentialKind, name: str) -> Credential:
    """Return the credential that a new login makes; its secret goes beside it."""
    return Credential(login.id or new_id(), name, kind, login.user, login.auth, login.privacy, login.context)


def deletion_steps(inventory: Inventory, devices: Iterable[Device]) -> list[Step]:
    """Return the steps that delete devices, and first their links, places on paper and photographs."""
    gone = {device.id: device for device in devices}
    links = [link for link in inventory.links() if link.a in gone or link.b in gone]
    spots = [spot for spot in inventory.spots() if spot.thing in gone]
    steps = [deletion("link", link) for link in links] + [deletion("spot", spot) for spot in spots]
    steps += [deletion("photo", photo) for photo in inventory.photos() if photo.device in gone]
    return steps + [deletion("device", device) for device in gone.values()]


def edit_of(title: str, author: str, steps: Iterable[Step]) -> Edit:
    """Return a new edit of these steps, made now."""
    return Edit(new_id(), now_us(), author, title, tuple(steps))


def _site_named(inventory: Inventory, name: str, region: str) -> UUID | None:
    for site in inventory.sites():
        if site.name.casefold() == name.casefold() and (not region or site.region == region):
            return site.id
    return None


def _probe(probe: ProbeDraft, draft: DeviceDraft, made: Steps) -> Probe:
    login = probe.login
    credential = login.existing if login is not None else None
    if login is not None and credential is None:
        kind = login.kind or NEEDS[probe.kind][0]
        name = login.name or f"{draft.name or draft.address} {_WORDS[kind]}"[:120]
        new = credential_of(login, kind, name)
        made.steps.append(creation("credential", new))
        made.secrets[new.id] = login.secret
        credential = new.id
    return Probe(probe.kind, probe.port, credential, probe.tls, probe.target, probe.expect, probe.pin)
