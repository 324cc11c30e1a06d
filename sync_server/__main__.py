"""The process `heliograph-server`: commands, signals, exit code. Counterpart: `serving.py`, the server in it.

Exit codes: 0 done, or stopped as asked, 1 it could not start, 2 wrong arguments or settings, 4 the database was not made,
migrated, backed up or restored, 5 there is an administrator already.
One rule: what refuses a start is one log line with a `message` for the administrator.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from domain.vault import Secret
from engine.log import close_log, open_log
from sync_server.settings import PREFIX, SettingRefused, Settings, meaning_of, read_settings

_log = logging.getLogger("sync_server")

EXIT_START = 1
EXIT_SETTINGS = 2
EXIT_DATABASE = 4
EXIT_FOUNDED = 5


def main(arguments: list[str] | None = None) -> int:
    """Do one command; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="heliograph-server", description="What a team shares: one truth for every window and engine."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="serve until told to stop")
    commands.add_parser("prepare", help="make the roles and the database, as a superuser; may be run again")
    commands.add_parser("migrate", help="bring the database to this version's schema, as its owner")
    for name, what in (
        ("backup", "write the whole database into a new file, as a superuser, while the server serves"),
        (
            "restore",
            "put a backup into an empty database, as a superuser; makes the roles and the database, checks",
        ),
        ("check", "hold the database against a backup's manifest: revision, rows of each table, guards"),
    ):
        commands.add_parser(name, help=what).add_argument("file", type=Path, metavar="FILE")
    commands.add_parser(
        "backup-key", help="make a key for backups: the private one into a new file, the public one printed"
    ).add_argument("file", type=Path, metavar="FILE")
    commands.add_parser("found", help="print the link for the first administrator, good once, for a day")
    options = parser.parse_args(arguments)
    if options.command == "backup-key":
        return make_key(options.file)
    try:
        settings = read_settings(os.environ)
    except SettingRefused as error:
        print(f"heliograph-server: {error}", file=sys.stderr)
        return EXIT_SETTINGS
    writer = open_log(sys.stderr, settings.log_level)
    for foreign in ("uvicorn", "alembic"):
        logging.getLogger(foreign).setLevel(logging.WARNING)
    try:
        if options.command in ("backup", "restore", "check"):
            return keep_safe(settings, options.command, options.file)
        commands_of = {"run": run, "prepare": prepare, "migrate": migrate, "found": found}
        return commands_of[options.command](settings)
    finally:
        close_log(writer)


def run(settings: Settings) -> int:
    """Serve until told to stop."""
    import asyncpg  # noqa: PLC0415 loads what `migrate` does not need

    from sync_server.serving import serve  # noqa: PLC0415

    loops: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):  # Windows
        import uvloop  # noqa: PLC0415

        loops = uvloop.new_event_loop
    try:
        with asyncio.Runner(loop_factory=loops) as runner:
            runner.run(serve(settings))
    except SettingRefused as error:
        _log.error("start_refused", extra={"message_for_user": str(error)})
        return EXIT_SETTINGS
    except (OSError, asyncpg.PostgresError) as error:
        return _refused(
            "start_refused", f"the server cannot start: {str(error) or type(error).__name__}", EXIT_START
        )
    return 0


def found(settings: Settings) -> int:
    """Print a link with which the first administrator is made; the one before ends. There is none once there was one."""
    import asyncpg  # noqa: PLC0415

    from sync_server.database import Database  # noqa: PLC0415
    from sync_server.services import Services  # noqa: PLC0415

    async def offer() -> str | None:
        database = await Database.open(settings)
        try:
            services = Services.of(settings, database)
            try:
                return await services.links.offer_founding()
            finally:
                services.close()
        finally:
            await database.close()

    try:
        token = asyncio.run(offer())
    except SettingRefused as error:
        return _refused("found_refused", str(error), EXIT_SETTINGS)
    except (OSError, asyncpg.PostgresError) as error:
        return _refused("found_refused", f"the database cannot be used: {error}", EXIT_START)
    if token is None:
        print("heliograph-server: this platform has its first administrator", file=sys.stderr)
        return EXIT_FOUNDED
    print(f"{settings.public_url}/link#{token}")
    return 0


def migrate(settings: Settings) -> int:
    """Bring the database to HEAD as its owner."""
    import sqlalchemy  # noqa: PLC0415

    from sync_server.migrating import migrate_to_head  # noqa: PLC0415

    try:
        revision = migrate_to_head(_needed(settings.owner_database_url, "OWNER_DATABASE_URL"))
    except SettingRefused as error:
        return _refused("migration_refused", str(error), EXIT_SETTINGS)
    except sqlalchemy.exc.SQLAlchemyError as error:
        said = f"the database was not migrated and is as it was: {getattr(error, 'orig', error)}"
        return _refused("migration_refused", said, EXIT_DATABASE)
    _log.info("migrated", extra={"revision": revision})
    return 0


def prepare(settings: Settings) -> int:
    """Make roles, database and extensions as a superuser."""
    import psycopg  # noqa: PLC0415

    from sync_server import preparing  # noqa: PLC0415

    try:
        admin = _needed(settings.admin_database_url, "ADMIN_DATABASE_URL")
        owner = _needed(settings.owner_database_url, "OWNER_DATABASE_URL")
        name = preparing.prepare(admin, owner, settings.database_url)
    except SettingRefused as error:
        return _refused("prepare_refused", str(error), EXIT_SETTINGS)
    except psycopg.Error as error:
        return _refused("prepare_refused", f"the database was not prepared: {error}", EXIT_DATABASE)
    _log.info("prepared", extra={"database": name})
    return 0


def keep_safe(settings: Settings, command: str, file: Path) -> int:
    """Back up, restore, or check what was restored."""
    import psycopg  # noqa: PLC0415

    from sync_server.backing_up import BackupFailed, back_up, check_restored, restore  # noqa: PLC0415

    try:
        admin = _needed(settings.admin_database_url, "ADMIN_DATABASE_URL")
        if command == "backup":
            made = back_up(admin, settings.database_url, file, settings.backup_recipients)
            _log.info("backed_up", extra={"file": str(file), **made._asdict()})
        elif command == "check":
            checked = check_restored(admin, settings.database_url, file)
            _log.info("checked", extra={"file": str(file), **(checked._asdict() if checked else {})})
        else:
            owner = _needed(settings.owner_database_url, "OWNER_DATABASE_URL")
            restored = restore(admin, owner, settings.database_url, file, settings.backup_identity)
            _log.info("restored", extra={"file": str(file), **restored._asdict()})
    except SettingRefused as error:
        return _refused(f"{command}_refused", str(error), EXIT_SETTINGS)
    except (BackupFailed, OSError, psycopg.Error) as error:
        return _refused(f"{command}_failed", str(error), EXIT_DATABASE)
    return 0


def make_key(file: Path) -> int:
    """Make a key that backups are sealed to; it needs no settings, and may be made anywhere."""
    from sync_server.sealing import Key  # noqa: PLC0415

    key = Key()
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(f"{key.identity.value}\n")
    except OSError as error:
        print(f"heliograph-server: {file}: {error.strerror}", file=sys.stderr)
        return EXIT_START
    print(key.recipient)
    return 0


def _needed(value: Secret, name: str) -> Secret:
    if value == Secret(""):
        raise SettingRefused(f"{PREFIX}{name} is missing: {meaning_of(name.lower())}")
    return value


def _refused(event: str, said: str, code: int) -> int:
    _log.error(event, extra={"message_for_user": said})
    return code


if __name__ == "__main__":
    sys.exit(main())
