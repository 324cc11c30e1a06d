"""A RouterOS API command taken apart: path, attributes, queries, tag. Counterpart: `api.py`, which does it.

One rule: words of no known form are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Command:
    """A sentence taken apart."""

    path: str
    attributes: dict[str, str] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)
    tag: str | None = None

    def wants(self, name: str) -> bool:
        """Tell whether a switch (`=once=`) is there and not "no"."""
        return self.attributes.get(name, "no") not in ("no", "false")

    @property
    def properties(self) -> list[str] | None:
        """The names asked for with `.proplist`, or None for all."""
        listed = self.attributes.get(".proplist")
        return None if listed is None else listed.split(",")


def read_command(words: list[str]) -> Command:
    """Take a sentence apart; words of no known form are left out, as routers do."""
    command = Command(words[0])
    for word in words[1:]:
        if word.startswith("="):
            name, _, value = word[1:].partition("=")
            command.attributes[name] = value
        elif word.startswith(".tag="):
            command.tag = word[5:]
        elif word.startswith(".proplist="):
            command.attributes[".proplist"] = word[10:]
        elif word.startswith("?"):
            command.queries.append(word[1:])
    return command
