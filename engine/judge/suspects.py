"""Devices that nobody hears and that must have failed: all behind them fell silent together. Counterpart: `faults.py`.

Theory: a switch that is not polled shows nothing when it dies, and each device behind it looks like a cause of its own, for
what lies before the switch answers. Where two or more such devices fell together, and nothing answers that hangs on the switch,
it is the switch, or what is before it. What fell long before the others stays a cause of its own.
One rule: who was grouped stays so for as long as nothing behind the suspect answers.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from domain.topology import Causes


class Suspects:
    """`members`: of each suspect those that fell first on each way from it; `of`: of these and all behind them their suspect."""

    def __init__(self, causes: Causes, together_s: float) -> None:
        self.members: dict[UUID, tuple[UUID, ...]] = {}
        self.of: dict[UUID, UUID] = {}
        self._causes = causes
        self._together_us = together_s * 1e6

    def look(self, fell_us: Callable[[UUID], int]) -> set[UUID]:
        """Group what is down anew; return suspects, and devices whose suspect is another than before."""
        groups: dict[UUID, list[UUID]] = {}
        for device, suspect in self._causes.suspects().items():
            groups.setdefault(suspect, []).append(device)
        before, self.members = self.members, {}
        was, self.of = self.of, {}
        for suspect, devices in groups.items():
            from_us = max(map(fell_us, devices)) - self._together_us
            together = tuple(id for id in devices if id in was or fell_us(id) >= from_us)
            if len(together) > 1:
                self.members[suspect] = together
                behind = (id for member in together for id in (member, *self._causes.silent(member)))
                self.of.update(dict.fromkeys(behind, suspect))
        moved = {id for id in was.keys() | self.of.keys() if was.get(id) != self.of.get(id)}
        return moved.union(before, self.members)

    def blast(self, subject: UUID) -> tuple[UUID, ...]:
        """Return what is down with a cause, or behind a suspect; itself first."""
        if subject in self.members:
            return (subject, *(id for id, suspect in self.of.items() if suspect == subject))
        return tuple(id for id in self._causes.blast(subject).devices if id not in self.of)

    def told(self, device: UUID, roots: tuple[UUID, ...]) -> tuple[UUID, ...]:
        """Return what a device is told to be behind, if these are its roots: its suspect, or those of the roots."""
        if device in self.of:
            return (self.of[device],)
        return tuple(dict.fromkeys(self.of.get(root, root) for root in roots))
