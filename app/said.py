"""What was done and what was refused, in the words of a toast. No Qt. Counterpart: `commands.py`, whose titles these are.

One rule: the verb of a title becomes what was done to the rest of it.
"""

from __future__ import annotations

from app.words import capitalized, isolated
from domain.errors import Refusal

_DONE = {
    "Add": "added",
    "Adopt": "adopted",
    "Arrange": "arranged",
    "Align": "aligned",
    "Change": "changed",
    "Move": "moved",
    "Place": "placed",
    "Delete": "deleted",
    "Pause": "paused",
    "Resume": "resumed",
    "Replace": "replaced",
    "Trust": "trusted",
    "Tag": "tagged",
    "Plan": "planned",
    "Start": "started",
    "End": "ended",
    "Enable": "switched on",
    "Disable": "switched off",
    "Reset": "back to the default",
}


def as_done(title: str) -> str:
    """Return "Move X" as "X moved", "Import X: 2 added" as "X imported: 2 added"; a title of another form as it is."""
    verb, _, rest = title.partition(" ")
    if verb == "Import":
        name, _, counts = rest.rpartition(": ")
        return f"{isolated(name)} imported: {counts}" if name else title
    if verb not in _DONE or not rest:
        return title
    said = capitalized(rest) if rest.startswith(("a ", "an ", "the ")) else isolated(rest)
    return f"{said} {_DONE[verb]}"


def refusal_words(refusals: tuple[Refusal, ...]) -> str:
    return "; ".join(dict.fromkeys(refusal.message for refusal in refusals))
