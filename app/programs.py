"""The programs that the window starts: engine and simulator as children of its own. Counterpart: `engine/__main__.py`, `simnet`.

Theory: a child gets a pipe as its standard input that is never written to. When this process ends, however it ends, the pipe
closes and the child leaves: no orphan, on any system. Its JSON lines are read by a thread, kept in a log file that rotates,
and the last of them are remembered, to say why a child died. One rule: nothing here waits in the window's thread.
"""

from __future__ import annotations

import collections
import json
import logging
import logging.handlers
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

LOG_CAP_BYTES = 2 * 1024 * 1024
LOGS_KEPT = 3
LINE_CAP_BYTES = 64 * 1024
LINES_REMEMBERED = 20
STOP_TIMEOUT_S = 5.0
START_TIMEOUT_S = 60.0
"""A first start may migrate a large database."""


def command_of(program: str) -> list[str]:
    """Return how `engine` or `simnet` is started: as a module here, as the program beside ours when frozen."""
    if getattr(sys, "frozen", False):
        suffix = ".exe" if os.name == "nt" else ""
        return [str(Path(sys.executable).with_name(f"heliograph-{program}{suffix}"))]
    return [sys.executable, "-m", program]


def window_command() -> list[str]:
    """Return how the window itself is started."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "app"]


class Child:
    """One running program. `on_event` gets each JSON line's object, `on_exit` the exit code; both from other threads."""

    def __init__(
        self,
        command: list[str],
        log: Path,
        on_event: Callable[[dict[str, Any]], None],
        on_exit: Callable[[int], None],
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = logging.handlers.RotatingFileHandler(
            log, maxBytes=LOG_CAP_BYTES, backupCount=LOGS_KEPT, encoding="utf-8", errors="replace"
        )
        self._lines: collections.deque[str] = collections.deque(maxlen=LINES_REMEMBERED)
        self._on_event = on_event
        self._on_exit = on_exit
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        readers = [
            threading.Thread(target=self._read, args=(pipe,), daemon=True, name=f"log of {command[-1]}")
            for pipe in (self._process.stdout, self._process.stderr)
        ]
        for reader in readers:
            reader.start()
        threading.Thread(target=self._wait, args=(readers,), daemon=True, name="wait for a child").start()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Not ended yet."""
        return self._process.poll() is None

    @property
    def last_lines(self) -> list[str]:
        """What it said last, oldest first, in words where a line has them."""
        return [_in_words(line) for line in self._lines.copy()]

    def release(self) -> None:
        """Ask it to end: close its standard input."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def kill(self) -> None:
        """End it now."""
        self._process.kill()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Ask it to end and wait; end it by force where it does not."""
        self.release()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait(timeout_s)

    def _read(self, pipe: IO[bytes]) -> None:
        while data := pipe.readline(LINE_CAP_BYTES):
            line = data.decode("utf-8", "replace").rstrip()
            if not line:
                continue
            self._lines.append(line)
            self._log.handle(logging.makeLogRecord({"msg": line}))
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                self._on_event(event)

    def _wait(self, readers: list[threading.Thread]) -> None:
        code = self._process.wait()
        for reader in readers:
            reader.join(timeout=1.0)
        self._on_exit(code)
        for reader in readers:  # somebody else may still hold the pipe's other end
            reader.join()
        self._log.close()


class Started(NamedTuple):
    """An engine that was started: it listens, or it `refused` in words, or it ended (`ended` holds its last lines)."""

    child: Child
    refused: str = ""
    in_use: bool = False
    ended: str = ""


def start_engine(
    profile: Path,
    command: Sequence[str] | None = None,
    timeout_s: float = START_TIMEOUT_S,
    on_child: Callable[[Child], None] = lambda child: None,
) -> Started:
    """Start an engine on a profile and wait until it listens or says why not. Raises OSError where there is no program.

    `on_child` gets the process before it is waited for. `in_use` says that another engine has the profile.
    """
    said: dict[str, Any] = {}
    settled = threading.Event()

    def on_event(event: dict[str, Any]) -> None:
        name = str(event.get("event", ""))
        if name == "endpoint_open" or name.endswith("_refused"):
            said.update(event)
            settled.set()

    whole = [*(command or command_of("engine")), "--profile", str(profile), "--with-parent"]
    child = Child(whole, profile / "logs" / "engine.log", on_event, lambda code: settled.set())
    on_child(child)
    in_time = settled.wait(timeout_s)
    name = str(said.get("event", ""))
    if name.endswith("_refused"):
        refused = str(said.get("message", "the engine refused to start"))
        return Started(child, refused, in_use=bool(said.get("holder_pid")))
    if name == "endpoint_open":
        return Started(child)
    late = "" if in_time else f"the engine did not listen within {timeout_s:g} s"
    return Started(
        child, ended="\n".join([*child.last_lines, late]).strip() or "the engine ended without a word"
    )


def _in_words(line: str) -> str:
    """Return a log line's message, or the line itself where it is no JSON object with one."""
    try:
        event = json.loads(line)
    except ValueError:
        return line
    if not isinstance(event, dict):
        return line
    said = [str(event[key]) for key in ("event", "message", "error") if event.get(key)]
    return ": ".join(said) or line
