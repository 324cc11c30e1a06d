"""Spans from a client's request to the database, as a collector gets them; and nothing of it where it is off."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sync_server.settings import SettingRefused, read_settings
from sync_server.tracing import Traces, Tracing
from tests.server.clients import serving
from tests.server.conftest import ServerDatabase

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
SERVER, CLIENT = 2, 3


class Span(msgspec.Struct):
    """What a collector got."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    told: dict[str, Any]
    took_ns: int


@contextmanager
def collecting() -> Iterator[tuple[str, list[Span]]]:
    """Yield where a collector of OpenTelemetry listens, and what it got."""
    got: list[Span] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            request.ParseFromString(body)
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    got.extend(map(read_span, scope.spans))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=collector.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{collector.server_port}/v1/traces", got
    finally:
        collector.shutdown()
        thread.join()
        collector.server_close()


def read_span(span: Any) -> Span:
    told = {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
    ids = (one.hex() for one in (span.trace_id, span.span_id, span.parent_span_id))
    return Span(span.name, span.kind, *ids, told, span.end_time_unix_nano - span.start_time_unix_nano)


async def test_a_trace_goes_from_the_client_through_the_server_to_the_database(
    server_database: ServerDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "sync_server.requests")
    with collecting() as (url, got):
        async with serving(server_database, traces_url=url) as server:
            root = await server.found()
            tenant = await server.tenant(root)
            await root.ask("GET", "/devices?q=secret-word", expect=200, headers=SENT)
    request = next(span for span in got if span.trace == TRACE and span.kind == SERVER)
    assert (request.name, request.parent) == ("GET /api/v1/devices", PARENT)
    assert request.told["http.response.status_code"] == 200
    statements = [span for span in got if span.parent == request.id]
    assert {span.kind for span in statements} == {CLIENT}
    assert {"SELECT", "BEGIN", "COMMIT"} == {span.name for span in statements}
    assert any("FROM device t" in span.told["db.query.text"] for span in statements)
    assert all(0 <= span.took_ns < request.took_ns for span in statements)
    said = str([span.told for span in got])
    assert tenant not in said
    assert "secret-word" not in said
    lines = [record.__dict__ for record in caplog.records if record.name == "sync_server.requests"]
    line = next(line for line in lines if line.get("trace_id") == TRACE)
    assert line["request_id"] == request.told["heliograph.request_id"]


async def test_a_share_of_traces_begins_here_and_a_senders_word_counts(
    server_database: ServerDatabase,
) -> None:
    with collecting() as (url, got):
        async with serving(server_database, traces_url=url, traces_share=0.0) as server:
            nobody = server.somebody()
            await nobody.http.get("/alive")
            await nobody.http.get("/alive", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
            await nobody.http.get("/alive", headers={"traceparent": "nonsense", "tracestate": "=" * 9_000})
            await nobody.http.get("/made/up", headers=SENT)
    assert [(span.name, span.trace) for span in got] == [("GET (none)", TRACE)]


async def test_a_collector_that_is_away_stops_nobody(server_database: ServerDatabase) -> None:
    async with serving(server_database, traces_url="http://127.0.0.1:9/v1/traces") as server:
        root = await server.found()
        said = await asyncio.gather(*(root.ask("GET", "/tenants", headers=SENT) for _ in range(5)))
        assert {one.status_code for one in said} == {200}


async def test_what_is_off_is_not_there(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        assert Tracing not in {one.cls for one in server.app.user_middleware}
        async with server.services.database._lent() as connection:
            assert not connection._con._query_loggers
    code = (
        "import sys, sync_server.main; sys.exit(any(n.startswith('opentelemetry.sdk') for n in sys.modules))"
    )
    ran = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], check=False)
    assert ran.returncode == 0


def test_an_address_of_a_collector_is_checked_and_a_missing_extra_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"HELIOGRAPH_DATABASE_URL": "postgresql://h/d"}
    for wrong in ("collector:4318", "http://user:password@collector/v1/traces", "ftp://collector/"):
        with pytest.raises(SettingRefused, match="TRACES_URL"):
            read_settings({**given, "HELIOGRAPH_TRACES_URL": wrong})
    settings = read_settings({**given, "HELIOGRAPH_TRACES_URL": "http://collector:4318/v1/traces"})
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    with pytest.raises(SettingRefused, match="extra `traces`"):
        Traces.of(settings)
