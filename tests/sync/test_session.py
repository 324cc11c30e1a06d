"""What an install holds: what is shown, what is sent, what is written, and what stale or repeated words change (nothing)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.clash import Clash
from domain.edit import Edit, change, creation, deletion
from domain.inventory import Inventory, Link, Site
from domain.sync import EDITS_PER_PUSH, EditRow, Entries, Gone, Outcome, Outcomes, Taken
from engine.sync.session import PUSH_CAP_BYTES, Cursor, OwnEdit, Session
from tests.sync.sessions import MAST, NO, NOW_US, Talk, renaming, welcome
from tests.unit.inventories import device, edit, inventory


def states(change: Any) -> list[tuple[int, str]]:
    return [(own.edit.id.int - 10_000, own.state) for own in change.edits]


def test_an_edit_is_shown_at_once_and_stays_shown_until_it_comes_down() -> None:
    talk = Talk()
    mine, new = renaming(1, MAST, note="mine")
    change = talk.submit(mine)
    assert (change.edits, change.confirmed) == ((OwnEdit(mine),), {})
    assert talk.seen == new
    assert talk.session.is_pending("device", MAST.id)
    assert talk.pushed() == [1]
    assert states(talk.outcome(mine, 7)) == [(1, "accepted")]
    assert talk.seen == new
    assert talk.pushed() == []
    talk.entries(5, 6, device(2))
    assert talk.seen == new
    down = talk.entries(6, 7, new)
    assert down is not None
    assert states(down) == [(1, "confirmed")]
    assert (down.shown, down.answer) == ({}, Taken(7))
    assert not talk.session.is_pending("device", MAST.id)
    assert talk.session.visible == talk.session.confirmed


def test_nothing_changes_before_a_change_is_taken() -> None:
    talk = Talk()
    mine, _ = renaming(1, MAST, note="mine")
    talk.session.submit(mine)
    talk.session.entries(Entries(5, 6, True, devices=(device(2),)), NOW_US)
    assert talk.seen == MAST
    assert talk.session.cursor.revision == 5
    assert talk.session.pending == []
    assert talk.session.confirmed == inventory(MAST)


def test_news_of_a_field_is_seen_under_an_edit_of_another() -> None:
    talk = Talk()
    mine, new = renaming(1, MAST, note="mine")
    talk.submit(mine)
    theirs = msgspec.structs.replace(MAST, role="pop", note="theirs")
    talk.entries(5, 6, msgspec.structs.replace(MAST, role="pop"))
    assert talk.seen == msgspec.structs.replace(new, role="pop")
    talk.entries(6, 7, theirs)
    assert talk.seen == theirs


def test_a_refused_edit_is_taken_back_and_is_in_the_tray_with_what_depends_on_it() -> None:
    talk = Talk()
    first = edit(creation("device", device(2)), number=1)
    second, _ = renaming(2, device(2), note="mine")
    for one in (first, second):
        talk.submit(one)
    change = talk.outcome(first, refusals=(NO,))
    assert states(change) == [(1, "refused")]
    assert talk.session.visible == inventory(MAST)
    assert change.tray[first.id] == talk.session.tray[first.id]
    change = talk.outcome(second, clashes=(Clash("device", device(2).id, gone=True),))
    assert states(change) == [(2, "refused")]
    assert [entry.edit for entry in talk.session.tray.values()] == [first, second]
    assert talk.session.pending_count == 0
    talk.did(talk.session.drop(first.id))
    assert list(talk.session.tray) == [second.id]
    assert talk.session.drop(first.id).tray == {}


def test_a_clash_goes_to_the_tray_and_the_rest_of_the_edit_is_confirmed() -> None:
    talk = Talk()
    mine, _ = renaming(1, MAST, note="mine", role="pop")
    talk.submit(mine)
    clash = Clash("device", MAST.id)
    change = talk.outcome(mine, 7, clashes=(clash,))
    assert states(change) == [(1, "accepted")]
    assert talk.session.tray[mine.id].clashes == (clash,)
    assert talk.session.tray[mine.id].at_us == NOW_US


def test_one_push_is_out_at_a_time_in_the_order_in_which_edits_were_made() -> None:
    talk = Talk()
    edits = [
        edit(creation("device", device(10 + number)), number=number) for number in range(EDITS_PER_PUSH + 1)
    ]
    for one in edits:
        talk.submit(one)
    assert talk.pushed() == list(range(EDITS_PER_PUSH))
    assert talk.pushed() == []
    talk.outcome(edits[0], 6)
    assert talk.pushed() == []
    talk.did(talk.session.outcomes(Outcomes(tuple(Outcome(one.id, 7) for one in edits[1:-1])), NOW_US))
    assert talk.pushed() == [EDITS_PER_PUSH]


def test_a_push_fits_a_frame_and_an_edit_that_never_does_is_refused() -> None:
    talk = Talk()
    for number in range(3):
        made = [
            creation("device", device(100 * number + at, note="n" * 2_000))
            for at in range(PUSH_CAP_BYTES // 5_000)
        ]
        talk.submit(edit(*made, number=number))
    assert talk.session.size_refusals(talk.session.pending[0]) == []
    assert talk.pushed() == [0, 1]
    huge = edit(*(step for one in talk.session.pending for step in one.steps))
    assert [refusal.code for refusal in talk.session.size_refusals(huge)] == ["INVALID_INPUT"]


def test_after_a_cut_what_was_out_is_sent_again() -> None:
    talk = Talk()
    mine, _ = renaming(1, MAST, note="mine")
    talk.submit(mine)
    assert talk.pushed() == [1]
    talk.session.close()
    assert talk.pushed() == []
    talk.did(talk.session.open(welcome(revision=9)))
    assert talk.pushed() == [1]
    assert talk.session.cursor == Cursor("one", 5, 5)


@pytest.mark.parametrize(("since", "revision"), [(4, 7), (0, 4), (0, 9), (6, 7), (4, 5), (5, 4)])
def test_entries_that_do_not_follow_change_nothing_and_say_where_we_are(since: int, revision: int) -> None:
    talk = Talk()
    change = talk.entries(since, revision, msgspec.structs.replace(MAST, note="stale"))
    assert change is not None
    assert (change.confirmed, change.news, change.answer) == ({}, (), Taken(5))
    assert talk.seen == MAST


def test_entries_hold_when_they_are_complete_and_what_was_read_later_holds() -> None:
    talk = Talk()
    theirs = msgspec.structs.replace(MAST, note="theirs")
    assert talk.entries(5, 6, device(2), theirs, gone=(Gone("device", device(3).id),), complete=False) is None
    assert talk.entries(2, 4, device(9)) is not None
    assert talk.entries(5, 5) is not None
    assert talk.session.visible == inventory(MAST)
    change = talk.entries(5, 8, device(3), gone=(Gone("device", device(2).id),))
    assert change is not None
    assert len(change.news) == 2
    assert talk.session.cursor.revision == 8
    assert talk.session.visible == inventory(theirs, device(3))


def test_half_told_entries_end_with_the_connection() -> None:
    talk = Talk()
    talk.entries(5, 6, device(5), complete=False)
    talk.session.close()
    talk.did(talk.session.open(welcome()))
    talk.entries(5, 7, device(6))
    assert talk.session.visible == inventory(MAST, device(6))


def test_that_something_is_left_out_is_known_until_all_is_told_anew() -> None:
    talk = Talk()
    for since, revision, left_out, is_lacking in ((5, 6, True, True), (6, 7, False, True)):
        change = talk.session.entries(Entries(since, revision, True), NOW_US, left_out=left_out)
        assert change is not None
        talk.did(change)
        assert talk.session.cursor.left_out is is_lacking
    assert talk.session.entries(Entries(7, 8, False), NOW_US, left_out=True) is None
    talk.session.close()
    anew = talk.session.cursor.taken_by("more")
    assert (anew.revision, anew.epoch, anew.left_out) == (0, "one", True)
    assert anew.taken_by("more") is anew
    session = Session(talk.session.confirmed, anew)
    assert session.open(welcome()).cursor == anew, "it is the same server, and what is shown stays"
    change = session.entries(Entries(0, 8, True, devices=(MAST,)), NOW_US)
    assert change is not None
    assert change.cursor == Cursor("one", 8, 5, known="more")


def test_entries_since_nothing_take_the_place_of_all() -> None:
    talk = Talk(MAST, device(2), device(3))
    mine, new = renaming(1, device(3), note="mine")
    talk.submit(mine)
    talk.did(talk.session.open(welcome("two", 9)))
    assert len(talk.session.visible.tables["device"]) == 3
    change = talk.entries(0, 9, MAST, device(3))
    assert change is not None
    assert change.confirmed == {("device", device(2).id): None}
    assert talk.session.visible == inventory(MAST, new)


def test_a_server_that_is_behind_in_the_same_epoch_begins_anew() -> None:
    talk = Talk()
    assert not talk.session.begins_anew(welcome(revision=5))
    assert talk.session.begins_anew(welcome(revision=4))
    change = talk.did(talk.session.open(welcome(revision=4)))
    assert change.cursor == Cursor("one", 0, 4)


def test_what_goes_goes_after_what_comes_and_an_edit_of_it_is_not_shown() -> None:
    talk = Talk()
    mine, _ = renaming(1, MAST, note="mine")
    talk.submit(mine)
    talk.entries(5, 6, MAST, gone=(Gone("device", MAST.id), Gone("health", MAST.id)))
    assert talk.seen is None
    assert talk.session.pending == [mine]


def test_entries_that_tell_of_an_own_edit_are_as_good_as_its_outcome() -> None:
    talk = Talk()
    mine, new = renaming(1, MAST, note="mine")
    talk.submit(mine)
    clash = Clash("device", MAST.id)
    change = talk.entries(5, 6, new, edits=(EditRow(6, mine, (clash,)),))
    assert change is not None
    assert states(change) == [(1, "confirmed")]
    assert talk.session.tray[mine.id].clashes == (clash,)
    assert talk.outcome(mine, 6).edits == ()


def test_what_became_of_an_edit_is_heard_once() -> None:
    talk = Talk()
    mine, _ = renaming(1, MAST, note="mine")
    talk.submit(mine)
    talk.outcome(mine, 7)
    late = talk.outcome(mine, refusals=(NO,))
    assert (late.edits, late.tray) == ((), {})
    assert talk.submit(mine).edits == ()


def test_a_session_goes_on_from_what_was_written() -> None:
    mine, new = renaming(1, MAST, note="mine")
    second, newest = renaming(2, new, role="pop")
    talk = Talk(edits=(OwnEdit(mine, "accepted", 7), OwnEdit(second)))
    assert talk.seen == newest
    assert talk.pushed() == [2]
    talk.entries(5, 7, new)
    assert talk.session.pending == [second]
    assert talk.seen == newest


def test_another_epoch_asks_for_all_anew_in_order_and_shows_what_was_there_until_then() -> None:
    done, new = renaming(1, MAST, note="done")
    mine, newest = renaming(2, new, role="pop")
    last, _ = renaming(3, newest, subscribers=9)
    talk = Talk(new, edits=(OwnEdit(mine, "accepted", 7), OwnEdit(last)))
    shown = talk.seen
    change = talk.did(talk.session.open(welcome("two", 3), [done, mine, last]))
    assert change.cursor == Cursor("two", 0, 3)
    assert states(change) == [(1, "again"), (2, "pending"), (3, "pending")]
    assert talk.seen == shown
    assert talk.pushed() == [1, 2, 3]
    talk.entries(0, 4, MAST)
    assert talk.seen == msgspec.structs.replace(MAST, role="pop", subscribers=9)
    assert states(talk.outcome(done, 5)) == [(1, "confirmed")]


def test_what_was_confirmed_and_what_waits_is_sent_in_the_order_in_which_it_was_made() -> None:
    first, new = renaming(1, MAST, note="first")
    second, _ = renaming(2, new, role="pop")
    talk = Talk(edits=(OwnEdit(first),))
    talk.did(talk.session.open(welcome("two", 3), [first, second]))
    assert talk.pushed() == [1, 2]


def test_after_a_restore_clashes_of_old_are_not_told_anew_and_new_ones_are() -> None:
    old, new = renaming(1, MAST, note="old too")
    lost, _ = renaming(2, new, role="pop")
    talk = Talk()
    talk.did(talk.session.open(welcome("two", 3), [old, lost]))
    clash = Clash("device", MAST.id)
    talk.outcome(old, 2, clashes=(clash,))
    assert talk.session.tray == {}
    talk.outcome(lost, 4, clashes=(clash,))
    assert list(talk.session.tray) == [lost.id]


def test_a_clash_whose_answer_was_lost_with_a_second_restore_is_told() -> None:
    """The model's seed 28: merged anew after one restore, the answer lost, and in the backup that the next one brought."""
    lost, _ = renaming(1, MAST, role="pop")
    talk = Talk()
    talk.did(talk.session.open(welcome("two", 3), [lost]))
    assert talk.pushed() == [1]
    talk.did(talk.session.open(welcome("three", 6), [lost]))
    talk.outcome(lost, 4, clashes=(Clash("device", MAST.id),))
    assert list(talk.session.tray) == [lost.id]
    assert talk.did(talk.session.open(welcome("four", 9), [lost])).cursor.met == 9, "all was answered"


def test_a_deletion_is_shown_and_a_thing_made_and_deleted_is_as_if_never() -> None:
    talk = Talk()
    talk.submit(edit(deletion("device", MAST), number=1))
    assert talk.seen is None
    talk.submit(edit(creation("device", device(2)), number=2))
    talk.submit(edit(deletion("device", device(2)), number=3))
    assert talk.session.visible == inventory()


def test_a_link_is_shown_while_it_has_its_ends() -> None:
    """What a deletion by somebody else leaves of people's work waits unseen, and is back with the device."""
    far, link = device(2), Link(UUID(int=60), MAST.id, UUID(int=2))
    talk = Talk(MAST, far)
    talk.submit(edit(creation("link", link), number=1))
    assert talk.session.visible.link(link.id) == link
    change = talk.entries(5, 6, gone=(Gone("device", far.id),))
    assert change is not None
    assert change.shown == {("device", far.id): None, ("link", link.id): None}
    again = Talk(MAST, edits=(OwnEdit(edit(creation("link", link), number=1)),))
    assert again.session.visible.link(link.id) is None
    talk.entries(6, 7, far)
    assert talk.session.visible.link(link.id) == link
    talk.entries(7, 8, gone=(Gone("device", far.id),))
    talk.submit(edit(creation("device", far), number=2))
    assert talk.session.visible.link(link.id) == link


def test_a_link_that_came_to_a_device_that_is_deleted_here_is_not_shown_until_the_deletion_is_refused() -> (
    None
):
    link, far = Link(UUID(int=60), MAST.id, UUID(int=2)), device(2)
    talk = Talk(MAST, far)
    mine = edit(deletion("device", far))
    talk.submit(mine)
    talk.entries(5, 6, links=(link,))
    assert talk.session.visible == inventory(MAST)
    talk.outcome(mine, refusals=(NO,))
    assert talk.session.visible == inventory(MAST, far, link)


def test_a_first_join_begins_with_nothing() -> None:
    session = Session(inventory(), Cursor())
    session.take(session.open(welcome("one", 9)))
    assert session.cursor == Cursor("one", 0, 9)
    change = session.entries(Entries(0, 9, True, devices=(MAST,)), NOW_US)
    assert change is not None
    assert change.confirmed == change.shown == {("device", MAST.id): MAST}


def test_ten_thousand_edits_of_thirty_days_without_a_server_are_kept_and_merged_in_their_order() -> None:
    day_us, count = 86_400_000_000, 10_000
    sites = [Site(UUID(int=50_000 + n), f"S{n}") for n in range(count // 2)]
    edits = [
        Edit(UUID(int=1 + n), n * 30 * day_us // count, "mara", "add", (creation("site", site),))
        for n, site in enumerate(sites)
    ]
    for n, site in enumerate(sites):
        step = change("site", site, msgspec.structs.replace(site, note="seen"))
        assert step is not None
        edits.append(Edit(UUID(int=20_000 + n), 30 * day_us, "mara", "note", (step,)))
    talk = Talk()
    talk.session.close()
    for one in edits:
        talk.submit(one)
    again = Session(
        Inventory(talk.session.confirmed.tables), talk.session.cursor, [OwnEdit(one) for one in edits]
    )
    assert again.visible.tables["site"] == talk.session.visible.tables["site"]
    assert {site.note for site in again.visible.sites()} == {"seen"}
    again.take(again.open(welcome()))
    sent: list[UUID] = []
    revision = 5
    while (push := again.next_push()) is not None:
        sent += [one.id for one in push.edits]
        outcomes = []
        for one in push.edits:
            revision += 1
            outcomes.append(Outcome(one.id, revision))
        again.take(again.outcomes(Outcomes(tuple(outcomes)), NOW_US))
    assert sent == [one.id for one in edits] and again.pending_count == 0
    noted = tuple(msgspec.structs.replace(site, note="seen") for site in sites)
    change_ = again.entries(Entries(5, revision, complete=True, sites=noted), NOW_US)
    assert change_ is not None
    again.take(change_)
    assert again.confirmed.tables["site"] == again.visible.tables["site"] and not again.tray
