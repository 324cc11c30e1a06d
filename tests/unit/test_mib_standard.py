"""The committed facts of standard modules are what `./dev mibs` makes, as far as its sources are installed here."""

from __future__ import annotations

import pytest
from pysnmp.smi import builder

from engine.mibs.standard import load_standard
from tools.standard_mibs import PYSNMP_MIBS_MODULES, PYSNMP_MODULES, TABLES, Compiled, folder_of, tabled

COMMITTED = {module.name: module for module in load_standard()}


@pytest.mark.parametrize("name", PYSNMP_MODULES.split())
def test_a_module_that_pysnmp_ships_is_committed_as_the_tool_reads_it(name: str) -> None:
    read = Compiled(name, folder_of("pysnmp") / "smi" / "mibs" / f"{name}.py").module()
    assert read == COMMITTED[name]


@pytest.mark.parametrize("path", sorted(TABLES.glob("*.tsv")), ids=lambda path: path.stem)
def test_a_table_of_ours_is_committed_as_it_stands(path: object) -> None:
    module = tabled(path)  # type: ignore[arg-type]
    assert module == COMMITTED[module.name]


def test_every_module_that_the_tool_names_is_committed_once_in_order() -> None:
    names = [module.name for module in load_standard()]
    assert names == sorted(set(names))
    assert {*PYSNMP_MODULES.split(), *PYSNMP_MIBS_MODULES.split(), "UCD-SNMP-MIB", "LLDP-MIB"} <= set(names)


def test_the_roots_are_pysnmps_too() -> None:
    mibs = builder.MibBuilder()
    mibs.load_modules("SNMPv2-SMI")
    for node in COMMITTED["SNMPv2-SMI"].nodes:
        symbol = mibs.mibSymbols["SNMPv2-SMI"].get(node.name)
        assert symbol is None or tuple(symbol.name) == node.oid, node.name
