"""What flows through a router's interfaces, second by second, while somebody looks. Counterpart: `monitor/live.py` starts it.

It has a connection of its own: a poll never waits for it, and it ends with it. One rule: the router works for it, so it is
asked for at most `STREAMED_CAP` interfaces, and told to stop when nobody looks any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from domain.observation import Value
from engine.drivers.driver import Login
from engine.drivers.routeros.interfaces import ASK_RUNNING
from engine.drivers.routeros.router import NAME_CAP, Row, add
from engine.drivers.routeros.spelling import read_whole
from engine.drivers.routeros_session import Endpoint, RouterOsSession, refused
from engine.transport.tcp import TcpTransport

STREAMED_CAP = 64
LIST_AGAIN_S = 60.0
"""How long one list of running interfaces is good."""
SILENCE_S = 5.0
"""A router that says nothing for so long says nothing any more: it should each second."""

_COLUMNS = (("rx-bits-per-second", "if_in_bps"), ("tx-bits-per-second", "if_out_bps"))
_PROPLIST = f"=.proplist=name,{','.join(column for column, _ in _COLUMNS)}"


class RateStream:
    """The rates of one router's running interfaces."""

    def __init__(
        self,
        tcp: TcpTransport,
        endpoint: Endpoint,
        login: Login,
        *,
        timeout_s: float,
        list_again_s: float = LIST_AGAIN_S,
    ) -> None:
        self._tcp = tcp
        self._endpoint = endpoint
        self._login = login
        self._timeout_s = timeout_s
        self._list_again_s = list_again_s

    async def run(self, on_rates: Callable[[Sequence[Value]], None]) -> None:
        """Tell all rates each second until cancelled; the connection is closed then. Raises DeviceError."""
        session = await RouterOsSession.open(self._tcp, self._endpoint, self._login, self._timeout_s)
        try:
            while True:
                names = await self._ask_running(session)
                if names:
                    await self._follow(session, names, on_rates)
                else:
                    on_rates(())
                    await asyncio.sleep(self._list_again_s)
        finally:
            session.close()

    async def _ask_running(self, session: RouterOsSession) -> list[str]:
        (printed,) = (await session.run([ASK_RUNNING], self._timeout_s)).answers
        if printed.refusal:
            raise refused(session.where, printed.refusal)
        names = dict.fromkeys(row.get("name", "") for row in printed.rows)
        return [name for name in names if name and len(name) <= NAME_CAP and "," not in name][:STREAMED_CAP]

    async def _follow(
        self, session: RouterOsSession, names: Sequence[str], on_rates: Callable[[Sequence[Value]], None]
    ) -> None:
        rates: dict[str, list[Value]] = {name: [] for name in names}

        def take(rows: list[Row]) -> None:
            for row in rows:
                name = row.get("name", "")
                if name in rates:
                    rates[name] = _read_rates(name, row)
            on_rates([value for values in rates.values() for value in values])

        words = ("/interface/monitor-traffic", f"=interface={','.join(names)}", _PROPLIST)
        await session.follow(words, take, for_s=self._list_again_s, silence_s=SILENCE_S)


def _read_rates(name: str, row: Row) -> list[Value]:
    values: list[Value] = []
    for column, metric in _COLUMNS:
        rate_bps = read_whole(row.get(column, ""))
        add(values, metric, name, None if rate_bps is None else float(rate_bps))
    return values
