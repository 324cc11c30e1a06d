"""The bridge to Alembic, loaded when a database has to move or is asked for. Counterpart: `migrations/`, the one history.

One rule: a migration is one transaction on both dialects; killed at any statement it has not happened.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from sqlalchemy import Connection

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0030"
"""The revision that `tables.py` describes: the newest of `migrations/versions/`."""
SCRIPTS = str(files("migrations"))
"""Where the history lies, as source files that Alembic loads itself."""


def config_for(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for this history; `connection` is used as it is, within its transaction."""
    from alembic.config import Config  # noqa: PLC0415 loads with the first migration

    config = Config()
    config.set_main_option("script_location", SCRIPTS.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def is_older(revision: str) -> bool:
    """Tell whether this program knows a way from `revision` to HEAD."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    script = ScriptDirectory.from_config(config_for())
    try:
        return any(step.revision == revision for step in script.iterate_revisions(HEAD, "base"))
    except CommandError:
        return False


def upgrade(connection: Connection) -> None:
    """Bring a database to HEAD within the caller's transaction."""
    from alembic import command  # noqa: PLC0415

    command.upgrade(config_for(connection), HEAD)
