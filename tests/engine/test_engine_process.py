"""The engine as a process: start, stop, refusals, kill -9, log, secrets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from domain.edit import creation, inverse
from domain.inventory import Credential, Probe
from domain.tunnels import CloseTunnel, OpenTunnel, PortPool, SetPortPool, Tunnel, TunnelsState
from domain.vault import Secret
from domain.wire import QueryJournal, QueryProfiles, Reply, Stop, SubmitEdit
from engine.errand import NoEngine, engine_of
from engine.storage import Store
from engine.vault import SecretNotHere, Vault
from tests.engine.client import WAIT_S, TestClient
from tests.engine.engine_process import EngineProcess
from tests.ports import free_port
from tests.unit.inventories import device, edit

COMMUNITY = "s3cret-community-4711"
PASSWORD = "s3cret-password-0815"


def test_the_engine_starts_says_where_it_listens_and_ends_with_its_parent(tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "p") as engine:
        told = engine.event("endpoint_open")
        with engine.client() as client:
            assert client.welcome.pid == engine.process.pid == told["pid"]
            assert engine.stop() == 0
        engine.event("stopped")
    assert not (tmp_path / "p" / "endpoint.json").exists()
    assert "bug" not in [line["event"] for line in engine.lines]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to send")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(tmp_path: Path, number: int) -> None:
    with EngineProcess(tmp_path / "p", with_parent=False) as engine:
        engine.event("endpoint_open")
        engine.process.send_signal(number)
        assert engine.wait() == 0
        engine.event("stopped")


def test_a_client_may_stop_it_and_gets_its_reply(tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "p") as engine, engine.client() as client:
        assert client.ask(Stop).refusals == ()
        assert engine.wait() == 0


def test_a_second_engine_is_refused_and_says_which_process_holds_the_profile(tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "p") as first:
        first.event("endpoint_open")
        with EngineProcess(tmp_path / "p") as second:
            assert second.wait() == 3
            said = second.event("profile_refused")
            assert str(first.process.pid) in said["message"]
        with first.client() as client:
            assert client.welcome.pid == first.process.pid


def test_a_damaged_database_is_refused_with_a_message_and_kept(tmp_path: Path) -> None:
    database = tmp_path / "heliograph.db"
    database.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    before = database.read_bytes()
    with EngineProcess(tmp_path) as engine:
        assert engine.wait() == 4
        said = engine.event("storage_refused")
        assert str(database) in said["message"] and "Traceback" not in engine.text
    assert database.read_bytes() == before


def test_what_is_no_database_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "heliograph.db").write_bytes(b"%PDF-1.7\n\xff\xff\xff and so on" * 50)
    with EngineProcess(tmp_path) as engine:
        assert engine.wait() == 4
        said = engine.event("storage_refused")["message"]
    assert "b'" not in said and "\\x" not in said
    assert "the bytes 25 50 44 46" in said and '"SQLite format 3" expected' in said


def test_what_the_system_refuses_at_the_start_is_one_sentence_and_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "endpoint").write_text("in the way of the socket's folder")
    with EngineProcess(tmp_path) as engine:
        assert engine.wait() == 7
        said = engine.event("start_refused")["message"]
    assert "cannot start" in said and "File exists" in said and str(tmp_path / "endpoint") in said
    assert "Traceback" not in engine.text and "Errno" not in said


def test_a_disk_that_fails_at_the_start_is_one_sentence_and_not_a_traceback(tmp_path: Path) -> None:
    patch = """
from engine.storage import StorageFailed, Store
def secrets(self): raise StorageFailed(f"{self.path}: disk I/O error")
Store.secrets = secrets"""
    with EngineProcess(tmp_path, patch=patch) as engine:
        assert engine.wait() == 7
        assert "disk I/O error" in engine.event("start_refused")["message"]
    assert "Traceback" not in engine.text


def test_a_bug_in_the_storage_ends_the_engine_by_name_and_not_blind(tmp_path: Path) -> None:
    patch = """
from engine.storage import Store
write = Store.write
def broken(self, batch):
    if any(row.kind == "edit_refused" for row in batch.journal): raise ZeroDivisionError("a bug")
    write(self, batch)
Store.write = broken
Store.apply_touched = lambda self, edit, touched, journal, secrets: self.fail()
from engine.storage import StorageFailed
def fail(self): raise StorageFailed("full")
Store.fail = fail"""
    with EngineProcess(tmp_path, patch=patch) as engine, engine.client() as client:
        reply = client.ask(lambda n: SubmitEdit(n, edit(creation("device", device(1)))))
        assert reply.refusals[0].code == "STORAGE_FAILED"
        assert engine.wait() == 6
        told = engine.event("storage_ended")
        assert "ZeroDivisionError" in told["message"] and told["level"] == "error"
        engine.event("stopped")


def test_the_secret_of_a_device_that_was_taken_back_is_there_for_redo_after_a_restart(tmp_path: Path) -> None:
    community = Credential(UUID(int=900), "snmp", "snmp_community")
    one = device(1, probes=(Probe("snmp", 161, community.id),), paused=True)
    made = edit(creation("credential", community), creation("device", one))
    back = inverse(made, UUID(int=20_001), 2, "mara")
    again = inverse(back, UUID(int=20_002), 3, "mara")
    with EngineProcess(tmp_path) as engine, engine.client() as client:
        secrets = {community.id: Secret(COMMUNITY)}
        assert client.ask(lambda n: SubmitEdit(n, made, secrets)).refusals == ()
        assert client.ask(lambda n: SubmitEdit(n, back)).refusals == ()
        assert engine.stop() == 0
    with EngineProcess(tmp_path) as engine, engine.client() as client:
        assert client.ask(lambda n: SubmitEdit(n, again)).refusals == ()
        assert client.ask(lambda n: SubmitEdit(n, inverse(again, UUID(int=20_003), 4, "mara"))).refusals == ()
        assert engine.stop() == 0
    assert secret_kept(tmp_path, community.id) == COMMUNITY
    a_week_on = "import time; now = time.time_ns; time.time_ns = lambda: now() + 8 * 86_400 * 10**9"
    with EngineProcess(tmp_path, patch=a_week_on) as engine:
        engine.event("endpoint_open")
        assert engine.stop() == 0
    assert secret_kept(tmp_path, community.id) is None


def secret_kept(profile: Path, id: UUID) -> str | None:
    """Return a secret of a profile that no engine uses."""
    store = Store.open(profile / "heliograph.db", now_us=1, new_id=lambda: id)
    try:
        return Vault.open(store, profile).get(id)
    except SecretNotHere:
        return None
    finally:
        store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to send")
def test_a_command_at_an_engine_that_stands_still_ends_in_words(tmp_path: Path) -> None:
    async def ask() -> Reply:
        async with engine_of(tmp_path / "p") as ask:
            return await ask(QueryProfiles(1))

    with EngineProcess(tmp_path / "p") as engine:
        engine.event("endpoint_open")
        assert asyncio.run(ask()).request == 1
        os.kill(engine.process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(NoEngine, match="stands still"):
                asyncio.run(ask())
        finally:
            os.kill(engine.process.pid, signal.SIGCONT)
        assert asyncio.run(ask()).request == 1


def test_a_profile_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with EngineProcess(tmp_path / "file" / "p") as engine:
        assert engine.wait() == 3
        assert "file" in engine.event("profile_refused")["message"]


def test_what_was_acknowledged_survives_kill_9_without_a_gap_in_the_journal(tmp_path: Path) -> None:
    acknowledged: list[UUID] = []

    def add_devices(client: TestClient) -> None:
        for n in range(1, 400):  # the journal is asked for no more rows than a thousand
            try:
                one = device(n, probes=(), name=f"R{n}")
                reply = client.ask(lambda r, o=one, k=n: SubmitEdit(r, edit(creation("device", o), number=k)))
            except Exception:
                return  # it was killed in the middle of this one
            assert reply.refusals == ()
            acknowledged.append(one.id)

    with EngineProcess(tmp_path / "p") as engine, engine.client() as client:
        thread = threading.Thread(target=add_devices, args=(client,), daemon=True)
        thread.start()
        deadline_s = time.monotonic() + WAIT_S
        while len(acknowledged) < 40 and time.monotonic() < deadline_s:
            time.sleep(0.005)
        engine.process.kill()
        engine.wait()
        told = list(acknowledged)
    assert len(told) >= 40
    with EngineProcess(tmp_path / "p") as again, again.client() as client:
        client.wait_for(lambda: client.latest("device", told[-1]))
        assert [id for id in told if client.latest("device", id) is None] == []
        rows = client.ask(lambda n: QueryJournal(n, None, 1_000)).result["rows"]
        numbers = sorted(row["seq"] for row in rows)
        assert numbers == list(range(1, len(rows) + 1))
        one = device(1, probes=(), name="R1")
        repeated = client.ask(lambda n: SubmitEdit(n, edit(creation("device", one), number=1)))
        assert repeated.refusals == (), "the reply may have been lost: sending it again is harmless"


def test_refusals_come_back_by_field(tmp_path: Path) -> None:
    bad = device(1, name="", address="nowhere", lng=1.0)
    with EngineProcess(tmp_path / "p") as engine, engine.client() as client:
        reply = client.ask(lambda n: SubmitEdit(n, edit(creation("device", bad))))
        assert {r.field for r in reply.refusals} == {"name", "address", "lat"}
        assert all(r.message for r in reply.refusals)


def test_values_that_are_not_believed_not_stored_or_lost_are_told_in_figures(tmp_path: Path) -> None:
    patch = """
from engine.judge.judge import Judge
from engine.storage import StoreThread
Judge.unbelievable = property(lambda self: 3, lambda self, value: None)
StoreThread.refused_values = property(lambda self: 4)
StoreThread.dropped_samples = property(lambda self: 5, lambda self, value: None)
from engine.team import TeamPart
TeamPart.lost_reports = property(lambda self: 6)"""
    with EngineProcess(tmp_path, patch=patch) as engine, engine.client() as client:
        told = client.wait_for(lambda: client.latest("engine", None))
        found = (told.unbelievable_values, told.refused_values, told.dropped_samples, told.lost_reports)
        assert found == (3, 4, 5, 6)
        assert engine.stop() == 0


def test_no_secret_is_in_the_log_or_in_any_file(tmp_path: Path) -> None:
    port = free_port()
    community = Credential(UUID(int=900), "snmp", "snmp_community")
    login = Credential(UUID(int=901), "api", "routeros_login", "monitor")
    one = device(
        1,
        address="127.0.0.1",
        probes=(Probe("snmp", port, community.id), Probe("routeros", port, login.id)),
        interval_s=1.0,
    )
    steps = (creation("credential", community), creation("credential", login), creation("device", one))
    secrets = {community.id: Secret(COMMUNITY), login.id: Secret(PASSWORD)}
    with EngineProcess(tmp_path / "p", "--log-level", "debug") as engine, engine.client() as client:
        assert client.ask(lambda n: SubmitEdit(n, edit(*steps), secrets)).refusals == ()
        engine.event("probe_failed", probe="snmp")
        line = engine.event("probe_failed", probe="routeros")
        assert line["device_id"] == str(one.id) and line["tenant_id"] and line["attempt"] == 3
        assert engine.stop() == 0
    assert "s3cret" not in engine.text
    for path in (tmp_path / "p").rglob("*"):
        if path.is_file():
            assert b"s3cret" not in path.read_bytes(), path


def test_every_log_line_is_json_with_time_level_service_and_event(tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "p", "--log-level", "debug") as engine, engine.client():
        assert engine.stop() == 0
    for line in engine.text.splitlines():
        told = json.loads(line)
        assert told["time"].endswith("Z") and told["level"] and told["service"] and told["event"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes say nothing there")
def test_the_profile_and_the_endpoint_are_private(tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "p") as engine:
        address = Path(engine.event("endpoint_open")["address"])
        for path in [*(tmp_path / "p").iterdir(), address, address.parent]:
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_tunnel_is_opened_used_and_ended_over_the_endpoint_and_the_journal_has_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as router, EngineProcess(tmp_path) as engine:
        port = router.getsockname()[1]
        one = device(1, address="127.0.0.1", probes=(Probe("tcp", port),), paused=True)
        with engine.client() as client:
            assert client.ask(lambda n: SubmitEdit(n, edit(creation("device", one)))).refusals == ()
            pool = PortPool(free_port(), 1)
            assert client.ask(lambda n: SetPortPool(n, pool)).refusals == ()
            reply = client.ask(lambda n: OpenTunnel(n, one.id, port, "mara"))
            tunnel = msgspec.convert(reply.result["tunnel"], Tunnel)
            assert (tunnel.port, tunnel.way) == (pool.first, "direct")
            with socket.create_connection(("127.0.0.1", tunnel.port)) as near:
                far, _ = router.accept()
                with far:
                    near.sendall(b"there")
                    assert far.recv(5) == b"there"
            assert client.ask(lambda n: CloseTunnel(n, tunnel.id)).refusals == ()
            ended = client.wait_for(
                lambda: [
                    t.ended for t in client.state.get(("tunnels", None), TunnelsState()).tunnels if t.ended
                ]
            )
            assert ended == ["closed by hand"]
            rows = client.ask(lambda n: QueryJournal(n, one.id)).result["rows"]
            bodies = {row["kind"]: row["body"] for row in rows}
            assert bodies["tunnel_opened"]["by"] == "mara"
            assert (bodies["tunnel_closed"]["to_bytes"], bodies["tunnel_closed"]["why"]) == (
                5,
                "closed by hand",
            )
        assert engine.stop() == 0
    with EngineProcess(tmp_path) as engine, engine.client() as client:
        told = client.wait_for(lambda: client.state.get(("tunnels", None)))
        assert told == TunnelsState(pool=pool), "the ports are kept"
