"""Runs a network until it is told to stop: the processes that serve it, the commands that reach it, the play that is played.

Counterpart: `__main__.py` says what to run, `serving.py` serves. Several processes serve a share of the routers each;
all hold the whole world and get every command with its moment, so their worlds stay equal. One rule: only the first
process decides, and only it touches routes and files.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from simnet.clock import SteadyClock
from simnet.control import ControlListener
from simnet.faults import CommandError
from simnet.loopback import API_PORT, DEMO_BLOCK, SNMP_PORT, Endpoint, Loopback, System, claim_loopback
from simnet.network import Network
from simnet.scenario import demo_steps
from simnet.serving import SimulatedNetwork

_LOOK_S = 1.0
"""How often the first process looks whether the others live."""
_READY_TIMEOUT_S = 120.0
_COMMAND_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 5.0

_log = logging.getLogger("simnet")


class FleetError(RuntimeError):
    """The network could not be served, or a process of it ended."""


@dataclass(frozen=True, slots=True)
class Play:
    """What to run. `inventory` is where to write what an operator would type in."""

    network: Network
    state: Path
    processes: int = 1
    needs_path: bool = False
    plays_demo: bool = False
    inventory: Path | None = None
    with_parent: bool = False
    snmp_port: int = SNMP_PORT
    api_port: int = API_PORT
    port_base: int = SNMP_PORT


def run_fleet(play: Play) -> None:
    """Serve until a signal, the word "stop", or with `with_parent` the end of the standard input.

    Raises:
        FleetError: a process of it ended.
        LoopbackError: there are no addresses or ports.
        SecondSimulatorError: another simulator has the state folder.
    """
    _run_loop(_Fleet(play).run())


def _run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run on a loop whose datagram sockets never go deaf: on Windows that is not the default one (cpython #91227)."""
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection[Any, Any]


class _Fleet:
    def __init__(self, play: Play) -> None:
        self._play = play
        self._clock = SteadyClock()
        self._epoch_s = self._clock()
        self._workers: list[_Worker] = []

    async def run(self) -> None:
        play = self._play
        names = [router.name for router in play.network.routers]
        loopback = claim_loopback(
            names,
            first_block=DEMO_BLOCK,
            snmp_port=play.snmp_port,
            api_port=play.api_port,
            port_base=play.port_base,
        )
        stop = asyncio.Event()
        _stop_on_signal(stop)
        if play.with_parent:
            _stop_on_end_of_input(stop)
        try:
            shares = [names[number :: play.processes] for number in range(play.processes)]
            own = SimulatedNetwork(
                play.network,
                clock=self._clock,
                epoch_s=self._epoch_s,
                needs_path=play.needs_path,
                loopback=loopback,
                serve=shares[0],
            )
            async with own:
                for share in shares[1:]:
                    self._start_worker(share, loopback)
                await self._wait_for_workers()
                await self._serve(own, stop)
        finally:
            loopback.close()
            self._stop_workers()

    async def _serve(self, own: SimulatedNetwork, stop: asyncio.Event) -> None:
        play, loop = self._play, asyncio.get_running_loop()

        async def apply(words: list[str]) -> tuple[bool, str]:
            try:
                return True, self._apply(own, words)
            except CommandError as error:
                return False, str(error)

        def answer(words: list[str]) -> tuple[bool, str]:
            """Answer in the listener's thread."""
            if words == ["stop"]:
                loop.call_soon_threadsafe(stop.set)
                return True, "the simulator stops"
            return asyncio.run_coroutine_threadsafe(apply(words), loop).result(_COMMAND_TIMEOUT_S)

        listener = ControlListener(play.state, answer)
        try:
            if play.inventory:
                write_private(play.inventory, json.dumps(own.inventory(), ensure_ascii=False, indent=1))
            async with asyncio.TaskGroup() as tasks:
                actors = [tasks.create_task(self._watch_workers())]
                if play.plays_demo:
                    actors.append(tasks.create_task(self._play_demo(own)))
                _announce(play, own)
                while not stop.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), _LOOK_S)
                for actor in actors:
                    actor.cancel()
        finally:
            listener.close()

    def _apply(self, own: SimulatedNetwork, words: Sequence[str]) -> str:
        at_s = self._clock()
        reply = own.command(words, at_s)
        own.silence_dead()
        for worker in self._workers:
            worker.pipe.send((at_s, list(words)))
        return reply

    async def _play_demo(self, own: SimulatedNetwork) -> None:
        for after_s, words in demo_steps(self._play.network):
            await asyncio.sleep(self._epoch_s + after_s - self._clock())
            try:
                _log.info("scenario: %s", self._apply(own, words))
            except CommandError as error:
                _log.warning("scenario: %s: %s", " ".join(words), error)

    def _start_worker(self, names: list[str], loopback: Loopback) -> None:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        share = _Share(
            self._play.network,
            names,
            loopback.endpoints,
            loopback.can_silence,
            self._clock,
            self._epoch_s,
            self._play.needs_path,
        )
        process = context.Process(target=_serve_share, args=(share, there), name="simnet share", daemon=True)
        process.start()
        there.close()
        self._workers.append(_Worker(process, here))

    async def _wait_for_workers(self) -> None:
        for worker in self._workers:
            is_there = await asyncio.to_thread(worker.pipe.poll, _READY_TIMEOUT_S)
            try:
                if not is_there or worker.pipe.recv() != "ready":
                    raise FleetError("a process of the simulator did not start in time")
            except EOFError:
                raise FleetError("a process of the simulator ended at its start") from None

    async def _watch_workers(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            if not all(worker.process.is_alive() for worker in self._workers):
                raise FleetError("a process of the simulator ended")

    def _stop_workers(self) -> None:
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            worker.process.join(_STOP_TIMEOUT_S)
            if worker.process.is_alive():
                worker.process.kill()


@dataclass(frozen=True, slots=True)
class _Share:
    """What a further process needs to know."""

    network: Network
    names: list[str]
    endpoints: dict[str, Endpoint]
    can_silence: bool
    clock: SteadyClock
    epoch_s: float
    needs_path: bool


def _serve_share(share: _Share, pipe: Connection[Any, Any]) -> None:
    """Serve some of the routers until the pipe closes; the entry of a further process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _run_loop(_serve_routers(share, pipe))


async def _serve_routers(share: _Share, pipe: Connection[Any, Any]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    network = SimulatedNetwork(
        share.network,
        clock=share.clock,
        epoch_s=share.epoch_s,
        needs_path=share.needs_path,
        loopback=Loopback(share.endpoints, System(), None, can_silence=share.can_silence),
        serve=share.names,
    )

    def listen() -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                at_s, words = pipe.recv()
                loop.call_soon_threadsafe(network.command, words, at_s)
        with contextlib.suppress(RuntimeError):  # the loop ended before us
            loop.call_soon_threadsafe(stop.set)

    async with network:
        threading.Thread(target=listen, name="simnet commands", daemon=True).start()
        pipe.send("ready")
        await stop.wait()


def _announce(play: Play, own: SimulatedNetwork) -> None:
    line = {
        "event": "ready",
        "network": play.network.name,
        "devices": len(play.network.routers),
        "links": len(play.network.links),
        "processes": play.processes,
        "addresses": "own" if own.loopback.has_own_addresses else "ports",
        "pings_can_die": own.loopback.can_silence,
        "inventory": str(play.inventory) if play.inventory else None,
        "state": str(play.state),
        "pid": os.getpid(),
    }
    with contextlib.suppress(OSError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _stop_on_signal(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def on_signal(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(stop.set)

    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), on_signal)


def _stop_on_end_of_input(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(sys.stdin.fileno(), 1024):  # not sys.stdin.read: its lock would be held at the exit
                pass
        with contextlib.suppress(RuntimeError):  # the loop ended before us
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, name="simnet parent", daemon=True).start()
