"""Which ports are members of which aggregate: IEEE8023-LAG-MIB (802.3-2008, annex 30C), else ifStackTable (RFC 2863).

Counterpart: `snmp_interfaces.py`, which asks where an interface may be an aggregate. Theory: a port that goes down is
detached, and tells of no aggregate then; it stays a member of the one that it told of before, until it tells of another, or
runs without one. One rule: a device that tells neither table has no members, and that is no error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from domain.errors import BadReply, NoAnswer
from domain.inventory import Interface
from engine.drivers.meters import number
from engine.drivers.snmp_session import SnmpSession

ATTACHED, STACK_STATUS = "1.2.840.10006.300.43.1.2.1.1.13", "1.3.6.1.2.1.31.1.2.1.3"
"""dot3adAggPortAttachedAggID, by the port's ifIndex; ifStackStatus, by the ifIndex above and the one below."""

_AGGREGATE_NAME = re.compile(
    r"(po|port-?channel|bond(ing)?|ae|lag|trunk|bundle-ether)[-_. ]?\d", re.IGNORECASE
)
_PROPRIETARY = "virtual"
"""The kind under which Cisco has its port-channels, beside much else."""
_ROWS_CAP = 4_096


def may_be_bond(interface: Interface) -> bool:
    """Tell whether an interface may be an aggregate, by its kind, else by its kind and name."""
    return interface.kind == "bond" or (
        interface.kind == _PROPRIETARY and _AGGREGATE_NAME.match(interface.name) is not None
    )


async def read_bonds(session: SnmpSession, by_index: Mapping[str, Interface]) -> dict[str, str]:
    """Return the names of members with the name of their aggregate. `by_index`: all interfaces, by their ifIndex."""
    try:
        attached = (await session.walk((ATTACHED,), _ROWS_CAP, cut=True))[ATTACHED]
        pairs = [(index, str(number(value))) for index, value in attached.items()]
        if not any(above in by_index for _, above in pairs):
            stacked = (await session.walk((STACK_STATUS,), _ROWS_CAP, cut=True))[STACK_STATUS]
            pairs = [(below, above) for above, _, below in (index.partition(".") for index in stacked)]
    except (BadReply, NoAnswer):
        return {}
    return {
        by_index[below].name: by_index[above].name
        for below, above in pairs
        if below != above and below in by_index and above in by_index and may_be_bond(by_index[above])
    }


def with_past(
    now: Mapping[str, str], before: Mapping[str, str], by_name: Mapping[str, Interface]
) -> dict[str, str]:
    """Add to members those that were detached because they are down, where their aggregate is still there."""
    kept = {
        port: bond
        for port, bond in before.items()
        if port not in now and bond in by_name and port in by_name and by_name[port].oper_up is False
    }
    return {**kept, **now}
