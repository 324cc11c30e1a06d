"""`./dev server`: a sync server with a PostGIS of its own. Counterpart: `sync_server/__main__.py`, whose commands it runs.

One rule: everything it knows of the server it says by settings, as an administrator would.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import platformdirs

from tools.cluster import NoPostgres, running, url_of

DATABASE = "heliograph"
ROOT = Path(__file__).resolve().parent.parent


def default_folder() -> Path:
    """Return where its data is kept; for root a place that another user, who runs PostgreSQL, can enter."""
    if sys.platform != "win32" and os.geteuid() == 0:
        return Path("/var/lib/heliograph-dev")
    return Path(platformdirs.user_data_dir("heliograph", appauthor=False)) / "server"


def main(arguments: list[str]) -> int:
    """Start the database, prepare and migrate it, and serve until stopped; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="./dev server", description="A sync server with a PostGIS of its own."
    )
    parser.add_argument(
        "--data", type=Path, default=default_folder(), help="folder of the database [%(default)s]"
    )
    parser.add_argument("--port", type=int, default=8000, help="TCP port on this computer [%(default)s]")
    options = parser.parse_args(arguments)
    try:
        with running(options.data.resolve(), {}) as sockets:
            return _serve(sockets, options.port)
    except (NoPostgres, PermissionError) as error:
        print(error, file=sys.stderr)
        return 1


def _serve(sockets: Path, port: int) -> int:
    settings = {
        "HELIOGRAPH_ADMIN_DATABASE_URL": url_of(sockets, "postgres"),
        "HELIOGRAPH_OWNER_DATABASE_URL": url_of(sockets, DATABASE, "heliograph_owner"),
        "HELIOGRAPH_DATABASE_URL": url_of(sockets, DATABASE, "heliograph_requests"),
        "HELIOGRAPH_LISTEN_PORT": str(port),
    }
    env = {**os.environ, **settings}
    program = [sys.executable, "-m", "sync_server"]
    for command in ("prepare", "migrate"):
        if code := subprocess.run([*program, command], cwd=ROOT, env=env, check=False).returncode:
            return code
    server = subprocess.Popen([*program, "run"], cwd=ROOT, env=env)
    while True:
        try:
            return server.wait()
        except KeyboardInterrupt:  # the server got it too, and ends in peace
            continue


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
