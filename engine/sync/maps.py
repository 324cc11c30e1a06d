"""Shares the files of a team's maps. Counterparts: `contents.py`, which brings and fetches; `engine/maps/team_files.py`, which
keeps them here; `sync_server/api/maps.py`; `domain/team_map.py`, what a map of the team is.

Theory: a map goes up from whichever computer has its file and may edit, also hours later and after restarts; it comes where a
person wants it. Each map of the team that is not both here and there has a `MapWay`, which windows show.
One rule: nobody waits for a map: it goes in pieces beside the live line, like pictures, and leaves half of the line to others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from uuid import UUID

from domain.blobs import is_digest
from domain.errors import Refusal
from domain.inventory import Inventory
from domain.team_map import TEAM_MAP_CAP_BYTES, FetchMap, MapWay, TeamMap
from domain.wire import Reply
from engine.maps.team_files import TeamMapFiles
from engine.sync.contents import ContentSharing, Ware

MAPS = Ware("map", 0, TEAM_MAP_CAP_BYTES, is_long=True, of_all=True)
MAPS_PATH = "/maps"


def maps_in(inventory: Inventory) -> dict[str, str]:
    """Return what shows each map that a team has, in words, by their digests."""
    return {one.digest: f"The map “{one.name}”" for one in inventory.team_maps()}


class MapSharing:
    """One install's. `confirmed` returns the maps that the team has, by their ids, as the server confirmed them; `tell`
    hears that the ways are others."""

    def __init__(
        self,
        sharing: ContentSharing,
        files: TeamMapFiles,
        *,
        confirmed: Callable[[], Mapping[UUID, TeamMap]],
        tell: Callable[[], object],
    ) -> None:
        self._sharing = sharing
        self._files = files
        self._confirmed = confirmed
        self._tell = tell
        self._ids: dict[str, UUID] = {}
        """As what the team had each: one that was taken back and shared again is another."""
        sharing.wanted |= files.wanted()
        self._follow()

    @property
    def notices(self) -> tuple[str, ...]:
        """Return why maps are on this computer alone, in words."""
        return self._sharing.notices

    @property
    def ways(self) -> tuple[MapWay, ...]:
        """Return how the team's maps stand with this computer, but for those that are here and there."""
        return tuple(self._ways())

    def wake(self, *, anew: bool = False) -> None:
        """The team's maps, or those here, are others; `anew`: the server may not have what it had."""
        self._follow()
        self._sharing.wake(anew=anew)
        self._tell()

    async def run(self) -> None:
        """Share, for ever."""
        await self._sharing.run()

    def answer(self, request: FetchMap) -> Reply:
        """Want a map from now on, or not any more."""
        self._follow()
        one = self._confirmed().get(request.map)
        if one is None or one.digest not in self._files.shared:
            return Reply(request.request, (Refusal("MAP_NOT_FOUND", "the team has that map no more"),))
        if request.stop:
            self._files.drop(one.digest)
            self._sharing.unwant(one.digest)
        elif self._files.file(one.digest) is None:
            if refused := self._files.want(one.digest):
                return Reply(request.request, (refused,))
            self._sharing.want(one.digest)
        self._tell()
        return Reply(request.request)

    def _follow(self) -> None:
        """Note what the team's maps are called, and leave what it has no more."""
        confirmed = {one.digest: one for one in self._confirmed().values() if is_digest(one.digest)}
        self._files.shared = confirmed
        gone = self._sharing.wanted - confirmed.keys()
        self._files.keep_only(confirmed)
        for digest in gone:
            self._sharing.unwant(digest)
        ids = {digest: one.id for digest, one in confirmed.items()}
        self._sharing.keep_only([digest for digest, id in self._ids.items() if ids.get(digest) == id])
        self._ids = ids

    def _ways(self) -> Iterator[MapWay]:
        for digest in sorted(self._files.shared):
            trouble, way = self._sharing.trouble(digest), self._sharing.way(digest)
            if digest in self._sharing.wanted:
                size = way.size if way is not None else 0
                done = max(self._files.have(digest), way.done if way is not None else 0)
                yield MapWay(digest, "checking" if done >= size > 0 else "comes", done, trouble)
            elif digest not in self._files.elsewhere:
                done = way.done if way is not None else 0
                yield MapWay(digest, "goes_up" if done else "waits", done, trouble)
            elif self._files.file(digest) is None:
                yield MapWay(digest, "elsewhere", self._files.have(digest), trouble)
