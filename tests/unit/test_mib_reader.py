"""MIB texts become facts: what a vendor writes, what is wrong and where, and texts that mean harm. pysnmp is the oracle."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.mib import MibProblem
from engine.mibs import reader
from engine.mibs.facts import DESCRIPTION_CAP, Syntax
from engine.mibs.reader import Read, read_texts
from engine.mibs.reading import Kept, load_kept, write_kept
from engine.mibs.standard import load_standard
from engine.mibs.tree import Tree, oid_of
from tests.engine.mib_texts import HILLTOP, HILLTOP_SMI, OLD, module

STANDARD = load_standard()
HILL = {"battery.mib": HILLTOP, "smi.mib": HILLTOP_SMI}


def read(texts: dict[str, str], begin: Callable[[str], None] = lambda file: None) -> Read:
    return read_texts(texts, STANDARD, begin)


def tree_of(read: Read) -> Tree:
    return Tree([*STANDARD, *read.modules])


def problem_of(text: str, file: str = "bad.mib") -> MibProblem:
    found = read({file: text})
    assert found.modules == ()
    (problem,) = found.problems
    assert problem.file == file
    return problem


def test_a_vendors_modules_are_read_in_any_order_and_import_from_what_came_along() -> None:
    begun: list[str] = []
    found = read(HILL, begun.append)
    assert found.problems == ()
    assert set(begun) == set(HILL)
    assert {module.name: module.file for module in found.modules} == {
        "HILLTOP-BATTERY-MIB": "battery.mib",
        "HILLTOP-SMI": "smi.mib",
    }
    tree = tree_of(found)
    volts = tree.entry(oid_of("1.3.6.1.4.1.99999.1.1") or ())
    assert volts is not None
    told = tree.tell(volts)
    assert (told.name, told.kind, told.syntax, told.base, told.hint) == (
        "batteryVolts",
        "scalar",
        "Tenths",
        "Integer32",
        "d-1",
    )
    assert (told.units, told.access, told.description) == ("V", "read-only", "The voltage at the clamps.")
    assert told.file == "battery.mib"
    state = tree.search("batteryState", 1)[0]
    assert tree.tell(state).enum == {1: "idle", 2: "charging", 3: "discharging"}
    flags = tree.search("batteryFlags", 1)[0]
    assert flags.node.syntax == Syntax("BITS", "", {0: "cold", 1: "old", 2: "new"})
    low = tree.search("batteryLow", 1)[0]
    assert (low.node.kind, low.node.oid[-2:]) == ("notification", (0, 1))
    age = tree.search("cellAge", 1)[0]
    assert tree.tell(age).limits == "0..100"
    assert tree.tell(age).status == "deprecated"
    index = "ifIndex 3, cellAddress 00:0c:42:01:02:03, cellName ab"
    for column in (
        "1.3.6.1.4.1.99999.1.4.1.3",
        "1.3.6.1.4.1.99999.1.5.1.1",
    ):  # the second augments the first's row
        assert tree.resolve(oid_of(f"{column}.3.0.12.66.1.2.3.97.98") or ()).index == index


def test_a_module_of_the_first_version_is_read() -> None:
    found = read({"old.mib": OLD})
    assert found.problems == ()
    tree = tree_of(found)
    assert tree.oid_named("oldTrap") == oid_of("1.3.6.1.4.1.88888.0.7")
    count, name = tree.search("oldCount", 1)[0], tree.search("oldName", 1)[0]
    assert tree.meaning(count.node).base == "Counter32"
    assert (tree.meaning(name.node).hint, tree.tell(name).limits) == ("255a", "0..31")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what pysmi makes for pysnmp
def test_pysnmp_reads_the_same_oids_from_the_same_texts(tmp_path: Path) -> None:
    from pysmi.codegen import PySnmpCodeGen
    from pysmi.compiler import MibCompiler
    from pysmi.parser.dialect import smi_v1_relaxed
    from pysmi.parser.smi import parserFactory
    from pysmi.reader import CallbackReader
    from pysmi.searcher import StubSearcher
    from pysmi.writer import CallbackWriter
    from pysnmp.smi import builder

    texts = {"HILLTOP-BATTERY-MIB": HILLTOP, "HILLTOP-SMI": HILLTOP_SMI, **_STUBS}
    compiler = MibCompiler(
        parserFactory(**smi_v1_relaxed)(),
        PySnmpCodeGen(),
        CallbackWriter(lambda name, data, _: (tmp_path / f"{name}.py").write_text(data)),
    )
    compiler.add_sources(CallbackReader(lambda name, _: texts.get(name, "")))
    compiler.add_searchers(StubSearcher(*PySnmpCodeGen.baseMibs))
    outcome = compiler.compile("HILLTOP-BATTERY-MIB")
    assert outcome["HILLTOP-BATTERY-MIB"] == "compiled", outcome
    mibs = builder.MibBuilder()
    mibs.loadTexts = True
    mibs.add_mib_sources(builder.DirMibSource(str(tmp_path)))
    mibs.load_modules("HILLTOP-BATTERY-MIB")
    tree = tree_of(read(HILL))
    compared = 0
    for name, symbol in mibs.mibSymbols["HILLTOP-BATTERY-MIB"].items():
        if not type(symbol).__name__.startswith(("Mib", "Notification")):
            continue
        entry = tree.entry(tuple(symbol.name))
        assert entry is not None, name
        assert entry.node.name == name
        if type(symbol).__name__ in ("MibScalar", "MibTableColumn"):
            named = getattr(symbol.syntax, "namedValues", None)
            told = {int(number): label for label, number in named.items()} if named else {}
            assert dict(tree.meaning(entry.node).enum) == told, name
            assert entry.node.units == symbol.getUnits()
        compared += 1
    assert compared >= 13


_STUBS = {
    "SNMPv2-SMI": module(
        "SNMPv2-SMI",
        "internet OBJECT IDENTIFIER ::= { iso 3 6 1 } enterprises OBJECT IDENTIFIER ::= { internet 4 1 }"
        " mib-2 OBJECT IDENTIFIER ::= { internet 2 1 }",
    ),
    "SNMPv2-TC": module("SNMPv2-TC", "tc OBJECT IDENTIFIER ::= { iso 66 }"),
    "SNMPv2-CONF": module("SNMPv2-CONF", "conf OBJECT IDENTIFIER ::= { iso 67 }"),
    "IF-MIB": module(
        "IF-MIB",
        """InterfaceIndex ::= TEXTUAL-CONVENTION STATUS current DESCRIPTION "." SYNTAX Integer32
        ifIndex OBJECT-TYPE SYNTAX InterfaceIndex MAX-ACCESS read-only STATUS current DESCRIPTION "."
        ::= { mib-2 2 2 1 1 }""",
        "OBJECT-TYPE, Integer32, mib-2 FROM SNMPv2-SMI TEXTUAL-CONVENTION FROM SNMPv2-TC",
    ),
}
"""What pysmi needs of modules that it has no texts of, in our words."""


# What is wrong, and where


def test_a_text_that_breaks_the_grammar_is_named_with_line_got_and_expected() -> None:
    problem = problem_of("X-MIB DEFINITIONS ::= BEGIN\nfoo OBJECT-TYPE\n    SYNTAX ::= { 1 }\nEND\n")
    assert (problem.line, problem.said) == (3, "a type expected, got '::='")
    problem = problem_of("X-MIB DEFINITIONS ::= BEGIN\nfoo OBJECT IDENTIFIER ::= { 1 3 }\n")
    assert problem.line in (2, 3)
    assert "expected" in problem.said


@pytest.mark.parametrize("text", ["", "   \n", "-- nothing but a comment"])
def test_a_text_without_a_module_says_what_was_expected(text: str) -> None:
    assert "DEFINITIONS ::= BEGIN" in problem_of(text).said


def test_a_missing_import_is_named_and_what_follows_from_it_is_not_told_again() -> None:
    text = module("X-MIB", "x OBJECT IDENTIFIER ::= { acme 1 }", "acme, other\n FROM ACME-SMI")
    problem = problem_of(text)
    assert problem.missing == "ACME-SMI"
    assert problem.line == 3
    assert problem.said == (
        "imports acme, other from ACME-SMI, which is not here: put the file of ACME-SMI into the folder too"
    )


def test_a_missing_import_that_gives_only_a_type_leaves_the_rest_readable() -> None:
    text = module(
        "X-MIB",
        'x OBJECT-TYPE SYNTAX Odd MAX-ACCESS read-only STATUS current DESCRIPTION "." ::= { enterprises 7 1 }',
        "OBJECT-TYPE, enterprises FROM SNMPv2-SMI Odd FROM ODD-TC",
    )
    found = read({"x.mib": text})
    assert [problem.missing for problem in found.problems] == ["ODD-TC"]
    x = tree_of(found).search("X-MIB::x", 1)[0]
    assert x.node.syntax == Syntax("Odd", "ODD-TC")


def test_a_name_that_a_module_does_not_have_and_a_type_that_nobody_defines_are_named() -> None:
    lost = problem_of(module("X-MIB", "\nx OBJECT IDENTIFIER ::= { nobody 1 }", "nobody FROM IF-MIB"))
    assert "IF-MIB has no nobody" in lost.said
    typed = problem_of(
        module(
            "X-MIB",
            'x OBJECT-TYPE SYNTAX Odd MAX-ACCESS read-only STATUS current DESCRIPTION "." ::= { enterprises 7 1 }',
            "OBJECT-TYPE, enterprises FROM SNMPv2-SMI",
        )
    )
    assert typed.said == "these need a type or row that is neither defined nor imported: x"
    assert typed.line == 3


def test_of_two_files_of_one_module_the_first_is_read() -> None:
    one, other = (
        module("X-MIB", "x OBJECT IDENTIFIER ::= { iso 7 }"),
        module("X-MIB", "y OBJECT IDENTIFIER ::= { iso 8 }"),
    )
    found = read({"a.mib": one, "b.mib": other})
    assert [module.file for module in found.modules] == ["a.mib"]
    assert [(problem.file, problem.said) for problem in found.problems] == [
        ("b.mib", "X-MIB is read from a.mib already")
    ]


def test_copies_of_the_modules_that_define_the_language_are_passed_over() -> None:
    smi = module("SNMPv2-SMI", "enterprises OBJECT IDENTIFIER ::= { iso 66 }")
    found = read({"smi.mib": smi, **HILL})
    assert found.problems == ()
    assert tree_of(found).oid_named("hilltop") == oid_of("1.3.6.1.4.1.99999")


# Texts that mean harm


def _deep(levels: int) -> str:
    lines = [f"n{n + 1} OBJECT IDENTIFIER ::= {{ n{n} 1 }}" for n in range(levels)]
    return module("X-MIB", "n0 OBJECT IDENTIFIER ::= { iso 7 }\n" + "\n".join(lines))


@pytest.mark.parametrize(
    "text",
    [
        module("X-MIB", "a OBJECT IDENTIFIER ::= { b 1 }\nb OBJECT IDENTIFIER ::= { a 1 }"),
        module("X-MIB", "a OBJECT IDENTIFIER ::= { a 1 }"),
        module("X-MIB", "x ::= SEQUENCE " + "{" * 5_000),
        module("X-MIB", "X ::= " + "SEQUENCE OF " * 5_000 + "X"),
        "X-MIB DEFINITIONS ::= BEGIN " + "(" * 50_000,
        _deep(3_000),
        "X-MIB DEFINITIONS ::= BEGIN " + "MACRO " * 20_000,
        "X-MIB DEFINITIONS ::= BEGIN " + "CHOICE " * 20_000,
        "\x00\xff\xfe" * 1_000,
        "MZ\x90" + "\x00" * 10_000,
        "X-MIB DEFINITIONS ::= BEGIN IMPORTS " + ", ".join(f"a{n}" for n in range(2_000)) + " FROM Y; END",
        module("X-MIB", "x OBJECT IDENTIFIER ::= { iso 99999999999999999999999 }"),
        module("X-MIB", 'x OBJECT IDENTIFIER ::= { iso "7" }'),
        "__import__('os').system('touch /tmp/harm')",
    ],
)
def test_a_text_that_means_harm_is_a_problem_and_costs_no_other_file(text: str) -> None:
    found = read({"bad.mib": text, **HILL})
    assert {problem.file for problem in found.problems} == {"bad.mib"}
    assert {"HILLTOP-SMI", "HILLTOP-BATTERY-MIB"} <= {module.name for module in found.modules}
    for problem in found.problems:
        assert len(problem.said) < 500
        assert problem.said.isprintable()


def test_imports_in_a_circle_are_read() -> None:
    one = module(
        "A-MIB", "a OBJECT IDENTIFIER ::= { iso 7 }\nc OBJECT IDENTIFIER ::= { b 1 }", "b FROM B-MIB"
    )
    other = module("B-MIB", "b OBJECT IDENTIFIER ::= { a 1 }", "a FROM A-MIB")
    found = read({"a.mib": one, "b.mib": other})
    assert found.problems == ()
    assert tree_of(found).oid_named("c") == (1, 7, 1, 1)
    circle = module("A-MIB", "a OBJECT IDENTIFIER ::= { b 1 }", "b FROM B-MIB")
    found = read({"a.mib": circle, "b.mib": other})
    assert found.modules == ()
    assert {problem.said for problem in found.problems} == {
        "its OIDs lead in a circle, or are nested too deep"
    }


def test_names_and_texts_reorder_nothing_and_have_an_end() -> None:
    description = "a\u202eb\x1b[31m\u2066c" + "x" * 10_000
    text = HILLTOP_SMI.replace("Where Hilltop's names begin.", description)
    tree = tree_of(read({"smi.mib": text}))
    told = tree.tell(tree.search("hilltop", 1)[0]).description
    assert told.startswith("abcxx")
    assert len(told) == DESCRIPTION_CAP
    named = problem_of(module("X-MIB", "hill\u202etop OBJECT IDENTIFIER ::= { iso 7 }"), "\u202egro.mib")
    assert "\u202e" not in named.said


def test_a_limit_beyond_all_numbers_is_none_and_costs_no_file(tmp_path: Path) -> None:
    huge = module(
        "X-MIB",
        f"""x OBJECT-TYPE SYNTAX Integer32 (0..'{"F" * 5_000}'H) MAX-ACCESS read-only STATUS current DESCRIPTION "."
        ::= {{ iso 7 }}""",
        "OBJECT-TYPE, Integer32 FROM SNMPv2-SMI",
    )
    found = read({"x.mib": huge})
    assert found.problems == ()
    (node,) = found.modules[0].nodes
    assert node.syntax == Syntax("Integer32")
    write_kept(tmp_path / "kept", Kept("", found.modules))
    kept = load_kept(tmp_path / "kept", "")
    assert kept is not None
    assert kept.modules == found.modules


def test_nothing_is_fetched_and_nothing_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a MIB reader has no business here")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("builtins.exec", refuse)
    text = module("X-MIB", "x OBJECT IDENTIFIER ::= { lost 1 }", "lost FROM LOST-MIB")
    assert [problem.missing for problem in read({"x.mib": text, **HILL}).problems] == ["LOST-MIB"]


PIECES = st.sampled_from(
    [
        *HILLTOP.split()[:120],
        "{",
        "}",
        "::=",
        "IMPORTS",
        "FROM",
        "END",
        '"',
        "--",
        "'00'H",
        "-1",
        "\u202e",
        "MACRO",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, max_size=60), st.booleans())
def test_garbage_made_of_a_mibs_own_words_never_breaks_out(pieces: list[str], framed: bool) -> None:
    text = " ".join(pieces)
    found = read({"x.mib": module("X-MIB", text) if framed else text})
    assert all(problem.file == "x.mib" for problem in found.problems)


def test_more_names_than_are_kept_are_left_out_file_by_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "TOTAL_NODES_CAP", 3)
    found = read({"battery.mib": HILLTOP, "smi.mib": HILLTOP_SMI})
    assert [module.name for module in found.modules] == ["HILLTOP-SMI"]
    (problem,) = found.problems
    assert (problem.file, problem.said) == ("battery.mib", "left out: at most 3 names are kept of all files")
