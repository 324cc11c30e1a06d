"""Who is heard at which port. Counterpart: the facts `neighbour/...`; a click leads to those that the inventory knows.

One rule: who is known is told by its status beside the name.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from app.panels.facts import Line
from app.panels.rows_model import Column, natural
from app.panels.section import Listed, Seen
from domain.device_facts import Neighbour


class NeighbourRow(NamedTuple):
    """A neighbour, and which device of ours it is."""

    key: str
    neighbour: Neighbour
    device: UUID | None
    status: str

    @property
    def name(self) -> str:
        """What it calls itself, else how it is reached."""
        return self.neighbour.identity or self.neighbour.address or self.neighbour.mac or "?"


def neighbour_rows(seen: Seen) -> list[NeighbourRow]:
    """Return the neighbours by port; of one that several protocols tell of, each row."""
    rows = []
    for field, neighbour, _ in seen.says.things("neighbour"):
        device = seen.known.find(neighbour)
        device = device if device != seen.says.device else None
        status = seen.model.status_of(device) if device is not None else ""
        rows.append(NeighbourRow(field, neighbour, device, status))
    return sorted(rows, key=lambda row: (natural(row.neighbour.interface), natural(row.name), row.key))


LISTS = (
    Listed(
        "Neighbours",
        (
            Column(
                "Name",
                lambda row: row.name,
                status=lambda row: row.status,
                quiet=lambda row: row.neighbour.platform or row.neighbour.board,
                is_link=lambda row: row.device is not None,
            ),
            Column("At port", lambda row: row.neighbour.interface, 92, 0, is_text=True),
            Column("Its port", lambda row: row.neighbour.remote_interface, 92, 1, is_text=True),
            Column("Address", lambda row: row.neighbour.address, 110, 2, is_text=True),
            Column("Board", lambda row: row.neighbour.board or row.neighbour.platform, 130, 3, is_text=True),
        ),
        neighbour_rows,
        lambda row: [
            Line("MAC", row.neighbour.mac),
            Line("Platform", row.neighbour.platform),
            Line("Version", row.neighbour.version),
            Line("Heard by", row.neighbour.heard_by),
        ],
        device_of=lambda row: row.device,
    ),
)
