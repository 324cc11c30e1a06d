"""Reads MIB texts with pysmi and tells their facts: the program of the reading process. Counterpart: `reading.py`, its parent.

Theory: a text is parsed by itself, so that a wrong one costs no other. Then all modules are joined: pysmi wants a table of the
symbols of whatever is imported, and of modules that came along it gets one made from their facts. Nothing is ever fetched, and
of what pysmi could write (Python among it) nothing is written: its intermediate form is turned into facts.
One rule: whatever a text does to pysmi is a problem of that text, with its line where there is one.

As a program it gets a `ReaderJob` as JSON on its input, says {"at": file} as a line of JSON before each file, and writes what it
read where the job says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from domain.mib import MibProblem, NodeKind
from domain.text import clean_text
from engine.child import limit_self
from engine.mibs.complaints import grammar_of, line_of, semantics_of
from engine.mibs.facts import (
    BASE_SYNTAXES,
    DESCRIPTION_CAP,
    ENUM_CAP,
    HINT_CAP,
    NAME_CAP,
    UNITS_CAP,
    Convention,
    Module,
    Node,
    Syntax,
)
from engine.mibs.reading import FILE_BYTES, Kept, ReaderJob, write_kept
from engine.mibs.standard import MACRO_MODULES, load_standard

OID_ARCS_CAP = 128
NODES_CAP = 50_000
"""Most names of one module; the largest that is known has 9,000."""
TOTAL_NODES_CAP = 250_000
"""Most names of all files: what the engine is to hold."""
MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 600

SKIPPED_CAP = 100
"""How often a text may say one of `_SKIPPED`: for each of them pysmi looks through all that follows."""
_SKIPPED = ("MACRO", "CHOICE", "EXPORTS")
PROBLEMS_CAP = 500
_PROBLEMS_CAP = 20
"""Of one file."""
_KINDS: dict[str, NodeKind] = {
    "moduleidentity": "module",
    "notificationtype": "notification",
    "objectidentity": "node",
    "scalar": "scalar",
    "table": "table",
    "row": "row",
    "column": "column",
}
_OFTEN_FORGOTTEN = (
    "Counter32",
    "Counter64",
    "Gauge32",
    "Opaque",
    "TimeTicks",
    "Unsigned32",
    "enterprises",
    "mib-2",
)
"""Names of SNMPv2-SMI that vendors use without an import; other compilers know them anyway."""
_OF_V1 = {"Counter": "Counter32", "Gauge": "Gauge32", "NetworkAddress": "IpAddress", "Bits": "BITS"}
_CONFORMANCE = ("objectgroup", "notificationgroup", "modulecompliance", "agentcapabilities")
_LIMITS = range(-(2**63), 2**64)
"""What a number of SMI can be; in hexadecimal a text may write any, and what has thousands of digits cannot be written back."""
_T = TypeVar("_T")
Ast = tuple[str, Any, dict[str, list[str]], list[Any]]
"""What pysmi's parser returns of a module: name, OID, imports, declarations."""


class Read(NamedTuple):
    """What was read."""

    modules: tuple[Module, ...]
    problems: tuple[MibProblem, ...]


class _Text(NamedTuple):
    """One module as it was parsed, and where it stands."""

    file: str
    text: str
    tree: Ast


def read_texts(
    texts: Mapping[str, str], known: Iterable[Module], begin: Callable[[str], None] = lambda file: None
) -> Read:
    """Return the facts of MIB texts by file name, and what is wrong with them; they may import from `known` and each other.

    `begin` is told of each file before it is parsed, and again before it is joined.
    """
    by_name = {module.name: module for module in known}
    problems: list[MibProblem] = []
    parsed: dict[str, _Text] = {}
    parse = _parser()
    for file, text in texts.items():
        begin(file)
        for found in _parsed(parse, file, text, problems):
            name = found.tree[0]
            if name in MACRO_MODULES:
                continue  # ours: pysmi knows what these define, and vendors carry copies about
            if name in parsed:
                said = f"{clean_text(name, NAME_CAP)} is read from {parsed[name].file} already"
                problems.append(MibProblem(file, said, line_of(text, name)))
            else:
                parsed[name] = found
    joined = _join(parsed, by_name, problems, begin)
    return Read(tuple(joined), tuple(problems))


@cache
def _parser() -> Callable[[str], list[Ast]]:
    from pysmi.parser.dialect import smi_v1_relaxed  # noqa: PLC0415 what the engine's process never loads
    from pysmi.parser.smi import parserFactory  # noqa: PLC0415

    return parserFactory(**smi_v1_relaxed)().parse  # type: ignore[no-any-return]


def _parsed(
    parse: Callable[[str], list[Ast]], file: str, text: str, problems: list[MibProblem]
) -> list[_Text]:
    from pysmi.error import PySmiError  # noqa: PLC0415

    skipped = {word: text.count(word) for word in _SKIPPED}
    for word, count in skipped.items():
        if count > SKIPPED_CAP:
            problems.append(MibProblem(file, f"has {count:,} times {word}, at most {SKIPPED_CAP} expected"))
            return []
    try:
        trees = parse(text)
    except PySmiError as error:
        problems.append(MibProblem(file, *grammar_of(error, text)))
        return []
    except (RecursionError, ValueError, TypeError, LookupError, AttributeError) as error:
        problems.append(MibProblem(file, f"cannot be parsed: {_said(error)}"))
        return []
    if not trees:
        problems.append(MibProblem(file, 'holds no MIB module: "NAME DEFINITIONS ::= BEGIN" expected', 1))
    return [_Text(file, text, tree) for tree in trees]


def _join(
    parsed: Mapping[str, _Text],
    known: Mapping[str, Module],
    problems: list[MibProblem],
    begin: Callable[[str], None],
) -> list[Module]:
    """Give each module its OIDs. One whose imports are not all here is left out, and so are those that need it."""
    symbols: dict[str, Any] = {name: _symbols_of(module) for name, module in known.items()}
    tabled: list[_Text] = []
    for name, found in parsed.items():
        begin(found.file)
        problems += _missing(found, {**known, **parsed})[:_PROBLEMS_CAP]
        table = _tried(found, problems, partial(_table_of, found.tree))
        if table is not None:
            symbols[name] = table
            tabled.append(found)
    made: list[Module] = []
    names = 0
    for found in tabled:
        begin(found.file)
        module = _tried(found, problems, partial(_facts_of, found, symbols))
        if module is None:
            continue
        names += len(module.nodes)
        if names > TOTAL_NODES_CAP:
            said = f"left out: at most {TOTAL_NODES_CAP:,} names are kept of all files"
            problems.append(MibProblem(found.file, said, 0, module.name))
            names -= len(module.nodes)
        else:
            made.append(module)
    return made


def _table_of(tree: Ast) -> dict[str, Any]:
    from pysmi.codegen.symtable import SymtableCodeGen  # noqa: PLC0415

    return dict(SymtableCodeGen().gen_code(_copy(tree), {})[1])


def _tried(found: _Text, problems: list[MibProblem], make: Callable[[], _T]) -> _T | None:
    """Return what was made of a text; None where that is not possible, and why among the problems."""
    from pysmi.error import PySmiError  # noqa: PLC0415

    try:
        return make()
    except PySmiError as error:
        said, words = semantics_of(str(error.msg))
        line = next((n for n in (line_of(found.text, word) for word in words) if n), 0)
    except RecursionError:
        said, line = "its OIDs lead in a circle, or are nested too deep", 0
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        said, line = f"cannot be understood: {_said(error)}", 0
    problem = MibProblem(found.file, said, line, found.tree[0])
    if not any(p.file == found.file and p.missing for p in problems):
        problems.append(problem)  # where an import is missing, what follows from it is no news
    return None


def _said(error: Exception) -> str:
    return clean_text(f"{type(error).__name__} {error}", 200)


def _missing(found: _Text, here: Mapping[str, object]) -> list[MibProblem]:
    from pysmi.codegen.base import AbstractCodeGen  # noqa: PLC0415

    told = []
    for module, names in (found.tree[2] or {}).items():
        if module in here or module in MACRO_MODULES or module in AbstractCodeGen.convertImportv2:
            continue
        clean = clean_text(str(module), NAME_CAP)
        few = ", ".join(clean_text(str(name), NAME_CAP) for name in names[:3]) + (
            ", …" if len(names) > 3 else ""
        )
        said = f"imports {few} from {clean}, which is not here: put the file of {clean} into the folder too"
        told.append(MibProblem(found.file, said, line_of(found.text, str(module)), found.tree[0], clean))
    return told


def _symbols_of(module: Module) -> dict[str, Any]:
    """Return a module's symbols as pysmi's own table of them: it wants OIDs of names, and to know that a type is one."""
    table: dict[str, Any] = {
        _symbol(node.name): {"type": "MibIdentifier", "oid": node.oid, "origName": node.name}
        for node in module.nodes
    }
    for convention in module.conventions:
        table[_symbol(convention.name)] = {
            "type": "TypeDeclaration",
            "isTC": True,
            "origName": convention.name,
        }
    return table | {"_symtable_order": [], "_symtable_cols": [], "_symtable_rows": []}


def _symbol(name: str) -> str:
    from pysmi.codegen.base import AbstractCodeGen  # noqa: PLC0415

    return str(AbstractCodeGen.trans_opers(name))


def _copy(tree: Ast) -> Ast:
    """Return a tree that pysmi may change: it rewrites the imports of what it is given."""
    name, oid, imports, declarations = tree
    copied = {module: list(names) for module, names in (imports or {}).items()}
    imported = {name for names in copied.values() for name in names}
    forgotten = [name for name in _OFTEN_FORGOTTEN if name not in imported]
    return name, oid, {**copied, "SNMPv2-SMI": [*copied.get("SNMPv2-SMI", ()), *forgotten]}, declarations


def _facts_of(found: _Text, symbols: dict[str, Any]) -> Module:
    from pysmi.codegen.intermediate import IntermediateCodeGen  # noqa: PLC0415

    class Facts(IntermediateCodeGen):  # type: ignore[misc]
        """pysmi's, but for default values, which need all types of all modules and tell nothing here."""

        def process_defval(self, defval: Any, objname: str) -> dict[str, Any]:
            return {}

        def is_type_derived_from_tc(self, symName: str, module: str) -> bool:
            return False

    made = Facts()
    _, told = made.gen_code(_copy(found.tree), symbols, genTexts=True)
    name = clean_text(str(found.tree[0]), NAME_CAP)
    origin = {str(symbol): str(module) for symbol, module in made._importMap.items()}
    conventions: list[Convention] = []
    nodes: list[Node] = []
    for symbol, row in told.items():
        if symbol in ("imports", "meta") or row.get("class") in _CONFORMANCE:
            continue
        if "oid" in row:
            node = _node(row, name, origin)
            if node is not None and len(nodes) < NODES_CAP:
                nodes.append(node)
        elif isinstance(row.get("type"), dict):
            syntax = _syntax(row["type"], name, origin)
            hint = clean_text(str(row.get("displayhint", "")), HINT_CAP)
            conventions.append(Convention(clean_text(row["name"], NAME_CAP), syntax, hint))
    return Module(name, tuple(conventions), tuple(nodes), found.file)


def _node(row: Mapping[str, Any], module: str, origin: Mapping[str, str]) -> Node | None:
    oid = tuple(int(arc) for arc in str(row["oid"]).split("."))
    if not 0 < len(oid) <= OID_ARCS_CAP or not all(0 <= arc < 2**32 for arc in oid):
        return None
    indices = row.get("indices") or []
    augmented = row.get("augmention") or {}
    syntax = row.get("syntax")
    return Node(
        clean_text(str(row["name"]), NAME_CAP),
        oid,
        _KINDS.get(str(row.get("nodetype") or row.get("class")), "node"),
        _syntax(syntax, module, origin) if isinstance(syntax, dict) else None,
        clean_text(str(row.get("maxaccess", "")), NAME_CAP),
        clean_text(str(row.get("units", "")), UNITS_CAP),
        tuple(clean_text(str(part["object"]), NAME_CAP) for part in indices),
        bool(indices and indices[-1].get("implied")),
        clean_text(str(augmented.get("object", "")), NAME_CAP).replace("_", "-"),
        clean_text(str(row.get("status", "")), NAME_CAP),
        clean_text(str(row.get("description", "")), DESCRIPTION_CAP),
    )


def _syntax(told: Mapping[str, Any], module: str, origin: Mapping[str, str]) -> Syntax:
    written = str(told.get("type", ""))
    written = _OF_V1.get(written, written)
    constraints = told.get("constraints") or {}
    names = told.get("bits") or constraints.get("enumeration") or {}
    enum = {int(number): clean_text(str(name), NAME_CAP) for name, number in list(names.items())[:ENUM_CAP]}
    bounds = [
        (int(part["min"]), int(part["max"]))
        for part in constraints.get("range") or constraints.get("size") or ()
    ]
    limits = tuple((low, high) for low, high in bounds if low in _LIMITS and high in _LIMITS)
    if told.get("bits") is not None:
        written = "BITS"
    of = "" if written in BASE_SYNTAXES else origin.get(written, module)
    name = clean_text(written, NAME_CAP) if not of else clean_text(written, NAME_CAP).replace("_", "-")
    return Syntax(name, of, enum, limits)


def main() -> int:
    """Do the job on the input."""
    limit_self(MEMORY_BYTES, CPU_S)
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=ReaderJob)
    texts = {}
    for file in job.files:
        with suppress(OSError):  # gone since it was listed
            texts[file] = _text(Path(job.folder) / file)
    read = read_texts(texts, load_standard(), _say)
    problems = (*job.problems, *read.problems)[:PROBLEMS_CAP]
    write_kept(Path(job.out), Kept(job.digest, read.modules, problems))
    return 0


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(FILE_BYTES + 1)[:FILE_BYTES]
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # names are ASCII; what is not stands in descriptions


def _say(file: str) -> None:
    sys.stdout.buffer.write(msgspec.json.encode({"at": file}) + b"\n")
    sys.stdout.buffer.flush()
