"""What each action of the window does, by its name. Counterpart: `actions.py` gives words and keys, `window.py` does it.

One rule: one line each; what takes more is a method of the window or of what it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.window import Window


def verbs_of(window: Window) -> dict[str, Callable[[], object]]:
    """Return what is done by name."""
    return {
        "search": window.open_palette,
        "add": window.add_device,
        "edit": lambda: window.edit(window.selected),
        "delete": lambda: window.schematic.delete(lambda: window.delete(window.selected)),
        "undo": window.commands.undo,
        "redo": window.commands.redo,
        "fit": window.map.fit,
        "filter": window.tree.filter.setFocus,
        "filter_alerts": lambda: window.topology.with_alerts(window.alerts.begin_filter),
        "tree": lambda: window.tree.setVisible(window.tree.isHidden()),
        "alerts": lambda: window.alerts.set_folded(
            not (window.topology.close_board() or window.alerts.is_folded)
        ),
        "what_if": lambda: window.imagine(window.selected),
        "past": window.past.toggle,
        "moment": window.past.ask_where,
        "single_points": lambda: window.topology.open_board("points"),
        "links_told": lambda: window.topology.open_board("links"),
        "contradictions": lambda: window.topology.open_board("doubts"),
        "edit_map": lambda: window.map_desk.hold("edit"),
        "draw_link": lambda: window.map_desk.hold("link"),
        "measure": lambda: window.map_desk.hold("ruler"),
        "layers": window.map_desk.open_layers,
        "align": lambda: window.map_desk.align(window.selected),
        "lock_map": window.map_desk.toggle_lock,
        "units": window.map_desk.toggle_units,
        "schematic": window.schematic.toggle,
        "step_out": window.schematic.step_out,
        "arrange": window.schematic.arrange,
        "map_alone": window.toggle_map_alone,
        "theme": lambda: window.look.set_theme("light" if window.look.name == "dark" else "dark"),
        "full_screen": window.toggle_full_screen,
        "import": window.exchange.open_import,
        "export": window.exchange.open_export,
        "settings": window.open_settings,
        "discovery": window.discovery.open,
        "sweep": window.discovery.open_sweep,
        "neighbours": lambda: window.discovery.open_walk(window.selected),
        "maps": window.maps.enter,
        "mibs": lambda: window.settings.open_mibs(window.selected),
        "rules": window.settings.open_rules,
        "maintenance": window.settings.open_maintenance,
        "plan_work": lambda: window.settings.plan_work_on(window.selected),
        "credentials": window.settings.open_credentials,
        "storage": window.settings.open_storage,
        "terrain": window.radio.open_terrain,
        "receivers": window.settings.open_receivers,
        "quarantine": window.settings.open_quarantine,
        "vault": window.settings.open_vault,
        "unlock": window.settings.open_unlock,
        "trust": lambda: window.settings.open_trust(window.selected),
        "tunnels": window.tunnels.open_board,
        "team": window.team.open,
        "networks": window.team.open_switcher,
        "help": window.open_help,
        "escape": lambda: None if window.maps.step_back() else window.step_back(),
    }
