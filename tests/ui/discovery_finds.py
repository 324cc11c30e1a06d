"""Finds that the tests of discovery show, and who waits for them. Counterpart: `test_discovery_*.py`.

One rule: a find here is settled as the engine settles it.
"""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.discovery.finds_table import FindsTable
from app.discovery.page import DiscoveryPage
from domain.finding import Find, Match, MatchKind, Seen, settled
from domain.inventory import Probe
from domain.wire import Changed, Removed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of

W = TypeVar("W", bound=QWidget)
M = TypeVar("M")
MINUTE_US = 60_000_000
ARABIC = "محطة الجبل الشمالية للاتصالات اللاسلكية في المنطقة الغربية 12"
HOSTILE = "<b>Hilltop</b> & co"


def find(number: int, **fields: Any) -> Find:
    """A router at 10.7.x.y that a sweep found; those of higher numbers were found later."""
    told: dict[str, Any] = {
        "addresses": (f"10.7.{number // 250}.{number % 250 + 1}",),
        "macs": (f"4C:5E:0C:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:{number & 255:02X}",),
        "identity": f"Tower {number}",
        "vendor": "MikroTik",
        "board": "RB4011iGS+",
        "version": "7.18.2",
        "probes": (Probe("icmp"), Probe("snmp", 161, id_of("community"))),
        "sources": (Seen("sweep", number * MINUTE_US),),
        "first_us": number * MINUTE_US,
        "last_us": number * MINUTE_US,
    }
    match = fields.pop("match", Match())
    made = settled(Find(UUID(int=0), **{**told, **fields}))
    assert made is not None
    return msgspec.structs.replace(made, match=match)


def matched(
    number: int, kind: MatchKind, *devices: str, words: str = "serial number HE7", **fields: Any
) -> Find:
    """A find that is about devices of the small network."""
    return find(number, match=Match(kind, tuple(map(id_of, devices)), words), **fields)


def show(bench: Bench, *finds: Find, **rows: Any) -> DiscoveryPage:
    """Tell the window of finds, and open the page or show them on it."""
    bench.model.merge(Changed(70, finds=finds, **rows))
    bench.model.flush()
    page = bench.window.discovery.open()
    page.show_finds()
    return page


def take_away(bench: Bench, *finds: Find) -> None:
    """Tell the window that finds are gone."""
    bench.model.merge(Changed(71, removed=tuple(Removed("find", one.id) for one in finds)))
    bench.model.flush()
    page = bench.window.discovery.page
    assert page is not None
    page.show_finds()


def names(page: DiscoveryPage) -> list[str]:
    """Return the names in the table, from the top down."""
    return [row.find.name for row in page.table.rows.rows]


def pick(page: DiscoveryPage, *finds: Find) -> None:
    """Choose these in the table."""
    page.table.pick(str(one.id) for one in finds)


def opened(page: DiscoveryPage, kind: type[W]) -> W:
    """Return the one form of a kind that is open."""
    (found,) = [form for form in page.findChildren(kind) if form.isVisible()]
    return found


def sent(bench: Bench, kind: type[M]) -> list[M]:
    """Return what the engine heard of a kind."""
    return [message for message in bench.engine.heard if isinstance(message, kind)]


def press(table: FindsTable, key: Qt.Key) -> None:
    """Press a key in the table."""
    QTest.keyClick(table, key)
