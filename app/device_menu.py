"""What the menu of a device offers besides showing, changing and deleting it. Counterpart: `window.py`, which opens the menu.

One rule: what cannot be done with this device is not offered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from app.commands import Commands
from app.draft import now_us
from app.model import Model
from app.panels.text import caption
from app.settings import Settings
from app.trust import untrusted
from domain.inventory import Device, is_paused


def add_verbs(  # noqa: PLR0917
    menu: QMenu,
    device: Device,
    model: Model,
    commands: Commands,
    settings: Settings,
    place: Callable[[UUID], None],
) -> None:
    """Put the verbs of a device into a menu; `place` lets the next click on the map place it."""
    paused = is_paused(device, now_us())
    for shown in untrusted(device, model.health.get(device.id)):
        menu.addAction(f"Trust its {shown.what}…", partial(settings.open_trust, device.id, shown.name))
    menu.addAction("Place on the map", lambda: place(device.id))
    menu.addAction("Poll now", lambda: commands.probe_now(device.id))
    if any(probe.kind == "snmp" for probe in device.probes):
        menu.addAction("Browse its MIBs…", lambda: settings.open_mibs(device.id))
    menu.addAction(
        caption(f"Copy {device.address}"), lambda: QGuiApplication.clipboard().setText(device.address)
    )
    menu.addAction(
        "Resume polling" if paused else "Pause polling",
        lambda: commands.pause_device(device.id, paused=not paused),
    )
    menu.addSeparator()
