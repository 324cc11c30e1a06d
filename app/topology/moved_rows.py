"""What links would carry if something failed, in words: which, from what to what, of what capacity. Counterpart: `what_if.py`.

One rule: what is not known is said as such, and never counted as nothing.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from app.model import Model
from app.panels.rows_model import Column
from app.topology.what_if import Imagining, paths_drawn
from app.words import count_of, ends_of_link, rate
from domain.load import load_pct
from domain.topology import LinkThen

NOT_KNOWN = "not known"


class LoadRow(NamedTuple):
    """A link that would carry more one way; `device` is the end it would carry it to, `share` of 1 what of it would be in use."""

    key: str
    device: UUID
    name: str
    now: str
    then: str
    of: str
    share: float | None
    more_bps: float

    @property
    def is_over(self) -> bool:
        """Whether that is more than it can carry."""
        return self.share is not None and self.share > 1


LOADS = (
    Column("Link", lambda row: row.name),
    Column("From", lambda row: row.now, 62, is_text=True),
    Column("To", lambda row: row.then, 70, is_text=True, order=lambda row: -row.more_bps),
    Column(
        "Of",
        lambda row: row.of,
        68,
        is_text=True,
        order=lambda row: None if row.share is None else -row.share,
    ),
)


def load_rows(model: Model, imagining: Imagining) -> list[LoadRow]:
    """Return who would carry more: what is fullest first, then what cannot be held against a capacity, the most more first."""
    rows = [row for then in imagining.moved.links if (row := _row(model, then)) is not None]
    return sorted(rows, key=lambda row: (row.share is None, -(row.share or 0.0), -row.more_bps, row.key))


def _row(model: Model, then: LinkThen) -> LoadRow | None:
    """Return a link's fuller way; None where it would carry no more, or is gone meanwhile."""
    link, state = model.inventory.link(then.link), model.link_states.get(then.link)
    if link is None or max(then.ab_more_bps, then.ba_more_bps) <= 0:
        return None
    a, b = ends_of_link(model.inventory, link)
    now = (state.ab_bps, state.ba_bps) if state is not None else (None, None)
    ways = (
        (then.ab_bps, then.ab_more_bps, now[0], f"{a} → {b}", link.b),
        (then.ba_bps, then.ba_more_bps, now[1], f"{b} → {a}", link.a),
    )
    bps, more_bps, now_bps, name, end = max(ways, key=lambda way: (way[1] > 0, way[0] or 0.0, way[1]))
    pct = load_pct(bps, link.capacity_bps)
    said = rate(bps) if bps is not None else f"+{rate(more_bps)}"
    of = rate(link.capacity_bps) if link.capacity_bps else NOT_KNOWN
    share = None if pct is None else pct / 100
    known = rate(now_bps) if bps is not None else NOT_KNOWN
    return LoadRow(str(link.id), end, name, known, said, of, share, more_bps)


def load_sentence(rows: list[LoadRow], imagining: Imagining) -> str:
    """Return what the moved load comes to, and what is not known of it; nothing where nothing moves."""
    unknown, stray_bps = imagining.moved.unknown, imagining.moved.stray_bps
    said = []
    over, open_ = sum(row.is_over for row in rows), sum(row.share is None for row in rows)
    if over:
        said.append(f"{count_of(over, 'link', 'links')} would carry more than {_it(over)} can.")
    elif len(rows) > open_:
        said.append(f"{'Where that is known no' if open_ else 'No'} link would carry more than it can.")
    if open_:
        said.append(
            f"{count_of(open_, 'link carries', 'links carry')} more, but load or capacity is not known."
        )
    if unknown:
        whose = count_of(len(unknown), "re-routed device", "re-routed devices")
        said.append(f"What {whose} would move is not known.")
    if stray_bps:
        said.append(f"{rate(stray_bps)} off the shortest ways cannot be followed.")
    return " ".join(said)


def _it(count: int) -> str:
    return "it" if count == 1 else "they"


def painted_words(imagining: Imagining) -> str:
    """Return how many of the ways the map paints where there are more; nothing where it paints all."""
    impact = imagining.impact
    if impact is None:
        return ""
    every = len(paths_drawn(impact, imagining.detours, len(imagining.detours)))
    painted = len(paths_drawn(impact, imagining.detours))
    return (
        f"The map paints {painted:,} of {every:,} new ways, those with most behind them."
        if painted < every
        else ""
    )


def load_lines(model: Model, imagining: Imagining) -> list[str]:
    """Return the same as it is copied: the sentence and a line a link; nothing where nothing would carry more."""
    rows = load_rows(model, imagining)
    lines = [f"{row.name}\tfrom {row.now}\tto {row.then}\tof {row.of}" for row in rows]
    return ["", load_sentence(rows, imagining), *lines] if lines else []
