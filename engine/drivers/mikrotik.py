"""The RouterOS driver: what a MikroTik router tells over its API, or over REST. Counterpart: `routeros_session.py`,
`routeros_rest.py`, `routeros/menus.py`.

Theory: a cycle asks at most six menus: resources and interfaces each time, the others when they are due, the one first that
waits longest by its own measure. A menu that brought nothing is due seldom. On a new connection resources and interfaces
are asked alone, for they tell the version, the ports and their ids. A menu that the router does not have is left alone for
an hour, or until it restarts; so is one that our user may not read, and that is told. What a menu brought holds until it is
asked again: a reading tells the same series each cycle.
One rule: a reading needs /system/resource and /interface; everything else is told where it is there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import chain
from time import monotonic

from domain.errors import BadCredentials, Refused, Unsupported
from domain.observation import Value
from engine.drivers.driver import Answer, Login
from engine.drivers.routeros.menus import MENUS
from engine.drivers.routeros.router import Router
from engine.drivers.routeros.system import tell_rights
from engine.drivers.routeros_rest import RestSession
from engine.drivers.routeros_session import Endpoint, RouterOsSession, Session
from engine.transport.tcp import TcpTransport

MENUS_PER_CYCLE = 6
IDLE_CYCLES = 20
"""A menu that brought nothing, of those that are not asked each cycle, has its turn again after so many."""
REFUSED_S = 3_600.0

_ABSENT = ("no such command", "bad command", "unknown parameter", "expected end of command")
_FIRST_MEASURE = 4
"""In cycles: how long a menu may wait that was never asked, is not asked here, or was refused in passing."""

_Asked = list[tuple[int, Sequence[str]]]
"""Numbers of menus, and the words of their commands."""


class RouterOsDriver:
    """Asks one router over a connection that is kept. `phase` spreads the rare menus of many routers; `clock` is monotonic."""

    def __init__(
        self,
        tcp: TcpTransport,
        endpoint: Endpoint,
        login: Login,
        *,
        timeout_s: float,
        answer_s: float,
        phase: int = 0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._tcp = tcp
        self._endpoint = endpoint
        self._login = login
        self._timeout_s = timeout_s
        self._answer_s = answer_s
        self._phase = phase
        self._clock = clock
        self._session: Session | None = None
        self._router = Router(login.user, "rest-api" if endpoint.rest else "api")
        self._due = [0] * len(MENUS)
        self._refused_until_s: dict[int, float] = {}
        self._held: list[Sequence[Value]] = [()] * len(MENUS)

    async def read(self) -> Answer:
        """Ask the menus whose turn it is."""
        rtt_us = await self._ask_kept()
        if rtt_us is None:
            await self.close()  # the router may have closed its half: ours would stay open
            session = self._session = await self._open()
            self._router.wants_list = True
            needed = [(n, menu.words(self._router) or ()) for n, menu in enumerate(MENUS) if menu.needed]
            rtt_us = await self._ask(session, needed)
            more = [(n, words) for n, words in self._next() if not MENUS[n].needed]
            await self._ask(session, more[: MENUS_PER_CYCLE - len(needed)])
        self._router.cycle += 1
        return Answer(rtt_us, self._router.take_reading(tuple(chain.from_iterable(self._held))))

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None

    async def _open(self) -> Session:
        asked = self._tcp, self._endpoint, self._login, self._timeout_s
        return await (RestSession.open(*asked) if self._endpoint.rest else RouterOsSession.open(*asked))

    async def _ask_kept(self) -> int | None:
        """Ask over the kept connection; None where there is none, or the router has dropped it meanwhile."""
        session = self._session
        if session is None or session.is_closed:
            return None
        try:
            return await self._ask(session, self._next()[:MENUS_PER_CYCLE])
        except Refused:
            return None

    def _next(self) -> _Asked:
        """Return the menus that are due: those that are needed, then who waits longest by its own measure."""
        router, due, refused = self._router, self._due, self._refused_until_s
        cycle, now_s = router.cycle, self._clock() if refused else 0.0
        waiting: list[tuple[float, int, Sequence[str]]] = []
        for number, menu in enumerate(MENUS):
            if due[number] > cycle or refused.get(number, 0.0) > now_s:
                continue
            words = menu.words(router)
            if words is None:
                self._held[number] = ()
                due[number] = cycle + min(menu.every, _FIRST_MEASURE)
                continue
            measure = menu.every if due[number] or menu.every == 1 else _FIRST_MEASURE
            late = (due[number] - cycle - 1) / measure
            waiting.append((-math.inf if menu.needed else late, number, words))
        waiting.sort()
        return [(number, words) for _, number, words in waiting]

    async def _ask(self, session: Session, asked: _Asked) -> int:
        router = self._router
        answered = await session.run([words for _, words in asked], self._answer_s)
        for (number, _), printed in zip(asked, answered.answers, strict=True):
            menu = MENUS[number]
            if printed.refusal:
                self._on_refusal(number, printed.refusal)
                continue
            values: list[Value] = []
            menu.take(router, printed.rows, answered.at_us, values)
            self._held[number] = values
            is_idle = menu.every > 1 and not values and not printed.rows
            every = max(menu.every, IDLE_CYCLES) if is_idle else menu.every
            spread = 0 if self._due[number] else self._phase % every
            self._due[number] = router.cycle + every + spread
            if menu.name in router.refused_menus:
                router.refused_menus.discard(menu.name)
                if not router.refused_menus:
                    router.missing_rights.clear()
                tell_rights(router)
            elif menu.name == "group":
                tell_rights(router)
        if router.restarted:  # it may have other packages now, or another version
            router.restarted = False
            self._refused_until_s.clear()
            self._due = [min(due, router.cycle + 1) for due in self._due]
        return answered.rtt_us

    def _on_refusal(self, number: int, refusal: str) -> None:
        """Leave a menu alone that is not there or not allowed; anything else may be otherwise next time."""
        menu, router = MENUS[number], self._router
        is_forbidden = "permission" in refusal
        if menu.needed:
            where = self._endpoint.name
            if is_forbidden:
                said = f"user {self._login.user!r} may not read {menu.name}: {refusal}"
                raise BadCredentials(f"{where}: {said}. Give its group the policies {router.rights}.")
            raise Unsupported(f"{where} refuses to tell {menu.name}: {refusal}")
        was_there = bool(self._due[number])
        self._held[number] = ()
        self._due[number] = router.cycle + max(menu.every, _FIRST_MEASURE)
        if is_forbidden:
            self._refused_until_s[number] = self._clock() + REFUSED_S
            if menu.right:
                router.missing_rights.add(menu.right)
                router.refused_menus.add(menu.name)
                tell_rights(router)
        elif refusal.startswith(_ABSENT):
            self._refused_until_s[number] = self._clock() + REFUSED_S
            if was_there:
                menu.take(router, [], 0, [])  # what was told of it is gone
        else:
            router.wants_list = True  # "no such item": the ids may be old
