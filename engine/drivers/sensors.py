"""RouterOS' names of sensors as metrics, for its API. Counterpart: `routeros/system.py`; SNMP: `profiles/shipped/mikrotik.yaml`.

One rule: the part of a name that is not its kind is the instance: "cpu-temperature" is the temperature of "cpu".
"""

from __future__ import annotations

import re

from domain.metrics import is_believable
from domain.observation import Value

_KINDS = (
    ("temperature", "temperature_c"),
    ("voltage", "voltage_v"),
    ("current", "current_a"),
    ("power-consumption", "power_w"),
    ("power", "power_w"),
    ("speed", "fan_rpm"),
)
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?")


def sensor_of(name: str) -> tuple[str, str]:
    """Return (metric, instance) of a sensor's name; the metric is empty where the name tells none."""
    for kind, metric in _KINDS:
        before, found, after = name.partition(kind)
        if found:
            return metric, (before.strip("-") + after.strip("-"))
    return "", name


def read_sensor(name: str, said: str) -> Value | None:
    """Return the value that a sensor's text says ("23.9", "4200RPM", "-3 C"), None where it says none."""
    metric, instance = sensor_of(name)
    found = _NUMBER.match(said)
    if not metric or not found or not is_believable(metric, float(found[0])):
        return None
    return metric, instance, float(found[0])
