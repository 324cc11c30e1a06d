"""Asks one SNMP agent: many OIDs at a time, or whole columns. Counterpart: `transport/udp.py` below, `snmp.py` above.

With a community, an agent that never answered is asked in v2c and v1 by turns until it does; after that its version is kept.
With a user it is asked in v3, of which nothing is seen here but who makes the questions. What an agent cannot say is left out
of the answer, whichever way it says so: an Absent value, noSuchName or genErr with an index.
One rule: a walk ends at its column's end, at an OID that does not grow, at its cap, or at its deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import cycle
from os import urandom
from time import monotonic

import msgspec

from domain.errors import BadCredentials, BadReply, NoAnswer, Unsupported
from engine.protocols.ber import Absent, Value
from engine.protocols.snmp import Message, Pdu, Varbind, Version, encode_get, encode_getbulk, encode_getnext
from engine.protocols.snmp_get import Get
from engine.protocols.snmp_v3 import Channel
from engine.protocols.usm import SnmpUser
from engine.transport.addresses import name_endpoint
from engine.transport.exchanges import Peer
from engine.transport.udp import Snmp, UdpTransport

VARBINDS_PER_GET = 48
GET_BYTES = 1_250
"""What the answer to a GET may take where all values are numbers: no fragments. A few names still fit."""

VARBINDS_PER_BULK = 48
LONG_TABLE_REPLIES = 8
"""After so many, twice as much is asked at a time: a long table in fewer replies is worth a fragment."""

MAX_ROWS = 2_048
MAX_REPLIES = 128
"""Of a walk: an endless table, doled out row by row, costs 75 ms of CPU until then."""

MAX_VALUE_BYTES = 1_024
"""Of a string in a walk; the rest of a longer one is not kept."""

_SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
_TOO_BIG, _NO_SUCH_NAME, _GEN_ERR, _NO_ACCESS, _AUTHORIZATION = 1, 2, 5, 6, 16

Table = dict[str, dict[str, Value]]
"""{column: {index: value}}; only what the agent has."""


class Got(msgspec.Struct, frozen=True, gc=False):
    """The answer to one GET: values by OID, its round trip, and when it came (monotonic)."""

    values: dict[str, Value]
    rtt_us: int
    at_us: int


class SnmpSession:
    """One agent, and who asks it: a community or a user. `limit` gives everything that follows a common deadline."""

    def __init__(
        self,
        udp: UdpTransport,
        endpoint: tuple[str, int],
        who: str | SnmpUser,
        *,
        timeout_s: float,
        retries: int,
    ) -> None:
        self.where = name_endpoint(*endpoint)
        self._udp = udp
        self._endpoint = endpoint
        self._peer: Peer[Message] | None = None
        self._who: bytes | Channel
        if isinstance(who, SnmpUser):
            salt = int.from_bytes(urandom(8), "big")
            self._who = Channel(who, self.where, clock=monotonic, salt=salt)
            self._community = None
        else:
            self._who = self._community = who.encode()
        self._timeout_s = timeout_s
        self._retries = retries
        self._often: Sequence[tuple[str, ...]] = ()
        self._gets: dict[int, Get] = {}
        self._deadline_s = 0.0
        self._limit_s = 0.0
        self._answered = False
        self._repetitions_cap = VARBINDS_PER_BULK
        self.varbinds_cap = VARBINDS_PER_GET
        """How many OIDs one GET may hold; fewer once the agent found an answer too big."""
        self.version = Version.V2C

    def close(self) -> None:
        """Give the peer back."""
        if self._peer is not None:
            self._udp.release(self._peer)
            self._peer = None

    def limit(self, limit_s: float) -> None:
        """Let nothing new be asked after `limit_s` from now."""
        self._limit_s = limit_s
        self._deadline_s = monotonic() + limit_s

    def has_used(self, share: float) -> bool:
        """Tell whether this part of the time is gone."""
        return monotonic() >= self._deadline_s - (1 - share) * self._limit_s

    async def get(self, batches: Sequence[tuple[str, ...]], *, often: bool = False) -> list[Got]:
        """Return the answer to each batch of OIDs; all are asked at once, as far as the caps allow.

        `often` for the very batches that are asked in cycle after cycle: of their answers, and no others, is kept what is known.
        """
        if often and batches is not self._often:
            self._keep_gets(batches)
        encode = self._kept_get if often else self._encode_get
        asked = [self._ask(encode(oids)) for oids in batches]
        answers: list[Got] = []
        try:
            for place, future in enumerate(asked):
                answered = await future
                message = answered.reply
                if message.error_status or message.community != self._community:
                    values = await self._get_less(batches[place], self._check(message))
                else:
                    values = message.values
                answers.append(Got(values, answered.rtt_us, int(answered.at_s * 1e6)))
            self._answered = True
        except BaseException as error:
            if isinstance(error, NoAnswer) and not self._answered and self._community is not None:
                self.version = Version.V1 if self.version is Version.V2C else Version.V2C
            _give_up(asked)
            raise
        return answers

    async def walk(
        self,
        columns: Sequence[str],
        max_rows: int = MAX_ROWS,
        *,
        cut: bool = False,
        replies: int = MAX_REPLIES,
        within: float = 1.0,
    ) -> Table:
        """Return whole columns, row by row. What has more rows, or takes more replies, is cut there, or is a BadReply.

        What may be cut is cut as well when that part of the time `within` is gone.
        """
        table: Table = {column: {} for column in columns}
        ends = {column: column for column in columns}  # the last OID of each column that is not at its end
        keys: dict[str, tuple[int, ...]] = dict.fromkeys(columns, ())
        for reply in range(replies):
            if not ends or (within < 1 and self.has_used(within)):
                break
            cap = self._repetitions_cap * (2 if reply >= LONG_TABLE_REPLIES else 1)
            order = [(column, column + ".", len(column) + 1, table[column]) for column in ends]
            varbinds = await self.following(tuple(ends.values()), cap)
            if not varbinds:
                ends.clear()
            for (column, prefix, size, rows), (oid, value) in zip(cycle(order), varbinds, strict=False):
                if column not in ends:
                    continue
                index = oid[size:]
                key = _index_key(index) if oid.startswith(prefix) else None
                if key is None or type(value) is Absent or key <= keys[column]:
                    del ends[column]
                    continue
                if len(rows) >= max_rows:
                    if cut:
                        del ends[column]
                        continue
                    raise BadReply(f"{self.where}: the table at {column} has more than {max_rows} rows")
                rows[index] = value[:MAX_VALUE_BYTES] if type(value) is bytes else value
                keys[column] = key
                ends[column] = oid
        if ends and not cut:
            raise BadReply(f"{self.where}: the table at {columns[0]} does not end in {replies} replies")
        return table

    async def present(self, columns: Sequence[str]) -> set[str]:
        """Return which columns have anything at all, asked many at a time."""
        found: set[str] = set()
        for first in range(0, len(columns), VARBINDS_PER_BULK):
            some = tuple(columns[first : first + VARBINDS_PER_BULK])
            varbinds = await self.following(some, len(some))
            found |= {
                column
                for column, (oid, value) in zip(some, varbinds, strict=False)
                if oid.startswith(column + ".") and type(value) is not Absent
            }
        return found

    async def following(self, after: tuple[str, ...], cap: int) -> list[Varbind]:
        """Return what follows each of the OIDs, up to `cap` values in v2c, row by row; nothing where the agent has no more."""
        while True:
            self._hold_to_deadline()
            if self.version is Version.V1 and self._community is not None:
                return await self._next_v1(after)
            repetitions = max(1, cap // len(after))
            try:
                message = self._check((await self._ask(self._encode_bulk(after, repetitions))).reply)
            except NoAnswer:
                if repetitions == 1:
                    raise
                cap = self._repetitions_cap = cap // 4  # replies in fragments get lost on some paths
                continue
            if message.error_status == _TOO_BIG and repetitions > 1:
                cap = self._repetitions_cap = cap // 2
                continue
            if message.error_status == _TOO_BIG and len(after) > 1:
                return await self._next_of_halves(after, cap)
            if message.error_status in (_NO_SUCH_NAME, _GEN_ERR, _NO_ACCESS):
                return []
            if message.error_status:
                self._refuse(message.error_status, message.error_index)
            if len(message.varbinds) > repetitions * len(after):
                raise BadReply(
                    f"{self.where} answers with {len(message.varbinds)} values, {repetitions * len(after)} were asked for"
                )
            return message.varbinds

    async def find_version(self) -> None:
        """Ask something that everybody has; who does not answer v2c may answer v1."""
        try:
            await self.get([(_SYS_UPTIME,)])
        except NoAnswer:
            if self._community is None:
                raise
            await self.get([(_SYS_UPTIME,)])  # `get` has turned to the other version

    def _encode_get(self, oids: tuple[str, ...]) -> Callable[[int], bytes]:
        who, version = self._who, self.version
        if isinstance(who, Channel):
            return who.question(Pdu.GET, oids)
        return lambda number: encode_get(number, who, oids, version)

    def _kept_get(self, oids: tuple[str, ...]) -> Callable[[int], bytes]:
        """Return the question for a tuple of OIDs that is known by its identity: hashing it costs as much as asking."""
        if isinstance(self._who, Channel):
            return self._who.question(Pdu.GET, oids)
        kept = self._gets.get(id(oids))
        if kept is None or kept.version != self.version:
            kept = self._gets[id(oids)] = Get(self._who, oids, self.version)
        return kept

    def _keep_gets(self, batches: Sequence[tuple[str, ...]]) -> None:
        """Keep what is known of batches that are asked from now on, and forget the rest."""
        known = {oids: self._gets[id(oids)] for oids in self._often if id(oids) in self._gets}
        self._gets = {id(oids): known[oids] for oids in batches if oids in known}
        self._often = batches

    def _encode_bulk(self, after: tuple[str, ...], repetitions: int) -> Callable[[int], bytes]:
        if isinstance(self._who, Channel):
            return self._who.question(Pdu.GET_BULK, after, (0, repetitions))
        return partial(encode_getbulk, community=self._who, oids=after, max_repetitions=repetitions)

    def _ask(self, encode: Callable[[int], bytes]) -> asyncio.Future[Snmp]:
        if self._peer is None:
            self._peer = self._udp.peer(*self._endpoint)
        return self._udp.ask(self._peer, encode, self._timeout_s, self._retries)

    async def _get_less(self, oids: tuple[str, ...], message: Message) -> dict[str, Value]:
        """Ask again for less until the agent has no objection."""
        left = list(oids)
        for _ in range(len(oids)):
            status, index = message.error_status, message.error_index
            if not status:
                return dict(message.varbinds)
            if status == _TOO_BIG and len(left) > 1:
                half = len(left) // 2
                self.varbinds_cap = min(self.varbinds_cap, half)
                self._hold_to_deadline()
                got = await self.get((tuple(left[:half]), tuple(left[half:])))
                return got[0].values | got[1].values
            if status in (_NO_SUCH_NAME, _GEN_ERR, _NO_ACCESS) and 1 <= index <= len(left):
                del left[index - 1]
            else:
                self._refuse(status, index)
            if not left:
                break
            self._hold_to_deadline()
            message = self._check((await self._ask(self._encode_get(tuple(left)))).reply)
        return {}

    async def _next_of_halves(self, after: tuple[str, ...], cap: int) -> list[Varbind]:
        """Ask for one row in two pieces: the agent cannot say it in one."""
        half = len(after) // 2
        first = await self.following(after[:half], min(cap, half))
        return first + await self.following(after[half:], min(cap, len(after) - half))

    async def _next_v1(self, after: tuple[str, ...]) -> list[Varbind]:
        """A GETNEXT; v1 refuses it whole when one OID is at the end of everything, so that one stays where it is."""
        assert isinstance(self._who, bytes)
        ended: set[int] = set()
        while len(ended) < len(after):
            self._hold_to_deadline()
            left = [place for place in range(len(after)) if place not in ended]
            oids = tuple(after[place] for place in left)
            encode = partial(encode_getnext, community=self._who, oids=oids, version=Version.V1)
            message = self._check((await self._ask(encode)).reply)
            if message.error_status == _TOO_BIG and len(left) > 1:
                return await self._next_of_halves(after, 1)
            if not message.error_status:
                found = dict(zip(left, message.varbinds, strict=False))
                return [found.get(place, (oid, None)) for place, oid in enumerate(after)]
            if message.error_status in (_NO_SUCH_NAME, _GEN_ERR) and 1 <= message.error_index <= len(left):
                ended.add(left[message.error_index - 1])
            else:
                self._refuse(message.error_status, message.error_index)
        return []

    def _check(self, message: Message) -> Message:
        if message.community != self._community:
            raise BadReply(
                f"{self.where} answers with another community, or in another version, than it was asked"
            )
        self._answered = True
        return message

    def _hold_to_deadline(self) -> None:
        if monotonic() > self._deadline_s:
            raise NoAnswer(f"{self.where} did not finish its answer in {self._limit_s:g} s")

    def _refuse(self, status: int, index: int) -> None:
        if status == _AUTHORIZATION:
            who = "user" if self._community is None else "community"
            raise BadCredentials(f"{self.where} does not permit this {who} to read")
        raise Unsupported(f"{self.where} answers with error {status} at value {index}")


@lru_cache(maxsize=16_384)
def answer_bytes(oid: str) -> int:
    """Return what an OID takes in an answer, with the longest number for a value."""
    return 16 + oid.count(".")


def _give_up(asked: Sequence[asyncio.Future[Snmp]]) -> None:
    """Leave no question open and no error unseen."""
    for future in asked:
        if future.done() and not future.cancelled():
            future.exception()
        future.cancel()


def _index_key(index: str) -> tuple[int, ...]:
    return (int(index),) if index.isdigit() else tuple(map(int, index.split(".")))
