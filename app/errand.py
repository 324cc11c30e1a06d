"""One talk of a command with the engine: the one that runs, or one that runs just for that. Counterpart: `endpoint_client.py`.

One rule: whatever comes in between is one sentence and an exit code: 1 refused, 2 no engine, no profile or no secret.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

from app.draft import now_us
from app.endpoint_client import Conversation, NoEngine, RejectedByEngine
from app.profile import NoProfile, default_profile, open_profile
from app.programs import start_engine
from app.secret_source import NoSecret
from domain.errors import Refusal
from domain.health import Health
from domain.inventory import Inventory
from domain.team import TeamState
from domain.wire import Changed, Credit, EngineState, ToClient

SNAPSHOT_TIMEOUT_S = 30.0


class Refused(Exception):
    """The engine said no."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__(
            "\n".join(f"{refusal.field or 'refused'}: {refusal.message}" for refusal in refusals)
        )


class Errand:
    """A conversation that has heard what the engine has: `inventory` (of it sites and devices), `health`, its `state`, and how it
    stands with its `team`."""

    def __init__(self, talk: Conversation) -> None:
        self.talk = talk
        self.inventory = Inventory()
        self.health: dict[UUID, Health] = {}
        self.team: TeamState | None = None
        self._state: EngineState | None = None
        self._began_us = now_us()
        self._whole, self._told = threading.Event(), threading.Event()
        talk.listen(self._hear)
        if not self._whole.wait(SNAPSHOT_TIMEOUT_S):
            raise NoEngine("the engine did not tell what it has")

    @property
    def state(self) -> EngineState:
        """How the engine fares now, not a second ago: it is waited for. Raises NoEngine where the engine does not tell."""
        if not self._told.wait(SNAPSHOT_TIMEOUT_S) or self._state is None:
            raise NoEngine("the engine did not tell how it is")
        return self._state

    def _hear(self, message: ToClient) -> None:
        if not isinstance(message, Changed):
            return
        self.talk.send(Credit(message.batch))
        if message.initial:
            self.inventory.tables["site"].update((site.id, site) for site in message.sites)
            self.inventory.tables["device"].update((device.id, device) for device in message.devices)
            self.health.update((health.device, health) for health in message.health)
            self.team = message.team or self.team
        if message.engine is not None and message.engine.at_us >= self._began_us:
            self._state = message.engine
            self._told.set()
        if message.initial and not message.more:
            self._whole.set()


def run(profile: Path | None, errand: Callable[[Errand], str], *, may_start: bool = True) -> int:
    """Do an errand, say what came of it and return the exit code. `may_start`: without an engine one is started for it."""
    try:
        with conversation(open_profile(profile or default_profile("default")), may_start) as talk:
            said = errand(Errand(talk))
    except (Refused, RejectedByEngine) as error:
        return say(str(error), 1)
    except (NoEngine, NoProfile, NoSecret, OSError) as error:
        return say(str(error), 2)
    return say(said, 0)


def say(text: str, code: int) -> int:
    """Write a sentence where it belongs and return the code."""
    (sys.stderr if code else sys.stdout).write(f"{text}\n")
    return code


@contextlib.contextmanager
def conversation(profile: Path, may_start: bool) -> Iterator[Conversation]:
    """Talk with the engine of a profile; one that was started for it ends with it. Raises NoEngine, RejectedByEngine."""
    child = None
    try:
        try:
            talk = Conversation(profile)
        except NoEngine:
            if not may_start:
                raise
            started = start_engine(profile)
            child = started.child
            if started.ended or (started.refused and not started.in_use):
                raise NoEngine(started.refused or started.ended) from None
            talk = Conversation(profile)
        yield talk
        talk.close()
    finally:
        if child is not None:
            child.stop()
