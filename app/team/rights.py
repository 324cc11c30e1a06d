"""What the person at this window may change, in a sentence where it is not.

Counterpart: `domain/roles.py`, whose table the server asks too: what is switched off here is refused there. One rule: a role is
never named to decide, only to explain; without a team everything may be done, and in the past nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from domain.errors import Refusal
from domain.roles import Permission, permission_to_edit
from domain.wire import ActOnAlert, SubmitEdit, ToEngine

if TYPE_CHECKING:
    from PySide6.QtWidgets import QMenu

    from app.model import Model
    from domain.team import TeamState

PAST_WHY = "This is the past: press Esc for the live network"
_WORDS: dict[Permission, str] = {
    "devices:write": "change devices",
    "sites:write": "change sites",
    "links:write": "change links",
    "rules:write": "change alert rules",
    "maintenance:write": "plan maintenance",
    "credentials:read": "see logins",
    "credentials:write": "change logins",
    "alerts:write": "act on alerts",
    "edits:write": "change the network",
    "tunnels:write": "open tunnels",
}
_ROLES = {
    "platform_admin": "platform administrator",
    "platform_operator": "platform operator",
    "tenant_admin": "administrator",
    "wall": "wall screen",
}
ACTIONS: dict[str, tuple[Permission, ...]] = {
    "add": ("devices:write",),
    "edit": ("devices:write", "sites:write", "links:write"),
    "delete": ("devices:write", "sites:write", "links:write"),
    "undo": ("edits:write",),
    "redo": ("edits:write",),
    "edit_map": ("devices:write",),
    "draw_link": ("links:write",),
    "align": ("devices:write",),
    "arrange": ("edits:write",),
    "import": ("devices:write",),
    "sweep": ("devices:write",),
    "neighbours": ("devices:write",),
    "credentials": ("credentials:read",),
    "plan_work": ("maintenance:write",),
    "trust": ("devices:write",),
}
"""What each action of the window takes; what is not here only looks, or is this computer's own."""


class Switched(Protocol):
    """A verb: a button or an action."""

    def setEnabled(self, enabled: bool, /) -> None:
        """Let it be used, or not."""

    def setToolTip(self, text: str, /) -> None:
        """Say on hover why not."""


def role_words(role: str) -> str:
    """Return a role as people say it."""
    return _ROLES.get(role, role)


def why_forbidden(team: TeamState | None, needs: Iterable[Permission]) -> str:
    """Return why a member of a team may not do what takes these, as a sentence; empty where it may."""
    lacking = [need for need in needs if team is not None and need not in team.permissions]
    if team is None or not lacking:
        return ""
    return f"Your role here is {role_words(team.role)}, which may not {_WORDS.get(lacking[0], lacking[0])}"


def why_not(model: Model, *needs: Permission) -> str:
    """Return why the person at this window may not do what takes all of these now; empty where nothing stands against it."""
    return PAST_WHY if model.today is not None else why_forbidden(model.team, needs)


def switch(verb: Switched, why: str, story: str = "") -> None:
    """Let a verb be used, or switch it off and say why on hover; `story` is what is said there else."""
    verb.setEnabled(not why)
    verb.setToolTip(why or story)


def offer(menu: QMenu, text: str, then: Callable[[], object], why: str = "") -> None:
    """Put a verb into a menu, switched off where there is a reason why it may not be done now."""
    menu.setToolTipsVisible(True)
    switch(menu.addAction(text, then), why)


def refused_by_role(team: TeamState | None, message: ToEngine) -> Refusal | None:
    """Return what a request is refused with before it is sent; None where the role allows it, or does not decide."""
    match message:
        case SubmitEdit():
            needs = {permission_to_edit(step.kind) for step in message.edit.steps}
            needs |= {"credentials:write"} if message.secrets else set()
        case ActOnAlert():
            needs = {"alerts:write"}
        case _:
            return None
    why = why_forbidden(team, sorted(needs))
    return Refusal("NOT_ALLOWED", why) if why else None
