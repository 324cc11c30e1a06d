"""How devices that a file adds are asked, and where they go. Counterpart: `PlanImport.probes` and `.site`.

One rule: only logins that exist are offered; a secret is typed where logins are made.
"""

from __future__ import annotations

from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QWidget

from app.panels.text import Label
from domain.inventory import DEFAULT_PORT, NEEDS, Inventory, Probe, ProbeKind

WIDE_PX = 172
NO_SITE = "No site"


class AskedBy(QWidget):
    """Ping, and SNMP or the RouterOS API with a login; a site for devices that name none."""

    changed = Signal()

    def __init__(self, inventory: Inventory) -> None:
        super().__init__()
        self.ping = QCheckBox("Ping")
        self.ping.setChecked(True)
        self.logins: dict[ProbeKind, QComboBox] = {
            "snmp": _logins(inventory, "snmp", "SNMP"),
            "routeros": _logins(inventory, "routeros", "RouterOS"),
        }
        self.site = QComboBox()
        self.site.setAccessibleName("Site of new devices that name none")
        self.site.setFixedWidth(WIDE_PX)
        self.site.addItem(NO_SITE, None)
        for site in sorted(inventory.sites(), key=lambda site: site.name.casefold()):
            self.site.addItem(site.name, site.id)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(Label("New devices are asked by", "small"))
        row.addWidget(self.ping)
        for box in self.logins.values():
            row.addWidget(box)
        row.addSpacing(10)
        row.addWidget(Label("Where none is named, they go to", "small"))
        row.addWidget(self.site)
        row.addStretch(1)
        self.ping.toggled.connect(self.changed)
        for box in (*self.logins.values(), self.site):
            box.currentIndexChanged.connect(self.changed)

    def probes(self) -> tuple[Probe, ...]:
        """Return how new devices are asked."""
        found = [Probe("icmp")] if self.ping.isChecked() else []
        for kind, box in self.logins.items():
            if (login := box.currentData()) is not None:
                found.append(Probe(kind, DEFAULT_PORT[kind], login))
        return tuple(found)

    def site_id(self) -> UUID | None:
        """Return the site of new devices that name none."""
        found: UUID | None = self.site.currentData()
        return found


def _logins(inventory: Inventory, kind: ProbeKind, title: str) -> QComboBox:
    made = QComboBox()
    made.setFixedWidth(WIDE_PX)
    made.setAccessibleName(f"Login of {title}")
    known = sorted((row for row in inventory.credentials() if row.kind in NEEDS[kind]), key=lambda r: r.name)
    made.addItem(f"Not by {title}" if known else f"No {title} login", None)
    for row in known:
        made.addItem(f"{title}: {row.name}", row.id)
    made.setEnabled(bool(known))
    return made
