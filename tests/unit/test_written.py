"""What was written last of a tenant, as far as it is known without a gap. Checks `sync_server/live/written.py`."""

from __future__ import annotations

from uuid import UUID

from domain.health import Health
from domain.journal import JournalRow
from domain.sync import ENTRIES_PER_PART
from sync_server.live.written import KEPT_S, THINGS_CAP, Written, Wrote

ONE, TWO, VANTAGE = UUID(int=1), UUID(int=2), UUID(int=9)


def _turned(device: UUID, at_us: int) -> Health:
    return Health(device, VANTAGE, "up", at_us, at_us)


def _row(seq: int, origin: UUID = VANTAGE) -> JournalRow:
    return JournalRow(origin, seq, seq, "status", ONE)


def test_the_last_of_each_since_a_revision_is_told_once() -> None:
    written = Written()
    assert (written.newest, written.since(0)) == (0, None), "nothing is known of a tenant, be it empty"
    written.note(Wrote(7, [_turned(ONE, 1), _turned(TWO, 1)], journal=[_row(2), _row(1)]))
    written.note(Wrote(8, [_turned(ONE, 2)], journal=[_row(3, ONE)]))
    both = written.since(6)
    assert both == Wrote(8, [_turned(ONE, 2), _turned(TWO, 1)], [], [_row(1), _row(2), _row(3, ONE)])
    assert written.since(7) == Wrote(8, [_turned(ONE, 2)], [], [_row(3, ONE)])
    assert written.since(8) == Wrote(8, [], [], [])


def test_what_others_wrote_between_is_not_known_nor_what_came_before_it() -> None:
    written = Written()
    written.note(Wrote(7, [_turned(ONE, 1)]))
    assert written.since(5) is None, "6 was not written here"
    assert written.since(9) is None, "somebody stands beyond what is known"
    written.note(Wrote(9, [_turned(ONE, 2)]))
    assert written.since(6) is None and written.since(7) is None
    assert written.since(8) == Wrote(9, [_turned(ONE, 2)], [], [])


def test_it_is_kept_for_a_moment_and_no_more_of_it_than_a_part_holds() -> None:
    now_s = [0.0]
    written = Written(lambda: now_s[0])
    written.note(Wrote(7, [_turned(ONE, 1)]))
    now_s[0] = KEPT_S / 2
    written.note(Wrote(8, [_turned(UUID(int=n), 2) for n in range(ENTRIES_PER_PART)]))
    assert written.since(7) is None, "the database tells it in parts"
    written.note(Wrote(9, [_turned(ONE, 3)]))
    now_s[0] = KEPT_S * 1.2
    assert written.since(6) is None, "too long ago"
    assert written.since(8) == Wrote(9, [_turned(ONE, 3)], [], [])
    now_s[0] = KEPT_S * 2
    assert (written.newest, written.since(9)) == (0, None)


def test_it_holds_no_more_than_its_room_and_begins_anew_behind_what_is_larger() -> None:
    written = Written(lambda: 0.0)
    many = [_turned(UUID(int=n), 1) for n in range(THINGS_CAP // 4)]
    for revision in range(7, 12):
        written.note(Wrote(revision, many[:-1]))
    assert (written.since(6), written.since(7)) == (None, Wrote(11, many[:-1], [], []))
    written.note(Wrote(12, many * 5))
    assert (written.newest, written.since(11)) == (0, None)
    written.note(Wrote(13, [_turned(ONE, 2)]))
    assert written.since(12) == Wrote(13, [_turned(ONE, 2)], [], [])
