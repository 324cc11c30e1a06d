"""Whether a link that fell is news of its own. Counterpart: `faults.py`, which asks, and lets it alert or not.

Theory: a link falls with the device at its end, and a port is seen to fall sooner than a device is. It is news where both ends
answered some seconds later, or could not in one poll age. For an end that nobody hears answer those that hang on it: as long as
one of them does, the end works; where all of them are silent, it has failed with the link.
One rule: an end that is silent makes the link no news, however long it takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from domain.health import stale_after_us
from domain.inventory import Link
from domain.load import LinkState
from domain.topology import Causes
from engine.state import State

AGE_SLACK_S = 10.0
"""Added to a device's interval: its visit, and its retries."""
APART_S = 6.0
"""What one event takes down falls silent within so long, not in the order of the graph: an answer has to come after that."""
HEARD = frozenset({"up", "degraded", "down"})
"""What a device is of which somebody knows."""


class Weighed(NamedTuple):
    """Whether it is news; if nobody knows yet, whom to ask; the end that failed with it, if one did."""

    is_news: bool
    ask: tuple[UUID, ...] = ()
    silent: UUID | None = None


def weigh(link: Link, fallen: LinkState, state: State, causes: Causes, now_us: int) -> Weighed:
    """Tell what is known of a link that is down."""
    answering: list[tuple[UUID, ...]] = []
    turned_us = fallen.since_us
    for end in (link.a, link.b):
        health = state.health.get(end)
        if health is not None and health.status in HEARD:
            if health.status == "down":
                return Weighed(False, silent=end)
            answering.append((end,))
            turned_us = max(turned_us, health.since_us)
        elif living := causes.living(end):
            answering.append(living)
            turned_us = max(turned_us, min(state.health[id].since_us for id in living))
        elif causes.silent(end):
            return Weighed(False, silent=end)
    from_us = turned_us + APART_S * 1e6
    if all(any(_answered_us(state, id) > from_us for id in some) for some in answering):
        return Weighed(True)
    asked = tuple(id for some in answering for id in some)
    return Weighed(now_us - turned_us > age_us(state, asked), asked)


def age_us(state: State, devices: Iterable[UUID]) -> int:
    """Return within what time each of some devices has been asked, and has answered if it is to; one that only pushes has not
    answered when it is missed."""
    found = [one for id in devices if (one := state.inventory.device(id)) is not None]
    ages_us = (one.interval_s * 1e6 if one.probes else stale_after_us(one.interval_s) for one in found)
    return int(max(ages_us, default=0.0) + AGE_SLACK_S * 1e6)


def _answered_us(state: State, device: UUID) -> int:
    health = state.health.get(device)
    return (health.last_answer_us or 0) if health is not None else 0
