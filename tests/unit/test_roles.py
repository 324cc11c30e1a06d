"""Roles are nested as their module says, no key passes an engineer, and a reach is what it covers."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inventory import KINDS
from domain.roles import (
    EVERYTHING,
    EVERYWHERE,
    PERMISSIONS,
    PLATFORM_ROLES,
    ROLES,
    SCOPE_PERMISSIONS,
    SCOPES,
    TENANT_ROLES,
    Permission,
    Reach,
    Role,
    key_permissions,
    may_give,
    permission_to_edit,
)

sites = st.integers(1, 12).map(lambda number: UUID(int=number))
reaches = st.one_of(st.just(EVERYWHERE), st.frozensets(sites, max_size=6).map(Reach))


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("wall", "viewer"),
        ("viewer", "manager"),
        ("viewer", "engineer"),
        ("viewer", "platform_operator"),
        ("manager", "tenant_admin"),
        ("engineer", "tenant_admin"),
        ("platform_operator", "platform_admin"),
        ("tenant_admin", "platform_admin"),
    ],
)
def test_a_role_can_do_strictly_more_than_those_beneath_it(less: Role, more: Role) -> None:
    assert PERMISSIONS[less] < PERMISSIONS[more]


def test_managers_and_engineers_can_do_different_things() -> None:
    assert PERMISSIONS["manager"] - PERMISSIONS["engineer"] == {"reports:write", "users:read"}
    assert "config:write" not in PERMISSIONS["manager"]


def test_every_role_has_its_permissions_and_every_permission_its_role() -> None:
    assert set(PERMISSIONS) == set(ROLES)
    assert set(SCOPE_PERMISSIONS) == set(SCOPES)
    assert PERMISSIONS["platform_admin"] == EVERYTHING == set(get_args(Permission))


@pytest.mark.parametrize("role", ["wall", "viewer", "platform_operator"])
def test_whoever_only_looks_writes_nothing(role: Role) -> None:
    assert [name for name in PERMISSIONS[role] if name.endswith(":write")] == []


@pytest.mark.parametrize("role", ["wall", "viewer", "manager"])
def test_whoever_touches_no_device_learns_nothing_of_its_secrets(role: Role) -> None:
    assert not {"credentials:read", "credentials:write", "config:read", "tunnels:write"} & PERMISSIONS[role]


@pytest.mark.parametrize("role", TENANT_ROLES)
def test_no_role_of_a_tenant_reaches_the_platform(role: Role) -> None:
    assert not {"tenants:read", "tenants:write", "settings:read", "settings:write"} & PERMISSIONS[role]


def test_writing_comes_with_reading() -> None:
    for role, names in PERMISSIONS.items():
        for name in names:
            read = name.replace(":write", ":read")
            assert read not in EVERYTHING or read in names, (role, name)


@given(st.frozensets(st.sampled_from(SCOPES)), st.sampled_from(ROLES))
def test_a_key_never_passes_an_engineer_nor_whoever_made_it(scopes: frozenset[str], maker: Role) -> None:
    given_ = key_permissions(scopes, PERMISSIONS[maker])  # type: ignore[arg-type]
    assert given_ <= PERMISSIONS["engineer"]
    assert given_ <= PERMISSIONS[maker]


@pytest.mark.parametrize("scope", ["read", "metrics"])
def test_a_key_that_reads_cannot_write(scope: str) -> None:
    found = key_permissions([scope], EVERYTHING)  # type: ignore[list-item]
    assert found
    assert [name for name in found if name.endswith(":write")] == []


@pytest.mark.parametrize("giver", ROLES)
@pytest.mark.parametrize("role", ROLES)
def test_nobody_gives_what_he_has_not(giver: Role, role: Role) -> None:
    if may_give(giver, role):
        assert PERMISSIONS[role] <= PERMISSIONS[giver]
        assert giver in ("platform_admin", "tenant_admin")
    assert not (giver == "tenant_admin" and role in PLATFORM_ROLES and may_give(giver, role))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_thing_takes_a_permission_that_an_engineer_has_and_a_viewer_has_not(kind: str) -> None:
    needed = permission_to_edit(kind)  # type: ignore[arg-type]
    assert needed in PERMISSIONS["engineer"] - PERMISSIONS["viewer"]


@given(reaches, reaches, st.one_of(st.none(), sites))
def test_what_two_reaches_have_in_common_is_what_both_cover(a: Reach, b: Reach, site: UUID | None) -> None:
    assert a.within(b).covers(site) == (a.covers(site) and b.covers(site))


@given(reaches, st.dictionaries(sites, st.one_of(st.none(), sites)))
def test_a_widened_reach_covers_what_hangs_beneath_and_widens_no_further(
    reach: Reach, pops: dict[UUID, UUID | None]
) -> None:
    wide = reach.widened(pops)
    assert wide.widened(pops) == wide
    assert wide.sites is None or (reach.sites or frozenset()) <= wide.sites
    for site, above in pops.items():
        if above is not None and wide.sites is not None and above in wide.sites:
            assert site in wide.sites
    for site in (wide.sites or frozenset()) - (reach.sites or frozenset()):
        assert pops.get(site) in (wide.sites or frozenset())


def test_a_reach_of_some_sites_does_not_cover_what_stands_at_none() -> None:
    assert not Reach(frozenset((UUID(int=1),))).covers(None)
    assert EVERYWHERE.covers(None)
