"""When it is alerted of that a single port is down: what can be chosen, in words, as a bell. Counterpart: `interfaces.py`.

One rule: what nobody chose is what the rules say.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from app.panels.text import caption
from app.watching import span
from domain.watching import PortWatch

DELAYS_S = (10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
Chosen = Callable[[PortWatch | None], None]


def watch_words(watch: PortWatch | None) -> str:
    """Return what is chosen for a port."""
    if watch is None:
        return "Alerts as the rules say"
    if not watch.is_on:
        return "Never alerts"
    return f"Alerts when down for {span(watch.delay_s)}" if watch.delay_s else "Alerts as soon as it is down"


def bell_of(watch: PortWatch | None) -> str:
    """Return the icon of what is chosen for a port."""
    if watch is None:
        return "bell"
    if not watch.is_on:
        return "bell-off"
    return "bell-dot" if watch.delay_s else "bell-ring"


def watch_menu(parent: QWidget, interface: str, now: PortWatch | None, then: Chosen) -> QMenu:
    """Return the menu that chooses for a port; what is chosen now is marked."""
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.addAction(caption(interface)).setEnabled(False)
    group = QActionGroup(menu)
    delays = sorted({*DELAYS_S, *([now.delay_s] if now is not None and now.is_on and now.delay_s else [])})
    offered: list[PortWatch | None] = [
        None,
        PortWatch(interface),
        *(PortWatch(interface, delay_s=delay_s) for delay_s in delays),
        PortWatch(interface, is_on=False),
    ]
    for number, watch in enumerate(offered):
        action = menu.addAction(watch_words(watch), partial(then, watch))
        action.setCheckable(True)
        action.setChecked(watch == now)
        group.addAction(action)
        if number in (0, len(offered) - 2):
            menu.addSeparator()
    return menu
