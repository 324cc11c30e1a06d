"""A fault is told in words that follow from what was seen."""

from __future__ import annotations

from uuid import UUID

from domain.fault import Fault, LastSeen, fault_words

CAUSE, LINK = UUID(int=1), UUID(int=2)
BEHIND = tuple(UUID(int=number) for number in range(10, 25))


def test_a_cause_says_what_lies_behind_it_and_how_it_was_last_heard() -> None:
    fault = Fault(
        CAUSE, "device", 5, BEHIND, sites=11, subscribers=214, last_seen=LastSeen(LINK, 4, -81.0, -69.0)
    )
    said = "11 sites, 214 subscribers behind it; last seen over Hilltop 2 – Hilltop 4 at −81 dBm, 12 dB below normal"
    assert fault_words(fault, "Hilltop 2 – Hilltop 4") == said


def test_devices_are_counted_where_no_whole_site_is_lost() -> None:
    assert (
        fault_words(Fault(CAUSE, "device", 5, BEHIND[:1], behind=1, subscribers=1))
        == "1 device, 1 subscriber behind it"
    )


def test_nothing_behind_it_is_nothing_to_say() -> None:
    assert fault_words(Fault(CAUSE, "device", 5)) == ""


def test_a_signal_as_on_most_days_is_told_without_a_comparison() -> None:
    seen = LastSeen(LINK, 4, -61.0, -60.0)
    assert (
        fault_words(Fault(CAUSE, "device", 5, last_seen=seen), "A – B") == "last seen over A – B at −61 dBm"
    )


def test_what_still_answers_behind_a_silent_device_is_told() -> None:
    assert fault_words(Fault(CAUSE, "device", 5, still_answer=3)) == "3 devices behind it still answer"


def test_the_poller_s_own_uplink_is_called_so() -> None:
    assert fault_words(Fault(CAUSE, "cut_off", 5, BEHIND)).startswith("this computer has lost its way")


def test_a_link_says_who_hangs_on_one_way_since() -> None:
    assert fault_words(Fault(LINK, "link", 5, weakened=BEHIND)) == "15 devices without a second way"
