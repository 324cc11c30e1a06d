"""Networks that come from files and go into them: what is asked, and what a dry run tells. Counterpart: `engine/imports/`.

Theory: a dry run reads a file beside the inventory and answers with rows for people and with the steps of the edit that it
would be. Whoever asked leaves out what is not wanted and submits the rest like any edit, so an import is refused, undone and
synced like everything else. One rule: nothing changes until that edit is submitted.
"""

from __future__ import annotations

from typing import Literal, get_args
from uuid import UUID

import msgspec

from domain.edit import Step
from domain.inventory import Probe

FileFormat = Literal["geojson", "kml", "kmz", "graphml", "csv"]
FILE_FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
FILE_CAP_BYTES = 12 * 1024 * 1024
"""Largest file that is read or written: it travels in one message."""
RECORDS_CAP = 30_000
"""Most things of one file."""
STEPS_AT_ONCE_CAP = 10_000
"""Most changes of one import."""

Action = Literal["add", "change", "same", "skip"]


class ImportRow(msgspec.Struct, frozen=True):
    """What would become of one thing of the file. `where` is where it stands there, `said` what changes or why it is left out.

    `steps` are the indexes of its steps; `needs` are the indexes of the rows whose things have to come with it.
    """

    action: Action
    kind: str
    name: str
    where: str
    said: str = ""
    steps: tuple[int, ...] = ()
    needs: tuple[int, ...] = ()


class ImportPlan(msgspec.Struct, frozen=True):
    """All rows of a dry run in the order of the file, and the steps of the edit."""

    format: FileFormat
    rows: tuple[ImportRow, ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


class PlanImport(msgspec.Struct, tag="plan_import", frozen=True):
    """Read a file and say what it would change. Reply.result: {"plan": ImportPlan as plain data}; refused with CANNOT_READ.

    `format` "" is found out from name and content. New devices are asked by `probes`; `site` is where they go that name none.
    """

    request: int
    name: str
    data: bytes
    format: Literal["", "geojson", "kml", "kmz", "graphml", "csv"] = ""
    probes: tuple[Probe, ...] = ()
    site: UUID | None = None


class ExportNetwork(msgspec.Struct, tag="export_network", frozen=True):
    """Write the inventory as a file. Reply.result: {"data": bytes, "things": how many it holds, "left_out": sentences}.

    `devices` None: everything; else those devices, their sites and the links between them. Logins and secrets are never in it.
    """

    request: int
    format: FileFormat
    devices: tuple[UUID, ...] | None = None


ExchangeRequest = PlanImport | ExportNetwork
