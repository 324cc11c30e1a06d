"""The tie to the engine: found, started, restarted, refused; with a fake one and with the real one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app.draft import DeviceDraft, default_probe, edit_of, steps_of
from app.endpoint_client import Conversation, EndpointClient, NoEngine
from app.engine_link import BACK_OFF_S, LEFT_WHY, EngineLink, Status
from app.model import Model
from domain.errors import Refusal
from domain.inventory import Device, Inventory, Tenant
from domain.wire import FRAME_CAP_BYTES, Changed, Credit, Reply, SubmitEdit, ToClient, Watch
from tests.ui.conftest import Bench, WaitFor
from tests.ui.fake_engine import FakeEngine, id_of

Link = tuple[EngineLink, Model, list[Status]]


@pytest.fixture
def real(qt: QApplication, tmp_path: Path) -> Iterator[Link]:
    """A link that starts the real engine on an empty profile."""
    model = Model()
    link = EngineLink(tmp_path / "profile", model)
    said: list[Status] = []
    link.status_changed.connect(said.append)
    yield link, model, said
    link.stop()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_engine_is_started_again_and_nothing_acknowledged_is_lost(
    real: Link, wait_for: WaitFor
) -> None:
    link, model, said = real
    link.start()
    wait_for(lambda: link.connected)
    replies: list[Reply] = []
    draft = DeviceDraft("One", "127.0.0.1", probes=(default_probe("icmp"),))
    edit = edit_of("Add One", "tester", steps_of(model.inventory, draft).steps)
    link.request(lambda number: SubmitEdit(number, edit), replies.append)
    wait_for(lambda: replies)
    assert replies[0].refusals == ()
    first = link.engine_pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: link.connected and link.engine_pid != first)
    assert link.restarts == 1
    assert [status.kind for status in said] == ["starting", "ready", "lost", "ready"]
    wait_for(lambda: [device.name for device in model.inventory.devices()] == ["One"])


def test_an_edit_sent_while_the_engine_is_dead_is_applied_once_by_the_next(
    real: Link, wait_for: WaitFor
) -> None:
    link, model, _ = real
    link.start()
    wait_for(lambda: link.connected)
    first = link.engine_pid
    os.kill(first, signal.SIGKILL)
    replies: list[Reply] = []
    draft = DeviceDraft("Late", "127.0.0.2", probes=(default_probe("icmp"),))
    edit = edit_of("Add Late", "tester", steps_of(model.inventory, draft).steps)
    link.request(lambda number: SubmitEdit(number, edit), replies.append)
    wait_for(lambda: replies)
    assert replies[0].refusals == ()
    assert len(replies) == 1
    wait_for(lambda: [device.name for device in model.inventory.devices()] == ["Late"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot stop a process without ending it")
def test_a_hung_engine_is_found_by_its_heartbeat_killed_and_replaced(real: Link, wait_for: WaitFor) -> None:
    link, _, said = real
    link.start()
    wait_for(lambda: link.connected)
    first = link.engine_pid
    os.kill(first, signal.SIGSTOP)
    wait_for(lambda: link.connected and link.engine_pid != first)
    assert not is_alive(first)
    assert any("no sign of life" in status.details for status in said)


def test_stopping_the_link_ends_its_own_engine(real: Link, wait_for: WaitFor) -> None:
    link, _, _ = real
    link.start()
    wait_for(lambda: link.connected)
    pid = link.engine_pid
    link.stop()
    assert not is_alive(pid)


def test_a_second_window_finds_the_first_ones_engine_and_leaves_it_alone(
    real: Link, qt: QApplication, tmp_path: Path, wait_for: WaitFor
) -> None:
    link, _, _ = real
    link.start()
    wait_for(lambda: link.connected)
    second = EngineLink(tmp_path / "profile", Model())
    second.start()
    wait_for(lambda: second.connected)
    assert second.engine_pid == link.engine_pid
    second.stop()
    assert is_alive(link.engine_pid)
    assert link.connected


def test_a_corrupt_database_is_refused_in_words_kept_and_not_tried_again(
    real: Link, wait_for: WaitFor
) -> None:
    link, _, said = real
    profile = link._profile
    profile.mkdir()
    database = profile / "heliograph.db"
    database.write_bytes(b"this is no database, but somebody's file" * 200)
    kept = database.read_bytes()
    link.start()
    wait_for(lambda: link.status.kind == "refused")
    assert link.status.text
    assert database.read_bytes() == kept
    assert not link._retry.isActive()
    assert [status.kind for status in said] == ["starting", "refused"]


def test_an_engine_that_keeps_dying_is_tried_ever_later_and_its_last_words_are_shown(
    qt: QApplication, tmp_path: Path, wait_for: WaitFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.engine_link.BACK_OFF_S", (0.0,) * len(BACK_OFF_S))
    code = 'import sys; sys.stderr.write(\'{"event": "disk_on_fire"}\\n\'); sys.exit(1)'
    link = EngineLink(tmp_path / "profile", Model(), [sys.executable, "-c", code])
    link.start()
    wait_for(lambda: link.status.kind == "failing")
    assert "disk_on_fire" in link.status.details
    assert list(BACK_OFF_S) == sorted(BACK_OFF_S)
    link.stop()


def test_a_program_that_is_not_there_is_refused_in_words(
    qt: QApplication, tmp_path: Path, wait_for: WaitFor
) -> None:
    link = EngineLink(tmp_path / "profile", Model(), [str(tmp_path / "no-such-program")])
    link.start()
    wait_for(lambda: link.status.kind == "refused")
    assert "no-such-program" in link.status.text


def test_every_batch_is_credited_once_it_is_merged(
    engine: FakeEngine, qt: QApplication, wait_for: WaitFor
) -> None:
    model = Model()
    link = EngineLink(engine.profile, model)
    link.start()
    wait_for(lambda: engine.credits)
    assert list(model.inventory.devices())
    link.watch([id_of("g1")])
    wait_for(lambda: engine.watched)
    link.watch([id_of("g1")])
    wait_for(lambda: [m for m in engine.heard if isinstance(m, Credit)])
    assert len([m for m in engine.heard if isinstance(m, Watch)]) == 1
    link.stop()


def test_without_an_engine_the_client_says_so(tmp_path: Path) -> None:
    def nothing(message: ToClient) -> None:
        """Hear nothing."""

    with pytest.raises(NoEngine, match="no engine has run"):
        EndpointClient.connect(tmp_path, "test", nothing, lambda reason: None)


def test_a_wrong_key_is_no_engine(engine: FakeEngine) -> None:
    (engine.profile / "endpoint.key").write_bytes(b"x" * 32)
    with pytest.raises(NoEngine, match="nobody answers"):
        Conversation(engine.profile)


def test_an_engine_that_accepts_and_says_nothing_is_given_up_in_time(engine: FakeEngine) -> None:
    engine.mute = True
    with pytest.raises(NoEngine, match="does not answer"):
        Conversation(engine.profile, timeout_s=0.2)


def test_what_the_engine_could_not_send_is_said_to_the_user(bench: Bench) -> None:
    refusal = Refusal("TOO_LARGE", "this journal is too long to be shown")
    bench.engine.say(Reply(0, (refusal,)))
    bench.wait_for(lambda: bench.window.toasts.shown)
    assert bench.window.toasts.shown[0].label.text() == "This journal is too long to be shown"


def test_a_watch_that_is_too_large_to_send_ends_no_thread(bench: Bench) -> None:
    bench.link.watch([id_of("g1")] * (FRAME_CAP_BYTES // 16))
    bench.wait_for(lambda: bench.window.toasts.shown)
    assert "16 MiB" in bench.window.toasts.shown[0].label.text()
    bench.link.watch([id_of("g2")])
    bench.wait_for(lambda: bench.engine.watched == (id_of("g2"),))
    assert bench.engine.hello_count == 1


def test_another_network_takes_the_place_of_the_one_that_was_left(
    bench: Bench, tmp_path: Path, wait_for: WaitFor
) -> None:
    other = FakeEngine(tmp_path / "teams" / "other", Inventory())
    other.tenant = Tenant(id_of("other"), "Other")
    replies: list[Reply] = []
    bench.engine.drop_edits = 1
    bench.link.request(lambda number: SubmitEdit(number, edit_of("Lost", "tester", [])), replies.append)
    bench.wait_for(lambda: not bench.engine.drop_edits)
    bench.link.watch([id_of("g1")])
    bench.link.attach(other.profile, ["nothing-to-start"])
    assert [reply.refusals[0].message for reply in replies] == [LEFT_WHY]
    assert bench.model.tenant is None
    assert not bench.model.inventory.tables["device"], "nobody sees one network under another's name"
    wait_for(lambda: bench.model.tenant == other.tenant)
    assert other.edits == []
    assert other.watched == ()
    bench.engine.tell(lambda batch: Changed(batch, devices=(Device(id_of("late"), "Late", "10.0.0.9"),)))
    other.tell(lambda batch: Changed(batch, devices=(Device(id_of("new"), "New", "10.0.0.8"),)))
    wait_for(lambda: bench.model.inventory.tables["device"])
    assert [device.name for device in bench.model.inventory.devices()] == ["New"]
    other.close()


def test_the_engine_of_a_network_that_is_left_ends_and_the_next_one_starts(
    real: Link, tmp_path: Path, wait_for: WaitFor
) -> None:
    link, _, said = real
    link.start()
    link.attach(tmp_path / "second")
    wait_for(lambda: link.connected)
    second = link.engine_pid
    link.attach(tmp_path / "third")
    wait_for(lambda: link.connected and link.engine_pid != second)
    assert not is_alive(second)
    assert (tmp_path / "third" / "heliograph.db").exists()
    assert link.restarts == 0
    assert {status.kind for status in said} == {"starting", "ready"}
