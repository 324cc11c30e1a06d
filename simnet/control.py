"""How a running simulator is spoken to: one line there, one reply back, over a local endpoint with a key.

Counterpart: `fleet.py` listens, `__main__.py` speaks. The endpoint is a unix socket, or a named pipe on Windows; its
address and key are in a file of the state folder that only its owner can read. One rule: what comes over the
connection is text, never an object.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

import platformdirs

FILE_NAME = "control.json"
_MAX_LINE_BYTES = 4096
_MAX_REPLY_BYTES = 64 * 1024 * 1024
_LAST_REPLY_S = 2.0
_MAX_SOCKET_PATH = 90
"""A unix socket's path may be 104 octets on macOS."""


class ControlError(RuntimeError):
    """No simulator could be spoken to, or another one has the state folder."""


def default_state() -> Path:
    """Return the folder where a simulator keeps its control file unless told otherwise."""
    return Path(platformdirs.user_state_dir("heliograph", appauthor=False)) / "simnet"


def send_command(state: Path, words: Sequence[str]) -> tuple[bool, str]:
    """Give a running simulator a command; returns whether it was done, and what it said.

    Raises:
        ControlError: no simulator runs with this state folder.
    """
    try:
        found = json.loads((state / FILE_NAME).read_bytes())
        connection = Client(found["address"], authkey=bytes.fromhex(found["key"]))
    except (OSError, EOFError, ValueError, KeyError, TypeError, AuthenticationError) as error:
        raise ControlError(f"no simulator runs here ({state}): start one with `simnet run`") from error
    with connection:
        connection.send_bytes(shlex.join(words).encode())
        try:
            reply: dict[str, Any] = json.loads(connection.recv_bytes(_MAX_REPLY_BYTES))
        except (EOFError, OSError) as error:
            raise ControlError("the simulator ended before it answered") from error
    return bool(reply["ok"]), str(reply["text"])


class ControlListener:
    """Listens in a thread of its own; `answer` is called there with the words of each command."""

    def __init__(self, state: Path, answer: Callable[[list[str]], tuple[bool, str]]) -> None:
        self._file = state / FILE_NAME
        self._answer = answer
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._is_idle = threading.Event()
        self._is_idle.set()
        state.mkdir(parents=True, exist_ok=True)
        self._refuse_second(state)
        key = secrets.token_bytes(32)
        self._listener = Listener(self._choose_address(state), authkey=key)
        self._write_file({"address": self._listener.address, "key": key.hex(), "pid": os.getpid()})
        self._thread = threading.Thread(target=self._listen, name="simnet control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let the reply under way go out, stop listening and take the control file away."""
        self._is_idle.wait(_LAST_REPLY_S)
        self._file.unlink(missing_ok=True)
        self._listener.close()
        if self._folder:
            self._folder.cleanup()

    def _refuse_second(self, state: Path) -> None:
        if not self._file.exists():
            return
        with contextlib.suppress(ControlError):
            send_command(state, ["list"])
            raise SecondSimulatorError(f"a simulator runs already with the state folder {state}")

    def _choose_address(self, state: Path) -> str:
        name = f"simnet-{secrets.token_hex(8)}"
        if sys.platform == "win32":
            return rf"\\.\pipe\{name}"
        path = state / f"{name}.sock"
        if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
            self._folder = tempfile.TemporaryDirectory(prefix="simnet-")
            path = Path(self._folder.name) / "s"
        return str(path)

    def _write_file(self, content: dict[str, Any]) -> None:
        self._file.unlink(missing_ok=True)
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file)

    def _listen(self) -> None:
        while True:
            try:
                connection: Connection[Any, Any] = self._listener.accept()
            except (AuthenticationError, EOFError, ConnectionError):
                continue
            except OSError:
                return  # closed
            with connection, contextlib.suppress(EOFError, OSError, ValueError):
                words = shlex.split(connection.recv_bytes(_MAX_LINE_BYTES).decode())
                self._is_idle.clear()
                is_done, text = self._answer(words)
                connection.send_bytes(json.dumps({"ok": is_done, "text": text}).encode())
            self._is_idle.set()


class SecondSimulatorError(RuntimeError):
    """The state folder belongs to a simulator that runs."""
