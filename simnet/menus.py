"""Which menus a router has, and what it prints in each: the table of all of them. Counterpart: `api.py`, which sends the rows.

The files beside this one spell them, one a subject. One rule: a menu that this version does not have is not in the answer of
`find_menu`, exactly as on the device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simnet import menus_interface, menus_routing, menus_services, menus_system, menus_wireless
from simnet.query import Row
from simnet.router import Interface, Router

Print = Callable[[Router, float], list[Row]]
Has = Callable[[Router], bool]


@dataclass(frozen=True, slots=True)
class Menu:
    """A place where `print` works, on the routers that have it. `count` knows the number of rows without making them."""

    print: Print
    exists: Has = lambda _router: True
    count: Callable[[Router, float], int] | None = None


@dataclass(frozen=True, slots=True)
class Monitor:
    """A command that looks at ports of one family, those that `fits` lets through."""

    family: str
    read: Callable[[Interface, float], Row]
    exists: Has = lambda _router: True
    fits: Callable[[Interface], bool] = lambda _port: True


def find_menu(router: Router, path: str) -> Menu | None:
    """Return the menu at a path ("/system/resource") if this router has it."""
    menu = _MENUS.get(path)
    return menu if menu and menu.exists(router) else None


def find_monitor(router: Router, path: str) -> Monitor | None:
    """Return the monitor at a path ("/interface/ethernet/monitor") if this router has it."""
    monitor = _MONITORS.get(path)
    return monitor if monitor and monitor.exists(router) else None


def has_directory(router: Router, path: str) -> bool:
    """Tell whether a path is a menu of this router, or leads to one."""
    return any(
        name == path or name.startswith(f"{path}/") for name, menu in _MENUS.items() if menu.exists(router)
    )


def _is_v7(router: Router) -> bool:
    return router.is_at_least(7)


def _is_v6(router: Router) -> bool:
    return not router.is_at_least(7)


def _has_wifi(router: Router) -> bool:
    return router.is_at_least(7, 13)


def _has_lte(router: Router) -> bool:
    return router.is_at_least(7) or router.board.has_lte


def _has_poe(router: Router) -> bool:
    return router.board.has_poe


_MENUS: dict[str, Menu] = {
    "/system/identity": Menu(menus_system.identity),
    "/system/resource": Menu(menus_system.resource),
    "/system/health": Menu(menus_system.health),
    "/system/routerboard": Menu(menus_system.routerboard),
    "/system/license": Menu(menus_system.license_rows),
    "/system/package": Menu(menus_system.packages),
    "/system/package/update": Menu(lambda router, _at: [menus_system.update_row(router)]),
    "/user": Menu(menus_system.users),
    "/user/group": Menu(menus_system.groups),
    "/interface": Menu(menus_interface.interfaces),
    "/interface/bonding": Menu(menus_interface.bonds),
    "/interface/ethernet": Menu(menus_interface.ethernets),
    "/interface/ethernet/poe": Menu(menus_interface.poe_rows, _has_poe),
    "/interface/w60g": Menu(menus_wireless.w60g),
    "/interface/wireless/registration-table": Menu(menus_wireless.wireless, menus_wireless.has_legacy_radio),
    "/interface/wifiwave2/registration-table": Menu(menus_wireless.wifi, menus_wireless.has_wifiwave2),
    "/interface/wifi/registration-table": Menu(menus_wireless.wifi, _has_wifi),
    "/caps-man/registration-table": Menu(menus_wireless.capsman, menus_wireless.has_legacy_radio),
    "/ip/address": Menu(menus_services.addresses),
    "/ip/neighbor": Menu(menus_services.neighbours),
    "/ip/arp": Menu(menus_services.arp),
    "/interface/bridge/host": Menu(menus_services.hosts),
    "/ip/route": Menu(menus_routing.routes, count=menus_routing.count_routes),
    "/routing/route": Menu(menus_routing.routes, _is_v7, menus_routing.count_routes),
    "/routing/ospf/neighbor": Menu(menus_routing.ospf_neighbours),
    "/routing/bgp/session": Menu(menus_routing.bgp_sessions, _is_v7),
    "/routing/bgp/peer": Menu(menus_routing.bgp_peers, _is_v6),
    "/routing/bfd/session": Menu(menus_routing.bfd_sessions, _is_v7),
    "/routing/bfd/neighbor": Menu(menus_routing.bfd_sessions, _is_v6),
    "/queue/simple": Menu(menus_services.queues),
    "/ppp/active": Menu(menus_services.sessions, count=menus_services.count_sessions),
    "/ip/dhcp-server/lease": Menu(menus_services.leases),
    "/tool/netwatch": Menu(menus_services.netwatch),
}
_MONITORS: dict[str, Monitor] = {
    "/interface/ethernet/monitor": Monitor("ethernet", menus_interface.ethernet_monitor_row),
    "/interface/ethernet/poe/monitor": Monitor(
        "ethernet", menus_interface.poe_monitor_row, _has_poe, lambda port: port in port.router.poe_ports()
    ),
    "/interface/w60g/monitor": Monitor("w60g", menus_wireless.w60g_monitor_row),
    "/interface/wireless/monitor": Monitor(
        "wireless", menus_wireless.wireless_monitor_row, menus_wireless.has_legacy_radio
    ),
    "/interface/wifi/monitor": Monitor("wifi", menus_wireless.wifi_monitor_row, _has_wifi),
    "/interface/wifiwave2/monitor": Monitor(
        "wifi", menus_wireless.wifi_monitor_row, menus_wireless.has_wifiwave2
    ),
    "/interface/lte/monitor": Monitor("lte", menus_wireless.lte_row, _is_v7),
    "/interface/lte/info": Monitor("lte", menus_wireless.lte_row, _has_lte),
}
