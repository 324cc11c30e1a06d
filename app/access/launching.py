"""Starts foreign programs at a tunnel: WinBox, a terminal with ssh, a browser. Counterpart: `desk.py`, which opened the tunnel.

Theory: which programs there are differs by system, so the system is an argument (`Platform`). A program gets an address and a
user's name, as arguments and never by a shell. ssh is told under which name it knows the device's key, for the port of a tunnel
is another each time.
One rule: no password stands on a command line: any user of a computer may read those.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

WINBOX_NAMES = ("WinBox", "winbox", "winbox4", "winbox64", "winbox3")
"""Under which names it lies on the path."""
WINBOX_ON_MACOS = "/Applications/WinBox.app/Contents/MacOS/WinBox"
TERMINALS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("x-terminal-emulator", ("-e",)),
    ("gnome-terminal", ("--",)),
    ("konsole", ("-e",)),
    ("xfce4-terminal", ("-x",)),
    ("xterm", ("-e",)),
)
_USER = re.compile(r"[\w.+][\w.+-]{0,63}", re.ASCII)
_OURS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What a frozen program sets for itself, and keeps what was there beside it."""


class Platform(Protocol):
    """The computer. `name` is that of `sys.platform`."""

    name: str

    def which(self, name: str) -> str | None:
        """Return where a program of the path lies."""

    def exists(self, path: str) -> bool:
        """Tell whether there is a file."""

    def start(self, command: Sequence[str], *, console: bool = False) -> None:
        """Start a program, in a console of its own where asked for. Raises OSError."""

    def browse(self, url: str) -> bool:
        """Show a page in the user's browser; tell whether there is one."""


class ThisComputer:
    """The one that this runs on."""

    name = sys.platform

    def which(self, name: str) -> str | None:
        """As Platform."""
        return shutil.which(name)

    def exists(self, path: str) -> bool:
        """As Platform."""
        return Path(path).is_file()

    def start(self, command: Sequence[str], *, console: bool = False) -> None:
        """As Platform."""
        none = subprocess.DEVNULL
        subprocess.Popen(
            list(command),
            env=clean_environment(os.environ, frozen=bool(getattr(sys, "frozen", False))),
            start_new_session=True,
            stdin=None if console else none,
            stdout=None if console else none,
            stderr=None if console else none,
            creationflags=getattr(subprocess, "CREATE_NEW_CONSOLE", 0) if console else 0,
        )

    def browse(self, url: str) -> bool:
        """As Platform."""
        return QDesktopServices.openUrl(QUrl(url))


def clean_environment(environment: Mapping[str, str], *, frozen: bool) -> dict[str, str]:
    """Return the environment that a foreign program is to see: without the libraries of ours."""
    found = dict(environment)
    for name in _OURS if frozen else ():
        found.pop(name, None)
        if (before := found.pop(f"{name}_ORIG", None)) is not None:
            found[name] = before
    return found


def user_words(user: str) -> str:
    """Return a user's name where it is one that no program takes for anything else; empty where it is not."""
    return user if _USER.fullmatch(user) else ""


def winbox_command(platform: Platform, path: str, address: str, user: str) -> list[str] | None:
    """Return how WinBox is started at an address (with its port), by the `path` that was set or where it usually lies."""
    known = [path] if path else [platform.which(name) or "" for name in WINBOX_NAMES]
    if platform.name == "darwin":
        known.append(WINBOX_ON_MACOS)
    program = next((one for one in known if one and platform.exists(one)), None)
    if program is None:
        return None
    start = [program]
    if program.casefold().endswith(".exe") and platform.name != "win32":
        wine = platform.which("wine")
        if wine is None:
            return None
        start = [wine, program]
    return [*start, address, *filter(None, (user_words(user),))]


def ssh_command(port: int, address: str, target_port: int, user: str) -> list[str]:
    """Return how ssh goes through a tunnel at a port here to a device, whose key it knows by the device's own address."""
    known_as = address if target_port == 22 else f"[{address}]:{target_port}"
    to = "@".join(filter(None, (user_words(user), "127.0.0.1")))
    return ["ssh", "-p", str(port), "-o", f"HostKeyAlias={known_as}", to]


def terminal_command(platform: Platform, command: Sequence[str]) -> list[str] | None:
    """Return how a program of the console is shown; None where nothing to show it in is known."""
    if platform.which(command[0]) is None:
        return None
    if platform.name == "win32":
        return list(command)
    for name, flags in TERMINALS if platform.name == "linux" else ():
        if (found := platform.which(name)) is not None:
            return [found, *flags, *command]
    return None


def as_text(command: Sequence[str]) -> str:
    """Return a command as it is typed."""
    return shlex.join(command)
