"""What a newer server tells that this program does not know: it is left out, and comes once the program knows it.

Counterparts: `sync.py`, the messages; `engine/sync/line.py`, which hears them; `engine/sync/session.py`, which notes that
something is left out; `engine/storage/team.py`, which begins anew with what `known` says is another program.

Theory: what a release adds is a message, a kind of thing, or a value of a field. A thing that cannot be read whole is left out
and the rest of what came with it holds; so does what would hang on it. Fields are ignored, and nobody can say which a later
program will want: so whoever knows other kinds or fields than the program that took the last news has all told anew, from 0 on.
One rule: nothing is guessed of what is not known, and no line ends for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple, get_args

import msgspec

from domain.inventory import Entity, Kind
from domain.merge import Thing
from domain.roles import Role
from domain.sync import Entries, ToInstall, decode_to_install

_TYPES: dict[str, Any] = {str(type.__struct_config__.tag): type for type in get_args(ToInstall)}
_LENIENT: frozenset[str] = frozenset({"entries", "welcome"})
"""What is understood without what is new in its lists. Any other message is one answer, and half of that is none."""
_REMOVALS = "gone"
LEAST_ROLE: Role = "viewer"
"""What who has a role that is not known here is shown as; what he may do, his permissions say."""
_shallow = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
REFERENCES: dict[Kind, tuple[tuple[str, Kind], ...]] = {
    "device": (("site", "site"),),
    "link": (("a", "device"), ("b", "device")),
    "diagram": (("parent", "diagram"), ("site", "site")),
    "spot": (("diagram", "diagram"),),
    "drawing": (("diagram", "diagram"),),
    "photo": (("site", "site"), ("device", "device")),
}
"""Fields without whose things a thing of a kind cannot be kept."""


class Heard(NamedTuple):
    """What a server said. `message` None: of a type that is not known here. `left_out`: more than that was told, which only
    a newer program knows."""

    message: ToInstall | None
    left_out: bool = False


def heard(data: bytes) -> Heard:
    """Return a server's message as far as it is known here. Raises msgspec.DecodeError (of which ValidationError is one) where it
    is none, or is of a known type and not to be understood."""
    try:
        message = decode_to_install(data)
    except msgspec.ValidationError:
        return _in_part(data)
    return Heard(message, isinstance(message, Entries) and _has_unknown_lists(data))


@cache
def known() -> str:
    """Return a digest over the kinds, fields and values of all that entries may hold: another for a program that knows others."""
    schema = msgspec.json.encode(_bare(msgspec.json.schema(Entries)), order="deterministic")
    return blake2b(schema, digest_size=16).hexdigest()


def cannot_stand(
    now: Mapping[Thing, Entity | None], confirmed: Callable[[Kind, Any], Entity | None]
) -> set[Thing]:
    """Return what of `now` hangs on a thing that is neither there nor `confirmed`, or on such a one."""
    fallen: set[Thing] = set()
    is_over = False
    while not is_over:
        lacking = {
            thing
            for thing, entity in now.items()
            if entity is not None and thing not in fallen
            for other in _held_by(thing[0], entity)
            if other in fallen or (now[other] if other in now else confirmed(*other)) is None
        }
        fallen |= lacking
        is_over = not lacking
    return fallen


def _held_by(kind: Kind, entity: Entity) -> Iterator[Thing]:
    for field, other in REFERENCES.get(kind, ()):
        if (id := getattr(entity, field)) is not None:
            yield other, id


def _in_part(data: bytes) -> Heard:
    said = _plain(data)
    tag = said.get("type")
    if not isinstance(tag, str):
        raise msgspec.ValidationError("a message without a type")
    if tag not in _TYPES:
        return Heard(None, left_out=True)
    if tag not in _LENIENT:
        decode_to_install(data)  # raises
    left_out = _lacks_fields(said, tag)
    if tag == "welcome" and not _is_a(said.get("role"), Role) and isinstance(said.get("role"), str):
        said["role"] = LEAST_ROLE
    for name, item in _item_types(tag).items():
        if isinstance(items := said.get(name), list):
            said[name] = read = [one for one in items if _is_a(one, item)]
            left_out |= len(read) < len(items) and name != _REMOVALS
    try:
        return Heard(msgspec.convert(said, _TYPES[tag]), left_out and tag != "welcome")
    except RecursionError as error:
        raise msgspec.DecodeError(str(error)) from error


@cache
def _item_types(tag: str) -> dict[str, Any]:
    """Return the types of what a message's lists hold, by field."""
    fields = msgspec.structs.fields(_TYPES[tag])
    return {one.name: get_args(one.type)[0] for one in fields if get_args(one.type)[1:] == (...,)}


def _is_a(value: Any, type: Any) -> bool:
    try:
        msgspec.convert(value, type)
    except (msgspec.ValidationError, RecursionError):
        return False
    return True


def _has_unknown_lists(data: bytes) -> bool:
    return _lacks_fields(_shallow.decode(data), "entries")


def _lacks_fields(said: Mapping[str, Any], tag: str) -> bool:
    """Tell whether a message has things in lists that are not known here."""
    fields = {"type", *_TYPES[tag].__struct_encode_fields__}
    unknown = (value for name, value in said.items() if name not in fields)
    plain = (msgspec.msgpack.decode(one) if isinstance(one, msgspec.Raw) else one for one in unknown)
    return any(isinstance(one, list) and one for one in plain)


def _plain(data: bytes) -> dict[str, Any]:
    try:
        return msgspec.msgpack.decode(data, type=dict[str, Any])
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def _bare(schema: Any) -> Any:
    """Return a schema without the words that explain it."""
    if isinstance(schema, dict):
        said = {"description", "title"} if "type" in schema or "anyOf" in schema else set()
        return {
            name: _bare(value)
            for name, value in schema.items()
            if not (name in said and isinstance(value, str))
        }
    return [_bare(one) for one in schema] if isinstance(schema, list) else schema
