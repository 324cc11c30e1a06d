"""The language of profiles: what a YAML file may say. Counterpart: `checks.py` refuses, `rows.py` and `look.py` carry out.

A profile is groups of fields. A field is where a value stands and how it is understood; a group without an index is scalars,
one with an index is a table of rows. Of its fields a group tells numbers (metrics of the catalogue, in every cycle) and
facts (at each look). One rule: what is not declared here is refused; `docs/guide/profiles.md` explains every word to people.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Plain = float | str | bool
"""What a map gives, a condition compares with and a constant is."""

Kind = Literal["number", "unsigned", "signed", "flag", "milliwatt", "text", "mac", "ip", "id", "oid", "port"]
NUMERIC: tuple[Kind, ...] = ("number", "unsigned", "signed", "flag", "milliwatt")
IndexKind = Literal["number", "ip", "inet", "mac", "text", "port", "rest"]
Fold = Literal["mean", "sum", "min", "max", "count"]

LOOK_EVERY_CYCLES = 20
ROWS = 256
MOST_ROWS = 2_048


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value: `column` of the group's entry, an `oid` of its own (of a scalar with its final 0), or what another field `is`.

    Where it says nothing, `or` names the field that is taken for it at a look.
    `via` names the field or index part whose value is the index there, where it is not the row's own. `beyond` are the index
    parts that follow the row's own in that table; the field is the last of them, of the first row there. `map` goes before
    `scale` and `offset`; a `milliwatt`, once scaled, is told in dBm. `absent` values, and those outside `least` and `most`,
    are none; these are in the device's units.
    """

    column: int = 0
    oid: str = ""
    same: str = msgspec.field(name="is", default="")
    via: str = ""
    beyond: dict[str, IndexKind] = {}
    kind: Kind = msgspec.field(name="as", default="number")
    scale: float = 1.0
    offset: float = 0.0
    absent: tuple[Plain, ...] = ()
    least: float | None = None
    most: float | None = None
    map: dict[int | str, Plain] = {}
    otherwise: Plain | None = None
    drop: str = ""
    instead: str = msgspec.field(name="or", default="")


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A metric: of + plus - less, times what was read of `times` at the look, times `scale`.

    `metric_of` names a field that says which metric a row is. `fold` makes one number of all rows of an instance; `where`,
    `matches` (at the look) and `during` (in every cycle) choose rows; `rate` is the width of a counter; `still` numbers
    are read at the look and only repeated.
    """

    metric: str = ""
    metric_of: str = ""
    of: str = ""
    plus: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    scale: float = 1.0
    unit: str | None = None
    instance: str | tuple[str, ...] | None = None
    fold: Fold | None = None
    counted: tuple[Plain, ...] = ()
    where: dict[str, tuple[Plain, ...]] = {}
    matches: dict[str, str] = {}
    during: dict[str, tuple[Plain, ...]] = {}
    rate: Literal[0, 32, 64] = 0
    still: bool = False


class Thing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A structured fact of each row: `kind` of `domain/device_facts.py`, its fields from ours, and what is always so."""

    kind: str
    key: str | tuple[str, ...]
    value: dict[str, str]
    constant: dict[str, Plain] = {}


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scalars (no `index`), or the rows of a table at `entry`.

    `index` names the parts of a row's index in their order. `largest` keeps the one row where the product of these fields
    is largest, `first` those that hold it before the others. A change of the OID `watch` is a reason to look again.
    A table that was not there is looked for rarely, but for one that `may_be_empty`.
    """

    name: str
    entry: str = ""
    index: dict[str, IndexKind] = {}
    fields: dict[str, Field] = {}
    where: dict[str, tuple[Plain, ...]] = {}
    matches: dict[str, str] = {}
    first: dict[str, tuple[Plain, ...]] = {}
    largest: tuple[str, ...] = ()
    instance: str | tuple[str, ...] = ""
    numbers: tuple[Number, ...] = ()
    facts: dict[str, str] = {}
    thing: Thing | None = None
    every: int = LOOK_EVERY_CYCLES
    rows: int = ROWS
    watch: str = ""
    may_be_empty: bool = False


class Matching(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device is read with this profile if its sysObjectID begins so, or (if that says none) its sysDescr holds a pattern.

    With both, both have to hold.
    """

    object_id: tuple[str, ...] = ()
    description: tuple[str, ...] = ()


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file. What it `extends` comes after its own groups; `without` names inherited groups that it does not want."""

    name: str
    title: str
    match: Matching = Matching()
    extends: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    facts: dict[str, str] = {}
    groups: tuple[Group, ...] = ()


class Profile(msgspec.Struct, frozen=True):
    """A document with all that it extends: how one make of device is read."""

    name: str
    title: str
    match: Matching
    facts: dict[str, str]
    groups: tuple[Group, ...]
