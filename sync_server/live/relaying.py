"""What passes between those who poll and who judges, by this server. Counterparts: `room.py`, whose lines these are;
`polling.py`.

Theory: each tick tells every run what it holds, as an answer to the last beat that was heard of it before the tick; what the run
believes therefore ends before it does here. What a run saw goes to who judges with what it holds by the last tick, in a frame
that is not looked into here; who judges takes what is of devices that were held. A question goes to all who hold something, each
asks what it polls. What finds no room is lost: the next poll is near.
One rule: nothing here waits, and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from domain.polling import HOLD_S, AskNow, Heard, Share, slot_of
from domain.sync import decode_to_install, encode
from domain.tunnels import GiveWay, Meet
from sync_server.live.line import RELAYED, Line
from sync_server.live.outgoing import OUT
from sync_server.live.polling import Holding
from sync_server.live.works import Works

SEEN, ASK, PUSHED, MEET, GIVE_WAY = "seen", "ask", "pushed", "meet", "give_way"
"""Kinds of what is relayed."""


class Relaying:
    """Of one room; `lines` are its lines as they are at any time."""

    def __init__(self, tenant: UUID, lines: Collection[Line], works: Works) -> None:
        self._tenant = tenant
        self._lines = lines
        self._works = works
        self._holding = Holding()
        self._judge: UUID | None = None

    def beats(self) -> dict[UUID, int]:
        """Return the last beat of each line; to be taken before it is said how long ago they were heard."""
        return {line.id: line.beat for line in self._lines if line.run_id is not None and line.beat}

    def tell(self, holding: Holding, judge: UUID | None, beats: Mapping[UUID, int]) -> None:
        """Tell each run what it holds, and remember it."""
        self._holding, self._judge = holding, judge
        for line in list(self._lines):
            if line.id not in beats or line.run_id is None or line.install is None:
                continue
            slots = holding.slots_of(line.run_id)
            back = tuple(one for one in slots if one[0] in holding.back)
            kept = tuple(one for one in slots if one[0] not in holding.back)
            own = holding.own_fence(line.install, line.run_id)
            if line.holds or slots or own:
                handed = tuple(slot for slot, _ in kept if holding.shared[slot].handed)
                is_told = line.tell(encode(Share(beats[line.id], HOLD_S, kept, own, back, handed)), OUT)
                line.holds = bool(slots or own) if is_told else line.holds

    def see(self, line: Line, report: bytes) -> None:
        """Carry what a run saw to who judges."""
        assert line.run_id is not None and line.install is not None, "who is no install has no run"
        slots = tuple(slot for slot, _ in self._holding.slots_of(line.run_id))
        own = bool(self._holding.own_fence(line.install, line.run_id))
        if slots or own:
            heard = Heard(line.install, slots, own, report)
            self._works.relay(self._tenant, SEEN, encode(heard))

    def ask(self, devices: Sequence[tuple[UUID, UUID | None]]) -> None:
        """Carry a question to whoever polls devices."""
        self._works.relay(self._tenant, ASK, encode(AskNow(tuple(devices))))

    def on_relayed(self, kind: str, payload: bytes) -> None:
        """Give what was carried here to whose it is, if that one is here."""
        if kind in (SEEN, PUSHED):
            for line in self._lines:
                if line.install is not None and line.install == self._judge:
                    self._tell(line, payload)
        elif kind in (MEET, GIVE_WAY):
            told = decode_to_install(payload)
            assert isinstance(told, Meet | GiveWay), "what is relayed is what was relayed"
            for line in self._lines:
                if line.install == told.install:
                    line.tell(payload, OUT)
        elif kind == ASK:
            asked = decode_to_install(payload)
            assert isinstance(asked, AskNow), "what is relayed is what was relayed"
            for line in self._lines:
                mine = tuple(one for one in asked.devices if self._is_held_by(line, *one))
                if mine:
                    self._tell(line, encode(AskNow(mine)))

    def _tell(self, line: Line, data: bytes) -> None:
        """Tell a line what others say, where it has room."""
        if not line.tell(data, RELAYED):
            self._works.dropped["relayed"] += 1

    def _is_held_by(self, line: Line, device: UUID, polled_by: UUID | None) -> bool:
        if line.run_id is None or line.install is None:
            return False
        if polled_by is not None:
            return polled_by == line.install and bool(self._holding.own_fence(polled_by, line.run_id))
        return self._holding.shared[slot_of(device)].run == line.run_id
