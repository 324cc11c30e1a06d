"""The log: one JSON object a line on stderr. Counterpart: the end-to-end tests and the window wait on its lines.

A line has time, level, service, event, and what the caller knows of device_id, probe, attempt (`extra={...}` of a logging
call); tenant_id is added here. Lines are written by a thread of their own from a bounded queue: who reads our stderr may be
frozen, and a full pipe must not delay a poll. One rule: secrets are never handed to a logging call.
"""

from __future__ import annotations

import logging
import queue
import threading
from datetime import UTC, datetime
from typing import TextIO
from uuid import UUID

import msgspec

WAITING_CAP = 10_000
"""Lines that wait for a reader; what comes on top is dropped and counted."""
LINE_CAP = 16_000
"""Longest text of one field, in characters: a hostile device shall not fill the disk with one line."""
FLUSH_S = 1.0

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_RENAMED = {"message_for_user": "message"}
"""`message` itself is a name that logging keeps for itself."""
_encoder = msgspec.json.Encoder(enc_hook=repr)


class Lines(logging.Formatter):
    """Makes a log record one JSON line. `tenant` is set once it is known."""

    tenant: UUID | None = None

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, without a line break."""
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "service": record.name,
            "event": record.getMessage()[:LINE_CAP],
        }
        if self.tenant is not None:
            line["tenant_id"] = self.tenant
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[_RENAMED.get(name, name)] = value[:LINE_CAP] if isinstance(value, str) else value
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)[-LINE_CAP:]
        return _encoder.encode(line).decode()


class LogWriter(logging.Handler):
    """Hands lines to its thread and never waits; `dropped` counts lines that nobody could take."""

    def __init__(self, stream: TextIO, waiting_cap: int = WAITING_CAP) -> None:
        super().__init__()
        self.lines = Lines()
        self.dropped = 0
        self._stream = stream
        self._waiting: queue.Queue[str | None] = queue.Queue(waiting_cap)
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one record's line."""
        try:
            self._waiting.put_nowait(self.lines.format(record))
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Write what waits, for at most a second, and end the thread."""
        super().close()
        try:
            self._waiting.put(None, timeout=FLUSH_S)
        except queue.Full:
            return
        self._thread.join(FLUSH_S)

    def _write(self) -> None:
        told = 0
        while (line := self._waiting.get()) is not None:
            try:
                if self.dropped > told:
                    told = self.dropped
                    self._stream.write(f'{{"level":"warning","event":"log_lines_dropped","count":{told}}}\n')
                self._stream.write(line + "\n")
                if self._waiting.empty():
                    self._stream.flush()
            except (OSError, ValueError):
                self.dropped += 1  # the reader of our stderr is gone; the engine stays


def open_log(stream: TextIO, level: str) -> LogWriter:
    """Send every logger's records at `level` ("debug", "info", "warning", "error") and above to `stream`.

    Bugs that end a thread go there too.
    """
    writer = LogWriter(stream)
    threading.excepthook = _on_thread_bug
    root = logging.getLogger()
    root.handlers[:] = [writer]
    root.setLevel(level.upper())
    return writer


def _on_thread_bug(bug: threading.ExceptHookArgs) -> None:
    if bug.exc_value is not None:
        told = {"task": bug.thread.name if bug.thread else ""}
        logging.getLogger("engine.threads").error("bug", exc_info=bug.exc_value, extra=told)


def close_log(writer: LogWriter) -> None:
    """Take the writer off and flush it."""
    logging.getLogger().removeHandler(writer)
    writer.close()
