"""What each function that sees all rows is asked with what is another tenant's. Counterpart: `test_functions.py`.

One rule: a function of `LOOKUPS` or `OWNERS` has lines here, or a reason why it holds nobody to a tenant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

OPEN = {
    **dict.fromkeys(
        ("identity.find_login", "identity.tenants_of", "identity.renew_password"),
        "logging in: there is no tenant and no account yet, and the server names the account",
    ),
    **dict.fromkeys(
        ("identity.use_totp", "identity.open_session", "identity.revoke_token"),
        "logging in and out: the server has checked the password, or that the account is the asker's own",
    ),
    "identity.set_password": "not for the requests' role: for functions that have found out whose password it is",
    "identity.make_stream_token": "names the tenant that was admitted; who takes it is admitted anew",
    "identity.find_hook": "by its id, before there is a tenant; nothing is done without its signature",
    "identity.offer_founding": "there is nobody yet; once the platform was founded it gives nothing",
    "identity.audit_hash": "reckons with what it is given",
    **dict.fromkeys(("identity.spend", "identity.spend_ahead"), "budgets have keys and no tenants"),
    "identity.count_usage": "each server counts what it did for all tenants",
    "identity.ended_push_keys": "each server forgets the keys of all tenants that have ended",
    **dict.fromkeys(
        ("identity.activity", "platform_figures", "oldest_roll_us"), "numbers of all tenants, and no names"
    ),
    **dict.fromkeys(
        ("identity.forget", "keep_partitions", "sync.prune_pictures", "tenants_behind"),
        "upkeep of all tenants by what is over",
    ),
}
"""Functions that hold nobody to a tenant, and why they need not."""
Fate = Literal["nothing", "refused", "unchanged"]
NOTHING = (None, False, "", [], "unknown")


@dataclass(frozen=True)
class Line:
    """A call that is not the asker's, and what makes it one: other settings of the transaction, other values.

    `by` and `values`: those of whom the call is for; `first` and `as_`: of who is not, where they are not the usual ones.
    `before`: what a superuser does first. "nothing" is given, it is "refused", or what the other tenant has is "unchanged"; it is
    unchanged in any case.
    """

    call: str
    fate: Fate
    by: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    before: str = ""
    first: Mapping[str, str] = field(default_factory=dict)
    as_: Mapping[str, str] = field(default_factory=dict)


_SOUTH, _PLATFORM, _ZUID = {"tenant": "south"}, {"platform": "yes"}, {"user": "admin"}
_THEIRS = {**_SOUTH, **_ZUID}
_BOX = "(9, 46, 11, 48, NULL, NULL, 100)"
_IN_BOX = f"SELECT id FROM devices_in_box{_BOX}"
_TWIN = """
    WITH twin AS (INSERT INTO site (tenant_id, id, name, region, note{}) VALUES (:north, :site, 'twin', '', ''{}))
    INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note, site_id)
    VALUES ({}, gen_random_uuid(), 'bare', '10.9.9.9', '[]', 'access', 0, 30, false, '', :site)
"""
"""The other's site by its id in the asker's tenant too, and a device that stands where its site does."""
_WORDS = "(ARRAY['%zuid%'], 100)"


def _secret(call: str, hash: str, before: str = "") -> Line:
    return Line(call, "nothing", values={"hash": hash}, before=before)


LINES: dict[str, tuple[Line, ...]] = {
    "devices_in_box": (
        Line(_IN_BOX, "nothing", _SOUTH),
        Line(
            _IN_BOX,
            "nothing",
            _SOUTH,
            before=_TWIN.format(", place", ", ST_SetSRID(ST_MakePoint(10, 47), 4326)", ":south"),
        ),
        Line(_IN_BOX, "nothing", _SOUTH, before=_TWIN.format("", "", ":north")),
    ),
    "sites_in_box": (Line(f"SELECT id FROM sites_in_box{_BOX}", "nothing", _SOUTH),),
    "devices_with_words": (Line(f"SELECT id FROM devices_with_words{_WORDS}", "nothing", _SOUTH),),
    "sites_with_words": (Line(f"SELECT id FROM sites_with_words{_WORDS}", "nothing", _SOUTH),),
    "devices_of_all": (Line("SELECT tenant_id FROM devices_of_all()", "nothing", _PLATFORM),),
    "reached_sites": (
        Line("SELECT id FROM unnest(reached_sites()) AS id WHERE id = :site", "nothing", _SOUTH),
        Line("SELECT id FROM unnest(reached_sites()) AS id WHERE id = :beneath", "nothing", _SOUTH),
        Line(
            "SELECT id FROM unnest(reached_sites()) AS id WHERE id = :beneath",
            "nothing",
            _SOUTH,
            before="INSERT INTO site (tenant_id, id, name, region, note) VALUES (:north, :site, 'twin', '', '')",
        ),
    ),
    "identity.admit_key": (_secret("SELECT id FROM identity.admit_key(:hash)", "key"),),
    "identity.find_push_keys": (_secret("SELECT id FROM identity.find_push_keys(ARRAY[:hash])", "push"),),
    "identity.find_link": (_secret("SELECT purpose FROM identity.find_link(:hash)", "link"),),
    "identity.take_link": (_secret("SELECT identity.take_link(:hash, 'p')", "link"),),
    "identity.use_recovery": (
        Line(
            "SELECT identity.use_recovery(:of, CAST('\\x01' AS bytea))",
            "nothing",
            values={"of": "admin"},
            before="INSERT INTO identity.recovery_code (account_id, hash) VALUES (:admin, '\\x01')",
        ),
        Line(
            "SELECT identity.use_recovery(:admin, :hash)",
            "nothing",
            values={"hash": "key"},
            before="INSERT INTO identity.recovery_code (account_id, hash) VALUES (:admin, :key)",
        ),
    ),
    "identity.rotate_refresh": (
        _secret("SELECT verdict FROM identity.rotate_refresh(:hash, '\\x02', 1, 1, 1)", "refresh"),
    ),
    "identity.take_stream_token": (
        _secret(
            "SELECT account FROM identity.take_stream_token(:hash)",
            "key",
            "INSERT INTO identity.stream_token VALUES (:key, :session, :made, :admin, :south, identity.now_us() + 9000000)",
        ),
    ),
    "identity.found_platform": (
        _secret(
            "SELECT identity.found_platform(:hash, :made, 'second', 'S', 'p')",
            "key",
            "DELETE FROM identity.founding; INSERT INTO identity.one_time_link VALUES (:key, 'founding', NULL, NULL,"
            " identity.now_us() + 9000000)",
        ),
    ),
    "identity.admit_user": (
        Line(
            "SELECT name FROM identity.admit_user(:own, :own_session, :made, :of)",
            "nothing",
            values={"of": "north"},
        ),
        Line(
            "SELECT name FROM identity.admit_user(:of, :session, :made, :south)",
            "nothing",
            values={"of": "admin"},
        ),
        Line(
            "SELECT name FROM identity.admit_user(:own, :own_session, :made, :of)",
            "nothing",
            values={"of": "north"},
            before="INSERT INTO identity.membership (tenant_id, account_id, name, role, made_us, accepted_us) VALUES"
            " (:south, :own, 'N', 'viewer', 1, 1); UPDATE identity.tenant_state SET off_us = 1 WHERE tenant_id = :south",
        ),
    ),
    "identity.find_tenant": (Line("SELECT name FROM identity.find_tenant(:south)", "nothing", _ZUID),),
    "identity.change_platform_account": (
        Line("SELECT identity.change_platform_account(:operator, 'x', NULL, true)", "refused", _PLATFORM),
    ),
    "identity.remove_platform_account": (
        Line("SELECT identity.remove_platform_account(:operator)", "refused", _PLATFORM),
    ),
    "identity.would_orphan": (Line("SELECT identity.would_orphan(:operator)", "refused", _PLATFORM),),
    "identity.make_platform_account": (
        Line(
            "SELECT identity.make_platform_account(:made, 'x@p', 'X', 'platform_admin', :wrong, 1)",
            "refused",
            _PLATFORM,
        ),
    ),
    "identity.make_tenant": (Line("SELECT identity.make_tenant(:made, 'X')", "refused", _PLATFORM),),
    "identity.change_tenant": (
        Line("SELECT identity.change_tenant(:south, 'X', NULL)", "refused", _SOUTH),
        Line("SELECT identity.change_tenant(:south, NULL, true)", "refused", _PLATFORM),
        Line("SELECT identity.change_tenant(:north, NULL, true)", "refused", _PLATFORM),
        Line(
            "SELECT identity.change_tenant(:of, NULL, true)",
            "unchanged",
            _PLATFORM,
            {"of": "south"},
            first={"of": "north"},
            as_=_PLATFORM,
        ),
    ),
    "identity.usage_of_all": (
        Line(
            "SELECT tenant_id FROM identity.usage_of_all(30)",
            "nothing",
            _PLATFORM,
            before="INSERT INTO identity.usage SELECT :south, (identity.now_us() / 86400000000)::integer, 1, 1, 1, 1"
            " ON CONFLICT DO NOTHING",
        ),
    ),
    "identity.drop_totp": (
        Line("SELECT identity.drop_totp(:admin)", "nothing", _SOUTH),
        Line("SELECT identity.drop_totp(:shared)", "nothing", _PLATFORM),
        Line("SELECT identity.drop_totp(:operator)", "nothing", _PLATFORM),
        Line(
            "SELECT identity.drop_totp(:operator)",
            "nothing",
            _PLATFORM,
            before="INSERT INTO identity.membership (tenant_id, account_id, name, role, made_us, accepted_us) VALUES"
            " (:north, :operator, 'N', 'viewer', 1, 1)",
        ),
    ),
    "identity.end_install": (
        Line("SELECT identity.end_install(:install)", "nothing", _SOUTH),
        Line(
            "SELECT identity.end_install(:install)",
            "unchanged",
            _SOUTH,
            before="INSERT INTO identity.install (tenant_id, id, account_id, name, kind, public_key, made_us) VALUES (:north,"
            " :install, :own, 'twin', 'window', :wrong, 1); INSERT INTO identity.wrap VALUES (:south, :install, :made,"
            " sha512('x'), 1, 1, 9000000000000000)",
        ),
    ),
    "identity.work_as": (
        Line("SELECT identity.work_as(:session, :install)", "unchanged", _THEIRS, as_=_SOUTH),
        Line("SELECT identity.work_as(:session, :install)", "unchanged", _THEIRS, as_=_ZUID),
    ),
    "identity.end_of_member": (
        Line("SELECT identity.end_of_member(:admin, 'x', false)", "unchanged", _SOUTH),
        Line("SELECT identity.end_of_member(:admin, 'x', true)", "unchanged", _SOUTH),
        Line("SELECT identity.end_of_member(:invited, 'x', true)", "unchanged", _SOUTH),
    ),
    "identity.renew_link": (
        Line("SELECT identity.renew_link(:invited, :wrong, 1)", "nothing", _SOUTH),
        Line("SELECT identity.renew_link(:admin, :wrong, 1)", "nothing", _SOUTH),
        Line("SELECT identity.renew_link(:shared, :wrong, 1)", "nothing", _PLATFORM),
        Line("SELECT identity.renew_link(:operator, :wrong, 1)", "nothing", _PLATFORM),
        Line("SELECT identity.renew_link(:own, :wrong, 1)", "unchanged", _PLATFORM),
        Line(
            "SELECT identity.renew_link(:invited, :wrong, 1)",
            "unchanged",
            _SOUTH,
            before="INSERT INTO identity.membership (tenant_id, account_id, name, role, made_us)"
            " VALUES (:north, :invited, 'N', 'viewer', 1)",
        ),
    ),
    "identity.first_broken_audit": (
        Line(
            "SELECT identity.first_broken_audit()",
            "nothing",
            _SOUTH,
            before="SET LOCAL session_replication_role = replica;"
            " UPDATE identity.audit SET act = 'x' WHERE tenant_id = :south AND seq = 1",
        ),
    ),
    "identity.write_audit": (
        Line(
            "SELECT identity.write_audit(false, 'user', :own, 'n', 'a', 'k', 's', '{}', '', '', '')",
            "unchanged",
            _SOUTH,
        ),
    ),
    "identity.invite": (
        Line(
            "SELECT identity.invite(:made, 'zuid@example.org', 'n', 'viewer', NULL, :wrong, 1)",
            "unchanged",
            _SOUTH,
        ),
    ),
    "identity.find_account": (
        Line(
            "SELECT login FROM identity.find_account() WHERE totp = '\\x07'",
            "nothing",
            _ZUID,
            before="UPDATE identity.account SET totp = '\\x07' WHERE id = :admin",
        ),
    ),
    "identity.change_password": (Line("SELECT identity.change_password('x', NULL)", "unchanged", _ZUID),),
    "identity.keep_totp": (Line("SELECT identity.keep_totp('\\x01')", "unchanged", _ZUID),),
    "identity.turn_totp": (
        Line(
            "SELECT identity.turn_totp(false, '{}')",
            "unchanged",
            _ZUID,
            before="UPDATE identity.account SET totp = '\\x01', totp_on = true WHERE id = :admin",
        ),
    ),
    "identity.switch_tenant": (Line("SELECT identity.switch_tenant(:session, :north)", "unchanged", _ZUID),),
}
"""Calls with what is another tenant's, by function."""
EQUAL = {
    (
        "identity.drop_totp",
        "tenant_id = current_tenant()",
    ): "who is a member elsewhere is held back by the next condition",
    (
        "identity.renew_link",
        "is_platform()",
    ): "an account of the platform counts as shared, which is refused to others further on",
}
"""Conditions of functions without which nothing is another, and why."""
