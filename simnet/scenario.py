"""A play for the demo: which command is given when, for ever, and the same in every run.

Counterpart: `fleet.py` gives the commands. One rule: what a round breaks, it mends, so that each round begins well.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from simnet.network import Network

ROUND_S = 240.0
"""How long a round lasts."""

_SILENT, _FIRST_VICTIM = "Hittisau", "Grünten"


def demo_steps(network: Network) -> Iterator[tuple[float, list[str]]]:
    """Yield (seconds since the start, command) in order.

    One access router is silent from the start. In each round a relay dies after 20 s, when a slow computer has
    seen it too, and is back after 72, a link is cut from 90 to 150 s, and another runs full from 100 to 170 s.
    """
    dice = random.Random(network.seed)  # noqa: S311 - a play, no secret
    names = [router.name for router in network.routers]
    silent = (
        _SILENT
        if _SILENT in names
        else next((router.name for router in network.routers if router.role == "access"), names[-1])
    )
    victims = [router.name for router in network.routers if router.role == "relay"] or names
    dice.shuffle(victims)
    victims.sort(key=lambda name: name != _FIRST_VICTIM)
    links = [link.name for link in network.links if silent not in (link.a, link.b)]
    dice.shuffle(links)
    yield 0.0, ["kill", silent]
    number = 0
    while True:
        start_s = number * ROUND_S
        victim = victims[number % len(victims)]
        yield start_s + 20, ["kill", victim]
        yield start_s + 72, ["revive", victim]
        if links:
            cut, full = links[2 * number % len(links)], links[(2 * number + 1) % len(links)]
            yield start_s + 90, ["cut", cut]
            yield start_s + 100, ["load", full, "97"]
            yield start_s + 150, ["mend", cut]
            yield start_s + 170, ["load", full, "off"]
        number += 1
