"""Who says that a link exists: each source, whose word it is, of which port, how long ago. Counterpart: `topology/told.py`.

One rule: a witness that has been silent is quiet on the screen too, and stays in the list.
"""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.draft import now_us
from app.look import Look
from app.model import Model
from app.panels.rows_model import Column
from app.panels.rows_table import RowsTable
from app.panels.text import Label
from app.topology.told import NOBODY, SOURCE_WORDS, is_old, name_of_device, score_words
from app.words import age_of
from domain.evidence import DerivedLink, Evidence

ROWS_SHOWN = 10
TODAY = "Today, not then:"


class Witness(NamedTuple):
    """One witness as it is shown."""

    key: str
    evidence: Evidence
    by: str

    @property
    def is_old(self) -> bool:
        """Whether it has been silent for long."""
        return is_old(self.evidence, now_us())


def _source(row: Witness) -> str:
    return SOURCE_WORDS[row.evidence.source]


def _age(row: Witness) -> str:
    return "" if row.evidence.source == "manual" else age_of(row.evidence.at_us, now_us())


_COLUMNS = (
    Column("Says so", _source, quiet=lambda row: row.by, is_old=lambda row: row.is_old),
    Column(
        "Of its port",
        lambda row: row.evidence.interface,
        84,
        1,
        is_text=True,
        is_old=lambda row: row.is_old,
    ),
    Column("Last", _age, 52, order=lambda row: -row.evidence.at_us, is_old=lambda row: row.is_old),
)


def witnesses(model: Model, told: DerivedLink) -> list[Witness]:
    """Return who tells of a link, the most trusted first."""
    return [
        Witness(
            f"{one.source} {one.said_by} {one.interface} {one.detail}",
            one,
            name_of_device(model, one.said_by) if one.source != "manual" else "",
        )
        for one in told.evidence
    ]


class EvidenceList(QWidget):
    """The score in words, and the witnesses below it."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.score = Label("", wrap=True)
        self.table = RowsTable(_COLUMNS, look, "Who says so", ROWS_SHOWN)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.score)
        layout.addWidget(self.table)

    def show_told(self, model: Model, told: DerivedLink | None) -> None:
        """Show what devices tell of a link; None where nobody does."""
        said = score_words(model, told, now_us()) + "." if told is not None else NOBODY
        if model.moment_us is not None:
            said = f"{TODAY} {said}"
        if said != self.score.text():
            self.score.setText(said)
        self.table.setVisible(told is not None)
        self.table.show_rows(witnesses(model, told) if told is not None else [])
        self.table.viewport().update()
