"""What is wrong with a profile's file, said so that its author finds it. Counterpart: `language.py`, `library.py`.

One rule: every refusal names the file, the line and the path inside it, what was got and what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

import msgspec
import msgspec.yaml
import yaml  # type: ignore[import-untyped]  # it has no types of its own

from domain.device_facts import FACT_TYPES
from domain.errors import Refusal
from domain.metrics import CATALOGUE
from engine.drivers.profiles.language import MOST_ROWS, NUMERIC, Document, Field, Group, Number, Thing
from engine.drivers.profiles.lines import locate
from engine.drivers.profiles.problems import BadProfile, refuse

FILE_CAP_BYTES = 256 * 1024
DEPTH_CAP = 12
GROUPS_CAP, FIELDS_CAP, NUMBERS_CAP = 64, 64, 64
EVERY_CAP = 10_000
SCALE_CAP = 1e15
TIMES_CAP = 4
_PATTERN_CAP = 200

_OID = re.compile(r"\d{1,10}(?:\.\d{1,10}){1,127}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_HOLE = re.compile(r"\{(\w+)\}")
_PLAIN_FACTS = (
    *("os", "version", "model", "board", "serial", "vendor", "architecture", "board_firmware"),
    *("upgrade_firmware", "lng", "lat", "elevation_m", "ssid", "license_level"),
)
"""Facts of the device itself that a profile may tell."""


def holes(template: str | tuple[str, ...] | None) -> list[str]:
    """Return the names that a template, or a list of them, asks for."""
    texts = (template,) if isinstance(template, str) else template or ()
    return [name for text in texts for name in _HOLE.findall(text)]


def read_document(file: str, data: bytes) -> Document:
    """Return what a file says. Raises BadProfile with the first thing that is wrong with it."""
    if len(data) > FILE_CAP_BYTES:
        said = f"at most {FILE_CAP_BYTES} bytes expected, got {len(data)}"
        raise BadProfile(refuse(file, "", said))
    try:
        _hold_to_tree(file, data)
        document = msgspec.yaml.decode(data, type=Document)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at ")
        refusal = refuse(file, path.strip("`").removeprefix("$").lstrip("."), said)
        raise BadProfile(locate(refusal, file, data)) from None
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BadProfile(refuse(file, where, f"YAML expected, got: {error.problem}")) from None
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadProfile(refuse(file, "", f"YAML expected, got {error}")) from None
    for refusal in _refusals(file, document):
        raise BadProfile(locate(refusal, file, data))
    return document


def _hold_to_tree(file: str, data: bytes) -> None:
    """Refuse aliases and depth before anything is built of them: both let a small file grow without end."""
    depth = 0
    for event in yaml.parse(data, Loader=yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise BadProfile(refuse(file, f"line {event.start_mark.line + 1}", "no aliases (*) expected"))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_CAP:
            said = f"at most {DEPTH_CAP} levels expected, got more"
            raise BadProfile(refuse(file, f"line {event.start_mark.line + 1}", said))


def _refusals(file: str, document: Document) -> Iterator[Refusal]:
    def no(path: str, said: str) -> Refusal:
        return refuse(file, path, said)

    if not _NAME.fullmatch(document.name):
        yield no("name", f"small letters, digits, - and _ expected, got {document.name!r}")
    if not document.title:
        yield no("title", "a title expected, got none")
    for place, oid in enumerate(document.match.object_id):
        if not _OID.fullmatch(oid):
            yield no(f"match.object_id[{place}]", f"an OID expected, got {oid!r}")
    for place, pattern in enumerate(document.match.description):
        if (said := _pattern_fault(pattern)) is not None:
            yield no(f"match.description[{place}]", said)
    for field in document.facts:
        if field not in _PLAIN_FACTS:
            yield no(f"facts.{field}", _one_of(field, _PLAIN_FACTS))
    if len(document.groups) > GROUPS_CAP:
        yield no("groups", f"at most {GROUPS_CAP} groups expected, got {len(document.groups)}")
    names = [group.name for group in document.groups]
    for place, group in enumerate(document.groups):
        path = f"groups[{place}]"
        if names.count(group.name) > 1:
            yield no(f"{path}.name", f"a name of its own expected, got {group.name!r} again")
        for sub, said in _group_faults(group):
            yield no(f"{path}.{sub}", said)


def _group_faults(group: Group) -> Iterator[tuple[str, str]]:
    if not _NAME.fullmatch(group.name):
        yield "name", f"small letters, digits, - and _ expected, got {group.name!r}"
    if group.entry and not _OID.fullmatch(group.entry):
        yield "entry", f"an OID expected, got {group.entry!r}"
    if group.watch and not _OID.fullmatch(group.watch):
        yield "watch", f"an OID expected, got {group.watch!r}"
    if not 1 <= group.every <= EVERY_CAP:
        yield "every", f"1 to {EVERY_CAP} cycles expected, got {group.every}"
    if not 1 <= group.rows <= MOST_ROWS:
        yield "rows", f"1 to {MOST_ROWS} rows expected, got {group.rows}"
    if not 1 <= len(group.fields) <= FIELDS_CAP:
        yield "fields", f"1 to {FIELDS_CAP} fields expected, got {len(group.fields)}"
    if len(group.numbers) > NUMBERS_CAP:
        yield "numbers", f"at most {NUMBERS_CAP} numbers expected, got {len(group.numbers)}"
    known = _known_names(group)
    for name in group.fields.keys() & group.index.keys():
        yield f"fields.{name}", "a name that is no part of the index expected"
    for name, field in group.fields.items():
        for sub, said in _field_faults(group, field, known):
            yield f"fields.{name}{sub}", said
    yield from _condition_faults("", known, group.where, group.matches)
    yield from _names_faults("first", group.first, known)
    yield from _names_faults("largest", group.largest, known)
    yield from _names_faults("instance", holes(group.instance), known)
    for place, number in enumerate(group.numbers):
        for sub, said in _number_faults(group, number, known):
            yield f"numbers[{place}].{sub}", said
    for fact, name in group.facts.items():
        if group.index and not group.first and not group.largest:
            yield f"facts.{fact}", "first or largest expected, so that one row tells it, got a table"
        if fact not in _PLAIN_FACTS:
            yield f"facts.{fact}", _one_of(fact, _PLAIN_FACTS)
        yield from _names_faults(f"facts.{fact}", [name], known)
    if group.thing is not None:
        for sub, said in _thing_faults(group.thing, known):
            yield f"thing.{sub}", said


def _known_names(group: Group) -> set[str]:
    return {*group.fields, *group.index, "index"}


def _field_faults(group: Group, field: Field, known: Collection[str]) -> Iterator[tuple[str, str]]:
    if bool(field.column) + bool(field.oid) + bool(field.same) != 1:
        yield "", "one of column, oid and is expected, got none or several"
    elif field.column and not (group.entry and group.index):
        yield ".column", "an entry and an index of the group expected with a column"
    elif field.column and not 1 <= field.column <= 0xFFFF_FFFF:
        yield ".column", f"1 to 4294967295 expected, got {field.column}"
    if field.oid and not _OID.fullmatch(field.oid):
        yield ".oid", f"an OID expected, got {field.oid!r}"
    for word, name in (("via", field.via), ("or", field.instead), ("is", field.same)):
        if name:
            yield from _names_faults(f".{word}", [name], known)
    if field.via and not group.index:
        yield ".via", "an index of the group expected with it"
    if field.beyond and not (group.index and field.oid and not field.via):
        yield ".beyond", "an oid, no via, and an index of the group expected with it"
    if field.kind == "port" and not group.index:
        yield ".as", "a port only in a table expected"
    if field.kind not in NUMERIC and (field.scale != 1 or field.offset or field.least or field.most):
        yield ".as", f"a number expected with scale, offset, least or most, got {field.kind}"
    if not 1 / SCALE_CAP <= abs(field.scale) <= SCALE_CAP:
        yield ".scale", f"a number of {1 / SCALE_CAP:g} to {SCALE_CAP:g} expected, got {field.scale}"
    if not abs(field.offset) <= SCALE_CAP:
        yield ".offset", f"a number up to {SCALE_CAP:g} expected, got {field.offset}"
    for said in (*field.map.values(), field.otherwise):
        if isinstance(said, float) and not abs(said) <= SCALE_CAP:
            yield ".map", f"numbers up to {SCALE_CAP:g} expected, got {said}"
    drop = field.drop.encode() if field.kind in NUMERIC else field.drop  # as `decoding.py` has it
    if drop and (said := _pattern_fault(drop)) is not None:
        yield ".drop", said


def _number_faults(group: Group, number: Number, known: Collection[str]) -> Iterator[tuple[str, str]]:
    if bool(number.metric) == bool(number.metric_of):
        yield "metric", "a metric or metric_of expected, got both or none"
    elif number.metric and number.metric not in CATALOGUE:
        yield "metric", f"a metric of the catalogue expected, got {number.metric!r}"
    elif number.metric and number.unit is not None and CATALOGUE[number.metric].unit != number.unit:
        yield "unit", f"{CATALOGUE[number.metric].unit!r} expected for {number.metric}, got {number.unit!r}"
    if number.metric_of:
        yield from _names_faults("metric_of", [number.metric_of], group.fields)
        field = group.fields.get(number.metric_of, Field())
        for said in field.map.values():
            if not (isinstance(said, str) and said in CATALOGUE):
                yield "metric_of", f"metrics of the catalogue expected in its map, got {said!r}"
    if not 1 / SCALE_CAP <= abs(number.scale) <= SCALE_CAP:
        yield "scale", f"a number of {1 / SCALE_CAP:g} to {SCALE_CAP:g} expected, got {number.scale}"
    if len(number.times) > TIMES_CAP:
        yield "times", f"at most {TIMES_CAP} fields expected, got {len(number.times)}"
    yield from _names_faults("of", [number.of], group.fields)
    for word, names in (("plus", number.plus), ("less", number.less), ("times", number.times)):
        yield from _names_faults(word, names, group.fields)
    for name in (number.of, *number.plus, *number.less, *number.times):
        field = group.fields.get(name, Field())
        if field.kind not in NUMERIC and not field.map and number.fold != "count":
            yield "of", f"a number expected, got {name} as {field.kind}"
    for name in (number.of, *number.plus, *number.less, *number.during):
        field = group.fields.get(name, Field())
        if not number.still and (field.via or field.beyond or field.instead or field.same):
            yield "of", f"a field of the row itself expected, got {name}, which may be another's"
    if number.rate and (number.plus or number.less or number.fold or number.still or number.during):
        yield "rate", "nothing but times and scale expected with a rate"
    if number.rate and any(_is_changed(group.fields.get(n, Field())) for n in (number.of,)):
        yield "rate", f"a counter as it is expected, got {number.of} with a scale, a map or absent values"
    if number.fold is not None and number.during:
        yield "during", "no fold expected with it"
    if number.fold == "count" and (number.plus or number.less or number.times):
        yield "fold", "nothing to compute expected with a count"
    if number.counted and number.fold != "count":
        yield "counted", "a fold of count expected with it"
    yield from _condition_faults("", known, number.where, number.matches)
    yield from _names_faults("during", number.during, group.fields)
    yield from _names_faults("instance", holes(number.instance), known)


def _is_changed(field: Field) -> bool:
    return bool(field.map or field.otherwise is not None or field.absent or field.scale != 1 or field.offset)


def _thing_faults(thing: Thing, known: Collection[str]) -> Iterator[tuple[str, str]]:
    shape = FACT_TYPES.get(thing.kind)
    if shape is None:
        yield "kind", _one_of(thing.kind, FACT_TYPES)
        return
    fields = {field.name: field for field in msgspec.structs.fields(shape)}
    for name in sorted({*thing.value, *thing.constant} - fields.keys()):
        yield f"{'value' if name in thing.value else 'constant'}.{name}", _one_of(name, fields)
    for name, field in fields.items():
        if field.required and name not in thing.value and name not in thing.constant:
            yield "value", f"{name} expected, as a {thing.kind} needs it"
    for name, of in thing.value.items():
        yield from _names_faults(f"value.{name}", holes(of) or [of], known)
    yield from _names_faults("key", holes(thing.key), known)
    if not holes(thing.key):
        yield "key", "a name in braces expected, so that each row has a key of its own"


def _condition_faults(
    path: str, known: Collection[str], where: Mapping[str, object], matches: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    yield from _names_faults(f"{path}where", where, known)
    yield from _names_faults(f"{path}matches", matches, known)
    for name, pattern in matches.items():
        if (said := _pattern_fault(pattern)) is not None:
            yield f"{path}matches.{name}", said


def _names_faults(path: str, names: Collection[str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        if name not in known:
            yield path, _one_of(name, known)


def _pattern_fault(pattern: str | bytes) -> str | None:
    if len(pattern) > _PATTERN_CAP:
        return f"a pattern of at most {_PATTERN_CAP} characters expected, got {len(pattern)}"
    try:
        re.compile(pattern)
    except re.error as error:
        return f"a regular expression expected, got {pattern!r} ({error})"
    return None


def _one_of(got: str, known: Collection[str]) -> str:
    return f"one of {', '.join(sorted(known))} expected, got {got!r}"
