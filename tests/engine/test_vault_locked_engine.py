"""An engine that starts locked: what it says of devices that need a log-in, and that it asks them at once when it is unlocked."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from uuid import UUID

from domain.edit import creation
from domain.inventory import Credential
from domain.receiving import ReceiverSettings, ReceiverState
from domain.vault import Lock, RotateKeys, Secret, SetKeyPlace, Unlock, VaultState
from domain.wire import QueryJournal, QueryQuarantine, SetReceivers, SubmitEdit
from engine.protocols.usm import SnmpUser
from engine.vault import KEY_FILE
from simnet.serving import SimulatedNetwork
from simnet.synthetic import build_network
from tests.engine.client import TestClient
from tests.engine.engine_process import EngineProcess, Simulation, Typist
from tests.engine.reception import HILL
from tests.ports import free_port
from tests.protocol.test_snmp_v3_recipient import Notifier
from tests.unit.inventories import edit

PASSWORD = Secret("Nebelhorn 2224")
_UDP = (socket.AF_INET, socket.SOCK_DGRAM)
A_LONG_WAIT_S = 600.0
"""The interval of the devices: what is asked sooner was asked for."""


def answers(client: TestClient, device: UUID) -> bool | None:
    """Tell whether every probe of a device answers."""
    health = client.latest("health", device)
    probes = health.probes.values() if health is not None else ()
    return (len(probes) > 1 and all(p.answering and not p.failure for p in probes)) or None


def lacks_login(client: TestClient, device: UUID) -> bool | None:
    """Tell whether a probe of a device has failed for want of its log-in."""
    health = client.latest("health", device)
    probes = health.probes.values() if health is not None else ()
    return any(p.failure and p.failure.kind == "bad_credentials" for p in probes) or None


def vault_of(client: TestClient) -> VaultState | None:
    """Return what the engine last said of its vault."""
    told = client.latest("engine", None)
    return told.vault if told is not None else None


def test_it_starts_locked_says_why_and_recovers_at_once(tmp_path: Path) -> None:
    with Simulation() as simulation:
        network = simulation.enter(SimulatedNetwork(build_network(2)))
        typist = Typist(network.inventory(), A_LONG_WAIT_S)
        with EngineProcess(tmp_path) as engine, engine.client() as client:
            assert typist.type_in(client).refusals == ()
            devices = [key for (table, key) in client.state if table == "device"]
            for id in devices:
                client.wait_for(lambda i=id: answers(client, i))  # type: ignore[misc]
            reply = client.ask(lambda n: SetKeyPlace(n, "password", PASSWORD))
            assert reply.refusals == () and reply.result["secrets"] == len(typist.secrets)
            client.wait_for(lambda: ((v := vault_of(client)) and v.place == "password") or None)
            assert client.ask(Lock).refusals == ()
            assert engine.stop() == 0
        assert (tmp_path / KEY_FILE).read_bytes().startswith(b"heliograph-install-key-2 ")
        with EngineProcess(tmp_path) as engine, engine.client() as client:
            line = engine.event("probe_failed", probe="snmp")
            assert "the vault is locked: unlock it with the master password" in str(line)
            told = client.wait_for(lambda: ((v := vault_of(client)) and v.locked and v) or None)
            assert told.place == "password" and told.rotated_us > 0
            assert told.why == "unlock it with the master password"
            assert [r.code for r in client.ask(RotateKeys).refusals] == ["VAULT_LOCKED"]
            late = Credential(UUID(int=77), "late", "ssh_login", "root")
            entered = edit(creation("credential", late), number=7)
            assert (
                client.ask(lambda n: SubmitEdit(n, entered, {late.id: Secret("while locked")})).refusals == ()
            )
            for id in devices:
                client.wait_for(lambda i=id: lacks_login(client, i))  # type: ignore[misc]
            assert client.ask(lambda n: Unlock(n, PASSWORD)).refusals == ()
            for id in devices:
                client.wait_for(lambda i=id: answers(client, i))  # type: ignore[misc]
            assert client.ask(RotateKeys).result == {"secrets": len(typist.secrets) + 1}
            rows = client.ask(lambda n: QueryJournal(n, None, 100)).result["rows"]
            turns = [row["kind"] for row in rows if row["kind"].startswith(("vault_", "keys_"))]
            assert turns == ["keys_rotated", "vault_unlocked", "vault_locked", "keys_rotated"]
            assert engine.stop() == 0
        assert PASSWORD.value not in engine.text


def test_traps_of_v3_are_locked_out_with_the_vault_and_heard_when_it_is_unlocked(tmp_path: Path) -> None:
    port = free_port()
    anna = Credential(UUID(int=50), "Anna", "snmp_v3", "anna", "sha1", "aes128")
    secret = {anna.id: Secret(json.dumps({"auth": "maplesyrup", "privacy": "ahornsirup"}))}
    sent = Notifier(SnmpUser("anna", "sha1", "maplesyrup", "aes128", "ahornsirup")).say()

    def state(client: TestClient) -> ReceiverState:
        told = client.latest("engine", None)
        return told.receivers if told is not None else ReceiverState()

    with EngineProcess(tmp_path) as engine, engine.client() as client, socket.socket(*_UDP) as sender:
        added = edit(creation("credential", anna), creation("device", HILL), number=1)
        assert client.ask(lambda n: SubmitEdit(n, added, secret)).refusals == ()
        settings = ReceiverSettings(traps_port=port, address="127.0.0.1")
        assert client.ask(lambda n: SetReceivers(n, settings)).refusals == ()
        assert client.ask(lambda n: SetKeyPlace(n, "password", PASSWORD)).refusals == ()
        sender.sendto(sent, ("127.0.0.1", port))
        client.wait_for(lambda: state(client).received == {"trap": 1} or None)
        assert client.ask(Lock).refusals == ()
        sender.sendto(sent, ("127.0.0.1", port))
        client.wait_for(lambda: state(client).locked == 1 or None)
        assert client.ask(QueryQuarantine).result == {"senders": []}
        assert client.ask(lambda n: Unlock(n, PASSWORD)).refusals == ()
        sender.sendto(sent, ("127.0.0.1", port))
        client.wait_for(lambda: state(client).received == {"trap": 2} or None)
        assert engine.stop() == 0
