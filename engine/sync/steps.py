"""Whether this computer has all that the server has, and how far it is on the way there. Counterpart: `desk.py`, which asks.

Pure. Theory: the server says its newest revision with Welcome and with each heartbeat. Between two heartbeats more may have come
there, so one is in step who has what was the newest at the last; while everything changes all the time nobody ever has more.
One rule: in step is said of what was heard, never of a line that merely stands.
"""

from __future__ import annotations

import msgspec

from domain.sync import Alive, Entries, Welcome

_COUNTED = tuple(
    field.name
    for field in msgspec.structs.fields(Entries)
    if field.name not in ("since", "revision", "complete")
)


class Steps:
    """Of one line after the other. `revision` is the newest that is here."""

    def __init__(self) -> None:
        self.is_synced = False
        """Whether all that the server had is here, since the line began or since it fell behind."""
        self.is_in_step = False
        """Whether that was so by the last thing that was heard."""
        self.received = 0
        """Things that came since then, of some `to_come`."""
        self.to_come = 0
        self._newest = 0

    def begin(self, welcome: Welcome, revision: int) -> None:
        """A line began."""
        self._newest = welcome.revision
        self.received, self.to_come = 0, max(0, welcome.to_come)
        self._look(revision, welcome.revision)

    def on_entries(self, part: Entries, revision: int, *, is_whole: bool) -> None:
        """A part came; whole ones are here."""
        self.received += sum(len(getattr(part, name)) for name in _COUNTED)
        self.is_in_step = False
        if is_whole:
            self._look(revision, self._newest)

    def on_alive(self, alive: Alive, revision: int) -> None:
        """A heartbeat came: who has not by now what was the newest at the last one is behind."""
        self._look(revision, self._newest)
        self._newest = max(self._newest, alive.revision)

    def end(self) -> None:
        """The line is over."""
        self.is_synced = self.is_in_step = False
        self.received = self.to_come = 0

    def _look(self, revision: int, newest: int) -> None:
        self.is_synced = self.is_in_step = revision >= newest
        if self.is_synced:
            self.received = self.to_come = 0
