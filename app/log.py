"""The window's log: JSON lines on stderr. Counterpart: the end-to-end tests wait on its events, as on the engine's.

One rule: an event's name never changes with its values; what changes goes beside it.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class Lines(logging.Formatter):
    """Makes a record one JSON line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, without a line break."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "service": record.name,
            "event": record.getMessage()[:16_000],
        }
        line.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)[-16_000:]
        return json.dumps(line, default=str)


def open_log(level: str = "info") -> None:
    """Send every record, and what Qt has to say, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    qInstallMessageHandler(_on_qt_message)


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    file = Path(str(context.file)).name if context.file else ""
    logging.getLogger("heliograph.qt").log(_LEVELS.get(kind, logging.INFO), text, extra={"source": file})
