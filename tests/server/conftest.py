"""A database on a real PostGIS for every test that asks for one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, NullPool, create_engine

from tests import postgres


@pytest.fixture(scope="session")
def postgres_sockets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield the socket folder of the cluster that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    meeting = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with postgres.shared_cluster(meeting) as sockets:
        yield sockets


@pytest.fixture
def postgis(postgres_sockets: Path) -> Iterator[Engine]:
    """Yield an engine on an empty database with PostGIS."""
    with postgres.fresh_database(postgres_sockets, f"test_{uuid4().hex}") as url:
        engine = create_engine(url, poolclass=NullPool)
        yield engine
        engine.dispose()


@pytest.fixture
def bare_postgres(postgres_sockets: Path) -> Iterator[Engine]:
    """Yield an engine on an empty database that PostGIS has not been put into yet."""
    with postgres.fresh_database(postgres_sockets, f"test_{uuid4().hex}", "template0") as url:
        engine = create_engine(url, poolclass=NullPool)
        yield engine
        engine.dispose()
