"""What others say goes to who judges and who polls, where their lines have room; what has none is counted."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from sync_server.live.line import RELAYED
from sync_server.live.polling import Holding
from sync_server.live.relaying import SEEN, Relaying

JUDGE, OTHER = UUID(int=1), UUID(int=2)


class Line:
    """A line in which so much waits."""

    def __init__(self, install: UUID, waits: int) -> None:
        self.id = self.install = install
        self.waits = waits
        self.told: list[bytes] = []

    def tell(self, data: bytes, within: int) -> bool:
        if self.waits >= within:
            return False
        self.told.append(data)
        return True


def test_what_others_say_is_told_to_who_judges_and_counted_where_his_line_has_no_room() -> None:
    for waits, lost in ((RELAYED - 1, 0), (RELAYED, 1)):
        judge, other = Line(JUDGE, waits), Line(OTHER, 0)
        works = SimpleNamespace(dropped=Counter[str]())
        relaying = Relaying(UUID(int=9), cast(Any, [judge, other]), cast(Any, works))
        relaying.tell(Holding(), JUDGE, {})
        relaying.on_relayed(SEEN, b"seen")
        assert (judge.told, other.told) == ([b"seen"] * (1 - lost), [])
        assert works.dropped.total() == lost
