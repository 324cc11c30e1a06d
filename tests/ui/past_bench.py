"""The past for tests of the window: what the engine says of a moment 14 hours ago. Counterpart: `app/past/`."""

from __future__ import annotations

from typing import Any

from app.draft import now_us
from app.past.scrubber import HOUR_US
from domain.alerts import Alert, fingerprint
from domain.asking import Density, LoadThen, Moment, QueryDensity, QueryLoads, QueryMoment
from domain.fault import Fault
from domain.health import Health
from domain.inventory import Device, Site
from domain.load import LinkState
from domain.wire import Changed, Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of, small_network

G1, G2, L1, LINK = map(id_of, ("g1", "g2", "l1", "link"))
AGO_US = 14 * HOUR_US


def moment_of(at_us: int, number: int = 1, **changed: Any) -> Reply:
    found = Changed(0, **changed)
    return Reply(0, result={"moment": Moment(number, at_us, 9, at_us - 1), "changed": found, "part": 0})


def whole(at_us: int, down: bool = True, **more: Any) -> Reply:
    """Return the small network as it was: Grünten R1 down with its alert, the AP behind it, and called otherwise."""
    tables = small_network().tables
    old = tables["device"][G1]
    assert isinstance(old, Device)
    since_us = at_us - 180_000_000
    health = [Health(id, VANTAGE, "down" if down and id != L1 else "up", since_us) for id in (G1, G2, L1)]
    alert = Alert(
        fingerprint("device_down", G1),
        "device_down",
        G1,
        "critical",
        since_us,
        title="Grünten R1 does not answer",
    )
    return moment_of(
        at_us,
        initial=True,
        sites=tuple(row for row in tables["site"].values() if isinstance(row, Site)),
        devices=tuple(row for row in tables["device"].values() if isinstance(row, Device)),
        links=tuple(tables["link"].values()),
        health=tuple(health),
        link_states=(LinkState(LINK, "up", since_us),),
        alerts=(alert,) if down else (),
        faults=(Fault(G1, "device", since_us, (G2,), behind=1),) if down else (),
        **more,
    )


def enter(bench: Bench) -> Bench:
    """Go where Grünten R1 was down, 14 hours ago, from a network in which all is up."""
    bench.engine.tell(
        lambda batch: Changed(batch, health=tuple(Health(id, VANTAGE, "up", 1) for id in (G1, G2, L1)))
    )
    bench.wait_for(lambda: len(bench.model.health) == 3)
    at_us = now_us() - AGO_US
    bench.engine.answers[QueryMoment] = whole(at_us)
    bench.engine.answers[QueryLoads] = Reply(0, result={"loads": [LoadThen(LINK, 9e8, 1e6, "polls")]})
    bench.engine.answers[QueryDensity] = Reply(0, result={"density": Density(at_us, now_us())})
    bench.window.past.machine.enter(at_us)
    bench.wait_for(lambda: bench.window.past.machine.is_there)
    bench.wait_for(lambda: bench.model.link_states[LINK].ab_bps is not None)
    return bench


def asked(bench: Bench, kind: type) -> list[Any]:
    return [message for message in bench.engine.heard if isinstance(message, kind)]


def answer_each_moment(bench: Bench) -> list[int]:
    """Let the engine answer each question with the moment that was asked for; return where they are noted."""
    noted: list[int] = []
    request = bench.link.request

    def ask(make: Any, take: Any) -> None:
        message = make(0)
        if isinstance(message, QueryMoment):
            noted.append(message.at_us)
            bench.engine.answers[QueryMoment] = moment_of(message.at_us, 10 + len(noted))
        request(make, take)

    bench.link.request = ask  # type: ignore[method-assign]
    return noted
