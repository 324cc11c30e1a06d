"""`./dev server`: a sync server with a PostGIS of its own. Counterpart: `sync_server/__main__.py`, whose commands it runs.

One rule: everything it knows of the server it says by settings, as an administrator would.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import platformdirs

from tools.cluster import NoPostgres, running, url_of

DATABASE = "heliograph"
SECRET_BYTES = 48
EXIT_FOUNDED = 5
"""What `found` answers with where there is an administrator."""
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
            return _serve(sockets, _secret_in(options.data.resolve()), options.port)
    except (NoPostgres, PermissionError) as error:
        print(error, file=sys.stderr)
        return 1


def _secret_in(folder: Path) -> Path:
    """Return the file of the server's secret, made once."""
    path = folder / "secret"
    if not path.exists():
        part = folder / "secret.part"
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(secrets.token_urlsafe(SECRET_BYTES))
        part.replace(path)
    return path


def _serve(sockets: Path, secret: Path, port: int) -> int:
    settings = {
        "HELIOGRAPH_ADMIN_DATABASE_URL": url_of(sockets, "postgres"),
        "HELIOGRAPH_OWNER_DATABASE_URL": url_of(sockets, DATABASE, "heliograph_owner"),
        "HELIOGRAPH_DATABASE_URL": url_of(sockets, DATABASE, "heliograph_requests"),
        "HELIOGRAPH_LISTEN_PORT": str(port),
        "HELIOGRAPH_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "HELIOGRAPH_SECRET_FILE": str(secret),
    }
    env = {name: value for name, value in os.environ.items() if name != "HELIOGRAPH_SECRET"} | settings
    program = [sys.executable, "-m", "sync_server"]
    for command in ("prepare", "migrate"):
        if code := subprocess.run([*program, command], cwd=ROOT, env=env, check=False).returncode:
            return code
    offered = subprocess.run(
        [*program, "found"], cwd=ROOT, env=env, check=False, capture_output=True, text=True
    )
    if offered.returncode == 0:
        print(f"The first administrator, once, within a day: {offered.stdout.strip()}", flush=True)
    elif offered.returncode != EXIT_FOUNDED:
        print(offered.stderr, end="", file=sys.stderr)
        return offered.returncode
    server = subprocess.Popen([*program, "run"], cwd=ROOT, env=env)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())  # it ends in peace, then the database does
    while True:
        try:
            return server.wait()
        except KeyboardInterrupt:  # the server got it too, and ends in peace
            continue


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
