"""Whose message it is: devices by source address, by an address they tell of themselves, by name. Counterpart: `engine/state.py`.

Theory: the inventory's address goes before what a device tells of itself, and that before the name a syslog message claims.
An address that several devices have (the 192.168.88.1 of every new router) names none of them, unless the name picks one.
One rule: kept up to date by what changes, since to go over 10,000 devices takes longer than a poll may wait.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable, Iterable
from typing import NamedTuple
from uuid import UUID

from domain.fact import Fact
from domain.inventory import Device
from domain.receiving import plain_address
from engine.state import State

_ADDRESS_FACT = "address/"
_NAME_FACT = "identity"


class Sender(NamedTuple):
    """A device, or in `why` a sentence about why it is none."""

    device: UUID | None
    why: str = ""


class _Names:
    """Who goes by which names. An owner is a device, or a device and what tells of it."""

    def __init__(self) -> None:
        self._owners: dict[str, set[Hashable]] = {}
        self._names: dict[Hashable, set[str]] = {}

    def put(self, owner: Hashable, name: str) -> None:
        if name:
            self._owners.setdefault(name, set()).add(owner)
            self._names.setdefault(owner, set()).add(name)

    def drop(self, owner: Hashable, name: str | None = None) -> None:
        """Forget one name of an owner, or all."""
        names = self._names.get(owner, set())
        for gone in list(names) if name is None else [name] if name in names else []:
            names.discard(gone)
            owners = self._owners[gone]
            owners.discard(owner)
            if not owners:
                del self._owners[gone]
        if not names:
            self._names.pop(owner, None)

    def owners(self, name: str) -> set[UUID]:
        """Return the devices that go by a name."""
        found = self._owners.get(name, ())
        return {owner[0] if isinstance(owner, tuple) else owner for owner in found}  # type: ignore[misc]


class Senders:
    """Names and addresses of all devices, from a state and what changes in it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._intended = _Names()
        self._told = _Names()
        self._called = _Names()
        for device in state.inventory.devices():
            self._put(device)
        for facts in state.facts.values():
            self.learn(facts.values())

    def change(self, devices: Iterable[UUID]) -> None:
        """Follow the inventory where these devices changed, came or went."""
        for id in devices:
            self._intended.drop(id)
            self._called.drop(id)
            device = self._state.inventory.device(id)
            if device is not None:
                self._put(device)

    def learn(self, facts: Iterable[Fact]) -> None:
        """Follow what devices tell of themselves."""
        for fact in facts:
            owner = (fact.subject, fact.source)
            if fact.field.startswith(_ADDRESS_FACT):
                address = plain_address(fact.field.removeprefix(_ADDRESS_FACT))
                if fact.value is None:
                    self._told.drop(owner, address)
                elif _is_of_one(address):
                    self._told.put(owner, address)
            elif fact.field == _NAME_FACT:
                self._called.drop(owner)
                self._called.put(owner, _plain_name(str(fact.value or "")))

    def find(self, address: str, name: str = "") -> Sender:
        """Return whose a message from `address` is, which calls its sender `name`."""
        by_address = self._there(self._intended, address) or self._there(self._told, address)
        if len(by_address) == 1:
            return Sender(next(iter(by_address)))
        by_name = self._there(self._called, _plain_name(name))
        if not by_name:
            by_name = self._there(self._called, _plain_name(name.partition(".")[0]))
        found = by_name & by_address if by_address else by_name
        if len(found) == 1:
            return Sender(next(iter(found)))
        if by_address:
            return Sender(None, f"{len(by_address)} devices have the address {address}")
        if by_name:
            return Sender(None, f"{len(by_name)} devices are called {name}")
        return Sender(None, f"no device has the address {address}")

    def has(self, address: str) -> bool:
        """Tell whether a device has an address, so that what comes from there is no stranger's."""
        return bool(self._intended.owners(address) or self._told.owners(address))

    def _there(self, names: _Names, name: str) -> set[UUID]:
        """Return who goes by a name and is still in the inventory: facts outlive their device."""
        return {id for id in names.owners(name) if self._state.inventory.device(id) is not None}

    def _put(self, device: Device) -> None:
        self._intended.put(device.id, plain_address(device.address))
        self._called.put(device.id, _plain_name(device.name))


def _plain_name(name: str) -> str:
    return name.strip().casefold()


def _is_of_one(address: str) -> bool:
    """Tell whether an address can be one device's alone."""
    if not address:
        return False
    parsed = ipaddress.ip_address(address)
    return not (parsed.is_loopback or parsed.is_unspecified or parsed.is_link_local or parsed.is_multicast)
