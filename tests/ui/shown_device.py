"""A device panel on a mirror that a test fills. Counterpart: the tests of its pages and tables.

One rule: no engine: what a device says is what the test says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from PySide6.QtWidgets import QApplication

from app.draft import now_us
from app.look import Look
from app.model import Model
from app.panels.device import DevicePanel
from app.panels.section import Section
from domain.device_facts import (
    WirelessClient,
)
from domain.fact import Fact
from domain.wire import ROWS_OF, Changed, LatestValues
from tests.ui.fake_engine import VANTAGE, id_of, small_network

G1, L1 = id_of("g1"), id_of("l1")
DAY_US = 86_400_000_000


class Link:
    """Hears nothing, answers nothing."""

    def request(self, make: Any, then: Any) -> None:
        pass

    def watch(self, devices: Any) -> None:
        pass


class Shown:
    """A device panel on a mirror that a test fills."""

    def __init__(self, qt: QApplication) -> None:
        self.qt = qt
        self.model = Model()
        self.panel = DevicePanel(self.model, Link(), Look("dark"))
        self.panel.resize(420, 900)
        tables = small_network().tables
        rows = {ROWS_OF[kind]: tuple(table.values()) for kind, table in tables.items()}
        self.tell(initial=True, **rows)
        self.panel.show()
        self.panel.show_device(G1)

    def tell(self, **rows: Any) -> None:
        self.model.merge(Changed(1, **rows))
        self.model.flush()

    def say(self, things: dict[str, Any], *values: tuple[str, str, float], at_us: int = 0) -> None:
        at_us = at_us or now_us()
        plain = {
            field: None if thing is None else msgspec.to_builtins(thing) for field, thing in things.items()
        }
        facts = tuple(Fact(G1, field, "routeros", VANTAGE, at_us, value) for field, value in plain.items())
        self.tell(facts=facts, values=(LatestValues(G1, now_us(), values),) if values else ())

    def section(self, page: str, title: str) -> Section:
        self.panel.show_tab(page)
        self.qt.processEvents()
        sections = self.panel.body.stacks[page].sections
        return next(section for section in sections if section.table.accessibleName() == title)

    def table(self, page: str, title: str, columns: Sequence[str]) -> list[list[str]]:
        rows = self.section(page, title).table.rows
        places = [[column.title for column in rows.columns].index(name) for name in columns]
        return [[rows.text(row, place) for place in places] for row in range(rows.rowCount())]

    def lines(self) -> dict[str, str]:
        rows = self.panel.body.facts._rows
        return {label.text(): said.text() for label, said in rows if not said.isHidden()}


def clients(count: int) -> dict[str, WirelessClient]:
    return {
        f"wireless_client/wlan1/{n}": WirelessClient(
            "wlan1", f"D4:CA:6D:00:{n // 256:02X}:{n % 256:02X}", f"cust-{n}", signal_dbm=-50.0 - n % 40
        )
        for n in range(count)
    }
