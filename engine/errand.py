"""One question of a command line to the engine of a profile: the one that runs, or one that runs just for that. Counterpart:
`endpoint.py`, which answers; `app/errand.py`, the window's programs.

One rule: whoever may talk to the engine is who can read its profile, and nobody else is asked for anything.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any

import msgspec

from domain.wire import (
    FRAME_CAP_BYTES,
    HEARTBEAT_S,
    PROTOCOL,
    Alive,
    Hello,
    Rejected,
    Reply,
    ToEngine,
    decode_to_client,
    encode,
)
from engine.client_line import Patient
from engine.profile import Profile, ProfileTaken

ANSWER_S = 60.0
"""How long an answer may take: the server is asked meanwhile, and tried again."""
SILENT_S = 10.0
"""How long an engine may say nothing at all, which says each second that it is there."""
Ask = Callable[[ToEngine], Awaitable[Reply]]


class NoEngine(Exception):
    """The engine that has the profile does not answer; the message says so."""


class _Address(msgspec.Struct, frozen=True):
    address: str
    family: str


@asynccontextmanager
async def engine_of(folder: Path) -> AsyncIterator[Ask]:
    """Yield what asks the engine of a profile, and raises NoEngine; one that is opened for it is closed after. Raises OSError,
    StorageRefused, StorageFailed."""
    try:
        profile = Profile.open(folder)
    except ProfileTaken:
        yield lambda request: asyncio.to_thread(_ask, folder, request)
        return
    from engine.compose import Engine  # noqa: PLC0415 loads the storage: not before the profile is ours

    try:
        engine = await Engine.open(profile, asyncio.Event(), "")
        try:
            yield lambda request: asyncio.to_thread(_ask, folder, request)
        finally:
            await engine.close()
    finally:
        profile.close()


def _prove(patient: Patient, key: bytes, folder: Path) -> None:
    """Let each side show that it can read the profile. Raises NoEngine, EOFError, OSError."""
    try:
        answer_challenge(patient, key)  # type: ignore[arg-type]
        deliver_challenge(patient, key)  # type: ignore[arg-type]
    except TimeoutError:
        raise NoEngine(f"the engine of {folder} does not answer: it is stopped, or stands still") from None
    except (AuthenticationError, AssertionError) as error:
        raise NoEngine(f"the engine of {folder} does not answer: {error}") from None


def _ask(folder: Path, request: ToEngine) -> Reply:
    try:
        told = msgspec.json.decode((folder / "endpoint.json").read_bytes(), type=_Address)
        key = (folder / "endpoint.key").read_bytes()
        connection: Any = Client(told.address, told.family)  # Windows has another type
    except (OSError, EOFError, ValueError, AuthenticationError, msgspec.MsgspecError) as error:
        raise NoEngine(f"the engine of {folder} does not answer: {error}") from None
    try:
        _prove(Patient(connection), key, folder)
        connection.send_bytes(encode(Hello(PROTOCOL, "cli")))
        connection.send_bytes(encode(request))
        beat_s = heard_s = time.monotonic()
        until_s = heard_s + ANSWER_S
        while (now_s := time.monotonic()) < until_s:
            if now_s - heard_s > SILENT_S:
                raise NoEngine(
                    f"the engine of {folder} says nothing for {SILENT_S:g} s: it is stopped, or stands still"
                )
            if now_s >= beat_s:
                connection.send_bytes(encode(Alive(time.time_ns() // 1000)))
                beat_s = now_s + HEARTBEAT_S
            if not connection.poll(HEARTBEAT_S / 4):
                continue
            message = decode_to_client(connection.recv_bytes(FRAME_CAP_BYTES))
            heard_s = time.monotonic()
            if isinstance(message, Rejected):
                raise NoEngine(message.message)
            if isinstance(message, Reply) and message.request == request.request:  # type: ignore[union-attr]
                return message
        raise NoEngine(f"the engine of {folder} gave no answer in {ANSWER_S:g} s")
    except (OSError, EOFError, msgspec.MsgspecError) as error:
        raise NoEngine(f"the engine of {folder} hung up: {error}") from None
    finally:
        connection.close()
