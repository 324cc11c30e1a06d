"""What an administrator may set, all by environment. Counterpart: the table of `docs/guide/server.md`.

Theory: every setting is `HELIOGRAPH_` and the field's name in capitals; `..._FILE` names a file that holds the value, for what
is secret. A field says its unit in its name, its range in `Meta`, its default here and nowhere else.
One rule: a setting that is wrong ends the start and is said with what, got and expected; a secret one without what was got.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import ProgrammingError

from domain.vault import Secret

PREFIX = "HELIOGRAPH_"
FILE_CAP_BYTES = 65_536
DRIVER_SCHEMES = ("postgresql://", "postgres://")


class SettingRefused(ValueError):
    """A setting is missing or wrong; the text is for the administrator."""


def _number(low: float, high: float, description: str) -> Meta:
    return Meta(ge=low, le=high, description=description)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every knob of a server. Made by `read_settings`, or in tests with keywords."""

    database_url: Annotated[
        Secret,
        Meta(
            description="where the requests' role logs in: `postgresql://heliograph_requests:...@host/heliograph`"
        ),
    ]
    owner_database_url: Annotated[
        Secret,
        Meta(description="where the owner of the schema logs in; for `prepare`, `migrate` and `restore`"),
    ] = Secret("")
    admin_database_url: Annotated[
        Secret,
        Meta(description="where a superuser of the database logs in; for `prepare`, `backup` and `restore`"),
    ] = Secret("")
    backup_recipients: Annotated[
        str,
        Meta(
            description="public keys of age that `backup` seals to, commas or lines between; empty: in the clear"
        ),
    ] = ""
    backup_identity: Annotated[
        Secret,
        Meta(description="the private key of age that `restore` opens a sealed backup with"),
    ] = Secret("")
    listen_host: Annotated[str, Meta(min_length=1, description="address to listen on")] = "127.0.0.1"
    listen_port: Annotated[int, _number(0, 65_535, "TCP port; 0 takes a free one")] = 8000
    tls_cert: Annotated[
        str,
        Meta(
            description="file of the certificate that is shown, in PEM, the server's own first; it is served by https"
            " then. Read anew when it changes"
        ),
    ] = ""
    tls_key: Annotated[
        str, Meta(description="file of the certificate's private key, in PEM; else it is in the same file")
    ] = ""
    tls_least: Annotated[Literal["1.2", "1.3"], Meta(description="oldest TLS that is spoken")] = "1.3"
    redirect_port: Annotated[
        int, _number(0, 65_535, "TCP port of plain HTTP that only points to the public address; 0 for none")
    ] = 0
    silent_s: Annotated[
        float,
        _number(1, 600, "how long a connection may take for a TLS handshake or the head of a request"),
    ] = 10.0
    connections: Annotated[
        int, _number(1, 1_000_000, "connections at a time; who comes then is closed at once")
    ] = 10_000
    trusted_proxies: Annotated[
        str,
        Meta(
            pattern=r"^([0-9A-Fa-f.:/]+(, ?[0-9A-Fa-f.:/]+)*)?$",
            description="addresses or networks of proxies, commas between, whose X-Forwarded-For is believed",
        ),
    ] = "127.0.0.1"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="least that is logged")
    ] = "info"
    pool_min: Annotated[int, _number(0, 1_000, "connections to the database that are always open")] = 2
    pool_max: Annotated[int, _number(1, 1_000, "most connections to the database, of this process")] = 10
    pool_wait_s: Annotated[
        float, _number(0.1, 60, "how long a request waits for a free connection before it is answered 503")
    ] = 5.0
    statement_cache: Annotated[
        int, _number(0, 10_000, "prepared statements a connection; 0 behind PgBouncer")
    ] = 200
    statement_timeout_s: Annotated[float, _number(0.1, 600, "how long one statement may run")] = 15.0
    raw_days: Annotated[int, _number(1, 400, "days that every poll is kept")] = 90
    hour_days: Annotated[int, _number(7, 4_000, "days that hours are kept")] = 365
    ahead_days: Annotated[int, _number(1, 30, "days that partitions are made ahead")] = 3
    ingest_workers: Annotated[int, _number(1, 64, "batches of samples that are written at a time")] = 4
    ingest_queue: Annotated[
        int, _number(1, 10_000_000, "cycles that may wait for the disk; then their senders are told to wait")
    ] = 50_000
    ingest_batch: Annotated[int, _number(1, 100_000, "cycles of a tenant that are enough for a batch")] = 500
    ingest_flush_ms: Annotated[
        int, _number(1, 60_000, "milliseconds that a cycle waits at most for others to go with")
    ] = 1_000
    tenant_sources: Annotated[
        int, _number(1, 100_000_000, "devices, a poller each, that a tenant may send samples of")
    ] = 200_000
    tenant_schemas: Annotated[
        int, _number(1, 10_000_000, "different lists of series that a tenant may send")
    ] = 20_000
    push_device_per_s: Annotated[
        float,
        _number(0.01, 1_000_000, "messages a second that may be pushed for a device; ten seconds' at once"),
    ] = 100.0
    push_tenant_per_s: Annotated[
        float,
        _number(0.01, 1_000_000, "messages a second that may be pushed for a tenant; ten seconds' at once"),
    ] = 20_000.0
    push_lists: Annotated[
        int, _number(1, 1_000_000, "different lists of names that may be pushed with one device key")
    ] = 200
    push_cache_s: Annotated[
        float, _number(0.1, 3_600, "how long a device key is known in memory before it is looked up again")
    ] = 60.0
    quarantine_rows: Annotated[
        int, _number(0, 1_000_000, "invalid messages of a tenant that are kept; 0 keeps none and only counts")
    ] = 1_000
    dead_rows: Annotated[
        int, _number(1, 1_000_000, "messages of a tenant that could not be stored and are kept for a replay")
    ] = 10_000
    mqtt_broker: Annotated[
        str,
        Meta(
            pattern=r"^(mqtts?://[^/\s@:]+(:[0-9]{1,5})?)?$",
            description="broker to take telemetry from: `mqtts://broker.example:8883`; `mqtt://` on this computer only",
        ),
    ] = ""
    mqtt_user: Annotated[str, Meta(max_length=254, description="name of the server at the broker")] = (
        "heliograph"
    )
    mqtt_password: Annotated[Secret, Meta(description="password of the server at the broker")] = Secret("")
    mqtt_client: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9._-]{1,64}$",
            description="client id at the broker: of several instances with the same one takes, those with their own share",
        ),
    ] = "heliograph"
    mqtt_ca: Annotated[
        str, Meta(description="file of the certificates that the broker's is held against; else the system's")
    ] = ""
    mqtt_in_flight: Annotated[
        int, _number(1, 65_535, "messages of the broker that may wait for the disk, not acknowledged yet")
    ] = 5_000
    nats_url: Annotated[
        Secret,
        Meta(
            description="NATS with JetStream, by which several servers tell each other: `tls://nats.example:4222`, commas"
            " between several; without it they do by PostgreSQL's notices"
        ),
    ] = Secret("")
    nats_creds: Annotated[
        Secret, Meta(description="what is in a credentials file of NATS, as `_FILE`: `nats.creds`")
    ] = Secret("")
    nats_nkey: Annotated[Secret, Meta(description="seed of an nkey, where NATS knows the server by one")] = (
        Secret("")
    )
    nats_ca: Annotated[
        str,
        Meta(description="file of the certificates that those of NATS are held against; else the system's"),
    ] = ""
    nats_prefix: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_-]{1,64}$",
            description="how subjects begin and what the stream is called, another for every installation at one NATS",
        ),
    ] = "heliograph"
    secret: Annotated[
        Secret,
        Meta(
            description="what tokens are signed and authenticators sealed with: 32 characters or more that nobody can"
            " guess, the same for every instance; to change it put the new one before the old, a comma between"
        ),
    ] = Secret("")
    public_url: Annotated[
        str,
        Meta(
            pattern=r"^https?://[^/\s]+$",
            description="where people reach the server: links begin with it, cookies and Origin are held to it",
        ),
    ] = "http://127.0.0.1:8000"
    session_h: Annotated[int, _number(1, 8_760, "how long a session in a browser lives that nobody uses")] = (
        336
    )
    program_session_h: Annotated[
        int, _number(1, 8_760, "how long one of a computer that joined a team lives that is not used")
    ] = 2_160
    password_workers: Annotated[int, _number(1, 64, "passwords checked at a time, a core each")] = 2
    password_memory_kib: Annotated[
        int,
        _number(
            64,
            1_048_576,
            "memory that checking a password takes, in KiB; passwords move there as people log in",
        ),
    ] = 19_456
    password_passes: Annotated[int, _number(1, 16, "passes that checking a password takes")] = 2
    limit_auth_per_min: Annotated[
        int, _number(1, 1_000_000, "tries to log in, of a name and of an address")
    ] = 5
    limit_api_per_min: Annotated[
        int, _number(1, 1_000_000, "requests, of a user or key and of an address")
    ] = 100
    limit_monitoring_per_min: Annotated[
        int, _number(1, 1_000_000, "requests for metrics, of a user or key and of an address")
    ] = 1_000
    limit_bulk_per_h: Annotated[
        int,
        _number(
            1,
            1_000_000,
            "what reads or changes all there is of a tag or the audit, of a user or key and of an address",
        ),
    ] = 10
    limit_tenant_per_min: Annotated[
        int, _number(1, 1_000_000, "requests of a tenant's users and keys together, but for metrics")
    ] = 100
    limit_pictures_per_min: Annotated[
        int, _number(1, 1_000_000, "pieces of pictures, up or down, of a user or key and of an address")
    ] = 600
    tenant_pictures_mb: Annotated[
        int,
        _number(
            1, 1_000_000, "megabytes of photographs and pictures under schematics that a tenant may keep"
        ),
    ] = 2_048
    limit_maps_per_min: Annotated[
        int,
        _number(1, 1_000_000, "pieces of a team's maps, up or down, of a user or key and of an address"),
    ] = 600
    map_mb: Annotated[int, _number(1, 2_047, "megabytes of the largest map that a team may share")] = 512
    tenant_maps_mb: Annotated[
        int, _number(1, 1_000_000, "megabytes of maps that a tenant may keep on the server")
    ] = 2_048
    metrics_token: Annotated[
        Secret,
        Meta(
            description="what a scraper of `/metrics` sends as `Authorization: Bearer ...`; without one there is no `/metrics`"
        ),
    ] = Secret("")
    live_lines: Annotated[int, _number(1, 100_000, "live connections of this process")] = 5_000
    live_tenant_lines: Annotated[int, _number(1, 100_000, "live connections of a tenant at this process")] = (
        1_000
    )
    traces_url: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[^/\s@]+/\S*)?$",
            description="where spans go: a collector of OpenTelemetry, `http://127.0.0.1:4318/v1/traces`; needs the"
            " extra `traces`",
        ),
    ] = ""
    traces_share: Annotated[
        float,
        _number(0, 1, "share of the traces that are recorded, of those whose sender does not ask for it"),
    ] = 1.0
    stop_s: Annotated[float, _number(1, 600, "how long a stop waits for requests that are under way")] = 20.0


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment. Raises SettingRefused."""
    given: dict[str, Any] = {}
    hints = get_type_hints(Settings, include_extras=True)
    for field in msgspec.structs.fields(Settings):
        text = _text_of(environment, PREFIX + field.name.upper())
        if text is not None:
            given[field.name] = _value_of(PREFIX + field.name.upper(), text, hints[field.name])
        elif field.required:
            name = PREFIX + field.name.upper()
            raise SettingRefused(f"{name} is missing: {meaning_of(field.name)}")
    settings = Settings(**given)
    if settings.pool_min > settings.pool_max:
        raise SettingRefused(
            f"{PREFIX}POOL_MIN: at most {PREFIX}POOL_MAX ({settings.pool_max}) expected, got {settings.pool_min}"
        )
    if settings.hour_days < settings.raw_days:
        raise SettingRefused(
            f"{PREFIX}HOUR_DAYS: at least {PREFIX}RAW_DAYS ({settings.raw_days}) expected, got {settings.hour_days}"
        )
    return settings


def meaning_of(field: str) -> str:
    """Return what a field is for, in words."""
    for meta in _metas(get_type_hints(Settings, include_extras=True)[field]):
        if meta.description:
            return meta.description
    raise KeyError(field)


def _text_of(environment: Mapping[str, str], name: str) -> str | None:
    """Return what was set, from the variable or from the file that its `_FILE` names; None where neither is there."""
    text, path = environment.get(name), environment.get(f"{name}_FILE")
    if text is not None and path is not None:
        raise SettingRefused(f"{name} and {name}_FILE are both set: only one of them expected")
    if path is None:
        return text
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(FILE_CAP_BYTES + 1)
    except OSError as error:
        raise SettingRefused(f"{name}_FILE: {path} cannot be read: {error.strerror}") from None
    if len(data) > FILE_CAP_BYTES:
        raise SettingRefused(f"{name}_FILE: {path} is larger than {FILE_CAP_BYTES} bytes")
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        raise SettingRefused(f"{name}_FILE: {path} is not text in UTF-8") from None


def _value_of(name: str, text: str, hint: Any) -> Any:
    if hint.__origin__ is Secret:
        if name.endswith("DATABASE_URL"):
            _check_address(name, text)
        return Secret(text)
    try:
        return msgspec.convert(text, hint, strict=False)
    except msgspec.ValidationError as error:
        wanted = str(error).removeprefix("Expected ").split(", got")[0].replace("`", "")
        raise SettingRefused(f"{name}: {wanted} expected, got {text[:200]!r}") from None


def _check_address(name: str, text: str) -> None:
    """Refuse an address that a driver would, before one does: what it then says repeats parts of the password."""
    if not text.startswith(DRIVER_SCHEMES):
        raise SettingRefused(f"{name}: an address that begins with {DRIVER_SCHEMES[0]} expected")
    try:
        parts = conninfo_to_dict(text)
    except ProgrammingError:
        parts = {"port": "none"}
    ports = str(parts.get("port") or "").split(",")
    is_read = all(port == "" or (port.isascii() and port.isdecimal()) for port in ports)
    if not is_read or _ADDRESS.fullmatch(text) is None:
        raise SettingRefused(
            f"{name} cannot be read as an address: in a name or password write % as %25, / as %2F, @ as %40,"
            " : as %3A, # as %23, ? as %3F, [ as %5B, ] as %5D"
        ) from None


_ADDRESS = re.compile(r"[a-z]+://(?:[^/?#@:\[\]]*(?::[^/?#@:\[\]]*)?@)?[^/?#@]*[^#@]*")
"""Where the drivers' readings of an address agree: what divides one is nowhere else."""


def _metas(hint: Any) -> list[Meta]:
    return [meta for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, Meta)]
