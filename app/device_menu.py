"""What the menu of a device, a site or a link offers. Counterpart: `window.py` opens it, and shows, changes and deletes.

One rule: what cannot be done with this device is not offered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol
from uuid import UUID

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from app.commands import Commands
from app.dialogs.maintenance_form import local_zone
from app.draft import new_id, now_us
from app.model import Model
from app.panels.text import caption
from app.planned import HOUR_US, ended, till_morning_us, time_words, work_in, works_on
from app.settings import Settings
from app.team.rights import offer, switch, why_not
from app.trust import untrusted
from app.words import count_of
from domain.inventory import Device, Site, is_paused
from domain.maintenance import Window
from domain.watching import Maintenance, Scope

NOW_H = (1, 2, 4)
"""How long work lasts that begins now, to choose from."""


class Doer(Protocol):
    """What the window does with a thing."""

    def select(self, id: UUID | None, *, fly: bool = False) -> None:
        """Choose it, and bring it into view."""

    def imagine(self, id: UUID | None) -> None:
        """Ask what if it fails."""

    def follow(self, id: UUID) -> None:
        """Ask for a walk of its neighbours."""

    def place_device(self, id: UUID) -> None:
        """Let the next click on the map place it."""

    def edit(self, id: UUID | None) -> None:
        """Open its form."""

    def delete(self, id: UUID | None) -> None:
        """Ask once, then delete it."""


def fill_menu(  # noqa: PLR0917
    menu: QMenu, id: UUID, model: Model, commands: Commands, settings: Settings, doer: Doer
) -> None:
    """Put into a menu what can be done with a device, a link or a site."""
    site, device = model.inventory.site(id), model.inventory.device(id)
    if site is not None:
        add_site_verbs(menu, site, model, commands, settings)
        menu.addAction("What if it fails?", lambda: doer.imagine(id))
        return
    if device is None or model.inventory.place_of(device) is not None:
        menu.addAction("Show on the map", lambda: doer.select(id, fly=True))
    menu.addAction("What if it fails?", lambda: doer.imagine(id))
    if device is not None:
        menu.addAction("Follow its neighbours…", lambda: doer.follow(id))
        add_verbs(menu, device, model, commands, settings, doer.place_device)
    why = why_not(model, "devices:write" if device is not None else "links:write")
    offer(menu, "Change…", lambda: doer.edit(id), why)
    offer(menu, "Delete…", lambda: doer.delete(id), why)


def add_verbs(  # noqa: PLR0917
    menu: QMenu,
    device: Device,
    model: Model,
    commands: Commands,
    settings: Settings,
    place: Callable[[UUID], None],
) -> None:
    """Put the verbs of a device into a menu; `place` lets the next click on the map place it."""
    paused, why = is_paused(device, now_us()), why_not(model, "devices:write")
    for shown in untrusted(device, model.health.get(device.id)):
        offer(menu, f"Trust its {shown.what}…", partial(settings.open_trust, device.id, shown.name), why)
    offer(menu, "Place on the map", lambda: place(device.id), why)
    menu.addAction("Poll now", lambda: commands.probe_now(device.id))
    if any(probe.kind == "snmp" for probe in device.probes):
        menu.addAction("Browse its MIBs…", lambda: settings.open_mibs(device.id))
    menu.addAction(
        caption(f"Copy {device.address}"), lambda: QGuiApplication.clipboard().setText(device.address)
    )
    said = "Resume polling" if paused else "Pause polling"
    offer(menu, said, lambda: commands.pause_device(device.id, paused=not paused), why)
    why = why_not(model, "maintenance:write")
    add_work(menu, Scope(devices=(device.id,)), device.name, commands, settings, why)
    for work in works_on(model.inventory, device, now_us()):
        offer(menu, caption(f"End “{work.name}” now"), partial(_end, commands, work), why)
    menu.addSeparator()


def add_site_verbs(menu: QMenu, site: Site, model: Model, commands: Commands, settings: Settings) -> None:
    """Put the verbs of a site into a menu."""
    devices = [device for device in model.inventory.devices() if device.site == site.id]
    why = why_not(model, "maintenance:write")
    add_work(menu, Scope(sites=(site.id,)), site.name, commands, settings, why)
    if devices:
        said = f"Tags of its {count_of(len(devices), 'device', 'devices')}…"
        offer(menu, said, lambda: settings.open_tags(devices), why_not(model, "devices:write"))


def add_work(  # noqa: PLR0917
    menu: QMenu, scope: Scope, name: str, commands: Commands, settings: Settings, why: str
) -> None:
    """Put into a menu what begins maintenance of something now, or plans it; `why` it may not be, empty where it may."""
    now, inner = now_us(), menu.addMenu("Maintenance")
    switch(inner.menuAction(), why)
    morning_us = till_morning_us(now)
    ends = [(f"Start now, for {hours} h", now + hours * HOUR_US) for hours in NOW_H]
    ends.append((f"Start now, till {time_words(morning_us, now)}", morning_us))
    for said, ends_us in ends:
        inner.addAction(said, partial(_start, commands, scope, name, ends_us))
    inner.addAction("Plan…", lambda: settings.plan_work(scope, name))


def _start(commands: Commands, scope: Scope, name: str, ends_us: int) -> None:
    work = work_in(new_id(), name, scope, Window(now_us(), ends_us), local_zone())
    commands.put("maintenance", work, title=f"Start {work.name}")


def _end(commands: Commands, work: Maintenance) -> None:
    commands.put("maintenance", ended(work, now_us()), title=f"End {work.name}")
