"""Loads one module of the server without one of its checks: a plugin of pytest. Counterpart: `bench_mutants.py`, which names it.

One rule: no file is changed; the module is another in this process alone.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

RAISED = {"refused", "RefusedByRule", "LimitExceeded", "TokenInvalid", "TokenExpired", "absent", "HangUp"}
CHOSEN = "HELIOGRAPH_MUTANT"


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


class _Loader(SourceFileLoader):
    line = 0

    def get_code(self, fullname: str) -> CodeType:
        """Return the module's code without the check."""
        path = self.get_filename(fullname)
        tree = _Without(self.line).visit(ast.parse(self.get_data(path)))
        code: CodeType = compile(tree, path, "exec", dont_inherit=True)
        return code


class _Finder(MetaPathFinder):
    def __init__(self, path: str, line: int) -> None:
        self._name = path.removesuffix(".py").replace("/", ".")
        self._line = line

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where the one module is loaded from."""
        if fullname != self._name:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec is not None and spec.origin is not None
        spec.loader = loader = _Loader(fullname, spec.origin)
        loader.line = self._line
        return spec


if CHOSEN in os.environ:
    _path, _, _line = os.environ[CHOSEN].rpartition(":")
    sys.meta_path.insert(0, _Finder(_path, int(_line)))
