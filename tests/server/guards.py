"""What PostgreSQL's own catalogue says of the guards of tenants. Counterpart: `migrations/guards.py`, which sets them.

Theory: nothing is taken from our tables' definitions but the names of those that belong to no tenant. Whatever else the
requests' role can reach, however it came there, is a table, partition, view or function with a guard, or it is told here.
In the schema `identity` most tables belong to no tenant: the requests' role has no right to them, or sees by a policy that is
told here word by word; what it must not read (passwords, hashes) it has no right to in any column.
One rule: what is not known to be safe is a hole.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from migrations.guards import LOOKUP, OWNER, REQUESTS

OF_NO_TENANT = {
    "meta": "SELECT",
    "alembic_version": "SELECT",
    "sync.epoch": "SELECT",
    "sync.turn": "INSERT, SELECT, UPDATE",
    "sync.delivery": "DELETE, INSERT, SELECT, UPDATE",
}
"""Tables without a tenant, and all that the requests' role may do with them."""
LOOKUPS = {
    "devices_in_box",
    "devices_of_all",
    "devices_with_words",
    "oldest_roll_us",
    "platform_figures",
    "reached_sites",
    "sites_in_box",
    "sites_with_words",
    "tenants_behind",
}
"""Functions that run as who sees all rows of some tables: each asks for the tenant that is set."""
OWNERS = {
    "keep_partitions",
    "sync.prune_pictures",
    *("identity.activity", "identity.count_usage", "identity.usage_of_all"),
    *("identity.admit_key", "identity.admit_user", "identity.audit_hash", "identity.change_platform_account"),
    *("identity.change_password", "identity.spend_ahead"),
    *("identity.change_tenant", "identity.remove_platform_account", "identity.would_orphan"),
    *("identity.drop_totp", "identity.end_install", "identity.end_of_member", "identity.find_account"),
    *(
        "identity.find_hook",
        "identity.find_link",
        "identity.find_login",
        "identity.find_tenant",
        "identity.first_broken_audit",
    ),
    *("identity.forget", "identity.found_platform", "identity.invite", "identity.keep_totp"),
    *("identity.make_platform_account", "identity.make_stream_token", "identity.make_tenant"),
    *("identity.offer_founding", "identity.open_session", "identity.renew_link", "identity.renew_password"),
    *("identity.revoke_token", "identity.rotate_refresh", "identity.set_password", "identity.spend"),
    *("identity.switch_tenant", "identity.take_link", "identity.take_stream_token", "identity.tenants_of"),
    *("identity.find_push_keys", "identity.ended_push_keys"),
    *("identity.turn_totp", "identity.use_recovery", "identity.use_totp", "identity.work_as"),
    "identity.write_audit",
}
"""Functions that run as the owner of the schema: each checks for itself whom it serves."""
SEARCH_PATHS = {
    "public": "search_path=public",
    "identity": "search_path=identity, public, pg_temp",
    "sync": "search_path=sync, public, pg_temp",
}
HIDDEN = {"password", "totp", "totp_step", "hash", "sealed"}
"""Columns of `identity` that nobody reads past a function; the audit's hashes are for everybody who sees its rows."""
TENANTS = (
    "(tenant_id = ( SELECT current_tenant() AS current_tenant))",
    "(id = ( SELECT current_tenant() AS current_tenant))",
)
KEYS = "(tenant_key = ( SELECT current_tenant_key() AS current_tenant_key))"
_OWN = "(tenant_id = ( SELECT current_tenant() AS current_tenant))"
_MINE = "( SELECT identity.current_account() AS current_account)"
_PLATFORM = "( SELECT identity.is_platform() AS is_platform)"
_NO_TENANT = "'00000000-0000-0000-0000-000000000000'::uuid"
_ALL_SITES = "( SELECT (reached_sites() IS NULL))"
_EVERY_SITE = "(( SELECT reached_sites() AS reached_sites) IS NULL)"
_SITES = "(( SELECT reached_sites() AS reached_sites)::uuid[])"
_THERE = "(EXISTS ( SELECT FROM device d WHERE (d.id = {0})))"
_ABOUT = f"({_ALL_SITES} OR is_reached(subject))"
_AT = f"({_ALL_SITES} OR (id = ANY {_SITES})"
_OF_DEVICE = f"({_EVERY_SITE} OR {_THERE})"
_SHOWN = (
    f"({_ALL_SITES} OR (EXISTS ( SELECT FROM diagram g WHERE ((g.background = {{0}}.digest)"
    f" AND (g.site_id = ANY {_SITES})))) OR (EXISTS ( SELECT FROM photo h"
    " WHERE ((h.digest = {0}.digest) OR (h.thumb = {0}.digest)))) OR (EXISTS ( SELECT FROM team_map m"
    " WHERE (m.digest = {0}.digest))))"
)
_BOTH_ENDS = f"({_ALL_SITES} OR ({_THERE.format('link.a_id')} AND {_THERE.format('link.b_id')}))"
REACHED: dict[str, tuple[str, str, str | None]] = {
    "alert": ("*", _ABOUT, None),
    "device": ("*", f"({_ALL_SITES} OR (site_id = ANY {_SITES}))", None),
    "edit": ("r", _ALL_SITES, None),
    "identity.held_message": ("*", _OF_DEVICE.format("held_message.device_id"), None),
    "identity.push_key": ("*", _OF_DEVICE.format("push_key.device_id"), None),
    "identity.shadow": ("*", _OF_DEVICE.format("shadow.device_id"), None),
    "journal": ("r", _ABOUT, None),
    "link": ("*", f"({_ALL_SITES} OR {_THERE.format('ANY (ARRAY[link.a_id, link.b_id])')})", _BOTH_ENDS),
    "photo": ("*", f"({_ALL_SITES} OR (site_id = ANY {_SITES}) OR {_THERE.format('photo.device_id')})", None),
    "site": ("*", f"{_AT})", f"{_AT} OR (pop_id = ANY {_SITES}))"),
    "sync.picture": ("*", _SHOWN.format("picture"), None),
    "sync.picture_piece": ("*", _SHOWN.format("picture_piece"), None),
}
"""Tables of which somebody who reaches some sites sees and changes what stands there only: the command, the rows, and those that
may be written where they are not the same, in the catalogue's words."""
OTHER_POLICIES = {
    ("tenant", "platform_reads"): ("r", _PLATFORM),
    ("identity.tenant_state", "platform_reads"): ("r", _PLATFORM),
    ("identity.session", "own_session"): ("*", f"((account_id = {_MINE}) OR {_OWN})"),
    ("identity.account", "acquainted"): (
        "r",
        f"((id = {_MINE}) OR {_PLATFORM} OR (EXISTS ( SELECT FROM identity.membership m"
        " WHERE ((m.account_id = account.id) AND (m.tenant_id = ( SELECT current_tenant() AS current_tenant))))))",
    ),
    ("identity.audit", "own_rows"): (
        "r",
        f"({_OWN} OR (( SELECT (identity.is_platform() AND (current_tenant() IS NULL)))"
        f" AND (tenant_id = {_NO_TENANT})))",
    ),
}
"""What else lets the requests' role see rows: by table and policy, the command and the rows in the catalogue's words."""
TOLD_ALONE = {"identity.session", "identity.account", "identity.audit"}
"""Tables whose rows only the policies above let through."""

_RELATIONS = """
    SELECT c.oid, CASE c.relnamespace::regnamespace::text WHEN 'public' THEN '' ELSE c.relnamespace::regnamespace || '.' END
            || c.relname AS name, c.relkind AS kind, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
        c.relispartition AS is_partition, pg_get_userbyid(c.relowner) AS owner, c.reloptions AS options,
        ARRAY(SELECT DISTINCT upper(p.privilege_type) FROM aclexplode(c.relacl) p
            WHERE p.grantee IN (0, CAST(:requests AS regrole)) ORDER BY 1) AS rights,
        EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
            AND EXISTS (SELECT FROM aclexplode(a.attacl) p WHERE p.grantee IN (0, CAST(:requests AS regrole)))) AS by_column,
        ARRAY(SELECT CAST(a.attname AS text) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
            AND has_column_privilege(:requests, c.oid, a.attnum, 'SELECT') ORDER BY 1) AS readable
    FROM pg_class c
    WHERE c.relnamespace NOT IN (CAST('pg_catalog' AS regnamespace), CAST('information_schema' AS regnamespace))
        AND c.relnamespace::regnamespace::text NOT LIKE 'pg_toast%' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 2
"""
_POLICIES = """
    SELECT polname AS name, polcmd AS command, polpermissive AS permissive, pg_get_expr(polqual, polrelid) AS using_rows,
        pg_get_expr(polwithcheck, polrelid) AS check_rows,
        ARRAY(SELECT CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r) END FROM unnest(polroles) r) AS roles
    FROM pg_policy WHERE polrelid = CAST(:oid AS oid)
"""
_FUNCTIONS = """
    SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || p.proname AS name, n.nspname AS schema,
        pg_get_userbyid(p.proowner) AS owner, p.proconfig AS settings,
        EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x WHERE x.grantee = 0) AS for_all
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prosecdef AND p.pronamespace NOT IN (CAST('pg_catalog' AS regnamespace), CAST('information_schema' AS regnamespace))
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    ORDER BY p.proname
"""
_ROLES = """
    SELECT rolname AS name, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS is_mighty,
        EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid) AS is_member
    FROM pg_roles r WHERE rolname IN (:owner, :requests, :lookup)
"""
_OWNED = """
    SELECT pg_describe_object(classid, objid, objsubid) FROM pg_shdepend
    WHERE refobjid = CAST(:requests AS regrole) AND deptype = 'o'
"""


def holes_in_tables(connection: Connection, only: str = "") -> list[str]:
    """Return every way past the tenant that the catalogue shows of tables, partitions and views, or of the one that is named."""
    holes: list[str] = []
    for table in connection.execute(text(_RELATIONS), {"requests": REQUESTS}).mappings():
        if only in ("", table["name"]):
            policies = connection.execute(text(_POLICIES), {"oid": table["oid"]}).mappings().all()
            found = _holes_of(dict(table), [dict(row) for row in policies])
            holes += [f"{table['name']}: {hole}" for hole in found]
    return holes


def holes_in(connection: Connection) -> list[str]:
    """Return every way past the tenant that the catalogue shows, in words; run as a superuser, who sees all of it."""
    names = {"requests": REQUESTS, "owner": OWNER, "lookup": LOOKUP}
    holes = holes_in_tables(connection)
    for function in connection.execute(text(_FUNCTIONS)).mappings():
        expected = {**dict.fromkeys(LOOKUPS, LOOKUP), **dict.fromkeys(OWNERS, OWNER)}.get(function["name"])
        if expected is None:
            holes.append(f"{function['name']}(): runs as {function['owner']} and is not known")
        elif function["owner"] != expected:
            holes.append(f"{function['name']}(): runs as {function['owner']}, {expected} expected")
        if function["for_all"] and expected != LOOKUP:
            holes.append(f"{function['name']}(): everybody may call it")
        wanted = SEARCH_PATHS.get(function["schema"], "no search_path is known here")
        if not any(setting.startswith(wanted) for setting in function["settings"] or ()):
            holes.append(f"{function['name']}(): finds its tables by the caller's search_path")
    for role in connection.execute(text(_ROLES), names).mappings():
        if role["is_mighty"]:
            holes.append(f"{role['name']}: has rights over other roles or past row-level security")
        if role["is_member"] and role["name"] != OWNER:
            holes.append(f"{role['name']}: is a member of another role")
    owned = connection.execute(text(_OWNED), names).scalars()
    return holes + [f"{REQUESTS}: owns {thing}" for thing in owned]


def _holes_of(table: dict[str, object], policies: list[dict[str, object]]) -> list[str]:
    name, rights = str(table["name"]), table["rights"]
    is_identity = name.startswith("identity.")
    if table["by_column"] and not is_identity:
        return ["rights on single columns are not known here"]
    if table["kind"] == "v":
        is_invoker = "security_invoker=true" in (table["options"] or ())  # type: ignore[operator]
        return [] if is_invoker else ["a view that runs as its owner"]
    if table["kind"] in ("m", "f"):
        return ["holds rows that no policy guards"]
    if name in OF_NO_TENANT:
        return (
            []
            if ", ".join(rights) == OF_NO_TENANT[name]
            else [f"may {rights}, {OF_NO_TENANT[name]} expected"]
        )
    holes = []
    if table["owner"] != OWNER:
        holes.append(f"belongs to {table['owner']}, {OWNER} expected")
    if not table["enabled"]:
        holes.append("row-level security is not enabled")
    if not table["forced"]:
        holes.append("row-level security is not forced on its owner")
    if table["is_partition"] and rights:
        holes.append(f"a partition that is reached directly: {rights}")
    if "TRUNCATE" in rights or "REFERENCES" in rights or "TRIGGER" in rights:  # type: ignore[operator]
        holes.append(f"may {rights}")
    if is_identity and name != "identity.audit" and (seen := HIDDEN.intersection(table["readable"])):  # type: ignore[call-overload]
        holes.append(f"shows {sorted(seen)}")
    for_requests = [policy for policy in policies if policy["roles"] not in ([LOOKUP], [OWNER])]
    told = [policy for policy in for_requests if _is_told(name, policy)]
    guards = [policy for policy in for_requests if policy not in told and _is_guard(policy)]
    is_reached = bool(rights) or table["by_column"] or not is_identity
    if is_reached and not guards and not (told and name in TOLD_ALONE):
        holes.append("no policy holds rows to the tenant")
    missing = {policy for table, policy in OTHER_POLICIES if table == name} - {p["name"] for p in told}
    if missing:
        holes.append(f"policies that are told and not there as they are told: {sorted(missing)}")
    within = [_words_of(policy) for policy in for_requests if not policy["permissive"]]
    if name in REACHED and REACHED[name] not in within:
        holes.append("no policy holds rows to the sites within reach")
    known = [*guards, *told]
    if others := [policy["name"] for policy in for_requests if policy not in known and policy["permissive"]]:
        holes.append(f"policies that let other rows through: {others}")
    return holes


def _is_guard(policy: dict[str, object]) -> bool:
    rows = (*TENANTS, KEYS)
    return (
        policy["command"] == "*"
        and policy["using_rows"] in rows
        and policy["check_rows"] == policy["using_rows"]
    )


def _words_of(policy: dict[str, object]) -> tuple[str, str, str | None]:
    """Return the command, the rows and the check of a policy, as one line each."""
    check = policy["check_rows"]
    rows = " ".join(str(policy["using_rows"]).split())
    return str(policy["command"]), rows, None if check is None else " ".join(str(check).split())


def _is_told(table: str, policy: dict[str, object]) -> bool:
    told = OTHER_POLICIES.get((table, str(policy["name"])))
    return told is not None and (*told, None) == _words_of(policy)
