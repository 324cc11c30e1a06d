"""A database of a server's own, for tests that run one as a process."""

from __future__ import annotations

from tests.server.conftest import (  # noqa: F401 fixtures
    postgres_sockets,
    server_database,
    server_template,
)
