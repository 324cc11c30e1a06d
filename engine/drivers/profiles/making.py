"""Meters from the rows that a look found. Counterpart: `look.py` has the rows, `gauges.py` the meters.

One rule: whatever of a number does not change between looks (its metric, instance, factors) is worked out here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from fractions import Fraction
from functools import lru_cache

from domain.metrics import is_believable
from domain.observation import Value as Sample
from engine.drivers.gauges import (
    FOLDS,
    CountMeter,
    FoldMeter,
    GatedMeter,
    GaugeMeter,
    RateMeter,
    StillMeter,
    Term,
)
from engine.drivers.meters import Meter
from engine.drivers.profiles.decoding import decoder, ratio
from engine.drivers.profiles.language import Field, Group, Number
from engine.drivers.profiles.rows import Row, compiled
from engine.drivers.rates import Counted

_MOST_PER_S = {32: 1.25e9, 64: 1e12}
"""What a counter of that width is believed to grow by: 10 Gbit/s of octets."""

_Owner = tuple[str, int]
Kept = dict[Hashable, Meter]
"""Meters by all that makes them what they are."""


class Making:
    """The meters of a look's groups. One that was there before stays the same, and counters keep their history."""

    def __init__(self, old: Kept) -> None:
        self.kept: Kept = {}
        self._old = old
        self._still: list[Sample] = []
        self._owners: dict[tuple[str, str], _Owner] = {}

    def meters(self) -> list[Meter]:
        """Return what was made."""
        if self._still:
            self._keep(("still", *self._still), StillMeter(tuple(self._still)))
        return [*self.kept.values()]

    def add(self, group: Group, rows: Sequence[Row]) -> None:
        """Make the meters of a group's rows; of no rows its counts are 0."""
        counters: dict[tuple[str, str], list[Counted]] = defaultdict(list)
        for place, number in enumerate(group.numbers):
            owner = (group.name, place)
            patterns = compiled(number.matches)
            chosen = [row for row in rows if row.holds(number.where) and row.matches(patterns)]
            if number.fold is not None:
                self._add_folded(group, number, owner, chosen)
                continue
            for row in chosen:
                self._add_row(group, number, owner, row, counters)
        for (_, instance), counted in counters.items():
            self._keep((instance, *counted), RateMeter(tuple(counted), instance))

    def _add_row(
        self,
        group: Group,
        number: Number,
        owner: _Owner,
        row: Row,
        counters: dict[tuple[str, str], list[Counted]],
    ) -> None:
        metric, terms = _metric_of(number, row), _terms_of(group, number, row)
        instance = _instance_of(group, number, row)
        if self._owners.get((metric, instance)) == owner:
            instance = f"{instance}#{row.index}"  # another row of this very number
        if not metric or not terms or not self._claim(metric, instance, owner):
            return
        if number.still:
            self._add_still(metric, instance, _still(group, number, row))
        elif number.rate:
            factor, most = max(1, round(terms[0].weight)), _MOST_PER_S[number.rate]
            counters[row.index, instance].append(Counted(terms[0].oid, metric, factor, number.rate, most))
        else:
            meter: Meter = GaugeMeter(terms[0], metric, instance)
            if len(terms) > 1:
                meter = FoldMeter((terms,), metric, instance, "sum")
            gates = [
                (row.oid(name), decoder(group.fields[name]), frozenset(wanted))
                for name, wanted in number.during.items()
            ]
            self._keep(_key(owner, metric, instance, terms), GatedMeter(gates, meter) if gates else meter)

    def _add_folded(self, group: Group, number: Number, owner: _Owner, rows: Sequence[Row]) -> None:
        members: dict[tuple[str, str], list[tuple[Row, list[Term]]]] = defaultdict(list)
        for row in rows:
            metric, terms = _metric_of(number, row), _terms_of(group, number, row)
            if metric and terms:
                members[metric, _instance_of(group, number, row)].append((row, terms))
        if not members and number.fold == "count" and number.metric and number.instance == "":
            self._add_still(number.metric, "", 0.0)
        for (metric, instance), each in members.items():
            if not self._claim(metric, instance, owner):
                continue
            if number.still:
                known = [_still(group, number, row) for row, _ in each]
                there = [value for value in known if value is not None]
                fold = FOLDS[number.fold or "sum"]
                self._add_still(metric, instance, fold(there) if len(there) == len(known) else None)
            elif number.fold == "count":
                counted = [term for _, terms in each for term in terms]
                meter: Meter = CountMeter(counted, metric, instance, frozenset(number.counted))
                self._keep(_key(owner, metric, instance, counted), meter)
            else:
                terms_of = tuple(tuple(terms) for _, terms in each)
                if len(terms_of) == 1 and len(terms_of[0]) == 1:
                    meter = GaugeMeter(terms_of[0][0], metric, instance)
                else:
                    meter = FoldMeter(terms_of, metric, instance, number.fold or "sum")
                self._keep(_key(owner, metric, instance, [t for terms in terms_of for t in terms]), meter)

    def _claim(self, metric: str, instance: str, owner: _Owner) -> bool:
        """Tell whether an owner may tell this metric of this instance: nobody told it before."""
        if (metric, instance) in self._owners:
            return False
        self._owners[metric, instance] = owner
        return True

    def _keep(self, key: Hashable, meter: Meter) -> None:
        self.kept[key] = self._old.get(key, meter)

    def _add_still(self, metric: str, instance: str, value: float | None) -> None:
        if value is not None and is_believable(metric, value):
            self._still.append((metric, instance, value))


def _key(owner: _Owner, metric: str, instance: str, terms: Sequence[Term]) -> Hashable:
    return (owner, metric, instance, *((term.oid, term.weight) for term in terms))


def _metric_of(number: Number, row: Row) -> str:
    said = row.said.get(number.metric_of)
    return number.metric or (said if isinstance(said, str) else "")


def _instance_of(group: Group, number: Number, row: Row) -> str:
    return row.fill(group.instance if number.instance is None else number.instance)


def _terms_of(group: Group, number: Number, row: Row) -> list[Term]:
    """Return the terms of a number in a row; none where the row lacks one, or a factor."""
    factor = row.product(number.times)
    signed = [(number.of, 1), *((name, 1) for name in number.plus), *((name, -1) for name in number.less)]
    if not factor or any(name not in row.present for name, _ in signed):
        return []
    return [
        _term(row.oid(name), group.fields[name], _weight(number.scale, factor, sign)) for name, sign in signed
    ]


@lru_cache(maxsize=4_096)
def _weight(scale: float, factor: float, sign: int) -> Fraction:
    """Return what a value is multiplied by: one object for all devices."""
    return ratio(scale) * ratio(factor) * sign


def _term(oid: str, field: Field, weight: Fraction) -> Term:
    is_direct = (
        field.kind == "number"
        and not field.map
        and field.otherwise is None
        and not field.offset
        and field.least is None
        and field.most is None
    )
    direct = _direct(field.scale, weight) if is_direct else None
    return Term(oid, decoder(field), weight, direct, frozenset(field.absent))


@lru_cache(maxsize=4_096)
def _direct(scale: float, weight: Fraction) -> Fraction:
    return ratio(scale) * weight


def _still(group: Group, number: Number, row: Row) -> float | None:
    """Return what a number comes to at this look."""
    total = 0.0
    for sign, names in ((1, (number.of, *number.plus)), (-1, number.less)):
        for name in names:
            said = row.said.get(name)
            if not isinstance(said, int | float):
                return None
            total += sign * said
    factor = row.product(number.times)
    return None if factor is None else total * factor * number.scale
