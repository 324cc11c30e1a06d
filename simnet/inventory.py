"""What an operator of a simulated network would have typed in: sites, devices, links and credentials.

Counterpart: the program that makes it into edits. One rule: nothing that a device tells of itself is in here.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from simnet.loopback import Loopback
from simnet.network import LinkSpec, Network, RouterSpec, Site, interface_family
from simnet.world import distance_m

FREQUENCY_MHZ, TX_POWER_DBM = 5_500.0, 20.0
MISALIGNED_DB = 12.0
"""What one link hears less than its antennas would let it: somebody should look at that."""
_RADIOS = ("wlan", "wifi", "cap", "ether")
_HEARD = frozenset({"wireless", "wifi"})
"""Of radios of these families the simulator tells how they hear each other."""


def write_inventory(network: Network, loopback: Loopback) -> dict[str, Any]:
    """Return the inventory as plain data, ready for JSON.

    A device has the probes it answers; `icmp` only where a killed router really stops answering pings, or where it is
    all the device has and its address is its own.
    """
    pops = _pops(network)
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
                "pop": pops.get(site.name, ""),
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
                "sectors": _sectors(network, router),
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
                "radio": _radio(network, link) if link.kind == "wireless" else None,
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


def _pops(network: Network) -> dict[str, str]:
    """Return of each site that is no POP the POP that it hangs on: the one over the fewest links."""
    place = {router.name: router.site for router in network.routers}
    near: dict[str, list[str]] = {site.name: [] for site in network.sites}
    for link in network.links:
        a, b = place[link.a], place[link.b]
        near[a].append(b)
        near[b].append(a)
    found = {site.name: site.name for site in network.sites if site.role == "pop"}
    queue = deque(found)
    while queue:
        here = queue.popleft()
        for there in near[here]:
            if there not in found:
                found[there] = found[here]
                queue.append(there)
    return {name: pop for name, pop in found.items() if name != pop}


def _sites(network: Network, link: LinkSpec) -> tuple[Site, Site]:
    place = {router.name: router.site for router in network.routers}
    sites = {site.name: site for site in network.sites}
    return sites[place[link.a]], sites[place[link.b]]


def _radio(network: Network, link: LinkSpec) -> dict[str, float] | None:
    """Return antennas that fit what the simulated radios hear, but for those of one link; None where none is heard."""
    families = {interface_family(link.a_interface), interface_family(link.b_interface)}
    if _HEARD.isdisjoint(families) or "w60g" in families:
        return None  # what 60 GHz hears is another matter
    far_km = distance_m(*_sites(network, link)) / 1_000
    if far_km < 0.1:
        return None
    loss_db = 32.44 + 20 * math.log10(far_km) + 20 * math.log10(FREQUENCY_MHZ)
    heard_dbm = -48.0 - 11 * math.log10(far_km)
    radios = [one for one in network.links if one.kind == "wireless" and one.b_interface.startswith("wlan")]
    missing_db = MISALIGNED_DB if radios and link is radios[-1] else 0.0
    gain_dbi = round((heard_dbm + missing_db - TX_POWER_DBM + loss_db) / 2, 1)
    return {
        "frequency_mhz": FREQUENCY_MHZ,
        "a_height_m": 20.0,
        "b_height_m": 12.0,
        "a_gain_dbi": gain_dbi,
        "b_gain_dbi": gain_dbi,
        "a_tx_power_dbm": TX_POWER_DBM,
        "b_tx_power_dbm": TX_POWER_DBM,
    }


def _sectors(network: Network, router: RouterSpec) -> list[dict[str, Any]]:
    """Return a sector for each radio that feeds routers further out, turned to them."""
    found = []
    for link in network.links:
        if link.a != router.name or link.kind != "wireless" or link.parallel > 1:
            continue
        here, there = _sites(network, link)
        far_m = distance_m(here, there)
        if far_m >= 100.0 and link.a_interface.startswith(_RADIOS):
            range_m = round(far_m * 1.2, -2)
            found.append(
                {
                    "azimuth_deg": round(_bearing_deg(here, there)),
                    "beam_deg": 60.0,
                    "range_m": range_m,
                    "interface": link.a_interface,
                    "frequency_mhz": FREQUENCY_MHZ,
                }
            )
    return found[:4]


def _bearing_deg(here: Site, there: Site) -> float:
    east = (there.lng - here.lng) * math.cos(math.radians((here.lat + there.lat) / 2))
    return math.degrees(math.atan2(east, there.lat - here.lat)) % 360
