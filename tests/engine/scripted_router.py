"""Routers for tests of the RouterOS driver: scripted ones, whose answers a test writes, and simulated ones.

Counterpart: `test_driver_mikrotik.py`, `test_driver_routeros*.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from domain.observation import Reading
from engine.drivers import Login
from engine.protocols.routeros import SentenceReader, encode_sentence
from engine.transport import Transports
from simnet.serving import SimulatedRouter
from tests.engine.peers import device_at, driver_of, tcp_peer

LOGIN = Login("monitor", "alpenglow")
Read = Callable[[], Awaitable[Reading]]
Rows = list[dict[str, str]]
Answers = dict[str, Rows | str | int | Callable[[list[str]], Rows]]
"""{path of a command: its rows, the words of a refusal, a count, or what makes rows of its words}.

A path that is missing has no such command; "*" stands for those.
"""


def values(reading: Reading) -> dict[tuple[str, str], float]:
    return {(metric, instance): value for metric, instance, value in reading.values}


def facts(reading: Reading) -> dict[str, Any]:
    return dict(reading.facts)


def against(
    router: SimulatedRouter, conversation: Callable[[Read], Awaitable[None]], timeout_s: float = 10.0
) -> None:
    async def main() -> None:
        transports = await Transports.open()
        async with router:
            device = device_at(router.api_address, "routeros")
            driver = driver_of(transports, device, LOGIN, timeout_s=timeout_s, retries=0)

            async def read() -> Reading:
                return (await driver.read()).reading

            await conversation(read)
            await driver.close()
        await transports.close()

    asyncio.run(main())


class ScriptedRouter:
    """Answers commands from a dictionary that the test changes at will; `rounds` holds the paths of each batch of words."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.rounds: list[list[str]] = []
        self.connections = 0
        self.hang_up_after: int | None = None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        sentences = SentenceReader()
        while data := await reader.read(65_536):
            commands = [[word.decode() for word in sentence] for sentence in sentences.feed(data)]
            paths = [words[0] for words in commands]
            if paths != ["/login"]:
                self.rounds.append(paths)
            if self.hang_up_after is not None and len(self.rounds) > self.hang_up_after:
                self.hang_up_after = None
                return
            for words in commands:
                tag = [word for word in words if word.startswith(".tag=")]
                for sentence in self._answer(words):
                    writer.write(encode_sentence([sentence[0], *tag, *sentence[1:]]))

    def _answer(self, words: list[str]) -> list[list[str]]:
        found = self.answers.get(words[0], self.answers.get("*", "no such command prefix"))
        if words[0] == "/login":
            return [["!done"]]
        if isinstance(found, int):
            return [["!done", f"=ret={found}"]]
        found = found(words) if callable(found) else found
        if isinstance(found, str):
            return [["!trap", f"=message={found}"], ["!done"]]
        return [*(["!re", *(f"={name}={value}" for name, value in row.items())] for row in found), ["!done"]]


def converse(router: ScriptedRouter, conversation: Callable[[Read], Awaitable[None]]) -> None:
    async def main() -> None:
        transports = await Transports.open()
        async with tcp_peer(router) as port:
            device = device_at(("127.0.0.1", port), "routeros")
            driver = driver_of(transports, device, LOGIN)

            async def read() -> Reading:
                return (await driver.read()).reading

            await conversation(read)
            await driver.close()
        await transports.close()

    asyncio.run(main())


def plain_router(**interfaces: dict[str, str]) -> Answers:
    """A router without radio, and with the named interfaces."""
    rows = [
        {".id": f"*{n:X}", "name": name, "type": "ether", "running": "true", "disabled": "false", **more}
        for n, (name, more) in enumerate((interfaces or {"ether1": {}}).items(), 1)
    ]
    return {
        "/system/resource/print": [{"uptime": "1d2h", "cpu-load": "7", "version": "7.18.2 (stable)"}],
        "/interface/print": rows,
        "/system/health/print": [],
        "/system/identity/print": [{"name": "r1"}],
        "/system/routerboard/print": [{"routerboard": "true", "model": "RB", "serial-number": "S1"}],
        "/interface/ethernet/monitor": [{"name": row["name"], "rate": "1Gbps"} for row in rows],
    }
