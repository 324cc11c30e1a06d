"""What one call to the team's server is known by, here and there. Counterpart: `sync_server/api/headers.py`, `tracing.py`.

Theory: a call is a span of W3C's Trace Context; the span's number is the request's id too. So what a toast says, this log, the
server's log and its spans all have the one word, and a call that is made again is another span of the same trace.
One rule: whether a trace is recorded is for the server's settings to say, so the flag that asks for it is never set here.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CallId:
    """A trace and the span in it, in hexadecimal digits: 32 and 16."""

    trace: str = field(default_factory=lambda: secrets.token_hex(16))
    span: str = field(default_factory=lambda: secrets.token_hex(8))

    def again(self) -> CallId:
        """Return the next span of the same trace."""
        return CallId(self.trace)

    @property
    def headers(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """What a request brings."""
        return ("X-Request-ID", self.span), ("traceparent", f"00-{self.trace}-{self.span}-00")

    @property
    def told(self) -> dict[str, str]:
        """What a line of the log says of it, as the server's does."""
        return {"request_id": self.span, "trace_id": self.trace}
