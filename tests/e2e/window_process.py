"""The watched window as a process: its lines are waited on, its children are found and killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 180.0
"""Longest wait for what must come: generous, because the machine may be busy. What is promised is said by the schedule."""

Line = dict[str, Any]


def living(folder: Path) -> dict[int, str]:
    """Return the processes whose command line names this folder, by pid."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\x00", b" ").decode("utf-8", "replace")
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if str(folder) in words and state != "Z":
                found[int(entry.name)] = words
    return found


class WindowProcess:
    """`heliograph` or `heliograph demo` as tests/e2e/watched_window.py, or another program, shows it. Use as a context."""

    def __init__(
        self,
        folder: Path,
        device: str,
        *,
        demo: bool = False,
        program: str = "watched_window",
        own_session: bool = False,
        opens: str = "",
    ) -> None:
        """`opens` is a link to a moment, as `heliograph open` takes it."""
        self.profile, self.state = folder / "profile", folder / "simnet"
        self.lines: list[Line] = []
        self.errors: list[str] = []
        self._news = threading.Condition()
        watched = [str(self.profile), device, *([str(self.state)] if demo else []), *filter(None, [opens])]
        command = [sys.executable, "-m", f"tests.e2e.{program}", *watched]
        env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        env.pop("QTWEBENGINE_REMOTE_DEBUGGING", None)  # that port is of the pages of this process
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(  # type: ignore[call-overload]
            command, text=True, cwd=ROOT, env=env, start_new_session=own_session, **pipes
        )
        for stream, keep in ((self.process.stdout, self._on_line), (self.process.stderr, self.errors.append)):
            threading.Thread(target=self._read, args=(stream, keep), daemon=True).start()

    def _read(self, stream: Any, keep: Callable[[str], None]) -> None:
        for text in stream:
            if text.endswith("\n"):  # who is killed may have begun another
                keep(text)
        with self._news:
            self._news.notify_all()

    def _on_line(self, text: str) -> None:
        with self._news:
            self.lines.append(json.loads(text))
            self._news.notify_all()

    def until(self, true: Callable[[Line], bool], what: str) -> Line:
        """Return the first line from now on of which something holds."""
        ends_s, seen = time.monotonic() + WAIT_S, len(self.lines)
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    if true(line):
                        return line
                seen = len(self.lines)
                if time.monotonic() > ends_s or self.process.poll() is not None:
                    last = self.lines[-1] if self.lines else None
                    raise AssertionError(f"not seen: {what}\nlast: {last}\n{''.join(self.errors[-30:])}")
                self._news.wait(0.5)

    def tell(self, command: str) -> None:
        """Let the user in the window do something."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def add(self, address: str, *arguments: str, typed: str = "") -> None:
        """Add a device through the real command line; `typed` is its standard input."""
        command = [sys.executable, "-m", "app", "add", address, "--profile", str(self.profile), *arguments]
        done = subprocess.run(command, cwd=ROOT, input=typed, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def simnet(self, *words: str) -> None:
        """Give the simulator a command through the real command line."""
        command = [sys.executable, "-m", "simnet", words[0], "--state", str(self.state), *words[1:]]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def __enter__(self) -> WindowProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.tell("quit")
            try:
                self.process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait(WAIT_S)
