"""The boards a simulated router can be: what they hold and how they name things.

Counterpart: `network.py` refers to a board by name, `router.py` reads its figures. One rule: a board says only what
its printed data sheet says; what changes while it runs lives in `router.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Radio = Literal["none", "wireless", "wifi", "w60g"]
"""The wireless menu family of a board: legacy `wireless`, new `wifi` (and `wifiwave2`), 60 GHz, or no radio."""

Make = Literal["mikrotik", "airfiber", "netsnmp"]
"""Which agent answers: RouterOS with its own MIB, a Ubiquiti radio, or a plain net-snmp host."""


@dataclass(frozen=True, slots=True)
class Board:
    """One kind of device. Memory and disk in bytes, `cpu_mhz` in MHz, voltage in volts."""

    name: str
    """What RouterOS calls `board-name`."""
    model: str
    """What RouterOS calls `model` under /system/routerboard; differs from the name on branded boards."""
    make: Make
    architecture: str
    cpu: str
    cpu_count: int
    cpu_mhz: int
    memory_bytes: int
    disk_bytes: int
    radio: Radio = "none"
    voltage_v: float = 24.0
    has_fan: bool = False
    has_poe: bool = False
    """Whether its copper ports feed what hangs on them."""
    has_lte: bool = False
    has_gps: bool = False
    vendor_oui: bytes = bytes.fromhex("488f5a")
    system_oid: tuple[int, ...] = (1, 3, 6, 1, 4, 1, 14988, 1)


_MIB = 1024 * 1024


def _mikrotik(
    name: str,
    model: str,
    architecture: str,
    cpu: tuple[str, int, int],
    storage_mib: tuple[int, int],
    *,
    radio: Radio = "none",
    has_fan: bool = False,
    has_poe: bool = False,
    has_lte: bool = False,
    oui: str = "488f5a",
) -> Board:
    return Board(
        name,
        model,
        "mikrotik",
        architecture,
        cpu[0],
        cpu[1],
        cpu[2],
        storage_mib[0] * _MIB,
        storage_mib[1] * _MIB,
        radio,
        has_fan=has_fan,
        has_poe=has_poe,
        has_lte=has_lte,
        has_gps=has_lte,
        vendor_oui=bytes.fromhex(oui),
    )


_ALL = (
    _mikrotik("CCR2004-16G-2S+", "CCR2004-16G-2S+", "arm64", ("ARM64", 4, 1700), (4096, 128), has_fan=True),
    _mikrotik("CCR2116-12G-4S+", "CCR2116-12G-4S+", "arm64", ("ARM64", 16, 2000), (16384, 128), has_fan=True),
    _mikrotik(
        "CCR1009-7G-1C-1S+", "CCR1009-7G-1C-1S+", "tile", ("tilegx", 9, 1000), (2048, 128), has_fan=True
    ),
    _mikrotik("RB5009UG+S+", "RB5009UG+S+", "arm64", ("ARM64", 4, 1400), (1024, 1024), oui="dc2c6e"),
    _mikrotik(
        "RB5009UPr+S+",
        "RB5009UPr+S+IN",
        "arm64",
        ("ARM64", 4, 1400),
        (1024, 1024),
        has_poe=True,
        oui="dc2c6e",
    ),
    _mikrotik(
        "LtAP-2HnD", "LtAP-2HnD", "mmips", ("MIPS 1004Kc", 4, 880), (128, 16), radio="wireless", has_lte=True
    ),
    _mikrotik(
        "RB922UAGS-5HPacD", "RB922UAGS-5HPacD", "mipsbe", ("MIPS 74Kc", 1, 720), (128, 128), radio="wireless"
    ),
    _mikrotik(
        "NetMetal ax", "L23UGSR-5HaxD2HaxD", "arm", ("ARM", 2, 800), (256, 128), radio="wifi", oui="789a18"
    ),
    _mikrotik(
        "CubeG-5ac60ay", "CubeG-5ac60ay", "arm", ("ARM", 4, 716), (256, 16), radio="w60g", oui="c4ad34"
    ),
    _mikrotik(
        "hAP ac^2", "RBD52G-5HacD2HnD", "arm", ("ARM", 4, 716), (128, 16), radio="wireless", oui="c4ad34"
    ),
    _mikrotik(
        "hAP ax^2", "C52iG-5HaxD2HaxD", "arm64", ("ARM64", 4, 864), (1024, 128), radio="wifi", oui="789a18"
    ),
    _mikrotik(
        "SXTsq 5 ac", "RBSXTsqG-5acD", "arm", ("ARM", 4, 716), (256, 16), radio="wireless", oui="dc2c6e"
    ),
    _mikrotik("LHG 5 ax", "RBLHGG-5HaxD", "arm64", ("ARM64", 2, 800), (256, 128), radio="wifi", oui="dc2c6e"),
    Board(
        "airFiber 60 LR",
        "AF60-LR",
        "airfiber",
        "arm64",
        "ARM64",
        4,
        1000,
        512 * _MIB,
        64 * _MIB,
        vendor_oui=bytes.fromhex("245a4c"),
        system_oid=(1, 3, 6, 1, 4, 1, 41112, 1, 11),
    ),
    Board(
        "Linux gateway",
        "apu4d4",
        "netsnmp",
        "x86_64",
        "AMD GX-412TC",
        4,
        1000,
        4096 * _MIB,
        16384 * _MIB,
        vendor_oui=bytes.fromhex("000db9"),
        system_oid=(1, 3, 6, 1, 4, 1, 8072, 3, 2, 10),
    ),
)

BOARDS: dict[str, Board] = {board.name: board for board in _ALL}
"""Every board by its name."""


def version_key(version: str) -> tuple[int, ...]:
    """Make "7.18.2" comparable: (7, 18, 2). Anything after the digits ("rc1") is left out."""
    parts: list[int] = []
    for piece in version.split("."):
        digits = ""
        for letter in piece:
            if not letter.isdigit():
                break
            digits += letter
        if not digits:
            break
        parts.append(int(digits))
    return tuple(parts)
