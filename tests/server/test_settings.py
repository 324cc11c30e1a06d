"""The table of settings in the guide is that of the program: every variable, its default."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from fastapi import FastAPI, Request
from httpx import ASGITransport, AsyncClient

from domain.vault import Secret
from sync_server.serving import configured
from sync_server.settings import PREFIX, SettingRefused, Settings, meaning_of, read_settings

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(rf"^\| `{PREFIX}([A-Z_]+)` \|([^|]*)\|[^|]+\|$", re.MULTILINE)
URL = {"HELIOGRAPH_DATABASE_URL": "postgresql://heliograph_requests@db/heliograph"}


def said(field: msgspec.structs.FieldInfo) -> str:
    """Return a default as the guide writes it."""
    if field.required:
        return "needed"
    return "" if field.default == Secret("") else str(field.default)


def test_the_guide_has_every_setting_with_its_default_and_no_other() -> None:
    guide = (ROOT / "docs" / "guide" / "server.md").read_text("utf-8").split("\n## Settings\n")[1]
    rows = {name.lower(): default.strip() for name, default in ROW.findall(guide)}
    assert rows == {field.name: said(field) for field in msgspec.structs.fields(Settings)}


def test_every_setting_says_what_it_is_for() -> None:
    for field in msgspec.structs.fields(Settings):
        assert len(meaning_of(field.name)) > 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INGEST_QUEUE", "0"),
        ("INGEST_WORKERS", "65"),
        ("INGEST_BATCH", "many"),
        ("INGEST_FLUSH_MS", "60001"),
        ("TENANT_SOURCES", "-1"),
        ("TRUSTED_PROXIES", "anybody"),
    ],
)
def test_a_knob_out_of_its_range_ends_the_start(name: str, value: str) -> None:
    with pytest.raises(SettingRefused, match=f"{PREFIX}{name}.*expected, got '{value}'"):
        read_settings({**URL, PREFIX + name: value})


def test_what_is_set_is_taken(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("of the scraper\n")
    given = {**URL, f"{PREFIX}INGEST_BATCH": "7", f"{PREFIX}METRICS_TOKEN_FILE": str(secret)}
    settings = read_settings(given)
    assert (settings.ingest_batch, settings.metrics_token.value) == (7, "of the scraper")


@pytest.mark.parametrize(
    ("trusted", "proxy", "seen"),
    [
        ("10.1.0.0/16, 192.0.2.1", "10.1.2.3", "203.0.113.9"),
        ("10.1.0.0/16, 192.0.2.1", "192.0.2.1", "203.0.113.9"),
        ("10.1.0.0/16, 192.0.2.1", "10.2.0.1", "10.2.0.1"),
        ("", "127.0.0.1", "127.0.0.1"),
    ],
)
async def test_who_is_asked_for_is_believed_of_trusted_proxies_alone(
    trusted: str, proxy: str, seen: str
) -> None:
    app = FastAPI()

    @app.get("/")
    async def address(request: Request) -> str:
        assert request.client is not None
        return request.client.host

    settings = Settings(database_url=Secret(URL["HELIOGRAPH_DATABASE_URL"]), trusted_proxies=trusted)
    config = configured(app, settings)
    config.load()
    transport = ASGITransport(config.loaded_app, client=(proxy, 1))  # type: ignore[arg-type]
    async with AsyncClient(transport=transport, base_url="http://server") as client:
        assert (await client.get("/", headers={"X-Forwarded-For": "203.0.113.9"})).json() == seen
