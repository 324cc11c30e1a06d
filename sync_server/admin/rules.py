"""Pages of alert rules: those that come along, changed or not, and a tenant's own. Counterpart: `api/rules.py`.

One rule: a form goes out from the state that its page showed: what somebody else changed meanwhile is not written over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from domain.alert_rules import amount, is_everywhere, span
from domain.inventory import ROLES
from domain.metrics import CATALOGUE
from domain.watching import COMPARISONS, RULE_KINDS, SEVERITIES, AlertRule, Comparison, RuleKind, Scope
from sync_server.admin.forms import Form
from sync_server.admin.pages import Pages, Said
from sync_server.admin.people import sites_of
from sync_server.api import rules, things
from sync_server.api.errors import refused
from sync_server.api.pages import LIMIT_RANGE, Page
from sync_server.api.routes import Call

pages = Pages()
KIND_WORDS: dict[RuleKind, str] = {
    "device_down": "A device is down",
    "device_degraded": "A device is degraded",
    "device_stale": "A device sends no more data",
    "link_down": "A link is down",
    "port_down": "A port is down",
    "threshold": "A number is too high or too low",
    "change": "A number changes",
    "flapping": "Something goes up and down",
    "anomaly": "A number is unlike the same hour of past weeks",
    "trend": "A number gets worse from week to week",
    "cut_off": "A computer has lost its way to the network",
}
OP_WORDS: dict[Comparison, str] = {
    "gt": "above",
    "gte": "at least",
    "lt": "below",
    "lte": "at most",
    "eq": "equal to",
    "ne": "other than",
}
MOVE_WORDS: dict[Comparison, str] = {"gt": "rises", "gte": "rises", "lt": "falls", "lte": "falls"}
PAST_WORDS: dict[Comparison, str] = {"gt": "above", "gte": "above", "lt": "below", "lte": "below"}
_BODIES = things.bodies_of("rule")
_THOUSANDS = re.compile(r",\d{3}\b")


@pages.page("/admin/rules", "rules.html", allow="rules:read")
async def show_rules(call: Call) -> dict[str, Any]:
    """The tenant's rules, the graver ones first."""
    call.page = Page(LIMIT_RANGE[1], call.page.after)
    found = await rules.list_rules(call)
    found.sort(key=lambda rule: (SEVERITIES.index(rule.severity), rule.name, rule.id))
    said = {"condition": condition_of, "where": where_of}
    return {"rules": found, "may_change": _may_change(call), **said, **await _choices(call)}


@pages.page("/admin/rules/{id}", "rule.html", allow="rules:read")
async def show_rule(call: Call, id: UUID) -> dict[str, Any]:
    """A rule."""
    rule = await _rule(call, id)
    is_of_ours = id in things.BUILT_IN["rule"]
    said = {"condition": condition_of, "where": where_of}
    told = {"rule": rule, "comes_along": is_of_ours, "may_change": _may_change(call)}
    return {**told, **said, **await _choices(call)}


@pages.act("/admin/rules", allow="rules:write", on=show_rules)
async def make_rule(call: Call, form: Form) -> Said:
    """Make a rule."""
    call.body = form.body(_BODIES.new, **_fields(form, Scope()))
    await things.make(call, "rule")
    return Said(f"{call.body.name} is made. It holds wherever a window or collector watches for this tenant.")


@pages.act("/admin/rules/{id}", allow="rules:write", on=show_rule)
async def change_rule(call: Call, form: Form, id: UUID) -> Said:
    """Change a rule."""
    before = await _rule(call, id)
    offered = {id for id, _ in await sites_of(call)}
    unseen = [id for id in before.scope.sites if id not in offered] if form.text("reach") == "some" else []
    call.body = form.body(_BODIES.change, **_fields(form, before.scope, unseen))
    await things.alter(call, "rule", id, form.text("etag"))
    return Said("Saved.")


@pages.act("/admin/rules/{id}/off", allow="rules:write", on=show_rule)
async def turn_off(call: Call, form: Form, id: UUID) -> Said:
    """Turn a rule off."""
    call.body = _BODIES.change(is_on=False)
    await things.alter(call, "rule", id, "*")
    return Said("It is off: what it had opened is cleared, and it opens nothing.")


@pages.act("/admin/rules/{id}/on", allow="rules:write", on=show_rule)
async def turn_on(call: Call, form: Form, id: UUID) -> Said:
    """Turn a rule on."""
    call.body = _BODIES.change(is_on=True)
    await things.alter(call, "rule", id, "*")
    return Said("It is on.")


@pages.act("/admin/rules/{id}/delete", allow="rules:write", on=show_rule, then=show_rules)
async def delete_rule(call: Call, form: Form, id: UUID) -> Said:
    """Delete a rule; what came along is again as it came."""
    before = await _rule(call, id)
    await things.remove(call, "rule", id, None)
    comes_back = id in things.BUILT_IN["rule"]
    return Said(f"{before.name} is {'as it came' if comes_back else 'deleted'}.")


def condition_of(rule: AlertRule) -> str:
    """Return in words what a rule looks for."""
    op = OP_WORDS[rule.op]
    if rule.kind == "flapping":
        said = f"{KIND_WORDS[rule.kind]}, {op} {rule.threshold:g} times in 10 min"
    elif rule.kind not in ("threshold", "change", "anomaly", "trend"):
        said = KIND_WORDS[rule.kind]
    else:
        metric = CATALOGUE[rule.metric].title if rule.metric in CATALOGUE else rule.metric
        size, past = amount(rule.metric, rule.threshold), PAST_WORDS.get(rule.op, "off")
        said = {
            "threshold": f"{metric}: {'yes' if rule.threshold else 'no'}"
            if rule.op == "eq" and _is_yes_or_no(rule.metric)
            else f"{metric} {op} {size}",
            "change": f"{metric} {MOVE_WORDS.get(rule.op, 'changes')}"
            + (f" by more than {size}" if rule.threshold else ""),
            "anomaly": f"{metric} {rule.threshold:g} standard deviations {past} the same hour of past weeks",
            "trend": f"{metric} {size} {past} the two weeks before",
        }[rule.kind]
    return f"{said}, for {span(rule.for_s)}" if rule.for_s else said


def where_of(scope: Scope) -> str:
    """Return in words where a rule holds."""
    parts = [*scope.regions, *scope.tags, *scope.roles]
    parts += [_count(scope.sites, "site")] if scope.sites else []
    parts += [_count(scope.devices, "device")] if scope.devices else []
    said = "everywhere" if is_everywhere(scope) else ", ".join(parts)
    return f"{said}; ports {scope.interface}" if scope.interface else said


def exact(number: float) -> str:
    """Return a number with all its digits, as it is typed."""
    return str(int(number)) if number.is_integer() else repr(number)


def _is_yes_or_no(metric: str) -> bool:
    found = CATALOGUE.get(metric)
    return found is not None and (found.low, found.high, found.unit) == (0, 1, "")


def _count(of: tuple[UUID, ...], one: str) -> str:
    return f"{len(of)} {one}{'' if len(of) == 1 else 's'}"


async def _rule(call: Call, id: UUID) -> rules.RuleRow:
    found = await rules.show_rule(call, id)
    if found is None:
        raise things.absent("rule")
    return found


async def _choices(call: Call) -> dict[str, Any]:
    metrics = sorted((one.title, one.name, one.unit) for one in CATALOGUE.values())
    return {
        "kinds": [(kind, KIND_WORDS[kind]) for kind in RULE_KINDS],
        "metrics": [
            ("", "none"),
            *((name, f"{title}, {unit}" if unit else title) for title, name, unit in metrics),
        ],
        "ops": [(op, OP_WORDS[op]) for op in COMPARISONS],
        "severities": [(severity, severity) for severity in SEVERITIES],
        "roles": ROLES,
        "all_sites": await sites_of(call),
        "exact": exact,
    }


def _may_change(call: Call) -> bool:
    """Tell whether who asks may change rules: they hold for the whole tenant."""
    return call.who.may("rules:write") and call.who.reach.sites is None


def _fields(form: Form, before: Scope, unseen: Sequence[UUID] = ()) -> dict[str, Any]:
    """Return the fields of a rule as a form has them; devices that were named one by one stay named, and so do sites that it
    had no room to offer. Raises RefusedByRule."""
    sites = form.many("sites") if unseen else form.sites() or []
    scope = {
        "regions": _words(form.text("regions")),
        "tags": _words(form.text("tags")),
        "roles": form.many("roles"),
        "sites": [*sites, *map(str, unseen)],
        "devices": [str(id) for id in before.devices],
        "interface": form.text("interface").strip(),
    }
    return {
        **{name: form.text(name).strip() for name in ("name", "kind", "metric", "op", "severity")},
        "note": form.text("note").strip().replace("\r\n", "\n"),
        "threshold": _number(form, "threshold") or 0.0,
        "clear_at": _number(form, "clear_at"),
        "for_s": _number(form, "for_s") or 0.0,
        "scope": scope,
    }


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.splitlines() if word.strip()]


def _number(form: Form, name: str) -> float | None:
    text = form.text(name).strip()
    if _THOUSANDS.search(text):
        raise refused("INVALID_INPUT", f"1000 or 1.5 expected, {text[:20]} may mean either", name)
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        raise refused("INVALID_INPUT", "a number expected", name) from None
