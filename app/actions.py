"""What can be done by name or key: one table of actions. Counterpart: `window.py` does them, palette and F1 card list them.

One rule: a key is written here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow


class Row(NamedTuple):
    """An action's name, its words, its keys, if it has any."""

    name: str
    words: str
    keys: tuple[str, ...]


TABLE = (
    Row("search", "Search", ("Ctrl+K",)),
    Row("add", "Add a device", ("N",)),
    Row("edit", "Change what is selected", ("F2",)),
    Row("delete", "Delete what is selected", ("Del",)),
    Row("undo", "Undo", ("Ctrl+Z",)),
    Row("redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y")),
    Row("fit", "Show the whole network", ("F",)),
    Row("filter", "Filter the tree", ("Ctrl+F",)),
    Row("filter_alerts", "Filter the alerts", ("Ctrl+Shift+F",)),
    Row("tree", "Show or hide the tree", ("Ctrl+B",)),
    Row("alerts", "Show or hide the alerts", ("Ctrl+J",)),
    Row("what_if", "What if it fails? Of what is selected", ("W",)),
    Row("past", "Time machine: the network as it was", ("T",)),
    Row("moment", "Go to a moment: a time, or a link", ("Ctrl+G",)),
    Row("single_points", "Single points of failure", ()),
    Row("links_told", "Links that devices tell of", ()),
    Row("contradictions", "Contradictions", ()),
    Row("edit_map", "Edit the map: move devices, bend links", ("E",)),
    Row("draw_link", "Draw a link", ("Shift+L",)),
    Row("measure", "Measure distances and areas", ("D",)),
    Row("layers", "Layers of the map", ("L",)),
    Row("align", "Align to the site what is selected", ()),
    Row("lock_map", "Lock the map against changes, or unlock it", ("Ctrl+Shift+L",)),
    Row("units", "Measure in miles, or in kilometres", ()),
    Row("schematic", "Map or schematic", ("S",)),
    Row("step_out", "Out of the submap", ("Backspace",)),
    Row("arrange", "Arrange the schematic: what is not pinned", ()),
    Row("map_alone", "The map alone", ("M",)),
    Row("theme", "Change between dark and light", ("Ctrl+T",)),
    Row("full_screen", "Full screen", ("F11",)),
    Row("import", "Import a file…", ("Ctrl+O",)),
    Row("export", "Export…", ("Ctrl+E",)),
    Row("settings", "Settings", ("Ctrl+,",)),
    Row("discovery", "Discovery: what was found", ("Ctrl+D",)),
    Row("sweep", "Sweep addresses for devices", ()),
    Row("neighbours", "Follow neighbours of what is selected", ()),
    Row("maps", "Maps: the ground under the network", ("Ctrl+M",)),
    Row("mibs", "MIB browser", ("Ctrl+I",)),
    Row("credentials", "Logins", ("Ctrl+L",)),
    Row("rules", "Alert rules", ("Ctrl+R",)),
    Row("maintenance", "Maintenance: planned work", ("Ctrl+P",)),
    Row("plan_work", "Plan maintenance of what is selected", ()),
    Row("storage", "Storage: how long numbers are kept", ()),
    Row("terrain", "Terrain: heights of the ground", ()),
    Row("receivers", "What devices send: traps and syslog", ()),
    Row("quarantine", "Unknown senders", ()),
    Row("vault", "Vault: where the key lies", ()),
    Row("unlock", "Unlock the vault", ()),
    Row("trust", "Trust what the selected device shows", ()),
    Row("tunnels", "Tunnels: ways to devices", ("Ctrl+U",)),
    Row("team", "The team: who is there, what waits", ("Ctrl+Shift+T",)),
    Row("networks", "Go to another network, or join a team", ("Ctrl+Shift+N",)),
    Row("help", "Keyboard", ("F1",)),
    Row("escape", "Step back", ("Esc",)),
)


SETTINGS = (
    "discovery",
    "rules",
    "maintenance",
    "credentials",
    "storage",
    "terrain",
    "receivers",
    "quarantine",
    "vault",
    "tunnels",
    "maps",
    "mibs",
    "import",
    "export",
)
"""What is set, looked up, read and written for the whole network, in the order of its menu."""


def make_actions(window: QMainWindow, do: dict[str, Callable[[], object]]) -> dict[str, QAction]:
    """Return the actions by name, each wired to what it does and alive in the whole window."""
    made = {}
    for row in TABLE:
        action = QAction(row.words, window)
        action.setIconText(row.words)
        action.setShortcuts([QKeySequence(key) for key in row.keys])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.triggered.connect(lambda _=False, name=row.name: do[name]())
        window.addAction(action)
        made[row.name] = action
    return made
