"""What an operator of a simulated network would have typed in: sites, devices, links and credentials.

Counterpart: the program that makes it into edits. One rule: nothing that a device tells of itself is in here.
"""

from __future__ import annotations

from typing import Any

from simnet.loopback import Loopback
from simnet.network import Network, RouterSpec


def write_inventory(network: Network, loopback: Loopback) -> dict[str, Any]:
    """Return the inventory as plain data, ready for JSON.

    A device has the probes it answers; `icmp` only where a killed router really stops answering pings, or where it is
    all the device has and its address is its own.
    """
    return {
        "name": network.name,
        "credentials": [
            {
                "name": network.snmp.profile,
                "kind": "snmp_community",
                "user": "",
                "secret": network.snmp.community,
            },
            {
                "name": network.routeros.profile,
                "kind": "routeros_login",
                "user": network.routeros.username,
                "secret": network.routeros.password,
            },
        ],
        "sites": [
            {
                "name": site.name,
                "role": site.role,
                "region": site.region,
                "lng": site.lng,
                "lat": site.lat,
                "elevation_m": site.elevation_m,
            }
            for site in network.sites
        ],
        "devices": [
            {
                "name": router.name,
                "site": router.site,
                "role": router.role,
                "address": loopback.endpoints[router.name].address,
                "probes": _probes(network, router, loopback),
                "subscribers": router.subscribers,
                "is_entry": router.name == network.vantage,
            }
            for router in network.routers
        ],
        "links": [
            {
                "a": link.a,
                "a_interface": link.a_interface,
                "b": link.b,
                "b_interface": link.b_interface,
                "kind": link.kind,
                "capacity_bps": int(link.capacity_bps),
                "parallel": link.parallel,
                "path": [list(point) for point in link.path],
            }
            for link in network.links
        ],
    }


def _probes(network: Network, router: RouterSpec, loopback: Loopback) -> list[dict[str, Any]]:
    endpoint = loopback.endpoints[router.name]
    probes: list[dict[str, Any]] = []
    if "snmp" in router.probes:
        probes.append({"kind": "snmp", "port": endpoint.snmp_port, "credential": network.snmp.profile})
    if "routeros" in router.probes:
        probes.append({"kind": "routeros", "port": endpoint.api_port, "credential": network.routeros.profile})
    is_all_it_has = not probes and loopback.has_own_addresses
    if "icmp" in router.probes and (loopback.can_silence or is_all_it_has):
        probes.append({"kind": "icmp", "port": 0, "credential": None})
    return probes
