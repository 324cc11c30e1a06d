"""A real server on a loopback port, for engines that join it."""

from __future__ import annotations

from tests.server.conftest import (  # noqa: F401 fixtures
    patient,
    postgres_sockets,
    pytest_pyfunc_call,
    server_database,
    server_template,
)
