"""Fields within fields that a body does not offer. Counterparts: `routes.py`, whose `Body` refuses those at its top; `domain/`.

Theory: probes, sectors, scopes and steps are the domain's; of these the live line ignores what it does not know, so that an older
one understands a newer. Over HTTP nobody is newer than the server: what is not offered was misspelt, or meant for another.
One rule: a body without such types is not read twice.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from msgspec import inspect


def stray_field(takes: type[msgspec.Struct], data: bytes) -> str:
    """Return the path of a field of a body, decoded as its type before, that the type does not offer; empty without one."""
    found = _type_of(takes)
    return "" if found is None else _stray(found, msgspec.json.decode(data), "").lstrip(".")


@cache
def _type_of(takes: type[msgspec.Struct]) -> inspect.Type | None:
    """Return what is known of a type, None where msgspec itself refuses what it does not offer."""
    found = inspect.type_info(takes)
    return found if _is_loose(found) else None


def _is_loose(type: inspect.Type) -> bool:
    if isinstance(type, inspect.StructType):
        return not type.cls.__struct_config__.forbid_unknown_fields or any(
            _is_loose(field.type) for field in type.fields
        )
    if isinstance(type, inspect.UnionType):
        return any(map(_is_loose, type.types))
    return isinstance(type, inspect.CollectionType) and _is_loose(type.item_type)


def _stray(type: inspect.Type, value: Any, at: str) -> str:
    if isinstance(type, inspect.StructType) and isinstance(value, dict):
        offered = {field.encode_name: field.type for field in type.fields}
        for name, one in value.items():
            if name not in offered:
                return f"{at}.{name}"
            if found := _stray(offered[name], one, f"{at}.{name}"):
                return found
    elif isinstance(type, inspect.UnionType):
        return next((found for one in type.types if (found := _stray(one, value, at))), "")
    elif isinstance(type, inspect.CollectionType) and isinstance(value, list):
        for place, one in enumerate(value):
            if found := _stray(type.item_type, one, f"{at}[{place}]"):
                return found
    return ""
