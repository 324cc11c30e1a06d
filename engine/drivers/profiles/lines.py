"""The line of a profile's file that a refusal is about. Counterpart: `problems.py` makes refusals, which name a path.

One rule: where a path leads nowhere, because what it names is missing, the line is that of what should hold it.
"""

from __future__ import annotations

import re

import msgspec
import yaml  # type: ignore[import-untyped]  # it has no types of its own

from domain.errors import Refusal
from domain.text import clean_text

_PART = re.compile(r"[^.\[\]]+|\[[^\]]*\]")
_UNKNOWN = re.compile("unknown field `([^`]+)`")
"""As msgspec says it, which names only what holds that field."""


def locate(refusal: Refusal, file: str, data: bytes) -> Refusal:
    """Return a refusal that says its line as well; as it was where it has none. `data` was read as YAML before."""
    unknown = _UNKNOWN.search(refusal.message)
    path = f"{refusal.field}.{unknown[1]}" if unknown is not None else refusal.field
    if not path or path.startswith("line "):
        return refusal
    named = f"{clean_text(file)}, line {_line_of(path, data)}: "
    return msgspec.structs.replace(
        refusal, message=refusal.message.replace(f"{clean_text(file)}: ", named, 1)
    )


def _line_of(path: str, data: bytes) -> int:
    """Return the line where a path such as `groups[0].fields.volts` leads, as far as it does."""
    node = yaml.compose(data, Loader=yaml.SafeLoader)
    line = 0
    for part in _PART.findall(path):
        if isinstance(node, yaml.SequenceNode) and part[1:-1].isdigit() and int(part[1:-1]) < len(node.value):
            node = node.value[int(part[1:-1])]
            line = node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            entry = next((entry for entry in node.value if entry[0].value == part), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line, entry[1]
        else:
            break
    return int(line) + 1
