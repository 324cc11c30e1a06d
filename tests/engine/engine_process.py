"""The engine as a process whose log is waited on, and simulated networks for it to poll."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

from domain.edit import Edit, Step, creation
from domain.inventory import Credential, Device, Link, Probe, Site
from domain.vault import Secret
from domain.wire import Reply, SubmitEdit
from tests.engine.client import WAIT_S, TestClient

T = TypeVar("T")


class EngineProcess:
    """The engine on a profile; `lines` is its log so far. `patch` is Python that is run before. Who connects has as long to
    prove himself as a test waits: a machine that pauses refuses nobody."""

    def __init__(self, profile: Path, *arguments: str, with_parent: bool = True, patch: str = "") -> None:
        self.profile = profile
        self.lines: list[dict[str, Any]] = []
        self.text = ""
        self._news = threading.Condition()
        patient = f"from engine import client_line\nclient_line.AUTHENTICATION_S = {WAIT_S}"
        run = f"import sys\n{patient}\n{patch}\nfrom engine.__main__ import main\nsys.exit(main())"
        command = [sys.executable, "-c", run, "--profile", str(profile), *arguments]
        self.process = subprocess.Popen(
            command + ["--with-parent"] * with_parent,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.text += line
                self.lines.append(json.loads(line) if line.startswith("{") else {"event": "", "raw": line})
                self._news.notify_all()

    def event(self, name: str, **fields: Any) -> dict[str, Any]:
        """Return the first log line of that event with those fields, once it is there."""
        deadline_s = time.monotonic() + WAIT_S
        with self._news:
            while True:
                for line in self.lines:
                    if line["event"] == name and all(line.get(k) == v for k, v in fields.items()):
                        return line
                if time.monotonic() > deadline_s or not self._reader.is_alive():
                    raise AssertionError(f"no {name} {fields} in the log:\n{self.text[-4000:]}")
                self._news.wait(0.5)

    def client(self) -> TestClient:
        """Return a client, once the endpoint is open."""
        self.event("endpoint_open")
        return TestClient.of_profile(self.profile)

    def wait(self) -> int:
        """Return the exit code."""
        code = self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        return code

    def stop(self) -> int:
        """Close its standard input, as a parent that dies does, and return the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.wait()

    def __enter__(self) -> EngineProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()


class Simulation:
    """Holds asynchronous contexts (networks, hostile routers) open on a loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._open: list[tuple[asyncio.Event, asyncio.Future[None]]] = []
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S)

    def call(self, what: Callable[[], T]) -> T:
        """Run a function on the loop and return its result."""

        async def run() -> T:
            return what()

        return self.run(run())

    def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        """Enter a context; it is left, in the task that entered it, when the simulation is closed."""

        async def hold(entered: asyncio.Future[T], leave: asyncio.Event) -> None:
            try:
                async with context as value:
                    entered.set_result(value)
                    await leave.wait()
            except BaseException as error:
                if not entered.done():
                    entered.set_exception(error)
                raise

        async def enter() -> T:
            entered: asyncio.Future[T] = self.loop.create_future()
            leave = asyncio.Event()
            self._open.append((leave, self.loop.create_task(hold(entered, leave))))
            return await entered

        return self.run(enter())

    def close(self) -> None:
        """Leave all contexts and end the loop."""

        async def leave() -> None:
            for event, _ in self._open:
                event.set()
            await asyncio.gather(*(task for _, task in self._open), return_exceptions=True)
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        self.run(leave())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(WAIT_S)
        self.loop.close()

    def __enter__(self) -> Simulation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Typist:
    """Types in what a simulated network's operator would: one edit with all things, ids by name."""

    def __init__(self, inventory: dict[str, Any], interval_s: float, first: int = 1) -> None:
        self._number = first
        self.ids: dict[str, UUID] = {}
        self.links: list[Link] = []
        self.secrets: dict[UUID, Secret] = {}
        self.steps: list[Step] = []
        for given in inventory["credentials"]:
            credential = Credential(self._id(given["name"]), given["name"], given["kind"], given["user"])
            self.secrets[credential.id] = Secret(given["secret"])
            self.steps.append(creation("credential", credential))
        for given in inventory["sites"]:
            id = self._id(f"site {given['name']}")
            self.steps.append(creation("site", Site(id, given["name"], "", given["lng"], given["lat"])))
        for given in inventory["devices"]:
            probes = tuple(
                Probe(p["kind"], p["port"], self.ids.get(p["credential"] or "")) for p in given["probes"]
            )
            site = self.ids[f"site {given['site']}"]
            device = Device(
                self._id(given["name"]),
                given["name"],
                given["address"],
                probes,
                given["role"],
                site,
                given["subscribers"],
                interval_s,
                is_entry=given["is_entry"],
            )
            self.steps.append(creation("device", device))
        for given in inventory["links"]:
            ends = self.ids[given["a"]], self.ids[given["b"]], given["a_interface"], given["b_interface"]
            link = Link(self._id(f"{given['a']} - {given['b']}"), *ends)
            self.links.append(link)
            self.steps.append(creation("link", link))

    def _id(self, name: str) -> UUID:
        self._number += 1
        self.ids[name] = UUID(int=self._number << 64)
        return self.ids[name]

    def type_in(self, client: TestClient) -> Reply:
        """Submit it all as one edit."""
        edit = Edit(UUID(int=(self._number << 64) + 1), 1, "mara", "typed in", tuple(self.steps))
        return client.ask(lambda n: SubmitEdit(n, edit, self.secrets))
