"""The file: what is damaged, newer, foreign or in use is refused with a sentence and stays byte for byte what it was."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from engine.storage import Batch, StorageRefused, file, migration
from tests.engine.stores import filled, open_store, row

HEAD = migration.HEAD
LATER = f"{int(HEAD) + 1:04}"
NEXT = f'''
"""A later revision."""
import sqlalchemy as sa
from alembic import op

revision = "{LATER}"
down_revision = "{HEAD}"

def upgrade():
    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))
    with op.batch_alter_table("site") as site:
        site.add_column(sa.Column("height_m", sa.Double))
    op.execute("INSERT INTO later VALUES (1)")
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed database with an inventory in it."""
    path = tmp_path / "net.sqlite"
    store = open_store(path)
    filled(store)
    store.close()
    return path


@pytest.fixture
def later(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that is one revision further; its revision's file."""
    scripts = tmp_path_factory.mktemp("program") / "migrations"
    shutil.copytree(migration.SCRIPTS, scripts)
    revision = scripts / "versions" / f"r{LATER}_later.py"
    revision.write_text(NEXT)
    monkeypatch.setattr(migration, "SCRIPTS", str(scripts))
    monkeypatch.setattr(migration, "HEAD", LATER)
    return revision


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refusal_of(path: Path) -> str:
    """Return why a file is refused, having seen that nothing beside it or in it changed."""
    before = contents(path.parent)
    with pytest.raises(StorageRefused) as caught:
        open_store(path)
    assert contents(path.parent) == before
    assert str(path) in caught.value.message
    return caught.value.message


def ask(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(query).fetchall()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.sqlite"
    path.write_bytes(b"GIF89a" + bytes(5000))
    assert 'damaged or no database: it begins with "GIF89a", "SQLite format 3" expected' in refusal_of(path)


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.sqlite"
    ask(path, "CREATE TABLE holiday_pictures (id)")
    assert "another program (tables: holiday_pictures)" in refusal_of(path)


def test_a_newer_database_is_refused_with_what_to_do(path: Path) -> None:
    ask(path, "UPDATE alembic_version SET version_num = '0099'")
    said = refusal_of(path)
    assert (
        "newer Heliograph" in said
        and "'0099'" in said
        and f"'{HEAD}'" in said
        and "Update the program" in said
    )


def test_what_is_refused_keeps_its_log_too(path: Path) -> None:
    killed = sqlite3.connect(path, isolation_level=None)
    killed.execute("UPDATE alembic_version SET version_num = '0099'")
    log = path.with_name("net.sqlite-wal")
    before = path.read_bytes(), log.read_bytes()
    assert before[1]
    with pytest.raises(StorageRefused, match="newer Heliograph"):
        open_store(path)
    assert (path.read_bytes(), log.read_bytes()) == before
    killed.close()


def test_a_cut_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8192])
    assert "is damaged" in refusal_of(path)


def test_a_damaged_page_is_refused(path: Path) -> None:
    data = bytearray(path.read_bytes())
    (root,) = ask(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'device'")[0]
    data[(int(str(root)) - 1) * 8192 : int(str(root)) * 8192] = b"\xa5" * 8192
    path.write_bytes(data)
    said = refusal_of(path)
    assert "is damaged" in said and "Put a copy in its place" in said and "has not been changed" in said


def test_a_damaged_page_is_found_in_a_large_file_outside_the_samples(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "WHOLE_CHECK_BYTES", 0)
    open_store(path).close()
    test_a_damaged_page_is_refused(path)


@pytest.mark.parametrize("place", range(100, 8192, 977))
def test_a_damaged_first_page_is_refused_or_harmless(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place : place + 64] = b"\xff" * 64
    path.write_bytes(data)
    before = path.read_bytes()
    try:
        open_store(path).close()
    except StorageRefused as error:
        assert str(path) in error.message
        assert path.read_bytes() == before


def test_rows_that_the_vocabulary_does_not_know_are_refused_and_kept(path: Path) -> None:
    ask(path, 'UPDATE device SET probes = \'[{"kind": "telepathy"}]\'')
    with pytest.raises(StorageRefused, match="telepathy"):
        open_store(path)
    assert ask(path, "SELECT count(*) FROM device") == [(6,)]


def test_a_database_in_use_is_refused_after_a_while(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE tenant SET name = 'x'")
        with pytest.raises(StorageRefused, match="is in use by another program"):
            open_store(path)
        other.execute("ROLLBACK")
    open_store(path).close()


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageRefused, match="cannot be read"):
        open_store(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageRefused, match="cannot be made"):
        open_store(tmp_path / "no" / "net.sqlite")


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "net.sqlite"
    path.touch()
    store = open_store(path)
    filled(store)
    store.close()


def test_only_its_user_may_read_a_database(path: Path) -> None:
    store = open_store(path)
    store.write(Batch(journal=[row(store, 2)]))
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    store.close()


def test_what_was_in_the_log_of_a_killed_program_is_read(path: Path, tmp_path: Path) -> None:
    store = open_store(path)
    store.write(Batch(journal=[row(store, 2), row(store, 3)]))
    killed = tmp_path / "killed"
    killed.mkdir()
    for part in path.parent.glob("net.sqlite*"):
        shutil.copy(part, killed)
    store.close()
    assert (killed / "net.sqlite-wal").stat().st_size > 0
    again = open_store(killed / "net.sqlite")
    assert again.loaded.next_seq == 4
    again.close()


def dumped(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


# Moving to a newer schema


def test_an_older_database_moves_on_and_a_copy_is_kept(path: Path, later: Path) -> None:
    before = dumped(path)
    store = open_store(path)
    assert len(store.loaded.inventory.tables["device"]) == 6
    store.close()
    copy = path.with_name(f"net.before-{LATER}.sqlite")
    assert dumped(copy) == before
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert ask(path, "SELECT version_num FROM alembic_version") == [(LATER,)]
    assert ask(path, "SELECT id FROM later") == [(1,)]
    assert ask(path, "SELECT count(*) FROM link") == [(3,)]


def test_the_copy_holds_what_was_in_the_log(path: Path, later: Path) -> None:
    crashed = sqlite3.connect(path, isolation_level=None)
    crashed.execute("UPDATE tenant SET name = 'in the log'")
    open_store(path).close()
    assert ask(path.with_name(f"net.before-{LATER}.sqlite"), "SELECT name FROM tenant") == [("in the log",)]
    crashed.close()


def test_a_migration_that_fails_leaves_the_old_database(path: Path, later: Path) -> None:
    later.write_text(NEXT.replace("INSERT INTO later", "INSERT INTO nowhere"))
    with pytest.raises(
        StorageRefused, match=rf"could not be updated.*no such table: nowhere.*net\.before-{LATER}\.sqlite"
    ):
        open_store(path)
    assert ask(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert ask(path, "SELECT count(*) FROM sqlite_schema WHERE name IN ('later', '_alembic_tmp_site')") == [
        (0,)
    ]
    later.write_text(NEXT)
    open_store(path).close()
    assert ask(path, "SELECT id FROM later") == [(1,)]


def test_a_migration_that_orphans_rows_is_taken_back(path: Path, later: Path) -> None:
    later.write_text(NEXT.replace("INSERT INTO later VALUES (1)", "DELETE FROM device"))
    with pytest.raises(StorageRefused, match="rows without their owner in link"):
        open_store(path)
    assert ask(path, "SELECT count(*) FROM device") == [(6,)]


def test_without_room_for_a_copy_nothing_is_moved(
    path: Path, later: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file.os, "fsync", fail)
    assert f"copy net.before-{LATER}.sqlite that is kept before cannot be written" in refusal_of(path)
    assert ask(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_a_database_that_is_up_to_date_loads_no_alembic_and_no_geometry_library(path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.engine.stores import open_store\n"
        "open_store(Path(sys.argv[1])).close()\nopen_store(Path(sys.argv[2])).close()\n"
        "print([n for n in ('alembic', 'geoalchemy2', 'shapely', 'numpy', 'networkx') if n in sys.modules])"
    )
    paths = [str(path), str(path.with_name("new.sqlite"))]
    done = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_transaction_of_the_engine_covers_schema_changes(path: Path) -> None:
    engine = file.engine_for(path)
    with pytest.raises(OperationalError), engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE half (id)")
        connection.exec_driver_sql("CREATE TABLE half (id)")
    assert ask(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'") == [(0,)]
