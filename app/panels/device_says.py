"""What a device says of itself, as structs. Counterpart: the mirror's facts, and `domain/device_facts.py`.

Theory: facts come seldom and are read often (each second while somebody looks), and there may be thousands of a device. So
each is read once, when it is another than before. One rule: what does not fit its struct is left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from app.model import Model
from domain.device_facts import FACT_TYPES
from domain.fact import SOURCE_RANK, Fact
from domain.inventory import Interface

TYPES: dict[str, type[msgspec.Struct]] = {**FACT_TYPES, "interface": Interface}
_LAST = max(SOURCE_RANK.values()) + 1


class Thing(NamedTuple):
    """One structured fact: its field, the struct, and when it was told."""

    field: str
    value: Any
    at_us: int


class DeviceSays:
    """The facts of one device at a time: best source first, and of that the latest."""

    def __init__(self) -> None:
        self.device: UUID | None = None
        self.told: dict[str, Any] = {}
        """Plain fields: serial, version."""
        self.version = 0
        """Grows when anything is another than before."""
        self._facts: dict[tuple[str, str], Fact] = {}
        self._best: dict[str, Fact] = {}
        self._things: dict[str, dict[str, Thing]] = {}

    def read(self, model: Model, device: UUID) -> None:
        """Read what the mirror holds of a device now."""
        facts = model.facts.get(device, {})
        if device != self.device:
            self.device, self._best, self._things, self.told = device, {}, {}, {}
        elif len(facts) == len(self._facts) and all(
            self._facts.get(key) is fact for key, fact in facts.items()
        ):
            return
        self._facts = dict(facts)
        self.version += 1
        best: dict[str, Fact] = {}
        for (field, _), fact in facts.items():
            other = best.get(field)
            if other is None or _rank(fact) < _rank(other):
                best[field] = fact
        for field in self._best.keys() - best.keys():
            self._forget(field)
        for field, fact in best.items():
            if self._best.get(field) is not fact:
                self._take(field, fact)
        self._best = best

    def things(self, prefix: str) -> list[Thing]:
        """Return the structured facts whose field begins with `<prefix>/`."""
        return list(self._things.get(prefix, {}).values())

    def text(self, field: str) -> str:
        """Return a plain field as text, empty where it is not told."""
        said = self.told.get(field)
        return str(said) if said is not None else ""

    def _forget(self, field: str) -> None:
        self.told.pop(field, None)
        self._things.get(field.partition("/")[0], {}).pop(field, None)

    def _take(self, field: str, fact: Fact) -> None:
        prefix, slash, _ = field.partition("/")
        kind = TYPES.get(prefix) if slash else None
        if kind is None:
            self.told[field] = fact.value
            return
        things = self._things.setdefault(prefix, {})
        try:
            things[field] = Thing(field, msgspec.convert(fact.value, kind), fact.at_us)
        except msgspec.ValidationError:
            things.pop(field, None)


def _rank(fact: Fact) -> tuple[int, int]:
    return (SOURCE_RANK.get(fact.source, _LAST), -fact.at_us)
