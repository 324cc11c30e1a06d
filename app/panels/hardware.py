"""What a device is made of: optics, powered ports, sensors, batteries. Counterpart: their facts, with the live numbers beside.

One rule: a number that nobody tells a fact of is still shown: a sensor is what has a number.
"""

from __future__ import annotations

from typing import NamedTuple

from app.panels.facts import Line
from app.panels.figures import amount_of
from app.panels.rows_model import Column, natural
from app.panels.section import Listed, Seen
from app.words import UNKNOWN, age
from domain.device_facts import Battery, Optic, PoePort
from domain.metrics import CATALOGUE

_GOOD = frozenset(
    {"ok", "normal", "good", "up", "on", "active", "present", "working", "charged", "operational", "green"}
)
_NEUTRAL = frozenset(
    {"", "unknown", "n/a", "not present", "absent", "none", "off", "disabled", "not functioning"}
)
_POWERED = ("powered", "delivering", "on")
_IDLE = ("waiting", "searching", "idle", "unpowered", "off", "disabled", "detecting")
_SENSORS = {
    metric: place
    for place, metric in enumerate(
        ("temperature_c", "humidity_pct", "voltage_v", "current_a", "power_w", "fan_rpm", "sensor_state")
    )
}
_UPS = ("charge_pct", "runtime_left_s", "ups_load_pct", "on_battery", "line_hz")


class OpticRow(NamedTuple):
    """A transceiver and its light."""

    key: str
    optic: Optic
    rx_dbm: float | None
    tx_dbm: float | None
    temperature_c: float | None
    bias_ma: float | None
    voltage_v: float | None

    @property
    def status(self) -> str:
        """Degraded where it says so itself."""
        return "degraded" if self.optic.rx_lost or self.optic.tx_fault else "up"

    @property
    def trouble(self) -> str:
        """What it says is wrong, else what it is."""
        if self.optic.tx_fault:
            return "laser fault"
        return "no light" if self.optic.rx_lost else self.optic.part


class PoeRow(NamedTuple):
    """A powered port."""

    key: str
    port: PoePort
    power_w: float | None
    voltage_v: float | None
    current_ma: float | None

    @property
    def status(self) -> str:
        """What its word comes to."""
        state = self.port.state.casefold()
        if self.power_w or any(state.startswith(word) for word in _POWERED):
            return "up"
        return "unknown" if not state or any(state.startswith(word) for word in _IDLE) else "degraded"


class SensorRow(NamedTuple):
    """A sensor: a number, a word, or both."""

    key: str
    name: str
    metric: str
    value: float | None
    state: str

    @property
    def status(self) -> str:
        """What its word comes to; nothing where it has none."""
        state = self.state.casefold()
        if not self.state:
            return ""
        if state in _NEUTRAL:
            return "unknown"
        return "up" if state in _GOOD else "degraded"

    @property
    def word(self) -> str:
        """What it says of itself, else what it measures where its name does not tell."""
        kind = CATALOGUE[self.metric].title.lower()
        return self.state or ("" if kind in self.name.casefold() else kind)

    @property
    def said(self) -> str:
        """Its number with one decimal where that matters."""
        if self.value is None or self.metric == "sensor_state":
            return UNKNOWN
        return amount_of(self.value)


class UpsRow(NamedTuple):
    """An uninterruptible supply."""

    key: str
    battery: Battery
    charge_pct: float | None
    left_s: float | None
    load_pct: float | None
    on_battery: float | None
    line_hz: float | None

    @property
    def state(self) -> str:
        """Its word; that it runs on its battery comes first."""
        return "on battery" if self.on_battery else self.battery.state or "on mains"

    @property
    def status(self) -> str:
        """Degraded while it lives on its battery."""
        state = self.battery.state.casefold()
        bad = bool(self.on_battery) or state in ("low", "depleted", "fault", "replace")
        return "degraded" if bad else "up"


def optic_rows(seen: Seen) -> list[OpticRow]:
    """Return the transceivers, the troubled first."""
    rows = [
        OpticRow(
            field,
            optic,
            seen.number("optical_rx_dbm", optic.interface),
            seen.number("optical_tx_dbm", optic.interface),
            seen.number("optical_temperature_c", optic.interface),
            seen.number("optical_bias_ma", optic.interface),
            seen.number("optical_voltage_v", optic.interface),
        )
        for field, optic, _ in seen.says.things("optic")
    ]
    told = {row.optic.interface for row in rows}
    rows += [
        OpticRow(
            f"optic/{name}",
            Optic(name),
            seen.number("optical_rx_dbm", name),
            seen.number("optical_tx_dbm", name),
            seen.number("optical_temperature_c", name),
            seen.number("optical_bias_ma", name),
            seen.number("optical_voltage_v", name),
        )
        for name in {i for metric, i in seen.samples if metric in ("optical_rx_dbm", "optical_tx_dbm")} - told
    ]
    return sorted(rows, key=lambda row: (row.status == "up", natural(row.optic.interface)))


def poe_rows(seen: Seen) -> list[PoeRow]:
    """Return the powered ports, faults first."""
    rows = [
        PoeRow(
            field,
            port,
            seen.number("poe_out_w", port.interface),
            seen.number("poe_out_v", port.interface),
            seen.number("poe_out_ma", port.interface),
        )
        for field, port, _ in seen.says.things("poe")
    ]
    order = {"degraded": 0, "up": 1, "unknown": 2}
    return sorted(rows, key=lambda row: (order[row.status], natural(row.port.interface)))


def sensor_rows(seen: Seen) -> list[SensorRow]:
    """Return the sensors, those that complain first, then by what they measure."""
    states = {(thing.metric, thing.name): thing.state for _, thing, _ in seen.says.things("sensor")}
    heard = {key: sample.value for key, sample in seen.samples.items() if key[0] in _SENSORS}
    rows = [
        SensorRow(
            f"{metric}/{name}", name or CATALOGUE[metric].title, metric, heard.get((metric, name)), state
        )
        for metric, name in {**heard, **states}
        if metric in CATALOGUE
        for state in (states.get((metric, name), ""),)
    ]
    order = {"degraded": 0}
    return sorted(
        rows, key=lambda row: (order.get(row.status, 1), _SENSORS.get(row.metric, 99), natural(row.name))
    )


def ups_rows(seen: Seen) -> list[UpsRow]:
    """Return the supplies. Where there is one, the numbers of whatever instance are its own."""
    things = seen.says.things("ups")
    alone = {metric: sample.value for (metric, _), sample in seen.samples.items() if metric in _UPS}

    def number(metric: str, name: str) -> float | None:
        return alone.get(metric) if len(things) == 1 else seen.number(metric, name)

    return [
        UpsRow(field, battery, *(number(metric, battery.name) for metric in _UPS))
        for field, battery, _ in things
    ]


def _unit_of(row: SensorRow) -> str:
    unit = CATALOGUE[row.metric].unit if row.metric in CATALOGUE else ""
    return unit if row.value is not None else ""


OPTICS = Listed(
    "Optics",
    (
        Column(
            "Port",
            lambda row: row.optic.interface,
            status=lambda row: row.status,
            quiet=lambda row: row.trouble,
        ),
        Column("In, dBm", lambda row: amount_of(row.rx_dbm, 1), 60, 0, lambda row: row.rx_dbm),
        Column("Out, dBm", lambda row: amount_of(row.tx_dbm, 1), 66, 1, lambda row: row.tx_dbm),
        Column("°C", lambda row: amount_of(row.temperature_c, 0), 44, 2, lambda row: row.temperature_c),
        Column("Laser, mA", lambda row: amount_of(row.bias_ma, 1), 70, 4, lambda row: row.bias_ma),
        Column("V", lambda row: amount_of(row.voltage_v, 1), 44, 5, lambda row: row.voltage_v),
        Column("Part", lambda row: row.optic.part, 130, 6, is_text=True),
    ),
    optic_rows,
    lambda row: [
        Line("Vendor", row.optic.vendor),
        Line("Serial", row.optic.serial),
        Line("Wavelength", f"{row.optic.wavelength_nm:g} nm" if row.optic.wavelength_nm else ""),
    ],
)
POE = Listed(
    "Power over Ethernet",
    (
        Column(
            "Port",
            lambda row: row.port.interface,
            status=lambda row: row.status,
            quiet=lambda row: row.port.state.replace("-", " "),
        ),
        Column("W", lambda row: amount_of(row.power_w, 1), 50, 0, lambda row: row.power_w),
        Column("V", lambda row: amount_of(row.voltage_v, 1), 50, 1, lambda row: row.voltage_v),
        Column("mA", lambda row: amount_of(row.current_ma, 0), 50, 2, lambda row: row.current_ma),
    ),
    poe_rows,
)
SENSORS = Listed(
    "Sensors",
    (
        Column(
            "Name",
            lambda row: row.name,
            status=lambda row: row.status,
            quiet=lambda row: row.word,
        ),
        Column("Value", lambda row: row.said, 70, 0, lambda row: row.value),
        Column("Unit", _unit_of, 48, 0, is_text=True),
    ),
    sensor_rows,
)
UPS = Listed(
    "Uninterruptible supply",
    (
        Column(
            "Name", lambda row: row.battery.name, status=lambda row: row.status, quiet=lambda row: row.state
        ),
        Column("Charge, %", lambda row: amount_of(row.charge_pct, 0), 70, 0, lambda row: row.charge_pct),
        Column(
            "Left",
            lambda row: UNKNOWN if row.left_s is None else age(row.left_s),
            56,
            1,
            lambda row: row.left_s,
        ),
        Column("Load, %", lambda row: amount_of(row.load_pct, 0), 60, 2, lambda row: row.load_pct),
    ),
    ups_rows,
    lambda row: [
        Line("State", row.state),
        Line("Model", row.battery.model),
        Line("Line, Hz", amount_of(row.line_hz)),
    ],
)
LISTS = (UPS, OPTICS, POE, SENSORS)
