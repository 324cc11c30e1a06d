"""Traces: a request and the statements that it caused, as spans for a collector of OpenTelemetry. Counterpart: `main.py`.

Theory: a request that brings a `traceparent` goes on in its sender's trace, and is recorded where that says so, else by the
share of the settings, as what begins here. Edits that come over a line are a span with their ids. asyncpg tells of each
statement when it is over, in the context of who asked for it: so it is its request's child without a layer around the driver.
What is off is not there: no middleware, no listener.
One rule: a span holds no argument and no literal; whose request it was says the log, under the same id.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import asyncpg
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine import VERSION
from sync_server.metrics import METHODS, NO_ROUTE
from sync_server.settings import PREFIX, SettingRefused, Settings

if TYPE_CHECKING:
    from asyncpg.connection import LoggedQuery

EXPORT_S = 5.0
"""How long the collector may take for a batch; what it does not take is lost."""
STATEMENT_CAP = 2_000
_HEADERS = (b"traceparent", b"tracestate")
_LITERAL = re.compile(r"'(?:[^']|'')*'")


class Traces:
    """Where spans go. Made by `of`, closed last."""

    def __init__(self, url: str, share: float) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 an extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

        named = Resource.create({"service.name": "heliograph-server", "service.version": VERSION})
        chosen = TraceIdRatioBased(share)  # a sender that asks for nothing leaves it to us: installs do
        self._provider = TracerProvider(ParentBased(chosen, remote_parent_not_sampled=chosen), named)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url, timeout=EXPORT_S)))
        self.tracer = self._provider.get_tracer("heliograph", VERSION)

    @classmethod
    def of(cls, settings: Settings) -> Traces | None:
        """Return where the settings send spans, None where they send none. Raises SettingRefused."""
        if not settings.traces_url:
            return None
        try:
            return cls(settings.traces_url, settings.traces_share)
        except ImportError as error:
            said = f"the extra `traces` is not installed ({error.name} is missing)"
            raise SettingRefused(f"{PREFIX}TRACES_URL: {said}") from None

    def watch(self, connection: asyncpg.Connection[Any]) -> None:
        """Make a span of each statement that a connection has carried out for a request."""
        connection.add_query_logger(self._on_statement)

    def of_message(self, name: str, **told: Sequence[str]) -> AbstractContextManager[Any]:
        """Begin a span of what comes over a line, and is no request; what is told of it are ids."""
        return self.tracer.start_as_current_span(
            name, attributes={f"heliograph.{key}": tuple(value) for key, value in told.items()}
        )

    def close(self) -> None:
        """Send what waits. Blocks for as long as the collector takes."""
        self._provider.shutdown()

    def _on_statement(self, done: LoggedQuery) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span  # noqa: PLC0415

        if not get_current_span().get_span_context().trace_flags.sampled:
            return
        text, ended_ns = _LITERAL.sub("?", done.query.strip())[:STATEMENT_CAP], time.time_ns()
        span = self.tracer.start_span(
            text.partition(" ")[0].rstrip(";").upper(),
            kind=SpanKind.CLIENT,
            start_time=ended_ns - int(done.elapsed * 1e9),
            attributes={"db.system.name": "postgresql", "db.query.text": text},
        )
        if done.exception is not None:
            span.set_status(Status(StatusCode.ERROR, type(done.exception).__name__))
        span.end(ended_ns)


class Tracing:
    """ASGI middleware: makes a span of every request. Put inside of what gives requests their ids."""

    def __init__(self, app: ASGIApp, traces: Traces) -> None:
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self._app = app
        self._tracer = traces.tracer
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and tell of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind, Status, StatusCode, format_trace_id  # noqa: PLC0415

        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        brought = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _HEADERS
        }
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        state = scope.setdefault("state", {})
        with self._tracer.start_as_current_span(
            method, self._propagator.extract(brought), kind=SpanKind.SERVER, record_exception=False
        ) as span:
            state["trace_id"] = format_trace_id(span.get_span_context().trace_id)  # for the log
            try:
                await self._app(scope, receive, noted)
            finally:
                route = getattr(scope.get("route"), "path", NO_ROUTE)
                span.update_name(f"{method} {route}")
                span.set_attributes(
                    {
                        "http.request.method": method,
                        "http.route": route,
                        "http.response.status_code": status,
                        "heliograph.request_id": str(state.get("request_id", "")),
                    }
                )
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))
