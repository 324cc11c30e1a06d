"""What a person asks of discovery, and of long work at large. Counterpart: `engine/discovery/desk.py` answers.

One rule: what is found is taken into the inventory by an edit, like everything; nothing here does it.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from domain.discovering import SweepSettings, WalkSettings

OperationAct = Literal["pause", "resume", "cancel"]


class StartSweep(msgspec.Struct, tag="start_sweep", frozen=True):
    """Ask every address of some ranges who is there. Reply: ok with {"operation": its id}, or refusals."""

    request: int
    settings: SweepSettings


class StartWalk(msgspec.Struct, tag="start_walk", frozen=True):
    """Follow neighbours from some devices or addresses. Reply as for StartSweep."""

    request: int
    settings: WalkSettings


class SteerOperation(msgspec.Struct, tag="steer_operation", frozen=True):
    """Pause long work, have it go on, or end it. Reply: ok, or OPERATION_NOT_FOUND where it has ended."""

    request: int
    operation: UUID
    act: OperationAct


class ForgetFind(msgspec.Struct, tag="forget_find", frozen=True):
    """Drop a find until it is seen again. Reply: ok, or FIND_NOT_FOUND."""

    request: int
    find: UUID


class JoinFinds(msgspec.Struct, tag="join_finds", frozen=True):
    """Say that these are one. Reply: ok, or refusals."""

    request: int
    finds: tuple[UUID, ...]


DiscoveryRequest = StartSweep | StartWalk | SteerOperation | ForgetFind | JoinFinds
