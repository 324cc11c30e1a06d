"""All devices' words fused into links and contradictions, a change at a time. Counterpart: `engine/judge/evidence.py` feeds it.

Theory: a device that said something new makes claims anew, and so do those who speak of what it owns. Claims turn pairs: the
links of a pair are put together anew when either claims something else of the other, when a port of theirs changed, when a link
by hand between them did, and when evidence of theirs fades by a step, which a queue of times knows. Forwarding tables besides
depend on those of whom they show. What fades is asked first whether it was confirmed meanwhile, so that a device that answers
costs little.
One rule: whatever the order of changes, the result is that of telling all at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from itertools import islice
from typing import TypeVar
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
    timeless_words,
)
from domain.evidence_claims import Behind, Claim, Directory, behind_ports, direct_claims, nearest_claims
from domain.evidence_doubts import Face, key_doubt, link_doubt, port_doubts
from domain.evidence_links import Bundle, Pair, bundle_claims, derive, match_links, pair_of
from domain.evidence_said import Said
from domain.inventory import Link

RETURNED_US = 7 * 60 * 1_000_000
"""A device that was silent for longer is looked at when it answers again; what one says that was not has not faded yet."""

_Key = TypeVar("_Key")
_Thing = TypeVar("_Thing")
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
        self.contradictions: dict[UUID, Contradiction] = {}
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
        self._doubts: dict[object, dict[UUID, Contradiction]] = {}
        self._dirty: set[UUID] = set()
        self._dirty_pairs: set[Pair] = set()
        self._dirty_keys: set[str] = set()
        self._dirty_links: set[UUID] = set()

    @property
    def said(self) -> Mapping[UUID, Said]:
        """What each device says."""
        return self._directory.said

    def last_us(self, id: UUID) -> Mapping[str, int]:
        """Return when each probe of a device last answered."""
        return self._last_us.get(id, {})

    def is_known(self, key: str) -> bool:
        """Tell whether a MAC or an address is a device's own."""
        return bool(self._directory.owners(key))

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

    def put_link(self, link: Link) -> None:
        """Take up a link by hand, or a change of it."""
        if self._drawn_links.get(link.id) == link:
            return
        self.drop_link(link.id)
        self._drawn_links[link.id] = link
        self._drawn.setdefault(pair_of(link.a, link.b), {})[link.id] = link
        for end in (link.a, link.b):
            self._drawn_at.setdefault(end, set()).add(link.id)

    def drop_link(self, id: UUID) -> None:
        """Forget a link by hand."""
        self._dirty_links.add(id)
        link = self._drawn_links.pop(id, None)
        if link is not None:
            del self._drawn[pair_of(link.a, link.b)][id]
            self._dirty_pairs.add(pair_of(link.a, link.b))
            for end in {link.a, link.b}:
                self._drawn_at[end].discard(id)

    def _change(self, id: UUID, said: Said | None) -> None:
        keys = self._directory.change(id, said)
        self._dirty_keys |= keys
        self._dirty.add(id)
        for key in keys:
            self._dirty.update(self._directory.speakers(key))

    def _touch_around(self, id: UUID) -> None:
        """What others claim of a device is to be read anew: its ports or its name are others."""
        self._dirty.update(self._claimed_by.get(id, ()), self._seen_by.get(id, ()))
        self._touch_pairs(id)

    def _touch_pairs(self, id: UUID) -> None:
        for other in {*self._claims_of(id), *self._claimed_by.get(id, ()), *self._seen_by.get(id, ())}:
            self._dirty_pairs.add(pair_of(id, other))

    # What follows

    @property
    def is_behind(self) -> bool:
        """Tell whether the last turn had to leave something for the next."""
        return bool(self._dirty_pairs)

    def turn(self, now_us: int, most_pairs: int = 1_000_000) -> Turn:
        """Work out what follows from the changes and from the time, of at most so many pairs of devices, and return it."""
        dirty, self._dirty = self._dirty, set()
        pairs, self._dirty_pairs = self._dirty_pairs, set()
        keys, self._dirty_keys = self._dirty_keys, set()
        drawn, self._dirty_links = self._dirty_links, set()
        for id in drawn:
            link = self._drawn_links.get(id)
            if link is not None:
                pairs.add(pair_of(link.a, link.b))
        self._claim_anew(dirty, pairs)
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
        self._doubt_devices(dirty.union(*pairs), drawn, now_us, turn)
        self._doubt_keys(dirty, keys, turn)
        return turn

    def _claim_anew(self, dirty: Iterable[UUID], pairs: set[Pair]) -> None:
        """Read what devices claim; add the pairs for which that may make a difference."""
        again = set(dirty)
        for id in dirty:
            said = self._directory.said.get(id)
            near = direct_claims(said, self._directory) if said is not None else {}
            behind = behind_ports(said, self._directory) if said is not None else {}
            was_near, was_behind = self._near.get(id, {}), self._behind.get(id, {})
            if near != was_near:
                _set(self._near, id, near)
                _index(self._claimed_by, id, was_near, near)
                again.update(was_near, near)
                pairs.update(
                    pair_of(id, peer) for peer in {*was_near, *near} if was_near.get(peer) != near.get(peer)
                )
            if behind != was_behind:
                _set(self._behind, id, behind)
                seen = ({peer for some in one.values() for peer in some} for one in (was_behind, behind))
                _index(self._seen_by, id, *seen)
                again.update(self._seen_by.get(id, ()))
        for id in again:
            said = self._directory.said.get(id)
            was = self._nearest.get(id, {})
            new = (
                nearest_claims(said, self._directory, self._behind, self._near, self._claimed_by.get(id, ()))
                if said is not None and id in self._behind
                else {}
            )
            if new != was:
                _set(self._nearest, id, new)
                pairs.update(pair_of(id, peer) for peer in {*was, *new} if was.get(peer) != new.get(peer))
        for pair in pairs:
            self._bundles.pop(pair, None)

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
            bundles = bundle_claims(pair, claims)
            _set(self._bundles, pair, bundles)
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
        _set(self._of_pair, pair, tuple(new))
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
        _set(self._faded, pair, faded)
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

    def _doubt_devices(self, devices: set[UUID], drawn: set[UUID], now_us: int, turn: Turn) -> None:
        faces_of: dict[UUID, list[Face]] = {}

        def faces(id: UUID) -> list[Face]:
            if id not in faces_of:
                faces_of[id] = self._faces(id, now_us)
            return faces_of[id]

        said = self._directory.said
        for id in drawn.union(*(self._drawn_at.get(device, ()) for device in devices)):
            link = self._drawn_links.get(id)
            found = link_doubt(link, said, faces) if link is not None else None
            self._hold(("link", id), [found] if found is not None else [], turn)
        for id in devices:
            self._hold(("port", id), port_doubts(id, said, faces) if id in said else [], turn)

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
        found = list(found)
        if not found and group not in self._doubts:
            return
        was, new = self._doubts.get(group, {}), {one.id: one for one in found}
        for id in was.keys() - new.keys():
            del self.contradictions[id]
            turn.settled.append(id)
        for id, one in new.items():
            if id not in was or timeless_words(was[id]) != timeless_words(one):
                self.contradictions[id] = one
                turn.contradictions.append(one)
            else:
                new[id] = was[id]
        _set(self._doubts, group, new)


def _set(table: dict[_Key, _Thing], key: _Key, value: _Thing) -> None:
    if value:
        table[key] = value
    else:
        table.pop(key, None)


def _index(table: dict[UUID, set[UUID]], id: UUID, was: Iterable[UUID], new: Iterable[UUID]) -> None:
    """Keep who points at whom the other way around."""
    had, has = set(was), set(new)
    for peer in had - has:
        table[peer].discard(id)
        if not table[peer]:
            del table[peer]
    for peer in has - had:
        table.setdefault(peer, set()).add(id)
