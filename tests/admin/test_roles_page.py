"""The page of who may do what says what the server asks."""

from __future__ import annotations

import html
import re

import pytest

from domain import roles as table
from domain.roles import EVERYTHING, PERMISSIONS, ROLES, SCOPE_PERMISSIONS, SCOPES
from sync_server.admin import roles
from tests.admin.test_every_page import ask
from tests.server.clients import serving
from tests.server.conftest import ServerDatabase


def told(page: str) -> list[dict[str, list[str]]]:
    """Return the two tables of the page: what each row's cells say, by what stands at its head."""
    tables = []
    for body in re.findall(r"<tbody>(.*?)</tbody>", page, re.S):
        rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', body, re.S)
        tables.append(
            {
                html.unescape(what): [
                    html.unescape(re.sub(r"<[^>]+>", "", cell))
                    for cell in re.findall(r"<td[^>]*>(.*?)</td>", cells)
                ]
                for what, cells in rows
            }
        )
    return tables


async def test_every_permission_of_every_role_and_scope_stands_on_the_page_and_no_other(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        wall = await server.member(root, "wall")
        by_role, by_scope = told((await ask(wall, "GET", "/admin/roles")).text)
        ways = {"read": "see", "write": "change"}
        for resource, words in roles.WORDS.items():
            for place, role in enumerate(ROLES):
                for way, word in ways.items():
                    is_said = word in by_role[words][place].split(" and ")
                    assert is_said is (f"{resource}:{way}" in PERMISSIONS[role]), (role, resource, way)
            for place, scope in enumerate(SCOPES):
                for way, word in ways.items():
                    is_said = word in by_scope.get(words, [""] * len(SCOPES))[place].split(" and ")
                    assert is_said is (f"{resource}:{way}" in SCOPE_PERMISSIONS[scope]), (
                        scope,
                        resource,
                        way,
                    )
        assert {one.partition(":")[0] for one in EVERYTHING} == set(roles.WORDS)
        less = {**table.PERMISSIONS, "wall": frozenset()}
        monkeypatch.setattr(roles, "PERMISSIONS", less)
        by_role, _ = told((await ask(wall, "GET", "/admin/roles")).text)
        assert {cells[-1] for cells in by_role.values()} == {"–"}, "it is read off the table"
        for path in ("/admin/users", "/admin/keys"):
            assert 'href="/admin/roles"' in (await ask(root, "GET", path)).text
