"""Keeps one line to the team's server: connects, speaks, is cut off, and comes again. Counterpart: `sync_server/live/line.py`.

Theory: whoever has something to say sets `news`, and the teller looks what that is: an edit, rows of the journal, numbers. One
of each kind is out at a time, so a server that is slow holds nothing but what waits on disk here. What the server says is done
in its order. A line that breaks costs nothing: what was out is sent again, and to be told twice is harmless.
One rule: nobody is asked to wait for the server; what is lost with it is a word about who looks at what.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import Protocol
from uuid import UUID

from domain.errors import DeviceError, RefusedByRule, Untrusted
from domain.past_numbers import PortsThen, Series
from domain.polling import BEAT_S, REPORT_S, AskNow, Heard, LetGo, Share
from domain.sync import (
    RECONNECT_S,
    SYNC_PROTOCOL,
    Alive,
    Entries,
    Hello,
    Kept,
    Lease,
    Live,
    Outcomes,
    Present,
    Push,
    Refused,
    Subscribe,
    Taken,
    ToInstall,
    Topic,
    ToServer,
    Wanted,
    Welcome,
)
from domain.team import Reachability
from domain.text import clean_text
from domain.tunnels import GiveWay, Meet, TeamTunnel
from engine import VERSION
from engine.storage import StorageFailed
from engine.storage.team import DoesNotFitHere
from engine.sync.line import Line, LineLost
from engine.sync.login import Login, SessionOver
from engine.sync.polling import TeamPolling
from engine.sync.session import Change, Cursor
from engine.tasks import end, spawn

_log = logging.getLogger("engine.sync")

ASKS_AGAIN: frozenset[str] = frozenset({"TOKEN_INVALID", "TOO_MANY", "CLOSING", "BAD_MESSAGE"})
"""Reasons to be hung up after which it is tried again without a person."""
OTHER_AGAIN_S = 60.0
"""So long after a certificate that is not trusted, or a server that speaks another protocol, it is looked at again without a
person: it may have been somebody else's network, and servers are updated."""


class Speaking(Protocol):
    """What the client asks of the rest: `ledger.py` and `telling` behind the desk."""

    @property
    def cursor(self) -> Cursor: ...
    async def on_welcome(self, welcome: Welcome) -> None: ...
    async def on_entries(self, part: Entries, *, left_out: bool) -> Change | None: ...
    async def on_outcomes(self, message: Outcomes) -> None: ...
    def on_kept(self, kept: Kept) -> None: ...
    def on_wanted(self, wanted: Wanted) -> None: ...
    def on_series(self, series: Series | PortsThen) -> None: ...
    def on_lease(self, lease: Lease) -> None: ...
    def on_live(self, live: Live) -> None: ...
    def on_alive(self, alive: Alive) -> None: ...
    def on_untrusted(self, shown: str) -> None: ...
    def on_lost(self, told_to_wait_s: float) -> None: ...
    def untold(self) -> int: ...
    def next_push(self) -> Push | None: ...
    async def next_tells(self) -> list[ToServer]: ...
    def on_reachability(self, reachability: Reachability, why: str, retry_s: float) -> None: ...


BEHIND_BYTES = 64 * 1024
"""What may wait to be sent before reports wait too: a beat that stands behind them comes too late."""
WATCHED_CAP = 500
"""Devices whose numbers the server tells one line."""
TOPICS_WANTED: tuple[Topic, ...] = ("presence", "device_status", "metric_update")


class TeamClient:
    """`connect` opens a trusted line; `chance` returns a number from 0 to 1."""

    def __init__(
        self,
        install: UUID,
        login: Login,
        connect: Callable[[], Awaitable[Line]],
        speaking: Speaking,
        polling: TeamPolling,
        *,
        chance: Callable[[], float],
    ) -> None:
        self._install = install
        self._login = login
        self._connect = connect
        self._speaking = speaking
        self._polling = polling
        self._told_to_wait_s = 0.0
        self._may_be_other = False
        self._chance = chance
        self._news = asyncio.Event()
        self._again = asyncio.Event()
        self._line: Line | None = None
        self._presence = Present()
        self._watched: tuple[UUID, ...] = ()
        self._failure: StorageFailed | None = None
        self.on_tunnels: Callable[[Meet | GiveWay | tuple[TeamTunnel, ...]], None] = lambda _: None
        """Hears that somebody's tunnel is to be carried from here, that one of ours is taken over, and what others have open."""

    def wake(self) -> None:
        """There is something to say."""
        self._news.set()

    def try_now(self) -> None:
        """Connect at once: a person did something about why it could not be."""
        self._again.set()

    def present(self, presence: Present) -> None:
        """Say what the person looks at, now and on every line to come."""
        self._presence = presence
        if self._line is not None:
            self._line.tell(presence)

    def watch(self, devices: Iterable[UUID]) -> None:
        """Have the numbers of these devices told as they come, now and on every line to come; of too many the first."""
        self._watched = tuple(islice(devices, WATCHED_CAP))
        if self._line is not None:
            self._line.tell(self._subscription())

    def say(self, message: ToServer) -> bool:
        """Say something that is lost with the line; return whether there is one."""
        if self._line is None:
            return False
        self._line.tell(message)
        return True

    async def run(self) -> None:
        """Keep the line, for ever."""
        attempt, is_shut = 0, False
        while True:
            if not is_shut:
                self._speaking.on_reachability("connecting", "", 0.0)
            self._again.clear()
            lasted, why, wait_s = await self._once()
            attempt = 0 if lasted else attempt
            if wait_s is None:
                self._speaking.on_reachability("refused", why, 0.0)
                is_shut = await self._shut_out()
                continue
            is_shut = False
            base_s = max(wait_s, RECONNECT_S[min(attempt, len(RECONNECT_S) - 1)])
            attempt += 1
            pause_s = base_s * (0.8 + 0.4 * self._chance())
            self._speaking.on_reachability("offline", why, pause_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._again.wait()

    async def _shut_out(self) -> bool:
        """Wait until a person does something about it; True where another way may lead to the right server by itself."""
        with suppress(TimeoutError):
            async with asyncio.timeout(OTHER_AGAIN_S if self._may_be_other else None):
                await self._again.wait()
                return False
        return True

    async def _once(self) -> tuple[bool, str, float | None]:
        """Connect, and speak until it is over; return whether it got so far, why it is over, and how long to wait at least
        (None: until a person does something)."""
        self._may_be_other = False
        try:
            token = await self._login.stream_token()
            line = await self._connect()
        except SessionOver as error:
            self._speaking.on_untrusted(
                ""
            )  # it is the server itself that says so, whatever was seen elsewhere
            return False, str(error), None
        except Untrusted as error:
            self._may_be_other = True
            self._speaking.on_untrusted(error.seen)
            return False, f"it shows a certificate that is not trusted: {error}", None
        except RefusedByRule as error:
            self._login.forget_access()
            return False, str(error), 0.0
        except (DeviceError, LineLost, TimeoutError) as error:
            return False, str(error) or "no answer", 0.0
        lasted = False
        self._speaking.on_untrusted("")
        try:
            line.tell(self._hello(token))
            welcome = await line.hear()
            if isinstance(welcome, Refused):
                return False, *self._refused(welcome)
            if not isinstance(welcome, Welcome):
                raise LineLost("the server does not say Welcome first")
            if welcome.protocol != SYNC_PROTOCOL:
                self._may_be_other = True
                said = f"the server answers in protocol {welcome.protocol}, and this program speaks {SYNC_PROTOCOL}"
                return False, f"{said}: update the older one", None
            await self._speaking.on_welcome(welcome)
            lasted = True
            return True, *await self._speak(line)
        except LineLost as error:
            return lasted, str(error), 0.0
        except DoesNotFitHere as error:
            _log.error("entries_refused", extra={"reason": str(error)})
            said = f"what the server tells cannot be kept by this program: update it ({error})"
            return lasted, said, None
        except asyncio.CancelledError:  # the engine ends, and asks nobody any more
            line.tell(LetGo())
            raise
        except StorageFailed as error:
            return lasted, f"it cannot be written here: {error.message}", RECONNECT_S[-1]
        finally:
            self._line = None
            told_s, self._told_to_wait_s = self._told_to_wait_s, 0.0
            self._speaking.on_lost(told_s)
            line.close()

    def _hello(self, token: str) -> Hello:
        cursor = self._speaking.cursor
        return Hello(
            SYNC_PROTOCOL,
            token,
            self._install,
            cursor.epoch,
            cursor.revision,
            VERSION,
            TOPICS_WANTED,
            self._polling.run_id,
        )

    def _subscription(self) -> Subscribe:
        return Subscribe(TOPICS_WANTED, self._watched)

    async def _speak(self, line: Line) -> tuple[str, float | None]:
        """Speak until the server says why not, which is returned. Raises LineLost and what writing raises."""
        self._line = line
        self._speaking.on_reachability("online", "", 0.0)
        line.tell(self._subscription())
        line.tell(self._presence)
        self._news.set()
        self._failure = None
        tasks = (
            spawn("team heartbeat", self._beat(line)),
            spawn("team teller", self._tell(line)),
            spawn("team reporter", self._report(line)),
        )
        try:
            while True:
                message = await line.hear()
                if isinstance(message, Refused):
                    return self._refused(message)
                await self._on_message(line, message)
        except LineLost:
            if self._failure is not None:
                raise self._failure from None
            raise
        finally:
            await end(*tasks)

    async def _on_message(self, line: Line, message: ToInstall) -> None:
        match message:
            case Entries():
                change = await self._speaking.on_entries(message, left_out=line.left_out)
                if change is not None and change.answer != Taken(message.revision):
                    raise LineLost("the server tells what does not follow on what is here")
                line.tell(Taken(message.revision))
            case Outcomes():
                await self._speaking.on_outcomes(message)
            case Kept():
                self._speaking.on_kept(message)
                if message.retry_after_s > 0:
                    asyncio.get_running_loop().call_later(message.retry_after_s, self._news.set)
            case Wanted():
                self._speaking.on_wanted(message)
            case Series() | PortsThen():
                self._speaking.on_series(message)
            case Share():
                if (answer := self._polling.on_share(message)) is not None:
                    line.tell(answer)
                return
            case Heard():
                self._polling.hearing.put(message)
                return
            case AskNow():
                self._polling.on_asked(message)
                return
            case Meet() | GiveWay():
                self.on_tunnels(message)
                return
            case Lease():
                self._speaking.on_lease(message)
            case Live():
                if message.tunnels is not None:
                    self.on_tunnels(message.tunnels)
                self._speaking.on_live(message)
            case Alive():
                self._speaking.on_alive(message)
            case _:
                return
        self._news.set()

    async def _tell(self, line: Line) -> None:
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while (push := self._speaking.next_push()) is not None:
                    line.tell(push)
                for message in await self._speaking.next_tells():
                    line.tell(message)
        except StorageFailed as error:  # whoever hears is woken, and says it
            self._failure = error
            line.close()

    async def _beat(self, line: Line) -> None:
        while True:
            line.tell(self._polling.beat(self._speaking.untold()))
            await asyncio.sleep(BEAT_S)

    async def _report(self, line: Line) -> None:
        """Tell what is seen here of what others judge, and what they are to ask."""
        self._polling.open()
        while True:
            if (question := self._polling.next_question()) is not None:
                line.tell(question)
            while line.waiting_bytes < BEHIND_BYTES and (seen := self._polling.next_report()) is not None:
                line.tell(seen)
            await asyncio.sleep(REPORT_S)

    def _refused(self, refused: Refused) -> tuple[str, float | None]:
        self._login.forget_access()
        said = clean_text(refused.message, 300)
        _log.warning("team_refused", extra={"code": clean_text(refused.code, 60), "reason": said})
        if refused.code == "TOO_MANY":
            self._told_to_wait_s = refused.retry_after_s
        self._may_be_other = refused.code == "UPDATE_NEEDED"
        is_over = refused.retry_after_s <= 0 and refused.code not in ASKS_AGAIN
        return said, None if is_over else max(0.0, refused.retry_after_s)
