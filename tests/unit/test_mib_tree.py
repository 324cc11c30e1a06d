"""The tree of names: what came along, with pysnmp as oracle; laws of any tree; names, instances, indexes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysnmp.smi import builder

from engine.mibs.facts import Convention, Module, Node, Oid, Syntax
from engine.mibs.standard import MACRO_MODULES, load_standard
from engine.mibs.tree import Tree, oid_of, text_of

MODULES = load_standard()
STANDARD = Tree(MODULES)
_KINDS = {"MibScalar": "scalar", "MibTable": "table", "MibTableRow": "row", "MibTableColumn": "column"}


@pytest.mark.parametrize(
    "module",
    [
        "SNMPv2-MIB",
        "SNMP-FRAMEWORK-MIB",
        "SNMP-USER-BASED-SM-MIB",
        "SNMP-VIEW-BASED-ACM-MIB",
        "SNMP-TARGET-MIB",
    ],
)
def test_pysnmp_gives_every_name_the_same_oid_kind_type_and_access(module: str) -> None:
    mibs = builder.MibBuilder()
    mibs.load_modules(module)
    compared = 0
    for name, symbol in mibs.mibSymbols[module].items():
        kind = _KINDS.get(type(symbol).__name__)
        if kind is None:
            continue
        oid = tuple(symbol.name)
        entry = STANDARD.entry(oid)
        assert entry is not None, name
        assert (entry.node.name, entry.node.kind) == (symbol.getLabel() or name, kind)
        assert STANDARD.oid_named(f"{module}::{entry.node.name}") == oid
        if kind in ("scalar", "column"):
            assert entry.node.access == symbol.getMaxAccess()
            named = getattr(symbol.syntax, "namedValues", None)
            enum = {int(number): label for label, number in named.items()} if named else {}
            assert dict(STANDARD.meaning(entry.node).enum) == enum, name
        if kind == "row":
            assert [part[2] for part in symbol.getIndexNames()] == list(entry.node.index), name
        compared += 1
    assert compared >= 4


@pytest.mark.parametrize(
    ("name", "oid"),
    [
        ("IF-MIB::ifHCInOctets", "1.3.6.1.2.1.31.1.1.1.6"),
        ("IP-MIB::ipAddressIfIndex", "1.3.6.1.2.1.4.34.1.3"),
        ("HOST-RESOURCES-MIB::hrStorageUsed", "1.3.6.1.2.1.25.2.3.1.6"),
        ("ENTITY-MIB::entPhysicalName", "1.3.6.1.2.1.47.1.1.1.1.7"),
        ("ENTITY-SENSOR-MIB::entPhySensorValue", "1.3.6.1.2.1.99.1.1.1.4"),
        ("BRIDGE-MIB::dot1dTpFdbPort", "1.3.6.1.2.1.17.4.3.1.2"),
        ("Q-BRIDGE-MIB::dot1qTpFdbPort", "1.3.6.1.2.1.17.7.1.2.2.1.2"),
        ("EtherLike-MIB::dot3StatsFCSErrors", "1.3.6.1.2.1.10.7.2.1.3"),
        ("LLDP-MIB::lldpRemSysName", "1.0.8802.1.1.2.1.4.1.1.9"),
        ("POWER-ETHERNET-MIB::pethMainPseConsumptionPower", "1.3.6.1.2.1.105.1.3.1.1.4"),
        ("UPS-MIB::upsBatteryVoltage", "1.3.6.1.2.1.33.1.2.5"),
        ("OSPF-MIB::ospfNbrState", "1.3.6.1.2.1.14.10.1.6"),
        ("BGP4-MIB::bgpPeerState", "1.3.6.1.2.1.15.3.1.2"),
        ("RMON-MIB::etherStatsOctets", "1.3.6.1.2.1.16.1.1.1.4"),
        ("UCD-SNMP-MIB::memTotalReal", "1.3.6.1.4.1.2021.4.5"),
        ("MAU-MIB::ifMauStatus", "1.3.6.1.2.1.26.2.1.1.4"),
        ("TCP-MIB::tcpConnectionState", "1.3.6.1.2.1.6.19.1.7"),
        ("UDP-MIB::udpInDatagrams", "1.3.6.1.2.1.7.1"),
        ("SNMPv2-MIB::sysUpTime", "1.3.6.1.2.1.1.3"),
    ],
)
def test_the_modules_that_networks_speak_come_along(name: str, oid: str) -> None:
    assert STANDARD.oid_named(name) == oid_of(oid)
    entry = STANDARD.entry(STANDARD.oid_named(name) or ())
    assert entry is not None
    assert f"{entry.module.name}::{entry.node.name}" == name


def test_what_came_along_holds_no_text_of_the_modules_and_knows_every_type_it_names() -> None:
    assert not [node.name for module in MODULES for node in module.nodes if node.description]
    nameless = [
        f"{module.name}::{node.name}: {node.syntax.name}"
        for module in MODULES
        for node in module.nodes
        if node.syntax is not None and not STANDARD.meaning(node).base
    ]
    assert nameless == []
    assert {"SNMPv2-SMI", "SNMPv2-TC"} <= {module.name for module in MODULES} & MACRO_MODULES


@pytest.mark.parametrize(
    ("oid", "name", "index"),
    [
        ("1.3.6.1.2.1.1.3.0", "sysUpTime.0", ""),
        ("1.3.6.1.2.1.2.2.1.2.3", "ifDescr.3", "ifIndex 3"),
        (
            "1.3.6.1.2.1.4.34.1.3.1.4.10.0.0.1",
            "ipAddressIfIndex.1.4.10.0.0.1",
            "ipAddressAddrType ipv4, ipAddressAddr 10.0.0.1",
        ),
        (
            "1.3.6.1.2.1.17.4.3.1.2.0.12.66.1.2.3",
            "dot1dTpFdbPort.0.12.66.1.2.3",
            "dot1dTpFdbAddress 00:0c:42:01:02:03",
        ),
        ("1.3.6.1.2.1.15.3.1.2.192.0.2.1", "bgpPeerState.192.0.2.1", "bgpPeerRemoteAddr 192.0.2.1"),
        ("1.3.6.1.2.1.31.1.1.1.1.7", "ifName.7", "ifIndex 7"),  # its row augments another
        ("1.3.6.1.2.1.17.4.3.1.2.0.12", "dot1dTpFdbPort.0.12", ""),  # too short for what it should be
        ("1.3.6.1.2.1.17.4.3.1.2.0.12.66.1.2.999", "dot1dTpFdbPort.0.12.66.1.2.999", ""),
        ("1.3.6.1.4.1.14988.1", "enterprises.14988.1", ""),
        ("2.5", "2.5", ""),
    ],
)
def test_an_oid_is_told_in_words_with_its_index(oid: str, name: str, index: str) -> None:
    resolved = STANDARD.resolve(oid_of(oid) or ())
    assert (resolved.oid, resolved.name, resolved.index) == (oid, name, index)


def test_a_search_finds_the_closest_first_by_oid_name_module_and_parts() -> None:
    def found(text: str, cap: int = 5) -> list[str]:
        return [entry.node.name for entry in STANDARD.search(text, cap)]

    assert found("IFDESCR")[0] == "ifDescr"
    assert found("1.3.6.1.2.1.2.2.1.2.77") == ["ifDescr"]
    assert found(".1.3.6.1.2.1.2.2.1.2") == ["ifDescr"]
    assert found("ifDescr.77")[0] == "ifDescr"
    assert found("if-mib::ifhcin")[0].startswith("ifHCIn")
    assert set(found("hr storage used")) == {"hrStorageUsed"}
    assert len(found("if", 7)) == 7
    assert found("nobody has it") == []
    assert found("") == []
    assert found("1.3.6.1.99999999999") == []


# Laws of any tree

OIDS = st.lists(st.integers(0, 4), min_size=1, max_size=6).map(tuple)
NODES = st.dictionaries(OIDS, st.sampled_from(["node", "scalar", "table", "row"]), min_size=1, max_size=40)


def tree_of(nodes: dict[Oid, str]) -> Tree:
    made = [Node("n" + "-".join(map(str, oid)), oid, kind) for oid, kind in nodes.items()]  # type: ignore[arg-type]
    return Tree([Module("M", (), tuple(made))])


def walk(tree: Tree, oid: Oid = ()) -> list[Oid]:
    below = []
    for entry in tree.children(oid):
        below += [entry.node.oid, *walk(tree, entry.node.oid)]
    return below


@given(NODES)
def test_walking_down_the_children_visits_every_name_once_in_the_order_of_oids(nodes: dict[Oid, str]) -> None:
    tree = tree_of(nodes)
    visited = walk(tree)
    assert visited == sorted(visited)
    assert len(visited) == len(set(visited)) == len(tree)
    lost = set(nodes) - set(visited)
    assert all(nodes[oid] == "node" for oid in lost)  # a mere name of one value gives way to the value's


@given(NODES, OIDS)
def test_the_path_to_an_oid_is_made_of_its_prefixes_and_ends_at_the_nearest(
    nodes: dict[Oid, str], oid: Oid
) -> None:
    tree = tree_of(nodes)
    path = [entry.node.oid for entry in tree.path(oid)]
    assert all(oid[: len(above)] == above for above in path)
    assert path == sorted(path)
    near = tree.nearest(oid)
    assert (path[-1] if path else None) == (near.node.oid if near is not None else None)
    assert tree.resolve(oid).oid == text_of(oid)
    for above, below in itertools.pairwise(path):
        assert below in [entry.node.oid for entry in tree.children(above)]


@given(NODES, st.integers(1, 3))
def test_children_page_by_page_are_all_children(nodes: dict[Oid, str], size: int) -> None:
    tree = tree_of(nodes)
    for oid in [(), *nodes]:
        whole = tree.children(oid)
        paged: list[Oid] = []
        while page := tree.children(oid, paged[-1] if paged else (), size):
            paged += [entry.node.oid for entry in page]
        assert paged == [entry.node.oid for entry in whole]


@given(st.text(max_size=40))
def test_no_search_text_is_too_strange(text: str) -> None:
    assert len(STANDARD.search(text, 3)) <= 3
    oid = STANDARD.oid_named(text)
    assert oid is None or all(isinstance(arc, int) for arc in oid)


def test_conventions_and_rows_that_lead_in_circles_end() -> None:
    loop = (Convention("A", Syntax("B", "M")), Convention("B", Syntax("A", "M")))
    rows = (
        Node("t", (1, 1), "table"),
        Node("r", (1, 1, 1), "row", augments="s"),
        Node("c", (1, 1, 1, 1), "column", Syntax("A", "M")),
        Node("u", (1, 2), "table"),
        Node("s", (1, 2, 1), "row", augments="r"),
    )
    tree = Tree([Module("M", loop, rows)])
    assert tree.meaning(rows[2]).base == ""
    assert tree.resolve((1, 1, 1, 1, 5)).index == ""


def test_a_module_of_the_users_own_is_believed_before_one_that_came_along() -> None:
    own = Module(
        "IF-MIB",
        (),
        (Node("ifDescr", (1, 3, 6, 1, 2, 1, 2, 2, 1, 2), "column", description="Mine"),),
        "if.my",
    )
    tree = Tree([*MODULES, own])
    entry = tree.entry((1, 3, 6, 1, 2, 1, 2, 2, 1, 2))
    assert entry is not None
    assert (entry.module.file, entry.node.description) == ("if.my", "Mine")
    assert len(tree.modules) == len(MODULES)
