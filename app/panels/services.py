"""What runs on a device and what it watches: services, certificates, netwatch, packages. Counterpart: their facts.

One rule: a certificate is told in days left, and is a warning before it is a fault.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from app.panels.facts import Line
from app.panels.figures import amount_of
from app.panels.rows_model import Column, natural
from app.panels.section import Listed, Seen
from app.words import UNKNOWN, age
from domain.device_facts import Certificate, Netwatch, Package, Service
from domain.inventory import probe_word

WARN_DAYS = 14
DAY_US = 86_400_000_000


class ServiceRow(NamedTuple):
    """What a service answered, and how fast."""

    key: str
    probe: str
    service: Service
    answer_ms: float | None


class CertificateRow(NamedTuple):
    """A certificate, and how many whole days it is still good."""

    key: str
    probe: str
    certificate: Certificate
    days: int

    @property
    def status(self) -> str:
        """Down when it is over, degraded when it soon will be."""
        if self.days < 0:
            return "down"
        return "degraded" if self.days < WARN_DAYS else "up"


class NetwatchRow(NamedTuple):
    """What a router watches."""

    key: str
    netwatch: Netwatch
    is_up: bool | None

    @property
    def status(self) -> str:
        """As the router says."""
        return {True: "up", False: "down", None: "unknown"}[self.is_up]


class PackageRow(NamedTuple):
    """Software that is installed."""

    key: str
    package: Package


def _probe_of(field: str) -> str:
    return field.partition("/")[2]


def service_rows(seen: Seen) -> list[ServiceRow]:
    """Return the services by probe."""
    rows = [
        ServiceRow(field, probe_word(_probe_of(field)), service, seen.number("answer_ms", _probe_of(field)))
        for field, service, _ in seen.says.things("service")
    ]
    return sorted(rows, key=lambda row: natural(row.probe))


def certificate_rows(seen: Seen) -> list[CertificateRow]:
    """Return the certificates, the next to end first."""
    rows = [
        CertificateRow(field, probe_word(_probe_of(field)), said, (said.not_after_us - seen.now_us) // DAY_US)
        for field, said, _ in seen.says.things("certificate")
    ]
    return sorted(rows, key=lambda row: (row.certificate.not_after_us, row.key))


def netwatch_rows(seen: Seen) -> list[NetwatchRow]:
    """Return what is watched, what is down first; the live number is newer than the word."""
    rows = []
    for field, netwatch, _ in seen.says.things("netwatch"):
        up = seen.number("netwatch_up", netwatch.host)
        rows.append(NetwatchRow(field, netwatch, netwatch.is_up if up is None else bool(up)))
    order = {"down": 0, "unknown": 1, "up": 2}
    return sorted(rows, key=lambda row: (order[row.status], natural(row.netwatch.host)))


def package_rows(seen: Seen) -> list[PackageRow]:
    """Return the packages by name."""
    rows = [PackageRow(field, package) for field, package, _ in seen.says.things("package")]
    return sorted(rows, key=lambda row: natural(row.package.name))


def _days(row: CertificateRow) -> str:
    return "ended" if row.days < 0 else f"{row.days:,}"


def _ends(row: CertificateRow) -> str:
    try:
        at = datetime.fromtimestamp(row.certificate.not_after_us / 1e6, UTC)
    except (OverflowError, ValueError, OSError):
        return UNKNOWN
    return f"{at.day} {at:%b %Y}"


def _certificate_details(row: CertificateRow) -> list[Line]:
    print_, days = row.certificate.sha256.lower(), row.days
    ago = [Line("Ended", f"{age(-days * 86_400.0)} ago")] if days < 0 else []
    return [
        Line("Subject", row.certificate.subject, prose=True),
        Line("Issuer", row.certificate.issuer, prose=True),
        Line("Ends", _ends(row)),
        *ago,
        Line("SHA-256", " ".join(print_[at : at + 4] for at in range(0, len(print_), 4))),
    ]


SERVICES = Listed(
    "Services",
    (
        Column("Service", lambda row: row.service.says or UNKNOWN, quiet=lambda row: row.service.software),
        Column("Asked by", lambda row: row.probe, 96, 0, is_text=True),
        Column("ms", lambda row: amount_of(row.answer_ms, 0), 48, 1, lambda row: row.answer_ms),
    ),
    service_rows,
    lambda row: [Line("Software", row.service.software)],
)
CERTIFICATES = Listed(
    "Certificates",
    (
        Column(
            "Subject",
            lambda row: row.certificate.subject or UNKNOWN,
            status=lambda row: row.status,
            quiet=lambda row: row.certificate.issuer,
        ),
        Column("Asked by", lambda row: row.probe, 96, 1, is_text=True),
        Column("Days left", _days, 70, 0, lambda row: row.days),
    ),
    certificate_rows,
    _certificate_details,
)
NETWATCH = Listed(
    "Netwatch",
    (
        Column(
            "Host",
            lambda row: row.netwatch.host,
            status=lambda row: row.status,
            quiet=lambda row: row.netwatch.name,
        ),
        Column("State", lambda row: row.status, 70, 0, is_text=True),
        Column("Since", lambda row: row.netwatch.since or UNKNOWN, 144, 1, is_text=True),
        Column("Kind", lambda row: row.netwatch.kind, 60, 2, is_text=True),
    ),
    netwatch_rows,
    lambda row: [Line("Name", row.netwatch.name)],
)
PACKAGES = Listed(
    "Packages",
    (
        Column(
            "Name",
            lambda row: row.package.name,
            status=lambda row: "maintenance" if row.package.is_disabled else "",
            quiet=lambda row: "disabled" if row.package.is_disabled else "",
        ),
        Column("Version", lambda row: row.package.version or UNKNOWN, 100, 0, is_text=True),
    ),
    package_rows,
)
LISTS = (CERTIFICATES, SERVICES, NETWATCH)
SOFTWARE = (PACKAGES,)
