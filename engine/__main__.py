"""The process `heliograph-engine`: arguments, signals, exit code. Counterpart: `compose.py`, the engine in it.

Exit codes: 0 stopped as asked, 2 wrong arguments, 3 the profile is in use or cannot be written, 4 the database is refused,
5 it did not stop in time, 6 a bug ended the storage (start it again), 7 the system refused what a start needs, 8 it is no
collector of a team and is to be one.
One rule: what refuses a start is one log line with a `message` for the user.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import platformdirs

from domain.rules import NAME_CAP
from domain.text import clean_text
from engine.exposition import exposing, read_listen
from engine.log import LogWriter, close_log, open_log
from engine.maps.work import WORK_ON_MAPS
from engine.mibs.reading import READ_MIBS
from engine.photos import READ_PHOTO
from engine.profile import Profile, ProfileTaken
from engine.sync.wiping import WIPED_FILE, wipe_if_left, wipe_what_was_left
from engine.terrain.reading import READ_TERRAIN

_log = logging.getLogger("engine")

EXIT_PROFILE = 3
EXIT_STORAGE = 4
EXIT_HUNG = 5
EXIT_BROKEN = 6
EXIT_START = 7
EXIT_NO_TEAM = 8
JOIN = "join"
"""The first argument of what joins a team, see `joining_cli.py`."""
ENTRANCE = ("login", "trust")
"""And of what its server wants of a person later, see `entrance_cli.py`."""
KEY_PLACES = ("auto", "keyring", "file")
KEY_PLACE_VARIABLE = "HELIOGRAPH_KEY_PLACE"
METRICS_VARIABLE = "HELIOGRAPH_METRICS"
STOP_S = 15.0
"""How long a clean stop may take before the process ends without one."""


def main(arguments: list[str] | None = None) -> int:
    """Run an engine until it is told to stop; return the exit code. With `--read-mibs` be what reads MIB texts for one, with
    `--read-terrain` what reads heights of the ground, with `--read-photo` a photograph, with `--work-on-maps` what reads and cuts
    maps."""
    given = sys.argv[1:] if arguments is None else arguments
    if given == [READ_MIBS]:
        from engine.mibs.reader import main as read_mibs  # noqa: PLC0415 loads pysmi, which no engine needs itself

        return read_mibs()
    if given == [READ_TERRAIN]:
        from engine.terrain.reader import main as read_terrain  # noqa: PLC0415 loads what decodes pictures

        return read_terrain()
    if given == [READ_PHOTO]:
        from engine.photo_reader import main as read_photo  # noqa: PLC0415

        return read_photo()
    if given == [WORK_ON_MAPS]:
        from engine.maps.worker import main as work_on_maps  # noqa: PLC0415

        return work_on_maps()
    own = Path(platformdirs.user_data_dir("heliograph", appauthor=False)) / "default"
    if given[:1] == [JOIN]:
        from engine.joining_cli import main as join  # noqa: PLC0415

        return join(given[1:], own)
    if given and given[0] in ENTRANCE:
        from engine.entrance_cli import main as enter  # noqa: PLC0415

        return enter(given[0], given[1:])
    parser = argparse.ArgumentParser(
        prog="heliograph-engine", description="Polls a network and tells windows about it."
    )
    parser.add_argument(
        "--profile",
        type=Path,
        default=own,
        help="folder that holds the network and its log-ins; the window's own if left out",
    )
    parser.add_argument(
        "--name",
        default="My network",
        metavar="NAME",
        help="what a new network in an empty profile is called",
    )
    parser.add_argument(
        "--key-place",
        default=os.environ.get(KEY_PLACE_VARIABLE) or "auto",
        metavar="PLACE",
        help="where the key of a new profile goes: keyring, file, or auto, the keyring where there is one "
        f"(also {KEY_PLACE_VARIABLE})",
    )
    parser.add_argument(
        "--collector", action="store_true", help="refuse to run where the profile is no collector of a team"
    )
    parser.add_argument(
        "--metrics",
        default=os.environ.get(METRICS_VARIABLE, ""),
        metavar="[HOST:]PORT",
        help="expose figures there for Prometheus, at /metrics; on this computer alone where no host is named "
        f"(also {METRICS_VARIABLE})",
    )
    parser.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], default="info")
    options = parser.parse_args(arguments)
    if options.key_place not in KEY_PLACES:
        parser.error(f"--key-place: one of {', '.join(KEY_PLACES)} expected, got {options.key_place!r}")
    try:
        options.metrics = read_listen(options.metrics) if options.metrics else None
    except ValueError as error:
        parser.error(f"--metrics: {error}")
    writer = open_log(sys.stderr, options.log_level)
    try:
        return _run(options, writer)
    finally:
        close_log(writer)


def _run(options: argparse.Namespace, writer: LogWriter) -> int:
    folder: Path = options.profile
    try:
        profile = Profile.open(folder)
    except ProfileTaken as error:
        _log.error("profile_refused", extra={"message_for_user": str(error), "holder_pid": error.pid})
        return EXIT_PROFILE
    except OSError as error:
        said = f"the profile {folder} cannot be used: {error}"
        _log.error("profile_refused", extra={"message_for_user": said})
        return EXIT_PROFILE
    try:
        if (folder / WIPED_FILE).exists():  # the team was left for good, and the engine then was killed
            return 0
        wipe_what_was_left(folder)
        _set_limits()
        return asyncio.run(_live(profile, options, writer))
    finally:
        profile.close()
        wipe_if_left(folder)


async def _live(profile: Profile, options: argparse.Namespace, writer: LogWriter) -> int:
    from engine.compose import Engine  # noqa: PLC0415 loads the storage: not before the profile is ours
    from engine.storage import StorageFailed, StorageRefused  # noqa: PLC0415

    stop = asyncio.Event()
    _on_signals(asyncio.get_running_loop(), stop.set)  # before anybody can learn that we run
    try:
        name = clean_text(options.name, NAME_CAP) or "My network"
        engine = await Engine.open(profile, stop, name, options.key_place)
    except StorageRefused as error:
        _log.error("storage_refused", extra={"message_for_user": error.message})
        return EXIT_STORAGE
    except (OSError, StorageFailed) as error:
        said = f"the engine cannot start on the profile {profile.folder}: {_said(error)}"
        _log.error("start_refused", extra={"message_for_user": said})
        return EXIT_START
    writer.lines.tenant = engine.tenant
    if options.collector and not engine.is_collector:
        said = f"the profile {profile.folder} is no collector of a team: join one with heliograph-engine join LINK --collector"
        _log.error("no_team", extra={"message_for_user": said})
        await engine.close()
        return EXIT_NO_TEAM
    if options.with_parent:
        _on_parent_gone(asyncio.get_running_loop(), stop.set)
    async with exposing(engine.state, options.metrics):
        await stop.wait()
    _log.info("stopping")
    hung = threading.Timer(STOP_S, os._exit, [EXIT_HUNG])
    hung.daemon = True
    hung.start()
    await engine.close()
    hung.cancel()
    _log.info("stopped", extra={"broken": True} if engine.broken else {})
    return EXIT_BROKEN if engine.broken else 0


def _said(error: Exception) -> str:
    """Return what went wrong in words, without the system's number for it."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error)


def _on_signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    names = ("SIGINT", "SIGTERM", "SIGBREAK")
    for number in [getattr(signal, name) for name in names if hasattr(signal, name)]:
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


def _on_parent_gone(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """Stop when standard input ends: the system closes it however the parent died."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _set_limits() -> None:
    """Allow as many open files as the system lets us: each kept RouterOS connection is one. And no core dumps: they would
    hold what is logged in with."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415

        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            with contextlib.suppress(ValueError, OSError):  # macOS has a lower one of its own
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main())
