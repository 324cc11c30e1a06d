"""What links would carry if something failed, in words: which, from what to what, of what capacity. Counterpart: `what_if.py`.

One rule: what is not known is said as such, and never counted as nothing.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from app.lags import capacity_bps
from app.model import Model
from app.panels.rows_model import Column
from app.topology.what_if import Imagining, paths_drawn
from app.words import UNKNOWN, count_of, ends_of_link, in_mbps, rate
from domain.topology import LEAST_BPS, LinkThen

NOT_KNOWN = "not known"


class LoadRow(NamedTuple):
    """A link that would carry more one way; `device` is the end it would carry it to. A load or capacity of None: not known."""

    key: str
    device: UUID
    name: str
    now_bps: float | None
    then_bps: float | None
    more_bps: float
    capacity_bps: int | None

    @property
    def share(self) -> float | None:
        """How full it would be, 1 is full."""
        return self.then_bps / self.capacity_bps if self.then_bps is not None and self.capacity_bps else None

    @property
    def is_over(self) -> bool:
        """Whether that is more than it can carry."""
        return self.share is not None and self.share > 1

    @property
    def words(self) -> str:
        """From what to what, and of what capacity."""
        now = rate(self.now_bps) if self.now_bps is not None else NOT_KNOWN
        more = f"{rate(self.more_bps)} more" if self.more_bps > LEAST_BPS else NOT_KNOWN
        then = rate(self.then_bps) if self.then_bps is not None else more
        of = rate(self.capacity_bps) if self.capacity_bps else NOT_KNOWN
        return f"from {now}\tto {then}\tof {of}"


def _then_said(row: LoadRow) -> str:
    if row.then_bps is not None:
        return in_mbps(row.then_bps)
    return f"+{in_mbps(row.more_bps)}" if row.more_bps > LEAST_BPS else UNKNOWN


LOADS = (
    Column("Would carry, Mb/s", lambda row: row.name),
    Column("from", lambda row: in_mbps(row.now_bps), 48),
    Column("to", _then_said, 52, order=lambda row: -row.more_bps),
    Column(
        "of",
        lambda row: in_mbps(row.capacity_bps),
        54,
        order=lambda row: None if row.share is None else -row.share,
    ),
)


def load_rows(model: Model, imagining: Imagining) -> list[LoadRow]:
    """Return who would carry more: what is fullest first, then what cannot be held against a capacity, the most more first."""
    rows = [row for then in imagining.moved.links if (row := _row(model, then)) is not None]
    return sorted(rows, key=lambda row: (row.share is None, -(row.share or 0.0), -row.more_bps, row.key))


def _row(model: Model, then: LinkThen) -> LoadRow | None:
    """Return a link's fuller way; None where it would carry no more, or is gone meanwhile."""
    link = model.inventory.link(then.link)
    if link is None or max(then.ab_more_bps, then.ba_more_bps) <= 0:
        return None
    a, b = ends_of_link(model.inventory, link)
    ways = (
        (then.ab_bps, then.ab_more_bps, f"{a} → {b}", link.b),
        (then.ba_bps, then.ba_more_bps, f"{b} → {a}", link.a),
    )
    then_bps, more_bps, name, end = max(ways, key=lambda way: (way[1] > 0, way[0] or 0.0, way[1]))
    now_bps = None if then_bps is None else max(then_bps - more_bps, 0.0)
    return LoadRow(str(link.id), end, name, now_bps, then_bps, more_bps, capacity_bps(model, link) or None)


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
    lines = [f"{row.name}\t{row.words}" for row in rows]
    return ["", load_sentence(rows, imagining), *lines] if lines else []
