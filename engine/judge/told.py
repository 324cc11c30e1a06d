"""The numbers of each device that hold now, by who told them. Counterpart: `judge.py`, which takes them up and loses them.

One rule: what a window sees as the latest values of a device is all that its sources told last, and nothing of one that is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from uuid import UUID

from domain.inventory import PUSHED
from domain.observation import Value
from domain.wire import LatestValues

PUSHED_CAP = 4_096
"""Numbers of a device that pushes each under another name: of more the newest are kept."""
_NOTHING: Mapping[str, tuple[Value, ...]] = {}


class Told:
    """By device and probe. `latest` is what windows see."""

    def __init__(self, latest: dict[UUID, LatestValues]) -> None:
        self._latest = latest
        self._values: dict[UUID, dict[str, tuple[Value, ...]]] = {}
        self._pushed: dict[UUID, dict[tuple[str, str], tuple[float, int]]] = {}
        """What each device pushed, by metric and instance, and when."""

    def of(self, device: UUID) -> Mapping[str, tuple[Value, ...]]:
        """Return what each probe of a device told."""
        return self._values.get(device, _NOTHING)

    def take(self, device: UUID, probe: str, values: tuple[Value, ...]) -> None:
        """A probe told these; `show` lets windows see them."""
        self._values.setdefault(device, {})[probe] = values

    def push(self, device: UUID, values: Iterable[Value], at_us: int, keep_us: int) -> tuple[Value, ...]:
        """A device pushed these, which it need not say again for so long; return those that no probe tells: they count."""
        asked = (told for probe, told in self.of(device).items() if probe != PUSHED)
        better = {value[:2] for told in asked for value in told}
        fresh = tuple(value for value in values if value[:2] not in better)
        known = self._pushed.get(device, {}) | {(name, at): (value, at_us) for name, at, value in fresh}
        kept = {key: one for key, one in known.items() if key not in better and at_us - one[1] <= keep_us}
        if len(kept) > PUSHED_CAP:
            kept = dict(sorted(kept.items(), key=lambda one: -one[1][1])[:PUSHED_CAP])
        self._pushed[device] = kept
        self.take(device, PUSHED, tuple((*key, value) for key, (value, _) in kept.items()))
        return fresh

    def pushers(self) -> list[tuple[UUID, int]]:
        """Return who pushed, and when last."""
        return [(id, max((at for _, at in one.values()), default=0)) for id, one in self._pushed.items()]

    def show(self, device: UUID, at_us: int) -> None:
        """Let windows see what holds of a device, as of a time."""
        told = [*self.of(device).values()]
        values = told[0] if len(told) == 1 else tuple(chain.from_iterable(told))
        self._latest[device] = LatestValues(device, at_us, values)

    def lose(self, device: UUID, probe: str | None) -> bool:
        """A probe, or all, is not heard any more; return whether there was anything."""
        if probe in (None, PUSHED):
            self._pushed.pop(device, None)
        had = self._values.get(device, {})
        gone = list(had) if probe is None else [probe] if probe in had else []
        for name in gone:
            del had[name]
        if gone:
            latest = self._latest.get(device)
            self.show(device, latest.at_us if latest is not None else 0)
        return bool(gone)

    def forget(self, device: UUID) -> None:
        """The device is gone."""
        self._values.pop(device, None)
        self._pushed.pop(device, None)
        self._latest.pop(device, None)

    def is_off(self, device: UUID, port: str) -> bool:
        """Tell whether a port of a device is known not to run."""
        return any(
            metric == "if_oper_up" and name == port and not up
            for values in self.of(device).values()
            for metric, name, up in values
        )
