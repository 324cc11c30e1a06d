"""One id from a window's toast to the server's log, and one trace from an engine through the server to its database."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from app.said import refusal_words
from domain.errors import RefusedByRule
from domain.vault import Secret
from engine.sync.address import ServerAddress
from engine.sync.calls import ServerCalls
from engine.sync.client import ASKS_AGAIN
from engine.sync.line import Line
from engine.transport.tcp import TcpTransport
from sync_server.live import doing
from sync_server.security.sessions import Sessions
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import an_edit, living, making
from tests.server.test_live import a_team
from tests.server.test_tracing import SERVER, collecting
from tests.team.servers import Reached, listening

CANARY = "what nobody is to read: 10.9.8.7"


def address_of(server: Reached) -> ServerAddress:
    return ServerAddress("127.0.0.1", int(server.url.rpartition(":")[2]), is_tls=False)


def lines_of(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.getMessage() == event]


async def test_what_a_toast_says_of_a_fault_is_found_in_both_logs(
    server_database: ServerDatabase, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError(CANARY)

    async with listening(server_database) as server:
        tcp = TcpTransport()
        calls = ServerCalls(tcp, address_of(server))
        monkeypatch.setattr(Sessions, "log_in", fail)
        with pytest.raises(RefusedByRule) as caught:
            await calls.log_in("mara", Secret("x"), "", None)
        await tcp.close()
    said = refusal_words(tuple(caught.value.refusals))
    assert CANARY not in said
    found = re.search(r"\(request ([0-9a-f]{16})\)", said)
    assert found is not None, said
    (bug,) = lines_of(caplog, "bug")
    assert bug["request_id"] == found[1]
    assert CANARY in str(bug["exc_info"][1])
    (call,) = lines_of(caplog, "server_call")
    assert (call["request_id"], call["path"], call["status"]) == (found[1], "/auth/login", 500)


async def test_a_refusal_that_is_nobodys_fault_is_told_without_an_id(server_database: ServerDatabase) -> None:
    async with listening(server_database) as server:
        tcp = TcpTransport()
        with pytest.raises(RefusedByRule) as caught:
            await ServerCalls(tcp, address_of(server)).log_in("mara", Secret("x"), "", None)
        await tcp.close()
    assert "request" not in str(caught.value)


async def test_one_trace_goes_from_an_engines_call_to_the_statements_in_the_database(
    server_database: ServerDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with collecting() as (url, got):
        async with listening(server_database, traces_url=url) as server:
            root = await server.found()
            tcp = TcpTransport()
            calls = ServerCalls(tcp, address_of(server))
            assert (await calls.me(root.token)).name == "Root"
            line = await Line.opened(await calls.connect(), calls.server)
            line.close()
            await tcp.close()
    (call,) = lines_of(caplog, "server_call")
    (request,) = (span for span in got if span.trace == call["trace_id"] and span.kind == SERVER)
    assert (request.name, request.parent) == ("GET /api/v1/auth/me", call["request_id"])
    assert request.told["heliograph.request_id"] == call["request_id"]
    assert [span for span in got if span.parent == request.id and "db.query.text" in span.told]
    served = next(
        line for line in lines_of(caplog, "request") if line.get("request_id") == call["request_id"]
    )
    assert served["trace_id"] == call["trace_id"]


async def test_whether_an_installs_calls_are_recorded_is_the_servers_share(
    server_database: ServerDatabase,
) -> None:
    with collecting() as (url, got):
        async with listening(server_database, traces_url=url, traces_share=0.0) as server:
            root = await server.found()
            tcp = TcpTransport()
            await ServerCalls(tcp, address_of(server)).me(root.token)
            await tcp.close()
    assert got == []


async def test_a_push_is_a_span_with_the_ids_of_its_edits_and_a_bug_in_one_is_told_by_the_lines_id(
    server_database: ServerDatabase, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError(CANARY)

    with collecting() as (url, got):
        async with living(server_database, traces_url=url) as live:
            (anna, _) = await a_team(live, "engineer")
            replica = await live.join(anna)
            edit = an_edit(making("site", name="Mast"))
            await replica.push(edit)
            monkeypatch.setattr(doing, "merge_all", fail)
            with pytest.raises(AssertionError):
                await replica.push(an_edit(making("site", name="Mast 2")))
            refused = replica.messages[-1]
    (pushed,) = (span for span in got if str(edit.id) in str(span.told.get("heliograph.edits")))
    assert [span for span in got if span.parent == pushed.id and span.name == "INSERT"]
    (bug,) = lines_of(caplog, "bug")
    assert bug["request_id"] in refused.message  # type: ignore[union-attr]
    assert CANARY not in refused.message  # type: ignore[union-attr]
    assert refused.retry_after_s > 0 or refused.code in ASKS_AGAIN  # type: ignore[union-attr]
