"""Loads one module of the server without one of its checks, or all with word of who is refused by which: a plugin of pytest.

Counterpart: `bench_mutants.py`, which says what it is to be.
One rule: no file is changed; the modules are others in this process alone.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

import pytest

RAISED = {"refused", "RefusedByRule", "LimitExceeded", "TokenInvalid", "TokenExpired", "absent", "HangUp"}
ROOMS = ("sync_server/api", "sync_server/security", "sync_server/live")
CHOSEN = "HELIOGRAPH_MUTANT"
"""The variable that names the check that is not to be."""
NOTED = "HELIOGRAPH_MUTANT_HITS"
"""The variable that names the folder where it is noted who is refused by what."""
SAY = "_somebody_is_refused"


class Check(NamedTuple):
    """A condition that guards a refusal: its file, its line, the code that is said, and its words."""

    path: str
    line: int
    code: str
    words: str


def checks_in(path: Path) -> Iterator[Check]:
    """Go over the checks of a file."""
    source = path.read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If) and (code := _refusal_of(node)) is not None:
            yield Check(str(path), node.lineno, code, ast.get_source_segment(source, node.test) or "")


def _refusal_of(node: ast.If) -> str | None:
    """Return the code of the refusal that a condition guards, empty where it has none; None where it guards none."""
    for one in node.body:
        called = one.exc if isinstance(one, ast.Raise) else None
        if isinstance(called, ast.Call) and isinstance(called.func, ast.Name) and called.func.id in RAISED:
            first = called.args[0] if called.args else None
            return str(first.value) if isinstance(first, ast.Constant) else ""
    return None


class _Without(ast.NodeTransformer):
    def __init__(self, line: int) -> None:
        self._line = line

    def visit_If(self, node: ast.If) -> ast.If:
        """Have the condition hold never."""
        self.generic_visit(node)
        if node.lineno == self._line and _refusal_of(node) is not None:
            node.test = ast.copy_location(ast.Constant(False), node.test)
        return node


class _Telling(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.If:
        """Have it said that somebody is refused by this."""
        self.generic_visit(node)
        if _refusal_of(node) is not None:
            told = ast.Call(ast.Name(SAY, ast.Load()), [ast.Constant(node.lineno)], [])
            said = ast.copy_location(ast.Expr(told), node.body[0])
            node.body.insert(0, ast.fix_missing_locations(said))
        return node


class Hits:
    """Which tests are refused by which check, and how long each test took, in seconds."""

    def __init__(self) -> None:
        self.tests: dict[str, set[str]] = {}
        self.took_s: dict[str, float] = {}
        self._test, self._began_s = "", 0.0

    def note(self, check: str) -> None:
        """Somebody is refused."""
        if self._test:
            self.tests.setdefault(check, set()).add(self._test)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Pytest begins a test."""
        self._test, self._began_s = nodeid, time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Pytest has ended a test."""
        self._test = ""
        self.took_s[nodeid] = time.monotonic() - self._began_s

    def pytest_sessionfinish(self) -> None:
        """Pytest has ended: what was noted becomes a file."""
        tests = {check: sorted(some) for check, some in self.tests.items()}
        file = Path(os.environ[NOTED]) / f"{os.getpid()}.json"
        file.write_text(json.dumps({"tests": tests, "took_s": self.took_s}))


class _Loader(SourceFileLoader):
    """`change` makes another module of the one that the file says."""

    def __init__(
        self, name: str, path: str, change: ast.NodeTransformer, note: Callable[[str], None]
    ) -> None:
        super().__init__(name, path)
        self._change, self._note = change, note

    def get_code(self, fullname: str) -> CodeType:
        """Return the other module's code."""
        path = self.get_filename(fullname)
        tree = self._change.visit(ast.parse(self.get_data(path)))
        code: CodeType = compile(tree, path, "exec", dont_inherit=True)
        return code

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        path = module.__name__.replace(".", "/") + ".py"
        setattr(module, SAY, lambda line: self._note(f"{path}:{line}"))
        super().exec_module(module)


class _Finder(MetaPathFinder):
    """Changes the modules whose names begin like one of `names`."""

    def __init__(
        self, names: Sequence[str], change: ast.NodeTransformer, note: Callable[[str], None]
    ) -> None:
        self._names = names
        self._change, self._note = change, note

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where such a module is loaded from."""
        if not any(fullname == name or fullname.startswith(f"{name}.") for name in self._names):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None and not spec.submodule_search_locations:
            spec.loader = _Loader(fullname, spec.origin, self._change, self._note)
        return spec


hits = Hits()
if CHOSEN in os.environ:
    _path, _, _line = os.environ[CHOSEN].rpartition(":")
    _name = _path.removesuffix(".py").replace("/", ".")
    sys.meta_path.insert(0, _Finder((_name,), _Without(int(_line)), hits.note))
elif NOTED in os.environ:
    _rooms = [room.replace("/", ".") for room in ROOMS]
    sys.meta_path.insert(0, _Finder(_rooms, _Telling(), hits.note))


def pytest_configure(config: pytest.Config) -> None:
    """Hear of tests where it is noted who is refused."""
    if NOTED in os.environ and CHOSEN not in os.environ:
        config.pluginmanager.register(hits)
