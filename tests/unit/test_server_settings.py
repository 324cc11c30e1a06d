"""What an administrator sets wrong is said so that it can be set right; what is secret is not said."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from domain.vault import Secret
from sync_server.settings import SettingRefused, Settings, read_settings

URL = "postgresql://heliograph_requests:geheim@db/heliograph"
NEEDED = {"HELIOGRAPH_DATABASE_URL": URL}


def test_what_is_not_set_has_its_default() -> None:
    settings = read_settings({**NEEDED, "PATH": "/bin"})
    assert (settings.listen_port, settings.pool_max, settings.log_level) == (8000, 10, "info")
    assert settings.database_url == Secret(URL)


def test_what_is_set_is_read_in_its_type() -> None:
    settings = read_settings(
        {
            **NEEDED,
            "HELIOGRAPH_POOL_MAX": "25",
            "HELIOGRAPH_POOL_WAIT_S": "0.5",
            "HELIOGRAPH_LOG_LEVEL": "debug",
        }
    )
    assert (settings.pool_max, settings.pool_wait_s, settings.log_level) == (25, 0.5, "debug")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("POOL_MAX", "many", "HELIOGRAPH_POOL_MAX: int expected, got 'many'"),
        ("POOL_MAX", "0", "HELIOGRAPH_POOL_MAX: int >= 1 expected, got '0'"),
        ("LISTEN_PORT", "70000", "HELIOGRAPH_LISTEN_PORT: int <= 65535 expected, got '70000'"),
        ("POOL_WAIT_S", "nan", "HELIOGRAPH_POOL_WAIT_S: "),
        ("POOL_MIN", "11", "HELIOGRAPH_POOL_MIN: at most HELIOGRAPH_POOL_MAX (10) expected, got 11"),
        ("LOG_LEVEL", "loud", "HELIOGRAPH_LOG_LEVEL: "),
        ("LISTEN_HOST", "", "HELIOGRAPH_LISTEN_HOST: "),
    ],
)
def test_what_is_wrong_is_named_with_what_was_expected(name: str, text: str, said: str) -> None:
    with pytest.raises(SettingRefused) as refused:
        read_settings({**NEEDED, f"HELIOGRAPH_{name}": text})
    assert said in str(refused.value)


def test_what_is_missing_is_named_with_what_it_is_for() -> None:
    with pytest.raises(SettingRefused, match="HELIOGRAPH_DATABASE_URL is missing: where the requests' role"):
        read_settings({})


def test_a_secret_that_is_wrong_is_not_repeated() -> None:
    with pytest.raises(SettingRefused) as refused:
        read_settings({"HELIOGRAPH_DATABASE_URL": "mysql://geheim"})
    assert "geheim" not in str(refused.value)
    assert "geheim" not in repr(read_settings(NEEDED))


@pytest.mark.parametrize(
    "password",
    [
        "ge%heim",
        "ge%zzheim",
        "ge/heim",
        "1/geheim",
        "ge?heim",
        "1?geheim",
        "ge#heim",
        "ge@heim",
        "[geheim",
        "ge:heim",
        "ge:]/heim",
    ],
)
@pytest.mark.parametrize("name", ["DATABASE_URL", "OWNER_DATABASE_URL", "ADMIN_DATABASE_URL"])
def test_a_password_that_is_not_written_as_addresses_are_is_refused_before_a_driver_repeats_it(
    name: str, password: str
) -> None:
    given = {**NEEDED, f"HELIOGRAPH_{name}": f"postgresql://heliograph_requests:{password}@db/heliograph"}
    with pytest.raises(SettingRefused, match=f"HELIOGRAPH_{name} cannot be read as an address") as refused:
        read_settings(given)
    assert "heim" not in str(refused.value)
    assert refused.value.__suppress_context__
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "address",
    [
        "//u:ge%25h%2Fe%40i%23m%3F@db:5433,[::1]:5434/heliograph?sslmode=require",
        "//heliograph_requests@/name?host=/tmp/sockets",
        "/",
    ],
)
def test_an_address_as_postgresql_takes_it_is_taken(address: str) -> None:
    url = f"postgresql:{address}" if address != "/" else "postgres://db"
    assert read_settings({"HELIOGRAPH_DATABASE_URL": url}).database_url == Secret(url)


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{URL}\n")
    assert read_settings({"HELIOGRAPH_DATABASE_URL_FILE": str(file)}).database_url == Secret(URL)
    with pytest.raises(SettingRefused, match="both set"):
        read_settings({**NEEDED, "HELIOGRAPH_DATABASE_URL_FILE": str(file)})
    with pytest.raises(SettingRefused, match="cannot be read: No such file"):
        read_settings({"HELIOGRAPH_DATABASE_URL_FILE": str(tmp_path / "none")})
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingRefused, match="not text"):
        read_settings({"HELIOGRAPH_DATABASE_URL_FILE": str(file)})
    file.write_bytes(b"x" * 70_000)
    with pytest.raises(SettingRefused, match="larger"):
        read_settings({"HELIOGRAPH_DATABASE_URL_FILE": str(file)})


def test_the_guide_names_every_setting_with_its_default() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs/guide/server.md").read_text("utf-8")
    rows = {
        cells[1].strip(" `"): cells[2].strip()
        for line in guide.splitlines()
        if len(cells := line.split("|")) == 5
    }
    for field in msgspec.structs.fields(Settings):
        default = (
            "needed" if field.required else "" if isinstance(field.default, Secret) else str(field.default)
        )
        assert rows[f"HELIOGRAPH_{field.name.upper()}"] == default
