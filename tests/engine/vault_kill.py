"""Makes new keys in a profile, again and again, and is killed one step later each time. Counterpart: `test_vault_kill.py`.

    python -m tests.engine.vault_kill FROM TO FOLDER

A step is whatever changes something or makes it last: a statement, a commit, a sync, a rename, a removal, a question to
the keyring. A child is forked for each and kills itself with SIGKILL before it; then the profile is opened as an engine
does. Prints how many steps there were, all of which were survived.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Engine, event

from domain.inventory import Inventory
from domain.vault import KeyPlace
from engine.vault import Vault
from engine.vault.key_text import decode_key, public_of
from tests.engine.keyrings import CHEAP, FolderBackend, place
from tests.engine.stores import edit, open_store, row

SECRETS = {UUID(int=n): f"secret {n} öäü" for n in range(1, 5)}
OLD, NEW = "old password", "new password"


def vault_of(folder: Path) -> Vault:
    """Open store and vault as an engine does."""
    keyring = place(FolderBackend(folder / "keyring"))
    return Vault.open(open_store(folder / "net.sqlite"), folder, keyring=keyring)


def password_of(place: KeyPlace, password: str) -> str | None:
    """Return the password where one is needed."""
    return password if place == "password" else None


def fill(folder: Path, source: KeyPlace) -> None:
    """Make a profile with secrets whose key lies in `source`."""
    (folder / "keyring").mkdir(parents=True)
    vault = vault_of(folder)
    sealed = {id: vault.seal(id, secret) for id, secret in SECRETS.items()}
    assert vault._store.apply_edit(edit(1), Inventory(), row(vault._store, 1), sealed)
    vault.keep(sealed)
    if source != "file":
        vault.rotate(source, password_of(source, OLD), 1, CHEAP)
    vault._store.close()


def rotate(folder: Path, target: KeyPlace) -> None:
    """Do what is to be killed."""
    vault = vault_of(folder)
    if vault.locked:
        vault.unlock(OLD)
    vault.rotate(target, password_of(target, NEW), 2, CHEAP)
    vault._store.close()


def killed_before(step: int, act: Callable[[], None]) -> bool:
    """Run `act` in a child that is killed before its step of that number; return whether it came so far."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert status == 0, f"the child failed at step {step}"
        return os.WIFSIGNALED(status)
    left = [step]

    def count(*_: Any, **__: Any) -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    for holder, name in (
        (os, "fsync"),
        (Path, "rename"),
        (Path, "replace"),
        (Path, "unlink"),
        (Path, "write_text"),
    ):
        _counted(holder, name, count)
    event.listen(Engine, "before_cursor_execute", lambda *given: _reads(given[2]) or count())
    event.listen(Engine, "commit", count)
    try:
        act()
    except BaseException:
        sys.excepthook(*cast(Any, sys.exc_info()))
        os._exit(1)
    os._exit(0)


def _reads(statement: str) -> bool:
    return statement.startswith(("SELECT", "PRAGMA"))


def _counted(holder: Any, name: str, count: Callable[[], None]) -> None:
    original = getattr(holder, name)

    def counted(*given: Any, **named: Any) -> Any:
        count()
        return original(*given, **named)

    setattr(holder, name, counted)


def look(folder: Path, again: bool) -> bool:
    """Open the profile, see that every secret opens and one key is left; return whether it is the new one.

    `again`: make new keys once more.
    """
    vault = vault_of(folder)
    is_new = vault.record.rotated_us == 2
    if vault.locked:
        assert vault.needs_password, vault.why_locked
        vault.unlock(NEW if is_new else OLD)
    assert {id: vault.get(id) for id in SECRETS} == SECRETS
    assert vault.record.left is None
    texts = [p for p in folder.iterdir() if p.name.startswith("install.key")] + list(
        (folder / "keyring").iterdir()
    )
    texts = [path for path in texts if path.name != "part"]
    assert [public_of(decode_key(path.read_bytes())) for path in texts] == [vault.record.public], texts
    if again:
        sealed = dict(vault._held.sealed)
        assert vault.rotate(vault.record.place, None, 3, CHEAP) == len(SECRETS)
        assert {id: vault.get(id) for id in SECRETS} == SECRETS
        assert all(vault._held.sealed[id] != sealed[id] for id in SECRETS)
    vault._store.close()
    return is_new


def main() -> None:
    """Kill until nothing is left to be killed."""
    source, target = cast(list[KeyPlace], sys.argv[1:3])
    folder = Path(sys.argv[3])
    fill(folder / "made", source)
    step, turns = 0, []
    while True:
        step += 1
        trial = folder / str(step)
        shutil.copytree(folder / "made", trial)
        was_killed = killed_before(step, lambda: rotate(trial, target))  # noqa: B023 it is run at once
        turns.append(look(trial, again=step % 4 == 0))
        shutil.rmtree(trial)
        if not was_killed:
            break
    assert turns == sorted(turns) and not turns[0] and turns[-1], "old until one step, new from there on"
    print(step - 1)


if __name__ == "__main__":
    main()
