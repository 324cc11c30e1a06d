"""What a profile's numbers cost in each cycle: meters with everything looked up beforehand. Counterpart: `profiles/making.py`.

One rule: a whole number that stands for itself becomes a value with one multiplication; all else goes through its decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from domain.metrics import CATALOGUE
from domain.observation import Value as Sample
from engine.drivers.meters import Draft, Meter, Values
from engine.drivers.rates import Counted, PortRates
from engine.protocols.ber import Value

Plain = float | str | bool
Decode = Callable[[Value], Plain | None]
Wanted = frozenset[Plain]


class Term:
    """One OID of a number: `decode` makes it plain, `weight` is what it is multiplied with after that.

    With `direct`, a whole number that is none of `absent` is only multiplied with that.
    """

    __slots__ = ("_absent", "_direct_down", "_direct_up", "_down", "_up", "decode", "oid", "weight")

    def __init__(
        self,
        oid: str,
        decode: Decode,
        weight: Fraction,
        direct: Fraction | None = None,
        absent: Wanted = frozenset(),
    ) -> None:
        self.oid = oid
        self.decode = decode
        self.weight = weight
        self._up, self._down = weight.numerator, weight.denominator
        self._direct_up = 0 if direct is None else direct.numerator
        self._direct_down = 1 if direct is None else direct.denominator
        self._absent = absent

    def read(self, value: Value) -> float | None:
        """Return what a value comes to, None where it says nothing."""
        if self._direct_up and type(value) is int:
            return None if value in self._absent else value * self._direct_up / self._direct_down
        said = self.decode(value)
        return said * self._up / self._down if isinstance(said, int | float) else None


class GaugeMeter:
    """One number that is a metric as it is, but for its unit."""

    __slots__ = ("_high", "_low", "_metric", "_read", "instance", "oids")

    def __init__(self, term: Term, metric: str, instance: str) -> None:
        self.oids = (term.oid,)
        self.instance = instance
        self._read = term.read
        self._metric = metric
        row = CATALOGUE[metric]
        self._low, self._high = row.low, row.high

    def read(self, got: Values, at_us: int, uptime_s: float | None, draft: Draft) -> None:
        """Add the number, if it is one that can be."""
        number = self._read(got.get(self.oids[0]))
        if number is not None and self._low <= number <= self._high:
            draft.values.append((self._metric, self.instance, number))


class FoldMeter:
    """One number of several OIDs: the sum of each row's terms, then the rows made one."""

    __slots__ = ("_fold", "_high", "_instance", "_low", "_metric", "_needs_all", "_rows", "oids")

    def __init__(self, rows: Sequence[Sequence[Term]], metric: str, instance: str, fold: str) -> None:
        self.oids = tuple(dict.fromkeys(term.oid for terms in rows for term in terms))
        self._rows = rows
        self._metric = metric
        self._instance = instance
        self._fold = FOLDS[fold]
        self._needs_all = fold == "sum"
        row = CATALOGUE[metric]
        self._low, self._high = row.low, row.high

    def read(self, got: Values, at_us: int, uptime_s: float | None, draft: Draft) -> None:
        """Add the number; a sum needs all its rows, any other fold takes those that can be."""
        sums: list[float] = []
        for terms in self._rows:
            total = _sum_of(terms, got)
            if total is not None and (self._needs_all or self._low <= total <= self._high):
                sums.append(total)
            elif self._needs_all:
                return
        number = self._fold(sums) if sums else None
        if number is not None and self._low <= number <= self._high:
            draft.values.append((self._metric, self._instance, number))


def _sum_of(terms: Sequence[Term], got: Values) -> float | None:
    total = 0.0
    for term in terms:
        said = term.read(got.get(term.oid))
        if said is None:
            return None
        total += said
    return total


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


FOLDS: dict[str, Callable[[Sequence[float]], float]] = {"sum": sum, "mean": _mean, "min": min, "max": max}


class CountMeter:
    """How many rows say one of the values that are counted, or anything at all where none are named."""

    def __init__(self, terms: Sequence[Term], metric: str, instance: str, counted: Wanted) -> None:
        self.oids = tuple(term.oid for term in terms)
        self._terms = terms
        self._metric = metric
        self._instance = instance
        self._counted = counted

    def read(self, got: Values, at_us: int, uptime_s: float | None, draft: Draft) -> None:
        """Add the count."""
        said = [term.decode(got.get(term.oid)) for term in self._terms]
        counted = sum(each is not None and (not self._counted or each in self._counted) for each in said)
        draft.values.append((self._metric, self._instance, float(counted)))


class GatedMeter:
    """A meter that is read only while other OIDs say what they have to."""

    def __init__(self, gates: Sequence[tuple[str, Decode, Wanted]], inner: Meter) -> None:
        self.oids = tuple(dict.fromkeys((*(oid for oid, _, _ in gates), *inner.oids)))
        self._gates = gates
        self._inner = inner

    def read(self, got: Values, at_us: int, uptime_s: float | None, draft: Draft) -> None:
        """Add what the meter within says, while the gates are open."""
        if all(decode(got.get(oid)) in wanted for oid, decode, wanted in self._gates):
            self._inner.read(got, at_us, uptime_s, draft)


class StillMeter:
    """Numbers that were read at a look and are told in every cycle."""

    oids: tuple[str, ...] = ()

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def read(self, got: Values, at_us: int, uptime_s: float | None, draft: Draft) -> None:
        """Add them."""
        draft.values.extend(self._samples)


class RateMeter:
    """Counters of one row that become rates."""

    def __init__(self, counters: tuple[Counted, ...], instance: str) -> None:
        self.oids = tuple(counter.key for counter in counters)
        self._rates = PortRates(instance, counters)

    def read(self, got: Values, at_us: int, uptime_s: float | None, draft: Draft) -> None:
        """Add the rates since the last reading."""
        self._rates.add(got, at_us, uptime_s, draft.values)
