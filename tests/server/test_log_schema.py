"""What a server writes while it works is one JSON object a line, of one shape; it listens where it is told and nowhere else."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.server.clients import PASSWORD, serving
from tests.server.conftest import ServerDatabase
from tests.server.live_process import environment

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LINE: Mapping[str, tuple[type, ...]] = {"time": (str,), "level": (str,), "service": (str,), "event": (str,)}
REQUEST: Mapping[str, tuple[type, ...]] = {
    "request_id": (str,),
    "method": (str,),
    "route": (str,),
    "status": (int,),
    "took_ms": (int, float),
}
"""What a line about a request has more; with `tenant_id` once it is known who asks. Its operation is method and route."""


def wrong_in(line: dict[str, Any]) -> list[str]:
    """Return which fields of a line are missing or of another kind."""
    shape = {**LINE, **(REQUEST if line.get("event") == "request" else {})}
    found = [name for name, kinds in shape.items() if not isinstance(line.get(name), kinds)]
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line.get("time"))):
        found.append("time")
    if line.get("level") not in ("debug", "info", "warning", "error", "critical"):
        found.append("level")
    if not re.fullmatch(r"[a-z][a-z_]*", str(line.get("event"))):
        found.append("event")
    if "tenant_id" in line and not ID.fullmatch(str(line["tenant_id"])):
        found.append("tenant_id")
    return found


async def people(database: ServerDatabase) -> str:
    """Make a tenant with an administrator; return its id."""
    async with serving(database) as made:
        root = await made.found()
        tenant = await made.tenant(root)
        await made.member(root, "tenant_admin", "ada@example.org")
    return tenant


def test_every_line_of_a_server_that_works_has_one_shape_and_its_ids_and_no_secret(
    server_database: ServerDatabase,
) -> None:
    tenant = asyncio.run(people(server_database))
    listen = "127.0.0.2"  # an address of this computer that is not the usual one
    env = environment(server_database.requests, listen_host=listen, log_level="debug")
    program = subprocess.Popen(
        [sys.executable, "-m", "sync_server", "run"], env=env, stderr=subprocess.PIPE, text=True
    )
    lines: list[dict[str, Any]] = []
    try:
        assert program.stderr is not None
        while not lines or lines[-1]["event"] != "serving":
            lines.append(json.loads(program.stderr.readline()))
        address = lines[-1]["address"]
        port = urlsplit(address).port
        assert port is not None and urlsplit(address).hostname == listen
        for elsewhere in ("127.0.0.1", "127.0.0.3", "::1"):
            family = socket.AF_INET6 if ":" in elsewhere else socket.AF_INET
            with socket.socket(family) as asking:
                assert asking.connect_ex((elsewhere, port)) != 0, f"it listens at {elsewhere} too"
        login = {"login": "ada@example.org", "password": PASSWORD}
        token = asked(address, "POST", "/api/v1/auth/login", login)["data"]["access_token"]
        asked(address, "GET", "/api/v1/devices", token=token)
        asked(address, "POST", "/api/v1/sites", {"name": "S"}, token=token)
        asked(address, "GET", "/api/v1/nothing", token=token)
        asked(address, "POST", "/api/v1/auth/login", {**login, "password": "not this one"})
        program.send_signal(signal.SIGTERM)
        _, rest = program.communicate(timeout=120)
        lines += [json.loads(line) for line in rest.splitlines()]
        assert program.returncode == 0
    finally:
        program.kill()
        program.wait()
    assert {str(line): found for line in lines if (found := wrong_in(line))} == {}
    requests = {
        (line["method"], line["route"], line["status"]): line for line in lines if line["event"] == "request"
    }
    for key in (("GET", "/api/v1/devices", 200), ("POST", "/api/v1/sites", 201)):
        assert requests[key]["tenant_id"] == tenant
        assert requests[key]["request_id"] == f"schema-{key[0]}"
    refused = requests["POST", "/api/v1/auth/login", 401]
    assert "tenant_id" not in refused
    text = json.dumps(lines)
    assert PASSWORD not in text and token not in text and "not this one" not in text
    assert wrong_in({**refused, "status": "401", "time": "now"}) == ["status", "time"], (
        "what is wrong is found"
    )


def asked(address: str, method: str, path: str, body: Any = None, token: str = "") -> dict[str, Any]:
    """Return what a server answers."""
    headers = {"Content-Type": "application/json", "X-Request-ID": f"schema-{method}"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        found = json.load(error)
    return found
