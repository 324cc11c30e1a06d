"""The RouterOS driver: what a MikroTik router tells over its API. Counterpart: `routeros_session.py`, `menus.py`.

Theory: a cycle asks for resources, interfaces and health, and for the wireless clients of the kinds of radio that the router
has; what changes seldom (identity, serial number, link speeds) has its turn in the places that are left of six menus a cycle.
The first cycle asks in two rounds, for only the interfaces tell which radios there are. A menu that the router refuses is
left alone for 20 cycles: which it has depends on version, board and packages.
One rule: a reading needs /system/resource and /interface; everything else is told where it is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import BadCredentials, Refused, Unsupported
from domain.observation import Reading, Value
from engine.drivers.driver import Answer, Login
from engine.drivers.menus import MENUS, Menu, Router
from engine.drivers.routeros_session import Round, RouterOsSession
from engine.transport.tcp import TcpTransport

MENUS_PER_CYCLE = 6
REPEAT_CYCLES = 20


class RouterOsDriver:
    """Asks one router over a connection that is kept. `phase` spreads the slow menus of many routers."""

    def __init__(
        self,
        tcp: TcpTransport,
        endpoint: tuple[str, int],
        login: Login,
        *,
        timeout_s: float,
        answer_s: float,
        phase: int = 0,
    ) -> None:
        self._tcp = tcp
        self._endpoint = endpoint
        self._login = login
        self._timeout_s = timeout_s
        self._answer_s = answer_s
        self._phase = phase % REPEAT_CYCLES
        self._session: RouterOsSession | None = None
        self._cycle = 0
        self._due_cycle = dict.fromkeys(MENUS, 0)
        self._router = Router()

    async def read(self) -> Answer:
        """Ask the menus whose turn it is."""
        router = self._router
        values: list[Value] = []
        first = [menu for menu in MENUS if menu.needed] if not self._cycle else self._due(MENUS_PER_CYCLE)
        answered = await self._run_or_reconnect(first)
        self._take(first, answered, values)
        if not self._cycle:
            more = [menu for menu in self._due(MENUS_PER_CYCLE) if menu not in first]
            self._take(more, await self._run(more), values)
        self._cycle += 1
        reading = Reading(tuple(values), tuple(router.untold.items()), tuple(sorted(router.untold_whole)))
        router.untold.clear()
        router.untold_whole.clear()
        return Answer(answered.rtt_us, reading)

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _due(self, most: int) -> list[Menu]:
        due = [menu for menu in MENUS if self._due_cycle[menu] <= self._cycle and menu.words(self._router)]
        due.sort(key=lambda menu: menu.slow)
        return due[:most]

    async def _run_or_reconnect(self, menus: Sequence[Menu]) -> Round:
        """Use the kept connection; where the router has dropped it meanwhile, make a new one, once."""
        if self._session is not None and not self._session.is_closed:
            try:
                return await self._run(menus)
            except Refused:
                self._session = None
        self._session = await RouterOsSession.open(self._tcp, self._endpoint, self._login, self._timeout_s)
        self._due_cycle = dict.fromkeys(MENUS, 0)  # it may have been rebooted, or upgraded
        self._router.wants_list = True
        return await self._run(menus)

    async def _run(self, menus: Sequence[Menu]) -> Round:
        if self._session is None:
            raise Refused(f"{self._endpoint[0]} closed the connection")
        return await self._session.run([menu.words(self._router) or () for menu in menus], self._answer_s)

    def _take(self, menus: Sequence[Menu], answered: Round, values: list[Value]) -> None:
        for menu, printed in zip(menus, answered.answers, strict=True):
            if printed.refusal:
                self._on_refusal(menu, printed.refusal)
                continue
            menu.take(self._router, printed.rows, answered.at_us, values)
            if menu.slow:
                phase = self._phase if not self._due_cycle[menu] else 0
                self._due_cycle[menu] = self._cycle + REPEAT_CYCLES + phase
        if self._cycle and self._cycle % REPEAT_CYCLES == self._phase:
            self._router.wants_list = True

    def _on_refusal(self, menu: Menu, refusal: str) -> None:
        self._due_cycle[menu] = self._cycle + REPEAT_CYCLES
        if not menu.needed:
            return
        self._due_cycle[menu] = self._cycle
        where = f"{self._endpoint[0]}:{self._endpoint[1]}"
        if "permission" in refusal:
            raise BadCredentials(f"{where}: user {self._login.user!r} may not read {menu.name}: {refusal}")
        raise Unsupported(f"{where} refuses to tell {menu.name}: {refusal}")
