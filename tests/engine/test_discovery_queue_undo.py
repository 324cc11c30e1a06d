"""What was put aside from the review queue, and comes back when what people did is undone."""

from __future__ import annotations

from engine.discovery import queue as module
from tests.engine.test_discovery_queue import A, B, Engine, find


def test_a_find_comes_back_when_ignoring_it_is_undone() -> None:
    engine = Engine()
    engine.queue.take(find("10.0.0.1", serial="S-100"))
    engine.queue.take(find("10.0.0.2", serial="S-200"))
    engine.queue.set_ignored(["serial:S-100", "serial:S-200"])
    assert engine.names() == []
    engine.queue.set_ignored(["serial:S-200"])
    assert engine.names() == ["10.0.0.1"]
    assert list(engine.kept) == [one.id for one in engine.queue]


def test_a_find_comes_back_when_adding_moving_or_renaming_its_device_is_undone() -> None:
    engine = Engine()
    engine.queue.take(find("10.0.0.1", serial="S-100"))
    engine.set_device(A, "r1", "10.0.0.1", serial="S-100")
    assert engine.names() == []
    del engine.devices[A]
    engine.queue.change_devices([A])
    engine.queue.refresh()
    assert engine.names() == ["10.0.0.1"]
    engine.set_device(B, "r2", "10.0.0.9", serial="S-100")
    assert [one.match.kind for one in engine.queue] == ["moved"]
    engine.set_device(B, "r2", "10.0.0.1", serial="S-100")
    assert engine.names() == []
    engine.set_device(B, "r2", "10.0.0.9", serial="S-100")
    assert [one.match.kind for one in engine.queue] == ["moved"]
    assert list(engine.kept) == [one.id for one in engine.queue]
    engine.now_us += 2 * module.ASIDE_US
    engine.set_device(B, "r2", "10.0.0.1", serial="S-100")
    engine.now_us += 2 * module.ASIDE_US
    engine.queue.refresh()
    assert not engine.queue._aside and not engine.queue._aside_by_key, "a day later nobody undoes it"
