"""A database of a server's own, for tests that run one as a process, or in their own loop."""

from __future__ import annotations

from tests.server.conftest import (  # noqa: F401 fixtures
    postgres_sockets,
    pytest_pyfunc_call,
    server_database,
    server_template,
)
