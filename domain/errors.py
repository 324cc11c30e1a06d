"""The three kinds of error, of which two are classes: the world (`DeviceError`) and the rules (`Refusal`).

One rule: a DeviceError is raised below the monitor and becomes a `Failure` in it; a Refusal is shown to the user as it is;
everything else is a bug and is caught only by the task spawner. Messages say what, which one, got, expected.
"""

from __future__ import annotations

from uuid import UUID

import msgspec


class DeviceError(Exception):
    """A device did not do what was asked: data for the judge, not a fault of ours."""

    kind = "no_answer"


class NoAnswer(DeviceError):
    """Nothing came back in time."""

    kind = "no_answer"


class Refused(DeviceError):
    """The host answered that nobody listens, or it closed the connection."""

    kind = "refused"


class BadCredentials(DeviceError):
    """The device answers, but not to this login or community."""

    kind = "bad_credentials"


class Untrusted(DeviceError):
    """The device shows a certificate or host key that nobody has trusted, or another than the trusted one.

    `seen` is the SHA-256 fingerprint it shows, 64 hex digits: what `Probe.pin` becomes if a person trusts it.
    """

    kind = "untrusted"

    def __init__(self, message: str, seen: str) -> None:
        super().__init__(message)
        self.seen = seen


class BadReply(DeviceError):
    """The device answered with bytes that break the protocol or a cap.

    `offset` is the byte at which reading stopped, 0 where it has no meaning.
    """

    kind = "bad_reply"

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__(f"{reason} (at byte {offset})" if offset else reason)
        self.reason = reason
        self.offset = offset


class Unsupported(DeviceError):
    """The device answers, but does not have what was asked for."""

    kind = "unsupported"


class Refusal(msgspec.Struct, frozen=True):
    """A rule said no. `field` names the form field or is empty; `subject` the thing it is about, if any."""

    code: str
    message: str
    field: str = ""
    subject: UUID | None = None


class RefusedByRule(Exception):
    """Carries refusals up to the one place that answers the request."""

    def __init__(self, refusals: list[Refusal]) -> None:
        super().__init__("; ".join(r.message for r in refusals))
        self.refusals = refusals
