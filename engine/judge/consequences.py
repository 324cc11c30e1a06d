"""What lives and complains only of a neighbour that broke: no alert of its own. Counterpart: `blame.py` says who broke.

Theory: some conditions are about somebody else: a session that is lost, a client that is gone, a host that netwatch misses, a
port that nobody is at. Each names its far ends. It is a consequence where it would not hold with those far ends back that are
lost by a fault: then it rests, its time stands still, and what opened just before the fault did is cleared. A new one
waits until its far ends have answered after it was seen, as a link that fell does. When the fault is over it has the time
that sessions take to come back; what then still holds opens.
One rule: only what is about a far end that turned, or was seen to be another, is weighed; nobody goes over all alerts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from domain.alert_rules import comparison, has_changed
from domain.fault import Consequence
from domain.health import Health
from engine.judge.blame import Blame
from engine.judge.fallen_links import HEARD, age_us
from engine.judge.fault_book import name_of
from engine.judge.holds import Hold, Holds, words_of
from engine.judge.outcome import Outcome
from engine.judge.rule_numbers import gap_us
from engine.state import State

OUTLAST_US = 120_000_000
"""So long after a fault sessions may take to stand again: BGP tries anew every two minutes, OSPF waits forty seconds."""
TOGETHER_US = 120_000_000
"""What opened at most so long before its cause fell is of the same event."""
ASK_AGAIN_US = 2_000_000
_TABLES = {
    "ospf_full": "routing/ospf/",
    "ospf_neighbours": "routing/ospf/",
    "bgp_established": "routing/bgp/",
    "bgp_sessions": "routing/bgp/",
    "bfd_up": "routing/bfd/",
    "bfd_sessions": "routing/bfd/",
    "wireless_clients": "wireless_client/",
}
"""The numbers that count others, and the facts that name these."""


@dataclass(slots=True, eq=False)
class _Case:
    """A condition and its far ends, as they were at this value. `explained_us`: until when it was a consequence."""

    hold: Hold
    far: tuple[UUID, ...]
    value: float | None
    subject: UUID | None = None
    explained_us: int | None = None
    asked_us: int = 0


class Consequences:
    """`owners` tells whose address or MAC something is; `ask` polls a device now."""

    def __init__(
        self,
        state: State,
        holds: Holds,
        blame: Blame,
        owners: Callable[[str], tuple[UUID, ...]],
        ask: Callable[[UUID], object],
    ) -> None:
        self._state, self._holds, self._blame, self._owners, self._ask = state, holds, blame, owners, ask
        self._cases: dict[UUID, _Case] = {}
        self._at: dict[UUID, dict[UUID, _Case]] = {}
        self._due: dict[UUID, _Case] = {}
        self._unheard: dict[UUID, _Case] = {}
        self._told: set[UUID] = set()
        for hold in holds.all():
            self.take_up(hold)
        holds.follow(self)

    # What the conditions do

    def take_up(self, hold: Hold) -> None:
        """Look at a condition that is new; it rests until the next tick if it may be a consequence."""
        far = self._far_ends(hold)
        if not far:
            return
        case = _Case(hold, far, hold.value)
        self._cases[hold.id] = self._due[hold.id] = case
        self._index(case)
        if not self._holds.is_alert(hold) and self._would_be_over(case, far):
            hold.because = ""

    def see(self, hold: Hold) -> None:
        """Note that a condition that rests was seen anew: its number may be another."""
        case = self._cases.get(hold.id)
        if case is not None and case.value != hold.value:
            self._due[hold.id] = case

    def drop(self, hold: Hold) -> None:
        """Forget a condition that is over."""
        case = self._cases.pop(hold.id, None)
        if case is not None:
            self._due.pop(hold.id, None)
            self._unindex(case)
            self._charge(case, None)

    # What it means

    def tick(self, now_us: int, outcome: Outcome) -> set[UUID]:
        """Weigh what may be otherwise by now; return the faults from which something else follows than before."""
        if self._blame.turned:
            self._due.update(self._unheard)
        for device in self._blame.turned:
            self._due.update(self._at.get(device, {}))
        self._blame.turned = set()
        for case in list(self._due.values()):
            self._weigh(case, now_us, outcome)
        told, self._told = self._told, set()
        return told

    def _weigh(self, case: _Case, now_us: int, outcome: Outcome) -> None:
        hold = case.hold
        is_worse = hold.value != case.value and self._look_anew(case)
        found = {id: by for id in case.far if (by := self._blame.of(id, hold.subject)) is not None}
        if found and self._would_be_over(case, found):
            subject = next(iter(found.values()))
            self._charge(case, subject if self._rest(hold, subject, now_us, outcome) else None)
            del self._due[hold.id]
            return
        if is_worse:
            case.explained_us = None
        elif case.subject is not None:
            case.explained_us = now_us
        self._charge(case, None)
        if hold.because is not None and not self._waits(case, found, now_us):
            self._holds.wake(hold, now_us, outcome)
        if hold.because is None:
            del self._due[hold.id]

    def _rest(self, hold: Hold, subject: UUID, now_us: int, outcome: Outcome) -> bool:
        """Let a consequence rest; False where its alert is older than the fault is."""
        fault = self._state.faults.get(subject)
        since_us = (fault.since_us if fault is not None else now_us) - TOGETHER_US
        why = f"because of {name_of(self._state.inventory, subject)}"
        return self._holds.rest(hold, why, since_us, now_us, outcome)

    def _waits(self, case: _Case, lost: Iterable[UUID], now_us: int) -> bool:
        """Tell whether a condition that rests goes on to, though it is no consequence now."""
        if case.explained_us is not None and now_us - case.explained_us < OUTLAST_US:
            return True
        doubtful = [id for id in case.far if self._is_doubtful(id, case.hold, now_us)]
        if not doubtful or not self._would_be_over(case, [*lost, *doubtful]):
            return False
        if now_us - case.asked_us >= ASK_AGAIN_US:
            case.asked_us = now_us
            for id in doubtful:
                self._ask(id)
        return True

    def _is_doubtful(self, far: UUID, hold: Hold, now_us: int) -> bool:
        """Tell whether a far end may have broken, and nobody knows yet: it had one poll age to answer."""
        health: Health | None = self._state.health.get(far)
        if health is None or health.status not in HEARD:
            return False
        is_proven = (health.last_answer_us or 0) > hold.since_us
        is_open = not is_proven or self._blame.is_unsure(far, hold.subject)
        return is_open and now_us - hold.since_us <= age_us(self._state, (far, hold.subject))

    def _charge(self, case: _Case, subject: UUID | None) -> None:
        """Have a condition listed with a fault, or (None) with none."""
        id, before = case.hold.id, case.subject
        followed = self._blame.followed
        if before is not None and before != subject:
            followed[before].pop(id, None)
            if not followed[before]:
                del followed[before]
            self._told.add(before)
        if subject is not None:
            said = Consequence(case.hold.subject, case.hold.rule.name, words_of(case.hold))
            if followed.setdefault(subject, {}).get(id) != said:
                followed[subject][id] = said
                self._told.add(subject)
        case.subject = subject

    # Far ends

    def _look_anew(self, case: _Case) -> bool:
        """Find the far ends of a number that is another now; tell whether it is worse, and so waits for no fault that is over."""
        hold = case.hold
        is_worse = case.value is not None and hold.value is not None and hold.value < case.value
        self._unindex(case)
        case.far, case.value = self._far_ends(hold), hold.value
        self._index(case)
        return is_worse

    def _far_ends(self, hold: Hold) -> tuple[UUID, ...]:
        """Return the devices that a condition is about, once for each time that it counts them."""
        rule = hold.rule
        if rule.kind == "port_down":
            return tuple(self._blame.far_ends(hold.subject, hold.instance))
        if rule.kind not in ("threshold", "change"):
            return ()
        if rule.metric == "netwatch_up":
            return self._owner(hold.instance)
        table = _TABLES.get(rule.metric)
        if table is None:
            return ()
        if table == "wireless_client/" and hold.instance:
            table = f"{table}{hold.instance}/"
        return tuple(id for names in self._lost(hold, table) for id in self._owner(*names))

    def _lost(self, hold: Hold, table: str) -> Iterator[tuple[str, ...]]:
        """Go over those whom a table of a device lost when the condition began, by all names it has for each."""
        device = self._state.inventory.device(hold.subject)
        from_us = hold.since_us - (gap_us(device) if device is not None else 0)
        for (field, source), fact in self._state.facts.get(hold.subject, {}).items():
            if not field.startswith(table) or fact.at_us < from_us or source != (hold.probe or source):
                continue
            if fact.value is None or (isinstance(fact.value, dict) and fact.value.get("is_up") is False):
                yield tuple(reversed(field.split("/")[2:]))

    def _owner(self, *names: str) -> tuple[UUID, ...]:
        """Return whom one of these names, of itself, means; none where it means nobody, or several."""
        found = next((owners for name in names if len(owners := self._owners(name)) == 1), ())
        return tuple(found)

    def _would_be_over(self, case: _Case, back: Iterable[UUID]) -> bool:
        """Tell whether a condition would not hold with these far ends there."""
        hold, rule, there = case.hold, case.hold.rule, set(back)
        if rule.kind == "port_down":
            return there.issuperset(case.far)
        value = (hold.value or 0.0) + sum(id in there for id in case.far)
        if rule.kind == "change":
            return not has_changed(rule, hold.limit or 0.0, value)
        return not comparison(rule.op)(value, rule.threshold)

    def _index(self, case: _Case) -> None:
        for id in case.far:
            self._at.setdefault(id, {})[case.hold.id] = case
            health = self._state.health.get(id)
            if health is None or health.status not in HEARD:  # who breaks before it turns, and not itself
                self._unheard[case.hold.id] = case

    def _unindex(self, case: _Case) -> None:
        self._unheard.pop(case.hold.id, None)
        for id in set(case.far):
            del self._at[id][case.hold.id]
            if not self._at[id]:
                del self._at[id]
