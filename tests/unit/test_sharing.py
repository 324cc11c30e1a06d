"""Who may hold a credential's key: a table, and laws that hold for every audience and holder."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.roles import EVERYWHERE, PERMISSIONS, ROLES, Reach
from domain.sharing import AUDIENCE_KINDS, INSTALL_KINDS, Audience, Holder, may_hold

HERE, THERE, MARIA, JONAS = (UUID(int=number) for number in range(1, 5))
sites = st.frozensets(st.sampled_from((HERE, THERE)))
audiences = st.builds(
    Audience,
    kind=st.sampled_from(AUDIENCE_KINDS),
    sites=st.one_of(st.none(), sites),
    people=st.frozensets(st.sampled_from((MARIA, JONAS))),
)
holders = st.builds(
    Holder,
    kind=st.sampled_from(INSTALL_KINDS),
    account=st.sampled_from((MARIA, JONAS)),
    permissions=st.sampled_from([PERMISSIONS[role] for role in ROLES]),
    reach=st.one_of(st.just(EVERYWHERE), sites.map(Reach)),
)
ENGINEER, VIEWER = PERMISSIONS["engineer"], PERMISSIONS["viewer"]


@pytest.mark.parametrize(
    ("audience", "holder", "may"),
    [
        (Audience("server"), Holder("collector", MARIA, ENGINEER), True),
        (Audience("server"), Holder("window", MARIA, ENGINEER), False),
        (Audience("engineers"), Holder("window", MARIA, ENGINEER), True),
        (Audience("engineers"), Holder("window", MARIA, VIEWER), False),
        (Audience("engineers"), Holder("collector", MARIA, ENGINEER), True),
        (Audience("people", people=frozenset((MARIA,))), Holder("window", MARIA, VIEWER), True),
        (Audience("people", people=frozenset((MARIA,))), Holder("window", JONAS, ENGINEER), False),
        (Audience("people", people=frozenset((MARIA,))), Holder("collector", MARIA, ENGINEER), False),
        (
            Audience("engineers", frozenset((HERE,))),
            Holder("window", MARIA, ENGINEER, Reach(frozenset((HERE, THERE)))),
            True,
        ),
        (
            Audience("engineers", frozenset((HERE, THERE))),
            Holder("window", MARIA, ENGINEER, Reach(frozenset((HERE,)))),
            False,
        ),
        (Audience("engineers"), Holder("window", MARIA, ENGINEER, Reach(frozenset((HERE,)))), False),
    ],
)
def test_who_may_hold_what(audience: Audience, holder: Holder, may: bool) -> None:
    assert may_hold(audience, holder) is may


@given(audiences, holders)
def test_no_collector_holds_what_only_people_may_open(audience: Audience, holder: Holder) -> None:
    if audience.kind == "people" and may_hold(audience, holder):
        assert holder.kind == "window"
        assert holder.account in audience.people


@given(audiences, holders)
def test_who_reaches_less_holds_no_more(audience: Audience, holder: Holder) -> None:
    less = Holder(holder.kind, holder.account, holder.permissions, Reach(frozenset()))
    if may_hold(audience, less):
        assert may_hold(audience, holder)
