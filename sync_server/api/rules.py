"""`/rules`: when to alert. Counterpart: `domain/alert_rules.py`, those that are built in; `things.py`.

A built-in rule is listed as it is until somebody changes it; what was changed takes its place, also to switch it off, and to
delete that brings the built-in one back.
One rule: as in `things.py`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from domain.alert_rules import DEFAULT_RULES, key_of
from domain.watching import AlertRule, RuleKind, Severity
from sync_server import inventory
from sync_server.api import things
from sync_server.api.pages import cut
from sync_server.api.routes import Call, Routes

routes = Routes("rules")


class RuleRow(AlertRule, frozen=True, kw_only=True):
    """A rule, its ETag, and what alerts call it: a short word of a built-in one, of any other its id."""

    etag: str
    key: str
    is_built_in: bool
    """Nobody has changed it: it is as it comes."""


@routes.route("GET", "/rules", allow="rules:read", gives=list[RuleRow], paged=True, alone=True)
async def list_rules(
    call: Call,
    *,
    kind: RuleKind | None = None,
    severity: Severity | None = None,
    is_on: bool | None = None,
) -> list[RuleRow]:
    """List rules in the order of their ids, the built-in ones among them."""
    after = call.page.key(UUID)
    changed = await call.reads.fetch(
        "SELECT id FROM rule WHERE id = ANY ($1::uuid[])", [rule.id for rule in DEFAULT_RULES]
    )
    known = {row["id"] for row in changed}
    own: list[AlertRule] = await inventory.things(
        call.reads,
        "rule",
        "($1::uuid IS NULL OR t.id > $1) AND ($2::text IS NULL OR t.kind = $2)"
        " AND ($3::text IS NULL OR t.severity = $3) AND ($4::boolean IS NULL OR t.is_on = $4) ORDER BY t.id LIMIT $5",
        after,
        kind,
        severity,
        is_on,
        call.page.limit + 1,
    )
    built_in = [
        rule
        for rule in DEFAULT_RULES
        if rule.id not in known
        and (after is None or rule.id > after)
        and kind in (None, rule.kind)
        and severity in (None, rule.severity)
        and is_on in (None, rule.is_on)
    ]
    shown = [_row(rule, False) for rule in own] + [_row(rule, True) for rule in built_in]
    shown.sort(key=lambda rule: rule.id)
    shown, call.shown = cut(shown[: call.page.limit + 1], call.page, lambda rule: rule.id)
    return shown


async def show_rule(call: Call, id: UUID) -> RuleRow | None:
    """Return a rule, or None."""
    own = await inventory.thing(call.reads, "rule", id)
    if own is not None:
        return _row(own, False)
    built_in: Any = things.BUILT_IN["rule"].get(id)
    return None if built_in is None else _row(built_in, True)


things.add_routes(routes, "rule", RuleRow, show_rule)


def _row(rule: AlertRule, is_built_in: bool) -> RuleRow:
    return RuleRow(
        **msgspec.structs.asdict(rule),
        etag=inventory.etag_of(rule),
        key=key_of(rule),
        is_built_in=is_built_in,
    )
