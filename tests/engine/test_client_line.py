"""The line to one client on its own: how much it lets through, and how it ends where a pipe cannot be shut down."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from domain.wire import Alive
from engine import client_line
from engine.client_line import MESSAGES_AT_ONCE, MESSAGES_PER_S, Allowance, ClientLine
from tests.engine.client import WAIT_S

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("count", "per_s", "flood"),
    [
        (int(MESSAGES_AT_ONCE), 1e9, False),
        (int(MESSAGES_AT_ONCE) + 2, 1e9, True),
        (20_000, MESSAGES_PER_S, False),
    ],
)
def test_a_burst_is_allowed_a_flood_is_not(count: int, per_s: float, flood: bool) -> None:
    allowance = Allowance(at_s=0.0)
    for n in range(count):
        allowance = allowance.after(n / per_s)
    assert (allowance.left < 0) is flood


class StuckPipe:
    """A named pipe of Windows whose client never reads: only closing it frees who writes."""

    def __init__(self, says: Exception) -> None:
        self.says = says
        self.writes = threading.Event()
        self.closed = threading.Event()

    def poll(self, timeout_s: float) -> bool:
        """Speak once somebody writes to us."""
        return self.writes.wait(timeout_s)

    def recv_bytes(self, cap_bytes: int) -> bytes:
        """Fail as a pipe does on a frame that is none."""
        raise self.says

    def send_bytes(self, data: bytes) -> None:
        """Block until it is closed."""
        self.writes.set()
        assert self.closed.wait(WAIT_S)
        raise OSError("the handle is closed")

    def fileno(self) -> int:
        """Have nothing that a shutdown could take."""
        raise OSError("a pipe is no socket")

    def close(self) -> None:
        """Free who writes."""
        self.closed.set()


def line_over(pipe: StuckPipe, monkeypatch: pytest.MonkeyPatch) -> tuple[ClientLine, threading.Event]:
    """Return a line that has a message on its way, and the event of its end."""
    for name in ("deliver_challenge", "answer_challenge"):
        monkeypatch.setattr(client_line, name, lambda *_: None)
    monkeypatch.setattr(client_line, "LAST_WORDS_S", 0.01)
    monkeypatch.setattr(client_line, "_POLL_S", 0.05)
    ended = threading.Event()

    class Loop:
        def call_soon_threadsafe(self, callback: Callable[..., None], *arguments: object) -> None:
            callback(*arguments)

    line = ClientLine(pipe, KEY, Loop(), lambda *_: None, lambda _: ended.set())  # type: ignore[arg-type]
    line.send(Alive(1))
    line.start()
    return line, ended


def test_a_client_that_never_reads_leaks_no_thread_where_a_pipe_cannot_be_shut_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipe = StuckPipe(OSError("bad frame"))
    line, ended = line_over(pipe, monkeypatch)
    assert ended.wait(WAIT_S), "the reader waits for a writer that waits for the client"
    line._writer.join(WAIT_S)
    assert pipe.closed.is_set() and not line._writer.is_alive()


def test_a_bug_in_a_reader_ends_its_line_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    pipe = StuckPipe(ZeroDivisionError())
    line, ended = line_over(pipe, monkeypatch)
    assert ended.wait(WAIT_S)
    line.join(WAIT_S)
    assert pipe.closed.is_set() and [bug.exc_type for bug in told] == [ZeroDivisionError]
