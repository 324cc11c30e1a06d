"""Discovery whole: a sweep asked for in the window finds simulated routers, and the one that a person adds is polled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from app.commands import Commands
from app.discovery.adding import AddForm
from app.discovery.looking import SweepForm
from app.discovery.page import DiscoveryPage
from app.draft import Login
from app.engine_link import EngineLink
from app.look import Look
from app.model import Model
from app.programs import command_of
from app.window import Window
from domain.errors import Refusal
from domain.vault import Secret
from simnet.loopback import SNMP_PORT
from simnet.serving import SimulatedNetwork
from simnet.synthetic import build_network
from tests.engine.engine_process import Simulation
from tests.ui.conftest import WaitFor, nothing_stays_open, qt, wait_for
from tests.ui.fake_map import FakeMap

__all__ = ["nothing_stays_open", "qt", "wait_for"]

ROUTERS = 3


class House:
    """A window, its engine, and a network that neither knows."""

    def __init__(self, profile: Path, simulation: Simulation) -> None:
        self.network = simulation.enter(SimulatedNetwork(build_network(ROUTERS)))
        self.model = Model()
        self.link = EngineLink(profile, self.model, [*command_of("engine"), "--key-place", "file"])
        self.commands = Commands(self.model, self.link, "tester")
        self.window = Window(self.model, self.link, self.commands, Look("dark"), FakeMap())
        self.window.show()
        self.link.start()

    @property
    def addresses(self) -> list[str]:
        """Where the routers answer, if they do."""
        return [endpoint.address for endpoint in self.network.loopback.endpoints.values()]

    @property
    def page(self) -> DiscoveryPage:
        """The open page."""
        assert self.window.discovery.page is not None
        return self.window.discovery.page

    def answers(self, device: UUID, probe: str) -> bool:
        """Tell whether a device answers in a way."""
        health = self.model.health.get(device)
        state = health.probes.get(probe) if health is not None else None
        return state is not None and state.answering

    def close(self) -> None:
        """Take it down."""
        self.window.close()
        self.link.stop()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def house(qt: QApplication, tmp_path: Path, wait_for: WaitFor) -> Iterator[House]:
    with Simulation() as simulation:
        made = House(tmp_path / "profile", simulation)
        wait_for(lambda: made.link.connected and made.model.tenant is not None)
        yield made
        made.close()


def test_a_sweep_finds_routers_and_the_one_that_is_added_is_polled(house: House, wait_for: WaitFor) -> None:
    refused: list[tuple[Refusal, ...]] = []
    login = Login(secret=Secret(house.network.network.snmp.community))
    house.commands.add_credential("Field community", "snmp_community", login, refused.append)
    wait_for(lambda: house.model.inventory.tables["credential"])
    assert refused in ([], [()])

    house.window.discovery.open_sweep()
    (form,) = house.window.findChildren(SweepForm)
    form.ranges.setPlainText(", ".join(house.addresses))
    form.asking.snmp_port.setText(str(SNMP_PORT))
    form.asking.ports.setText("")
    form.submit()
    wait_for(lambda: house.window.discovery.page is not None)
    wait_for(lambda: [one.state for one in house.model.operations.values()] == ["done"])
    wait_for(lambda: len(house.page.table.rows.rows) == ROUTERS)
    finds = [row.find for row in house.page.table.rows.rows]
    assert {find.addresses[0] for find in finds} == set(house.addresses)
    assert all(find.identity and find.match.kind == "new" for find in finds)
    (row,) = house.page.operations.rows.values()
    assert row.said.text().startswith("Done: 3 addresses asked, 3 answered: 3 new")
    assert not list(house.model.inventory.devices())

    found = finds[0]
    house.page.table.pick([str(found.id)])
    house.page.add_button.click()
    (adding,) = house.page.findChildren(AddForm)
    adding.interval.setText("1")
    adding.submit()
    wait_for(lambda: [device.name for device in house.model.inventory.devices()] == [found.identity])
    (device,) = house.model.inventory.devices()
    wait_for(lambda: house.model.status_of(device.id) == "up" and house.answers(device.id, "snmp"))
    wait_for(lambda: len(house.page.table.rows.rows) == ROUTERS - 1)
    assert found.id not in house.model.finds
