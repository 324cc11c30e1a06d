"""A real server on a loopback port, for engines that join it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.conftest import (  # noqa: F401 fixtures
    PATIENCE_S,
    patient,
    postgres_sockets,
    pytest_pyfunc_call,
    server_database,
    server_template,
)


@pytest.fixture(autouse=True, scope="module")
def patient_engines() -> Iterator[None]:
    """Let a call that a busy machine delays be answered, and one that failed be made again long before a test gives up."""
    with pytest.MonkeyPatch.context() as changed:
        for name in (
            "engine.sync.calls.CALL_S",
            "engine.sync.calls.CONNECT_S",
            "engine.sync.charts.ANSWER_S",
            "engine.access.relay.MEET_S",
            "sync_server.live.crossings.MEET_S",
            "sync_server.live.greeting.HELLO_S",
        ):
            changed.setattr(name, PATIENCE_S)
        for name in ("engine.sync.contents.AGAIN_S", "engine.sync.secrets.AGAIN_S"):
            changed.setattr(name, 1.0)
        yield


@pytest.fixture
def steady_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let who judges go on through a pause of the machine; who leaves in peace is followed at once all the same."""
    monkeypatch.setattr("sync_server.live.presence.LEASE_S", PATIENCE_S)
