"""Streams of rates from simulated and scripted routers: what is asked, what is told, how they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from domain.errors import BadCredentials, BadReply, DeviceError, NoAnswer, Refused
from domain.inventory import Device, Probe
from domain.observation import Value
from engine.drivers import streamed_probe
from engine.drivers.driver import Login
from engine.drivers.routeros_live import STREAMED_CAP, RateStream
from engine.drivers.routeros_session import Endpoint
from engine.protocols.routeros import SentenceReader, encode_sentence
from engine.transport.tcp import TcpTransport
from simnet.serving import SimulatedRouter
from tests.engine.peers import device_at, tcp_peer, until
from tests.engine.scripted_router import LOGIN
from tests.engine.simnet_peers import run

Words = list[str]
Say = Callable[..., Awaitable[None]]


@asynccontextmanager
async def streaming(
    address: tuple[str, int], login: Login = LOGIN, list_again_s: float = 60.0
) -> AsyncIterator[tuple[asyncio.Task[None], list[Sequence[Value]]]]:
    """A stream that runs, and what it told so far."""
    tcp = TcpTransport()
    told: list[Sequence[Value]] = []
    stream = RateStream(tcp, Endpoint(*address), login, timeout_s=30.0, list_again_s=list_again_s)
    task = asyncio.ensure_future(stream.run(told.append))
    try:
        yield task, told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await tcp.close()


class Script:
    """A router of one connection: `listed` are its running interfaces, `goes_on` what it does when asked for rates."""

    def __init__(
        self, goes_on: Callable[[Words, Say], Awaitable[None]], listed: Sequence[str] = ("ether1",)
    ) -> None:
        self.goes_on = goes_on
        self.listed = listed
        self.heard: list[Words] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sentences = SentenceReader()
        monitoring: asyncio.Future[None] | None = None
        while data := await reader.read(65_536):
            for sentence in sentences.feed(data):
                words = [word.decode() for word in sentence]
                self.heard.append(words)
                tags = [word for word in words if word.startswith(".tag=")]

                async def say(kind: str, *more: str, tags: list[str] = tags) -> None:
                    writer.write(encode_sentence([kind, *tags, *more]))
                    await writer.drain()

                if words[0] == "/interface/print":
                    for name in self.listed:
                        await say("!re", f"=name={name}")
                if words[0] == "/interface/monitor-traffic":
                    monitoring = asyncio.ensure_future(self.goes_on(words, say))
                    continue
                if words[0] == "/cancel" and monitoring is not None:
                    monitoring.cancel()
                    stopped = [f".tag={word[5:]}" for word in words if word.startswith("=tag=")]
                    await say("!trap", "=category=2", "=message=interrupted", tags=stopped)
                    await say("!done", tags=stopped)
                await say("!done")
        if monitoring is not None:
            monitoring.cancel()

    @property
    def asked(self) -> Words:
        """The command for rates."""
        return next(words for words in self.heard if words[0] == "/interface/monitor-traffic")


async def say_one(_words: Words, say: Say) -> None:
    await say("!re", "=name=ether1", "=rx-bits-per-second=10", "=tx-bits-per-second=20", "=.section=0")


def test_a_simulated_router_streams_the_rates_of_what_runs_and_ends_with_its_connection() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            server = router[router.NAME]
            async with streaming(router.api_address) as (task, told):
                await until(lambda: len(told) >= 2)
                assert (server.connections, server.streams) == (1, 1)
                running = {port.name for port in router.router.interfaces if port.running}
                assert {(m, name) for m, name, _ in told[-1]} == {
                    (metric, name) for metric in ("if_in_bps", "if_out_bps") for name in running
                }
                assert all(value >= 0 for _, _, value in told[-1])
                began_s = asyncio.get_running_loop().time()
                task.cancel()
                await until(lambda: server.connections == 0)
                assert asyncio.get_running_loop().time() - began_s < 10
                assert server.streams == 0

    run(scene())


def test_a_command_that_goes_on_is_cancelled_by_its_tag_before_the_connection_ends() -> None:
    async def scene() -> None:
        script = Script(say_one)
        async with tcp_peer(script) as port, streaming(("127.0.0.1", port)) as (task, told):
            await until(lambda: bool(told))
            assert told == [[("if_in_bps", "ether1", 10.0), ("if_out_bps", "ether1", 20.0)]]
            task.cancel()
            await until(lambda: script.heard[-1][0] == "/cancel")
            (tag,) = (word[5:] for word in script.asked if word.startswith(".tag="))
            assert f"=tag={tag}" in script.heard[-1]

    run(scene())


def test_rates_are_kept_between_sentences_of_one_interface_each_and_foreign_names_are_left_out() -> None:
    async def both(_words: Words, say: Say) -> None:
        await say("!re", "=name=a", "=rx-bits-per-second=1", "=tx-bits-per-second=2")
        await say("!re", "=name=b", "=rx-bits-per-second=3", "=tx-bits-per-second=-4")
        await say("!re", "=name=foreign", "=rx-bits-per-second=5", "=tx-bits-per-second=6")
        await say("!re", "=name=b", "=rx-bits-per-second=7", "=tx-bits-per-second=8")

    async def scene() -> None:
        script = Script(both, ["a", "b", "with,comma", "x" * 65])
        async with tcp_peer(script) as port, streaming(("127.0.0.1", port)) as (_, told):
            whole = [
                ("if_in_bps", "a", 1.0),
                ("if_out_bps", "a", 2.0),
                ("if_in_bps", "b", 7.0),
                ("if_out_bps", "b", 8.0),
            ]
            await until(lambda: bool(told) and told[-1] == whole)
            assert "=interface=a,b" in script.asked

    run(scene())


def test_a_router_of_many_interfaces_is_asked_for_so_many() -> None:
    async def scene() -> None:
        script = Script(say_one, [f"ether{n}" for n in range(1, 200)])
        async with tcp_peer(script) as port, streaming(("127.0.0.1", port)) as (_, told):
            await until(lambda: bool(told))
            (names,) = (word for word in script.asked if word.startswith("=interface="))
            assert len(names.split(",")) == STREAMED_CAP

    run(scene())


def test_the_list_is_asked_again_and_a_port_that_came_up_is_streamed_too() -> None:
    async def scene() -> None:
        async def goes_on(words: Words, say: Say) -> None:
            script.listed = ["a", "b"]
            while True:
                for name in next(w for w in words if w.startswith("=interface="))[11:].split(","):
                    await say("!re", f"=name={name}", "=rx-bits-per-second=1", "=tx-bits-per-second=1")
                await asyncio.sleep(0.005)

        script = Script(goes_on, ["a"])
        async with tcp_peer(script) as port, streaming(("127.0.0.1", port), list_again_s=0.01) as (_, told):
            await until(lambda: any(len(rates) == 4 for rates in told))
            logins = [words for words in script.heard if words[0] == "/login"]
            assert len(logins) == 1

    run(scene())


async def deny(_words: Words, say: Say) -> None:
    await say("!trap", "=message=not enough permissions (9)")
    await say("!done")


async def lose(_words: Words, say: Say) -> None:
    await say("!trap", "=message=input does not match any value of interface")
    await say("!done")


async def end_at_once(_words: Words, say: Say) -> None:
    await say("!done")


async def say_farewell(_words: Words, say: Say) -> None:
    await say("!fatal", "rebooting")


async def flood(_words: Words, say: Say) -> None:
    while True:
        await say("!re", "=name=ether1", "=rx-bits-per-second=1", f"=comment={'x' * 4000}")


@pytest.mark.parametrize(
    ("goes_on", "kind", "said"),
    [
        (deny, BadCredentials, "not enough permissions"),
        (lose, Refused, "does not match"),
        (end_at_once, Refused, "ended a command"),
        (say_farewell, Refused, "rebooting"),
        (flood, BadReply, "more than it was asked for"),
    ],
)
def test_a_stream_that_ends_says_why(
    goes_on: Callable[[Words, Say], Awaitable[None]], kind: type[DeviceError], said: str
) -> None:
    async def scene() -> None:
        async with tcp_peer(Script(goes_on)) as port, streaming(("127.0.0.1", port)) as (task, _):
            with pytest.raises(kind, match=said) as caught:
                await task
            assert f"127.0.0.1:{port}" in str(caught.value)

    run(scene())


def test_a_router_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.drivers.routeros_live.SILENCE_S", 1.0)

    async def scene() -> None:
        async with tcp_peer(Script(say_one)) as port, streaming(("127.0.0.1", port)) as (task, told):
            with pytest.raises(NoAnswer, match="following a command"):
                await task
            assert len(told) == 1

    run(scene())


def test_a_wrong_password_is_bad_credentials() -> None:
    async def scene() -> None:
        async with (
            SimulatedRouter() as router,
            streaming(router.api_address, Login("monitor", "no")) as (task, told),
        ):
            with pytest.raises(BadCredentials):
                await task
            assert told == []
            await until(lambda: router[router.NAME].connections == 0)

    run(scene())


def test_only_the_api_streams() -> None:
    api = device_at(("127.0.0.1", 8728), "routeros", Probe("icmp"))
    assert streamed_probe(api) == Probe("routeros", 8728)
    rest = (Probe("snmp", 161), Probe("routeros", 443, tls=True, target="rest"))
    assert streamed_probe(Device(api.id, "d", "127.0.0.1", rest)) is None
