"""Unlock, lock, auto-lock and new keys as a client asks for them: refusals, the wait after wrong passwords, what is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.inventory import Inventory
from domain.vault import Lock, RotateKeys, Secret, SetAutoLock, SetKeyPlace, Unlock, VaultRequest, VaultState
from domain.wire import Reply
from engine.storage import StoreThread
from engine.vault import Keeper, Vault
from engine.vault.keeper import delay_s
from tests.engine.keyrings import CHEAP, MemoryBackend, SilentBackend, place
from tests.engine.stores import edit, open_store, row

ONE = UUID(int=1)
RIGHT, WRONG = Secret("right password"), Secret("wrong-canary-password")


class Desk:
    """A keeper over a vault with one secret, whose clock the test moves."""

    def __init__(self, folder: Path, backend: MemoryBackend | None = None, limit_s: float = 30.0) -> None:
        store = open_store(folder / "net.sqlite")
        self.vault = Vault.open(store, folder, keyring=place(backend, limit_s))
        if not store.secrets():
            sealed = {ONE: self.vault.seal(ONE, "a secret")}
            assert store.apply_edit(edit(1), Inventory(), row(store, 1), sealed)
            self.vault.keep(sealed)
        self.store = StoreThread(store)
        self.now_s = 1000.0
        self.unlocked = self.locked = 0
        self.noted: list[tuple[str, dict[str, Any]]] = []
        self.keeper = Keeper(
            self.vault,
            self.store,
            on_unlocked=self._on_unlocked,
            on_locked=self._on_locked,
            note=lambda kind, body: self.noted.append((kind, body)),
            clock=lambda: self.now_s,
            now_us=lambda: 77,
            cost=CHEAP,
        )

    def _on_unlocked(self) -> None:
        assert self.vault.get(ONE) == "a secret"
        self.unlocked += 1

    def _on_locked(self) -> None:
        assert self.vault.locked
        self.locked += 1

    async def ask(self, request: VaultRequest) -> list[tuple[str, str]]:
        """Return the refusals of a request as (field, code)."""
        reply = await self.reply(request)
        return [(r.field, r.code) for r in reply.refusals]

    async def reply(self, request: VaultRequest) -> Reply:
        """Return the reply to a request."""
        reply = await self.keeper.answer(request)
        assert reply.request == request.request
        assert RIGHT.value not in repr(reply) and WRONG.value not in repr(reply)
        return reply


def run(desk: Callable[[], Desk], scenario: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        one = desk()
        await scenario(one)
        await one.store.close()

    asyncio.run(main())


def test_a_master_password_is_set_locks_unlocks_and_is_asked_for_after_a_restart(tmp_path: Path) -> None:
    async def first(desk: Desk) -> None:
        assert desk.keeper.state == VaultState("file")
        reply = await desk.reply(SetKeyPlace(1, "password", RIGHT))
        assert reply.refusals == () and reply.result == {"secrets": 1}
        assert desk.keeper.state == VaultState("password", rotated_us=77)
        assert await desk.ask(Lock(2)) == [] == await desk.ask(Lock(3))
        assert desk.keeper.state.locked and "master password" in desk.keeper.state.why
        assert await desk.ask(Unlock(4, RIGHT)) == [] == await desk.ask(Unlock(5, WRONG))
        assert (desk.locked, desk.unlocked) == (1, 1) and not desk.keeper.state.locked

    async def second(desk: Desk) -> None:
        assert desk.keeper.state.locked
        assert desk.keeper.state.why == "unlock it with the master password"
        assert await desk.ask(Unlock(1)) == [("password", "MISSING_REQUIRED_FIELD")]
        assert await desk.ask(RotateKeys(1)) == [("", "VAULT_LOCKED")]
        assert await desk.ask(Unlock(2, RIGHT)) == [] and desk.unlocked == 1

    run(lambda: Desk(tmp_path), first)
    run(lambda: Desk(tmp_path), second)


def test_the_journal_is_told_of_lock_unlock_and_new_keys_and_of_nothing_secret(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.ask(SetKeyPlace(1, "password", RIGHT))
        await desk.ask(Lock(2))
        await desk.ask(Lock(3))
        await desk.ask(Unlock(4, RIGHT))
        await desk.ask(Unlock(5, RIGHT))
        await desk.ask(SetAutoLock(6, 5))
        desk.now_s += 301
        await desk.keeper.look()
        assert desk.noted == [
            ("keys_rotated", {"place": "password", "secrets": 1}),
            ("vault_locked", {"reason": "asked for"}),
            ("vault_unlocked", {"place": "password"}),
            ("vault_locked", {"reason": "nobody opened or entered a secret"}),
        ]

    run(lambda: Desk(tmp_path), scenario)


def test_after_wrong_passwords_the_next_is_waited_for_longer_and_longer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.ask(SetKeyPlace(1, "password", RIGHT))
        await desk.ask(Lock(2))
        for number, wait_s in enumerate([1, 2, 4, 8, 16, 30, 30], 1):
            reply = await desk.reply(Unlock(3, WRONG))
            assert [r.code for r in reply.refusals] == ["WRONG_PASSWORD"]
            assert f"try again in {wait_s} s" in reply.refusals[0].message
            desk.now_s += wait_s - 0.1
            assert await desk.ask(Unlock(4, RIGHT)) == [("password", "TRY_LATER")]
            desk.now_s += 0.2
            assert desk.keeper.wrong == number
        assert await desk.ask(Unlock(5, RIGHT)) == [] and desk.keeper.wrong == 0
        await desk.ask(Lock(6))
        assert await desk.ask(Unlock(7, WRONG)) == [("password", "WRONG_PASSWORD")]
        desk.now_s += 1.1
        assert await desk.ask(Unlock(8, RIGHT)) == []

    with caplog.at_level(logging.DEBUG):
        run(lambda: Desk(tmp_path), scenario)
    refused = [record for record in caplog.records if record.message == "unlock_refused"]
    assert [vars(record)["attempt"] for record in refused] == [1, 2, 3, 4, 5, 6, 7, 1]
    assert not any(p.value in str(vars(record)) for record in caplog.records for p in (RIGHT, WRONG))
    assert delay_s(0) == 0.0 and delay_s(10**6) == 30.0


def test_guesses_sent_at_once_are_tried_one_at_a_time(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.ask(SetKeyPlace(1, "password", RIGHT))
        await desk.ask(Lock(2))
        found = await asyncio.gather(*(desk.ask(Unlock(n, WRONG)) for n in range(20)))
        assert [codes[0][1] for codes in found] == ["WRONG_PASSWORD"] + ["TRY_LATER"] * 19

    run(lambda: Desk(tmp_path), scenario)


def test_it_locks_itself_when_nobody_opened_a_secret_for_so_long(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        assert await desk.ask(SetAutoLock(1, -1)) == [("minutes", "INVALID_INPUT")]
        assert await desk.ask(SetAutoLock(1, 5)) == []
        desk.now_s += 10**6
        await desk.keeper.look()
        assert not desk.keeper.state.locked, "without a master password there is nothing to lock"
        await desk.ask(SetKeyPlace(2, "password", RIGHT))
        for _ in range(3):
            desk.now_s += 299
            await desk.keeper.look()
            assert not desk.keeper.state.locked
            desk.vault.get(ONE)  # a poll: it does not count
            desk.keeper.note_use()
        desk.now_s += 299
        desk.vault.get(ONE)
        desk.now_s += 1
        await desk.keeper.look()
        await desk.keeper.look()
        assert desk.keeper.state.locked and desk.locked == 1
        await desk.ask(Unlock(3, RIGHT))
        await desk.keeper.look()
        assert not desk.keeper.state.locked
        assert await desk.ask(SetAutoLock(4, 0)) == []
        desk.now_s += 10**6
        await desk.keeper.look()
        assert not desk.keeper.state.locked

    run(lambda: Desk(tmp_path), scenario)


def test_the_auto_lock_is_kept_over_a_restart_and_over_new_keys(tmp_path: Path) -> None:
    async def first(desk: Desk) -> None:
        await desk.ask(SetAutoLock(1, 30))
        assert await desk.ask(RotateKeys(2)) == []

    async def second(desk: Desk) -> None:
        assert desk.keeper.state == VaultState("file", auto_lock_min=30, rotated_us=77)

    run(lambda: Desk(tmp_path), first)
    run(lambda: Desk(tmp_path), second)


@pytest.mark.parametrize(
    ("request_", "refused"),
    [
        (Lock(1), ("place", "INVALID_INPUT")),
        (SetKeyPlace(1, "password"), ("password", "INVALID_INPUT")),
        (SetKeyPlace(1, "password", Secret("short")), ("password", "INVALID_INPUT")),
        (SetKeyPlace(1, "password", Secret("x" * 1001)), ("password", "INVALID_INPUT")),
        (SetKeyPlace(1, "file", RIGHT), ("password", "INVALID_INPUT")),
        (SetKeyPlace(1, "cloud"), ("place", "INVALID_INPUT")),  # type: ignore[arg-type]
        (SetKeyPlace(1, "keyring"), ("place", "PLACE_UNAVAILABLE")),
        (SetAutoLock(1, 10**6), ("minutes", "INVALID_INPUT")),
    ],
)
def test_what_cannot_be_is_refused_at_its_field_and_changes_nothing(
    tmp_path: Path, request_: VaultRequest, refused: tuple[str, str]
) -> None:
    async def scenario(desk: Desk) -> None:
        assert await desk.ask(request_) == [refused]
        assert desk.keeper.state == VaultState("file") and desk.vault.get(ONE) == "a secret"

    run(lambda: Desk(tmp_path), scenario)


def test_a_keyring_that_did_not_answer_is_asked_again_by_itself_and_by_unlock(tmp_path: Path) -> None:
    silent = SilentBackend()

    async def first(desk: Desk) -> None:
        assert await desk.ask(SetKeyPlace(1, "keyring")) == []

    async def second(desk: Desk) -> None:
        assert desk.keeper.state.locked and "did not answer" in desk.keeper.state.why
        assert await desk.ask(Unlock(1)) == [("", "VAULT_LOCKED")]
        keyring: Any = desk.vault._stores["keyring"]
        silent.let_go.set()
        keyring._asking.join()
        keyring._limit_s = 30.0
        await desk.keeper.look()
        assert desk.keeper.state.locked, "not yet"
        desk.now_s += 16
        await desk.keeper.look()
        assert not desk.keeper.state.locked and desk.unlocked == 1

    silent.let_go.set()
    run(lambda: Desk(tmp_path, silent), first)
    silent.let_go.clear()
    run(lambda: Desk(tmp_path, silent, limit_s=0.05), second)
