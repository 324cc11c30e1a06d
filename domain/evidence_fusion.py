"""All devices' words fused into links and contradictions, a change at a time. Counterpart: `engine/judge/evidence.py` feeds it.

Theory: a device that said something new makes claims anew, and so do those who speak of what it owns. Claims turn pairs: the
links of a pair are put together anew when either claims something else of the other, when a port of theirs changed, when a link
by hand between them did, and when evidence of theirs fades by a step, which a queue of times knows. Forwarding tables besides
depend on those of whom they show. What fades is asked first whether it was confirmed meanwhile, so that a device that answers
costs little. In a bridged network everybody hears everybody, so a change may concern hundreds that each hear hundreds: a turn
reads no more words than it is told to, what follows waits until all are read, and contradictions until all links are there.
One rule: whatever the order of changes, the result is that of telling all at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from itertools import islice
from uuid import UUID

import msgspec

from domain.evidence import (
    HALF_STEPS,
    TELL_AGAIN_US,
    Contradiction,
    DerivedLink,
    is_news,
    next_step_us,
    steps_faded,
)
from domain.evidence_claims import (
    NOBODY,
    Behind,
    Claim,
    Directory,
    behind_ports,
    direct_claims,
    nearest_claims,
)
from domain.evidence_doubts import Doubts, Face, key_doubt, link_doubt, port_doubts
from domain.evidence_links import Bundle, Pair, bundle_claims, derive, join_members, match_links, pair_of
from domain.evidence_said import Said
from domain.evidence_tables import set_or_drop, turn_around
from domain.inventory import Link

WITHOUT_END = 1_000_000_000
TABLE_ROWS_A_WORD = 100
"""To hold a device of a forwarding table against others costs so much less than to find out who is meant by a word."""

RETURNED_US = 7 * 60 * 1_000_000
"""A device that was silent for longer is looked at when it answers again; what one says that was not has not faded yet."""

_Of = dict[UUID, tuple[Claim, ...]]


class Turn(msgspec.Struct):
    """What one turn changed: links and contradictions that are new or otherwise, and the ids of those that are no more."""

    links: list[DerivedLink] = []
    gone: list[UUID] = []
    contradictions: list[Contradiction] = []
    settled: list[UUID] = []

    def __bool__(self) -> bool:
        return bool(self.links or self.gone or self.contradictions or self.settled)


class Fusion:
    """`links` and `contradictions` are what holds since the last turn."""

    def __init__(self) -> None:
        self.links: dict[UUID, DerivedLink] = {}
        self._directory = Directory()
        self._last_us: dict[UUID, dict[str, int]] = {}
        self._near: dict[UUID, _Of] = {}
        self._behind: dict[UUID, Behind] = {}
        self._nearest: dict[UUID, dict[UUID, Claim]] = {}
        self._claimed_by: dict[UUID, set[UUID]] = {}
        self._seen_by: dict[UUID, set[UUID]] = {}
        self._drawn: dict[Pair, dict[UUID, Link]] = {}
        self._drawn_at: dict[UUID, set[UUID]] = {}
        self._drawn_links: dict[UUID, Link] = {}
        self._bundles: dict[Pair, list[Bundle]] = {}
        self._of_pair: dict[Pair, tuple[UUID, ...]] = {}
        self._due_us: dict[Pair, int] = {}
        self._faded: dict[Pair, list[int]] = {}
        self._queue: list[tuple[int, Pair]] = []
        self._doubts = Doubts()
        self.contradictions = self._doubts.held
        self._dirty: dict[UUID, None] = {}
        self._moved: dict[UUID, None] = {}
        self._claimed: set[UUID] = set()
        self._to_doubt: dict[UUID, None] = {}
        self._dirty_pairs: set[Pair] = set()
        self._dirty_keys: set[str] = set()
        self._dirty_links: dict[UUID, None] = {}

    @property
    def said(self) -> Mapping[UUID, Said]:
        """What each device says."""
        return self._directory.said

    def last_us(self, id: UUID) -> Mapping[str, int]:
        """Return when each probe of a device last answered."""
        return self._last_us.get(id, {})

    def owners(self, key: str) -> tuple[UUID, ...]:
        """Return the devices whose own a MAC or an address is."""
        return self._directory.owners(key)

    # What changes

    def put(self, said: Said) -> None:
        """Take up what a device says."""
        old = self._directory.said.get(said.id)
        if old == said:
            return
        self._change(said.id, said)
        if old is None or (old.ports, old.optics, old.name) != (said.ports, said.optics, said.name):
            self._touch_around(said.id)

    def drop(self, id: UUID) -> None:
        """Forget a device."""
        if id in self._directory.said:
            self._touch_around(id)
            self._change(id, None)
        self._last_us.pop(id, None)

    def hear(self, id: UUID, probe: str, at_us: int) -> None:
        """Note that a probe of a device answered: what it says still holds."""
        last_us = self._last_us.setdefault(id, {})
        before_us = last_us.get(probe, 0)
        if at_us > before_us:
            last_us[probe] = at_us
            if at_us - before_us > RETURNED_US:
                self._touch_pairs(id)

    def set_back(self, now_us: int) -> None:
        """Take it that nothing was heard after now: the clock was set back, and evidence is to fade from now on."""
        for id, last_us in self._last_us.items():
            late = {probe: now_us for probe, at_us in last_us.items() if at_us > now_us}
            if late:
                last_us.update(late)
                self._touch_pairs(id)

    def put_link(self, link: Link) -> None:
        """Take up a link by hand, or a change of it."""
        if self._drawn_links.get(link.id) == link:
            return
        self.drop_link(link.id)
        self._drawn_links[link.id] = link
        self._drawn.setdefault(pair_of(link.a, link.b), {})[link.id] = link
        self._dirty_pairs.add(pair_of(link.a, link.b))
        for end in (link.a, link.b):
            self._drawn_at.setdefault(end, set()).add(link.id)

    def drop_link(self, id: UUID) -> None:
        """Forget a link by hand."""
        self._dirty_links[id] = None
        link = self._drawn_links.pop(id, None)
        if link is not None:
            del self._drawn[pair_of(link.a, link.b)][id]
            self._dirty_pairs.add(pair_of(link.a, link.b))
            for end in {link.a, link.b}:
                self._drawn_at[end].discard(id)

    def _change(self, id: UUID, said: Said | None) -> None:
        keys, concerned = self._directory.change(id, said)
        self._dirty_keys |= keys
        self._dirty |= dict.fromkeys((id, *concerned))

    def _touch_around(self, id: UUID) -> None:
        """What others claim of a device is to be read anew: its ports or its name are others."""
        self._dirty |= dict.fromkeys((*self._claimed_by.get(id, ()), *self._seen_by.get(id, ())))
        self._touch_pairs(id)

    def _touch_pairs(self, id: UUID) -> None:
        for other in {*self._claims_of(id), *self._claimed_by.get(id, ()), *self._seen_by.get(id, ())}:
            self._dirty_pairs.add(pair_of(id, other))

    # What follows

    @property
    def is_behind(self) -> bool:
        """Tell whether the last turn had to leave links for the next."""
        return bool(self._dirty or self._moved or self._dirty_pairs)

    def turn(self, now_us: int, most_pairs: int = WITHOUT_END, most_words: int = WITHOUT_END) -> Turn:
        """Work out what follows from the changes and from the time, of at most so many pairs of devices, and return it.

        No more than so many words are read, and some of one device: as long as more are left nothing follows.
        """
        self._read_words(most_words)
        if self._dirty or self._moved:
            return Turn([], [], [], [])
        claimed, self._claimed = self._claimed, set()
        pairs, self._dirty_pairs = self._dirty_pairs, set()
        keys, self._dirty_keys = self._dirty_keys, set()
        for pair in pairs:
            self._bundles.pop(pair, None)
        for _ in range(min(most_pairs, len(self._queue))):
            if self._queue[0][0] > now_us:
                break
            due_us, pair = heappop(self._queue)
            if self._due_us.get(pair) == due_us and pair not in pairs and self._fades(pair, now_us):
                pairs.add(pair)
        if len(pairs) > most_pairs:
            self._dirty_pairs = set(islice(pairs, most_pairs, None))
            pairs -= self._dirty_pairs
        turn = Turn([], [], [], [])
        for pair in pairs:
            self._turn_pair(pair, now_us, turn)
        self._doubt_keys(claimed, keys, turn)
        self._to_doubt |= dict.fromkeys(claimed.union(*pairs))
        if not self._dirty_pairs:
            self._doubt_devices(now_us, most_words, turn)
        return turn

    def _read_words(self, most: int) -> None:
        """Read what devices claim, who waits longest first; note the pairs for which that may make a difference."""
        while self._dirty and most > 0:
            del self._dirty[id := next(iter(self._dirty))]
            most -= 1 + self._claim_anew(id)
        while self._moved and most > 0:
            del self._moved[id := next(iter(self._moved))]
            most -= 1 + self._find_nearest(id)

    def _claim_anew(self, id: UUID) -> int:
        """Read what a device claims directly and who is behind its ports; return how many words that were."""
        said = self._directory.said.get(id)
        near = direct_claims(said, self._directory) if said is not None else {}
        behind = behind_ports(said, self._directory) if said is not None else NOBODY
        was_near, was_behind = self._near.get(id, {}), self._behind.get(id, NOBODY)
        self._claimed.add(id)
        self._moved[id] = None
        if near != was_near:
            set_or_drop(self._near, id, near)
            turn_around(self._claimed_by, id, was_near, near)
            self._moved |= dict.fromkeys((*was_near, *near))
            self._note_pairs(id, was_near, near)
        if behind != was_behind:
            set_or_drop(self._behind, id, behind if behind.at else None)
            turn_around(self._seen_by, id, was_behind.at, behind.at)
        if behind.ports != was_behind.ports:
            self._moved |= dict.fromkeys(self._seen_by.get(id, ()))
        return len(said.heard) + len(said.past) + len(said.sightings) if said is not None else 0

    def _find_nearest(self, id: UUID) -> int:
        """Read what a forwarding table claims; return how many words that is worth."""
        was, new = self._nearest.get(id, {}), dict[UUID, Claim]()
        said, shown = self._directory.said.get(id), self._behind.get(id, NOBODY)
        if said is not None and shown.at:
            near_of = self._claimed_by.get(id, ())
            new = nearest_claims(said, self._directory, self._behind, self._near, near_of)
        if new != was:
            set_or_drop(self._nearest, id, new)
            self._note_pairs(id, was, new)
        return sum(len(seen) ** 2 for seen in shown.ports.values()) // TABLE_ROWS_A_WORD

    def _note_pairs(self, id: UUID, was: Mapping[UUID, object], new: Mapping[UUID, object]) -> None:
        self._dirty_pairs.update(pair_of(id, peer) for peer in {*was, *new} if was.get(peer) != new.get(peer))

    def _claims_of(self, id: UUID) -> set[UUID]:
        return {*self._near.get(id, ()), *self._nearest.get(id, ())}

    def _claims_between(self, by: UUID, of: UUID) -> tuple[Claim, ...]:
        near, nearest = self._near.get(by, {}).get(of, ()), self._nearest.get(by, {}).get(of)
        return near if nearest is None else (*near, nearest)

    def _claims_of_pair(self, pair: Pair) -> tuple[Claim, ...]:
        return (*self._claims_between(*pair), *self._claims_between(pair[1], pair[0]))

    def _turn_pair(self, pair: Pair, now_us: int, turn: Turn) -> None:
        claims = self._claims_of_pair(pair)
        bundles = self._bundles.get(pair)
        if bundles is None:
            links = self._drawn.get(pair, {}).values()
            bundles = join_members(pair, bundle_claims(pair, claims), self._directory.said.get, links)
            set_or_drop(self._bundles, pair, bundles)
        drawn = match_links(pair, bundles, self._drawn.get(pair, {}).values())
        new: dict[UUID, DerivedLink] = {}
        for place, bundle in enumerate(bundles):
            said, last_us = self._directory.said.get, self._claim_us
            link = derive(pair, bundle, drawn.get(place), said=said, last_us=last_us, now_us=now_us)
            if link is not None:
                new[link.id] = link
        for id in self._of_pair.get(pair, ()):
            if id not in new:
                del self.links[id]
                turn.gone.append(id)
        for id, link in new.items():
            if is_news(self.links.get(id), link):
                self.links[id] = link
                turn.links.append(link)
        set_or_drop(self._of_pair, pair, tuple(new))
        self._wait(pair, claims, now_us)

    def _fades(self, pair: Pair, now_us: int) -> bool:
        """Tell whether a pair's links are others by now, and not confirmed meanwhile; one that was is told once an hour."""
        if any(now_us - self.links[id].seen_us >= TELL_AGAIN_US for id in self._of_pair.get(pair, ())):
            return True
        return self._wait(pair, self._claims_of_pair(pair), now_us)

    def _wait(self, pair: Pair, claims: Iterable[Claim], now_us: int) -> bool:
        """Put a pair into the queue for when it fades next; tell whether it has faded otherwise than when it was put there."""
        times: list[int] = []
        faded: list[int] = []
        for claim in claims:
            at_us = self._claim_us(claim)
            for source in claim.sources:
                steps = steps_faded(source, at_us, now_us)
                faded.append(steps)
                next_us = next_step_us(source, at_us, steps)
                if next_us is not None:
                    times.append(next_us)
        is_other = self._faded.get(pair) != faded
        set_or_drop(self._faded, pair, faded)
        if not times:
            self._due_us.pop(pair, None)
        elif self._due_us.get(pair) != min(times):
            self._due_us[pair] = min(times)
            heappush(self._queue, (min(times), pair))
        return is_other

    def _claim_us(self, claim: Claim) -> int:
        """Return when a claim was last so: a live one when its probe last answered."""
        if not claim.probe:
            return claim.at_us
        return max(claim.at_us, self._last_us.get(claim.by, {}).get(claim.probe, 0))

    # Contradictions

    def _doubt_devices(self, now_us: int, most: int, turn: Turn) -> None:
        """Look at the ports of devices, and at links by hand that changed, so many and of who is at their ports so many."""
        faces_of: dict[UUID, list[Face]] = {}

        def faces(id: UUID) -> list[Face]:
            nonlocal most
            if id not in faces_of:
                faces_of[id] = self._faces(id, now_us)
                most -= len(faces_of[id])
            return faces_of[id]

        said = self._directory.said
        while most > 0 and self._to_doubt:
            del self._to_doubt[id := next(iter(self._to_doubt))]
            self._dirty_links |= dict.fromkeys(self._drawn_at.get(id, ()))
            self._hold(("port", id), port_doubts(id, said, faces) if id in said else [], turn)
            most -= 1
        while most > 0 and self._dirty_links:
            del self._dirty_links[id := next(iter(self._dirty_links))]
            found = link_doubt(link, said, faces) if (link := self._drawn_links.get(id)) is not None else None
            self._hold(("link", id), [found] if found is not None else [], turn)
            most -= 1

    def _doubt_keys(self, devices: Iterable[UUID], keys: Iterable[str], turn: Turn) -> None:
        said = self._directory.said
        shared = {
            key
            for id in devices
            if id in said
            for key in (*said[id].macs, *said[id].addresses)
            if len(self._directory.owners(key)) > 1
        }
        for key in shared.union(keys):
            found = key_doubt(key, self._directory)
            self._hold(("key", key), [found] if found is not None else [], turn)

    def _faces(self, id: UUID, now_us: int) -> list[Face]:
        """Return who is at the ports of a device, as far as that is no older than half of what it was worth."""
        found: list[Face] = []
        for claims in self._near.get(id, {}).values():
            found += (
                Face(claim.own, claim.peer, claim, self._claim_us(claim)) for claim in claims if claim.is_near
            )
        for peer in self._claimed_by.get(id, ()):
            for claim in self._near[peer].get(id, ()):
                if claim.is_near:
                    found.append(Face(claim.far, peer, claim, self._claim_us(claim)))
        return [
            face
            for face in found
            if all(steps_faded(source, face.at_us, now_us) < HALF_STEPS for source in face.claim.sources)
        ]

    def _hold(self, group: object, found: Iterable[Contradiction], turn: Turn) -> None:
        news, settled = self._doubts.hold(group, found)
        turn.contradictions += news
        turn.settled += settled
