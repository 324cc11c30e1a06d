"""Folds what devices tell of themselves into facts. Counterpart: `domain/fact.py`, their address and order.

A device that invents interfaces would grow for ever: a device has at most FACTS_CAP facts, gone ones included, and what
comes on top is left out. One rule: only a fact whose value changed leaves here.
"""

from __future__ import annotations

from domain.fact import Fact
from domain.observation import Observation, Reading

FACTS_CAP = 2_000


def fold_facts(facts: dict[tuple[str, str], Fact], observation: Observation, reading: Reading) -> list[Fact]:
    """Change one device's facts by (field, source) as a reading tells, and return those with a new value."""
    source = observation.probe
    changed: list[Fact] = []

    def put(name: str, value: object) -> None:
        fact = Fact(observation.device, name, source, observation.vantage, observation.at_us, value)
        facts[name, source] = fact
        changed.append(fact)

    told = dict(reading.facts)
    for name, value in told.items():
        old = facts.get((name, source))
        if old is not None and old.value == value:
            continue
        if old is not None or len(facts) < FACTS_CAP or _forget_one_gone(facts):
            put(name, value)
    if reading.facts_whole:
        for (name, by), old in list(facts.items()):
            if (
                by == source
                and name not in told
                and old.value is not None
                and name.startswith(reading.facts_whole)
            ):
                put(name, None)
    return changed


def _forget_one_gone(facts: dict[tuple[str, str], Fact]) -> bool:
    gone = next((address for address, fact in facts.items() if fact.value is None), None)
    if gone is None:
        return False
    del facts[gone]
    return True
