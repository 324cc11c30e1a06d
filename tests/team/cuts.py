"""A computer in a tunnel: nothing goes out over TCP, the line to the server included. Counterpart: `engines.py`."""

from __future__ import annotations

from typing import Any

from domain.errors import NoAnswer
from tests.team.engines import Joined


class Cut:
    """Takes an engine's way to everything over TCP, and gives it back."""

    def __init__(self, engine: Joined) -> None:
        self._engine, self._tcp = engine, engine.engine._transports.tcp
        self._connect = self._tcp.connect

    def cut(self) -> None:
        """Be in a tunnel."""

        async def nowhere(*_: Any, **__: Any) -> Any:
            raise NoAnswer("there is no route")

        self._tcp.connect = nowhere  # type: ignore[method-assign]
        desk = self._engine.engine._team.desk
        assert desk is not None and desk.client._line is not None
        desk.client._line.close()

    def mend(self) -> None:
        """Be out again."""
        self._tcp.connect = self._connect  # type: ignore[method-assign]
        desk = self._engine.engine._team.desk
        assert desk is not None
        desk.client.try_now()
