"""The journal gets to the server without a gap and without a double, whatever answer is lost or late."""

from __future__ import annotations

from random import Random
from uuid import UUID

import pytest

from domain.journal import JournalRow
from domain.sync import ROWS_PER_TELL, Kept
from engine.sync.telling import Telling


def rows_between(after: int, last: int) -> list[JournalRow]:
    return [JournalRow(UUID(int=1), seq, seq, "status", None) for seq in range(after + 1, last + 1)]


def test_rows_are_told_after_the_last_that_is_kept_one_piece_at_a_time() -> None:
    telling = Telling(3, ROWS_PER_TELL + 10)
    assert telling.untold == ROWS_PER_TELL + 7
    assert telling.wanted() == (3, ROWS_PER_TELL + 3)
    assert len(telling.piece(1, rows_between(3, ROWS_PER_TELL + 3))) == ROWS_PER_TELL
    assert telling.wanted() is None
    telling.on_kept(Kept(1, kept_seq=ROWS_PER_TELL + 3))
    assert telling.wanted() == (ROWS_PER_TELL + 3, ROWS_PER_TELL + 10)
    telling.piece(2, rows_between(ROWS_PER_TELL + 3, ROWS_PER_TELL + 10))
    telling.on_kept(Kept(2, kept_seq=ROWS_PER_TELL + 10))
    assert (telling.untold, telling.wanted()) == (0, None)
    telling.on_written(ROWS_PER_TELL + 11)
    assert telling.untold == 1


def test_what_lies_behind_a_gap_is_not_told() -> None:
    telling = Telling(0, 6)
    told = telling.piece(1, [*rows_between(0, 2), *rows_between(3, 6)])
    assert [row.seq for row in told] == [1, 2]
    assert Telling(0, 6).piece(1, rows_between(2, 6)) == ()


def test_without_room_at_the_server_it_is_told_again() -> None:
    telling = Telling(0, 2)
    telling.piece(1, rows_between(0, 2))
    telling.on_kept(Kept(7, kept_seq=2))
    assert telling.wanted() is None
    telling.on_kept(Kept(1, retry_after_s=5.0))
    assert telling.wanted() == (0, 2)


def test_a_restored_server_is_told_again_and_an_older_copy_of_the_profile_is_noticed() -> None:
    telling = Telling(9, 9)
    telling.open(4)
    assert telling.wanted() == (4, 9)
    telling.open(12)
    assert telling.is_behind
    assert telling.wanted() is None


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_lost_the_server_has_each_row_once_in_the_end(seed: int) -> None:
    dice = Random(seed)
    telling, server = Telling(0, 0), list[int]()
    number = 0
    for turn in range(400):
        if turn < 300:
            telling.on_written(telling.newest_seq + 1)
        wanted = telling.wanted()
        if wanted is not None:
            number += 1
            told = telling.piece(number, rows_between(*wanted))
            if dice.random() < 0.8 or turn > 380:
                server += [row.seq for row in told if row.seq > len(server)]
                if dice.random() < 0.8 or turn > 380:
                    telling.on_kept(Kept(number, kept_seq=len(server)))
        if dice.random() < 0.2 or turn > 380:
            telling.open(len(server))
    assert server == list(range(1, 301))
    assert telling.untold == 0
