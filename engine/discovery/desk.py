"""Discovery as clients have it: their requests, finds on disk and in the state, the journal. Counterpart: `compose.py`.

One rule: what is kept and told of finds and operations passes through here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from domain.errors import Refusal
from domain.fact import Fact
from domain.finding import Find
from domain.journal import JournalRow
from domain.operation import Operation
from domain.searching import DiscoveryRequest, ForgetFind, JoinFinds, StartSweep, StartWalk, SteerOperation
from domain.wire import Reply
from engine.discovery.discovery import Begun, Discovery
from engine.discovery.prober import Opened
from engine.drivers import Profiles
from engine.journal import JournalPen
from engine.operations import Operations, OperationTurn
from engine.state import State, Subject
from engine.storage.batch import Batch, FindRow
from engine.tasks import spawn
from engine.transport import Transports


class DiscoveryDesk:
    """Owns finds and operations of `state`; others start `operations` of theirs too. `put` keeps a batch, `touch`
    tells clients what turned and what happened."""

    def __init__(
        self,
        state: State,
        transports: Transports,
        profiles: Profiles,
        pen: JournalPen,
        *,
        open_credential: Callable[[UUID], Opened],
        put: Callable[[Batch], None],
        touch: Callable[[list[Subject], list[JournalRow]], None],
        new_id: Callable[[], UUID],
        now_us: Callable[[], int],
    ) -> None:
        self._state, self._pen, self._put, self._touch, self._now_us = state, pen, put, touch, now_us
        self.operations = Operations(
            changed=self._on_operation,
            note=self._note,
            forgotten=self._on_forgotten,
            new_id=new_id,
            now_us=now_us,
        )
        self._discovery = Discovery(
            state,
            transports,
            profiles,
            self.operations,
            open_credential=open_credential,
            changed=self._on_finds,
            now_us=now_us,
        )
        self._discovery.load(list(state.finds.values()), [one.key for one in state.inventory.ignored()])
        self.run = self._discovery.run

    @property
    def notices(self) -> tuple[str, ...]:
        """A sentence where the LAN cannot be listened to, while somebody wants it."""
        trouble = self._discovery.lan.trouble
        return (trouble,) if trouble else ()

    async def close(self) -> None:
        """Listen no more, and end what runs."""
        await self._discovery.close()
        await self.operations.close()

    def watch(self, is_watched: bool) -> None:
        """Listen on the LAN while somebody looks."""
        spawn("discovery_watch", self._discovery.watch(is_watched))

    def lock(self) -> None:
        """Give up what was opened of the vault: it is locked now."""
        self._discovery.lock()

    def change(self, touched: Iterable[tuple[str, UUID]]) -> None:
        """Follow an edit that the inventory holds already."""
        things = list(touched)
        self._discovery.change_devices([id for kind, id in things if kind == "device"])
        if any(kind == "ignored" for kind, _ in things):
            self._discovery.queue.set_ignored([one.key for one in self._state.inventory.ignored()])

    def learn(self, facts: Iterable[Fact], turned: Iterable[UUID]) -> None:
        """Follow what devices tell of themselves, and whether they answer."""
        self._discovery.learn(facts)
        self._discovery.change_devices(turned)

    def answer(self, request: DiscoveryRequest) -> Reply:
        """Return the one reply to a request."""
        match request:
            case StartSweep():
                return _begun(request.request, self._discovery.start_sweep(request.settings))
            case StartWalk():
                return _begun(request.request, self._discovery.start_walk(request.settings))
            case SteerOperation():
                act = {
                    "pause": self.operations.pause,
                    "resume": self.operations.resume,
                    "cancel": self.operations.cancel,
                }[request.act]
                if act(request.operation):
                    return Reply(request.request)
                said = f"nothing to {request.act}: it has ended, or is so already"
                return _refused(request.request, "OPERATION_NOT_FOUND", said, request.operation)
            case ForgetFind():
                if self._discovery.queue.forget(request.find):
                    return Reply(request.request)
                return _refused(request.request, "FIND_NOT_FOUND", "that find is gone", request.find)
            case JoinFinds():
                if self._discovery.queue.join(request.finds) is not None:
                    return Reply(request.request)
                said = "two finds or more that are there expected"
                return _refused(request.request, "FIND_NOT_FOUND", said, None)

    # What turns

    def _on_finds(self, put: Sequence[Find], gone: Sequence[UUID]) -> None:
        self._state.finds.update((find.id, find) for find in put)
        for id in gone:
            self._state.finds.pop(id, None)
        rows = [FindRow(find.id, find) for find in put] + [FindRow(id, None) for id in gone]
        self._put(Batch(finds=rows))
        self._touch([Subject("find", row.id) for row in rows], [])

    def _on_operation(self, operation: Operation) -> None:
        self._state.operations[operation.id] = operation
        self._touch([Subject("operation", operation.id)], [])

    def _on_forgotten(self, id: UUID) -> None:
        self._state.operations.pop(id, None)
        self._touch([Subject("operation", id)], [])

    def _note(self, turn: OperationTurn, operation: Operation) -> None:
        row = self._pen.row(
            self._now_us(),
            turn,
            operation.id,
            kind=operation.kind,
            title=operation.title,
            state=operation.state,
            words=operation.result_words,
        )
        self._put(Batch(journal=[row]))
        self._touch([], [row])


def _begun(request: int, begun: Begun) -> Reply:
    if isinstance(begun, Operation):
        return Reply(request, result={"operation": str(begun.id)})
    return Reply(request, tuple(begun))


def _refused(request: int, code: str, said: str, subject: UUID | None) -> Reply:
    return Reply(request, (Refusal(code, said, subject=subject),))
