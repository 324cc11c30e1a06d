"""Ten thousand devices whose links follow from what they hear of each other: an LLDP fact at either end of each link.

Figures: `start_s` (CPU until all links are known, in turns), `start_turn_p95_ms`, `fact_us` (a neighbour that is another: learned
and turned), `hear_us` (an answer that confirms), `hour_s` (CPU of an hour of turns, one each second, while all answer every
30 s), `sight_ms` (a table of 4,200 rows, of which 200 are of known devices), `book_mb`.
One rule: the links that come out are counted: all of them, and no others.
"""

from __future__ import annotations

import random
import statistics
import time
import tracemalloc
from typing import Any
from uuid import UUID

from domain.fact import Fact
from domain.inventory import Device, Inventory
from domain.observation import Sighting
from engine.judge.evidence import EvidenceBook
from engine.state import State

DEVICES = 10_000
PORTS = 8
NOW_US = 1_780_000_000_000_000
VANTAGE = UUID(int=1 << 100)
CHANGES = 500


def _id(number: int) -> UUID:
    return UUID(int=(number * 0x9E37_79B9_7F4A_7C15 % (1 << 96)) << 20 | number)


def _mac(number: int, port: int) -> str:
    return f"48:8F:{number >> 16:02X}:{number >> 8 & 255:02X}:{number & 255:02X}:{port:02X}"


def _address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def _heard(port: int, far: int, far_port: int) -> dict[str, str]:
    return {
        "interface": f"ether{port}",
        "mac": _mac(far, far_port),
        "address": _address(far),
        "identity": f"R{far}",
        "remote_interface": f"ether{far_port}",
        "heard_by": "cdp,lldp,mndp",
    }


class _Network:
    """A tree with some rings, as facts."""

    def __init__(self, dice: random.Random) -> None:
        inventory = Inventory()
        self.state = State(inventory, VANTAGE)
        self.hears: dict[int, list[tuple[int, int, int]]] = {number: [] for number in range(DEVICES)}
        next_port = [1] * DEVICES
        for a in range(1, DEVICES):
            b = (a - 1) // 4 if dice.random() < 0.9 else dice.randrange(a)
            self.hears[a].append((next_port[a], b, next_port[b]))
            self.hears[b].append((next_port[b], a, next_port[a]))
            next_port[a] += 1
            next_port[b] += 1
        for number in range(DEVICES):
            inventory.tables["device"][_id(number)] = Device(_id(number), f"R{number}", _address(number))
            facts = self.state.facts.setdefault(_id(number), {})
            told: dict[str, Any] = {"identity": f"R{number}"}
            for port in range(1, max(PORTS, next_port[number]) + 1):
                told[f"interface/ether{port}"] = {"kind": "ether", "mac": _mac(number, port)}
            for heard in self.hears[number]:
                told[f"neighbour/ether{heard[0]}/{_mac(*heard[1:])}"] = _heard(*heard)
            for field, value in told.items():
                facts[field, "routeros"] = Fact(_id(number), field, "routeros", VANTAGE, NOW_US, value)


def _cpu_of(work: Any) -> float:
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def run() -> dict[str, Any]:
    """Measure, and return the figures."""
    dice = random.Random(11)
    network = _Network(dice)
    turns_s: list[float] = []
    book = EvidenceBook(network.state)
    while book.is_behind:
        turns_s.append(_cpu_of(lambda: book.turn(NOW_US)))
    assert len(book.links) == DEVICES - 1
    figures = {"start_s": sum(turns_s), "start_turn_p95_ms": statistics.quantiles(turns_s, n=20)[18] * 1e3}

    def hear(at_us: int) -> None:
        for number in range(DEVICES):
            book.hear(_id(number), "routeros", at_us)

    hear(NOW_US + 1)
    while book.is_behind:
        book.turn(NOW_US + 1)
    figures["hear_us"] = _cpu_of(lambda: hear(NOW_US + 2)) / DEVICES * 1e6

    def change() -> None:
        for n in range(CHANGES):
            number = dice.randrange(1, DEVICES)
            port, far, far_port = network.hears[number][0]
            field = f"neighbour/ether{port}/{_mac(far, far_port)}"
            value = _heard(port, far, far_port) | {"identity": f"renamed {n}"}
            fact = Fact(_id(number), field, "routeros", VANTAGE, NOW_US + n, value)
            network.state.facts[_id(number)][field, "routeros"] = fact
            book.learn(_id(number), [fact])
            book.turn(NOW_US + n)

    figures["fact_us"] = _cpu_of(change) / CHANGES * 1e6
    hour_s = 0.0
    for second in range(3600):
        at_us = NOW_US + second * 1_000_000
        for number in range(second % 30, DEVICES, 30):
            book.hear(_id(number), "routeros", at_us)
        hour_s += _cpu_of(lambda at_us=at_us: book.turn(at_us))
    figures["hour_s"] = hour_s
    assert all(link.score > 0.9 for link in book.links.values())
    rows = [Sighting("fdb", "ether1", _mac(dice.randrange(DEVICES), 1)) for _ in range(200)]
    rows += [Sighting("fdb", "ether2", f"02:00:00:00:{n >> 8:02X}:{n & 255:02X}") for n in range(4_000)]
    figures["sight_ms"] = _cpu_of(lambda: book.sight(_id(0), rows, NOW_US)) * 1e3
    tracemalloc.start()
    again = EvidenceBook(network.state)
    while again.is_behind:
        again.turn(NOW_US)
    figures["book_mb"] = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    return {"figures": {name: round(value, 2) for name, value in figures.items()}, "peers": {}}
