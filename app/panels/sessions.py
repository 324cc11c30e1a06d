"""Sessions of routing protocols. Counterpart: the facts `routing/...`.

One rule: what is down stands first, with its symbol and its word.
"""

from __future__ import annotations

from typing import NamedTuple

from app.panels.facts import Line
from app.panels.figures import amount_of
from app.panels.rows_model import Column, natural
from app.panels.section import Listed, Seen
from app.words import UNKNOWN, age
from domain.device_facts import RoutingSession

_WAITING = frozenset({"idle(admin)", "disabled", "admin-down", "admindown"})


class SessionRow(NamedTuple):
    """A session. `since_us`: when it came to be as it is."""

    key: str
    session: RoutingSession
    since_us: int | None
    age: str

    @property
    def status(self) -> str:
        """Down unless it is up, or switched off by hand."""
        if self.session.is_up:
            return "up"
        return "maintenance" if self.session.state.casefold() in _WAITING else "down"


def session_rows(seen: Seen) -> list[SessionRow]:
    """Return the sessions, those that are down first."""
    rows = []
    for field, session, at_us in seen.says.things("routing"):
        since_us = None if session.since_s is None else at_us - int(session.since_s * 1e6)
        said = UNKNOWN if since_us is None else age((seen.now_us - since_us) / 1e6)
        rows.append(SessionRow(field, session, since_us, said))
    order = {"down": 0, "up": 1, "maintenance": 2}
    return sorted(
        rows, key=lambda row: (order[row.status], row.session.protocol, natural(row.session.peer), row.key)
    )


def _as(row: SessionRow) -> str:
    session = row.session
    return f"AS {session.remote_as}" if session.remote_as is not None else session.interface


LISTS = (
    Listed(
        "Routing sessions",
        (
            Column("Peer", lambda row: row.session.peer, status=lambda row: row.status, quiet=_as),
            Column("Via", lambda row: row.session.protocol.upper(), 48, 0, is_text=True),
            Column("State", lambda row: row.session.state.lower(), 82, 0, is_text=True),
            Column(
                "Since",
                lambda row: row.age,
                54,
                1,
                lambda row: None if row.since_us is None else -row.since_us,
            ),
            Column(
                "Prefixes",
                lambda row: amount_of(row.session.prefixes),
                66,
                2,
                lambda row: row.session.prefixes,
            ),
        ),
        session_rows,
        lambda row: [
            Line("Interface", row.session.interface),
            Line("Remote AS", str(row.session.remote_as) if row.session.remote_as is not None else ""),
        ],
    ),
)
