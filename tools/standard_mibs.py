"""Gathers the facts of standard MIB modules, none of their texts. Counterpart: `engine/mibs/standard.py` reads the file.

Sources, all of which let facts be taken, and more: the packages pysnmp-mibs and pysnmp (BSD), which hold the IETF's and IANA's
modules compiled to Python; Net-SNMP's own modules (BSD) as Debian's libsnmp-base installs them; and for modules that are packaged
nowhere, or wrong, the tables in `tools/mib_tables`. What is kept is names, OIDs, types, enumerations, units, access: facts.
One rule: what is read is parsed (`ast`, pysmi), never imported or executed.
"""

from __future__ import annotations

import ast
import csv
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from domain.mib import NodeKind
from engine.mibs.facts import Convention, Module, Node, Oid, Syntax
from engine.mibs.reader import read_texts

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "engine" / "mibs" / "standard.jsonl"
TABLES = ROOT / "tools" / "mib_tables"
NET_SNMP = Path("/usr/share/snmp/mibs")
NET_SNMP_MODULES = ("NET-SNMP-TC", "NET-SNMP-MIB", "UCD-SNMP-MIB", "UCD-DISKIO-MIB", "LM-SENSORS-MIB")
PYSNMP_MODULES = """
    INET-ADDRESS-MIB RFC1213-MIB SNMP-COMMUNITY-MIB SNMP-FRAMEWORK-MIB SNMP-MPD-MIB SNMP-NOTIFICATION-MIB SNMP-PROXY-MIB
    SNMP-TARGET-MIB SNMP-USER-BASED-SM-MIB SNMP-USM-AES-MIB SNMP-USM-DH-OBJECTS-MIB SNMP-USM-HMAC-SHA2-MIB
    SNMP-VIEW-BASED-ACM-MIB SNMPv2-MIB SNMPv2-TC SNMPv2-TM TRANSPORT-ADDRESS-MIB
"""
PYSNMP_MIBS_MODULES = """
    ADSL-LINE-MIB ADSL-TC-MIB ADSL2-LINE-MIB ADSL2-LINE-TC-MIB AGENTX-MIB ALARM-MIB ATM-MIB ATM-TC-MIB BGP4-MIB BRIDGE-MIB
    DIAL-CONTROL-MIB DIFFSERV-DSCP-TC DIFFSERV-MIB DISMAN-EVENT-MIB DISMAN-PING-MIB DISMAN-TRACEROUTE-MIB DNS-RESOLVER-MIB
    DNS-SERVER-MIB DOT3-EPON-MIB DOT3-OAM-MIB DS0-MIB DS1-MIB DS3-MIB ENTITY-MIB ENTITY-SENSOR-MIB ENTITY-STATE-MIB
    ENTITY-STATE-TC-MIB ETHER-WIS EtherLike-MIB FRAME-RELAY-DTE-MIB HC-PerfHist-TC-MIB HC-RMON-MIB HCNUM-TC HOST-RESOURCES-MIB
    HOST-RESOURCES-TYPES IANA-ADDRESS-FAMILY-NUMBERS-MIB IANA-ITU-ALARM-TC-MIB IANA-LANGUAGE-MIB IANA-MAU-MIB IANA-RTPROTO-MIB
    IANAifType-MIB IF-CAP-STACK-MIB IF-INVERTED-STACK-MIB IF-MIB IGMP-STD-MIB INTEGRATED-SERVICES-MIB IP-FORWARD-MIB IP-MIB
    IPMCAST-MIB IPMROUTE-STD-MIB IPV6-FLOW-LABEL-MIB IPV6-ICMP-MIB IPV6-MIB IPV6-MLD-MIB IPV6-TC IPV6-TCP-MIB IPV6-UDP-MIB
    L2TP-MIB LANGTAG-TC-MIB MAU-MIB MPLS-FTN-STD-MIB MPLS-L3VPN-STD-MIB MPLS-LDP-STD-MIB MPLS-LSR-STD-MIB MPLS-TC-STD-MIB
    MPLS-TE-STD-MIB MSDP-MIB NAT-MIB NETWORK-SERVICES-MIB NOTIFICATION-LOG-MIB OPT-IF-MIB OSPF-MIB OSPF-TRAP-MIB P-BRIDGE-MIB
    PIM-STD-MIB PPP-IP-NCP-MIB PPP-LCP-MIB PPP-SEC-MIB PTOPO-MIB PerfHist-TC-MIB Q-BRIDGE-MIB
    RADIUS-ACC-CLIENT-MIB RADIUS-AUTH-CLIENT-MIB RFC1271-MIB RIPv2-MIB RMON-MIB RMON2-MIB RS-232-MIB RSTP-MIB RSVP-MIB SCTP-MIB
    SFLOW-MIB SMON-MIB SONET-MIB SYSAPPL-MIB TCP-MIB TOKEN-RING-RMON-MIB TUNNEL-MIB UDP-MIB UPS-MIB URI-TC-MIB VDSL-LINE-MIB
    VPN-TC-STD-MIB VRRP-MIB
"""

_KINDS: dict[str, NodeKind] = {
    "MibIdentifier": "node",
    "ObjectIdentity": "node",
    "ModuleIdentity": "module",
    "MibScalar": "scalar",
    "MibTable": "table",
    "MibTableRow": "row",
    "MibTableColumn": "column",
    "NotificationType": "notification",
}
_BASES = {
    "Integer": "INTEGER",
    "Integer32": "Integer32",
    "OctetString": "OCTET STRING",
    "ObjectIdentifier": "OBJECT IDENTIFIER",
    "Bits": "BITS",
    "Opaque": "Opaque",
    "NetworkAddress": "IpAddress",
    **{name: name for name in ("Unsigned32", "Counter32", "Counter64", "Gauge32", "IpAddress", "TimeTicks")},
}
_ACCESS = {
    "readonly": "read-only",
    "readwrite": "read-write",
    "readcreate": "read-create",
    "notifyonly": "accessible-for-notify",
    "accessiblefornotify": "accessible-for-notify",
    "noaccess": "not-accessible",
}
_ROOTS: dict[str, Oid] = {
    "iso": (1,),
    "org": (1, 3),
    "dod": (1, 3, 6),
    "internet": (1, 3, 6, 1),
    "directory": (1, 3, 6, 1, 1),
    "mgmt": (1, 3, 6, 1, 2),
    "mib-2": (1, 3, 6, 1, 2, 1),
    "transmission": (1, 3, 6, 1, 2, 1, 10),
    "experimental": (1, 3, 6, 1, 3),
    "private": (1, 3, 6, 1, 4),
    "enterprises": (1, 3, 6, 1, 4, 1),
    "security": (1, 3, 6, 1, 5),
    "snmpV2": (1, 3, 6, 1, 6),
    "snmpDomains": (1, 3, 6, 1, 6, 1),
    "snmpProxys": (1, 3, 6, 1, 6, 2),
    "snmpModules": (1, 3, 6, 1, 6, 3),
    "zeroDotZero": (0, 0),
}
_SMI = Module("SNMPv2-SMI", (), tuple(Node(name, oid) for name, oid in _ROOTS.items()))


class Compiled:
    """Reads one module that was compiled to Python for pysnmp, by its syntax tree."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._modules: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._nameless: dict[str, Syntax] = {}
        self._conventions: dict[str, Convention] = {}
        self._nodes: dict[str, Node] = {}
        for statement in ast.parse(path.read_text("utf-8", "replace")).body:
            self._read(statement)

    def module(self) -> Module:
        """Return its facts."""
        return Module(self._name, tuple(self._conventions.values()), tuple(self._nodes.values()))

    def _read(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(
                [ast.Tuple(targets)], ast.Call(ast.Attribute(_, "importSymbols" | "import_symbols"), args)
            ):
                module = str(ast.literal_eval(args[0]))
                self._modules |= {t.id: module for t in targets if isinstance(t, ast.Name)}
            case ast.Assign([ast.Name(name)], ast.Name(known)):
                self._aliases[name] = known
            case ast.Assign([ast.Name(name)], ast.Call() as made):
                self._make(name, made)
            case ast.ClassDef(name):
                self._define(statement)
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(name), verb), args)) if name in self._nodes:
                self._nodes[name] = self._told(self._nodes[name], verb, args)
            case ast.If():
                for inner in statement.body:
                    if isinstance(inner, ast.Expr):
                        self._read(inner)

    def _make(self, name: str, made: ast.Call) -> None:
        told = []
        call: ast.expr = made
        while isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            told.append((call.func.attr, call.args))
            call = call.func.value
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or not call.args:
            return
        kind = _KINDS.get(self._aliases.get(call.func.id, call.func.id))
        if kind is None:
            return
        oid = _oid(call.args[0])
        syntax = self._syntax(call.args[1]) if len(call.args) > 1 else None
        node = Node(name.removeprefix("_pysmi_").replace("_", "-"), oid, kind, syntax)
        for verb, args in reversed(told):
            node = self._told(node, verb, args)
        self._nodes[name] = node

    def _told(self, node: Node, verb: str, args: list[ast.expr]) -> Node:
        match verb:
            case "setMaxAccess":
                access = str(ast.literal_eval(args[0]))
                return msgspec.structs.replace(node, access=_ACCESS.get(access, access))
            case "setUnits":
                return msgspec.structs.replace(node, units=" ".join(str(ast.literal_eval(args[0])).split()))
            case "setLabel":
                return msgspec.structs.replace(node, name=str(ast.literal_eval(args[0])))
            case "setIndexNames" if isinstance(args[0], ast.Starred):
                row = next(n.id for n in ast.walk(args[0]) if isinstance(n, ast.Name))
                return msgspec.structs.replace(node, augments=row.replace("_", "-"))
            case "setIndexNames":
                parts = [ast.literal_eval(part) for part in args]
                names = tuple(part[2] for part in parts)
                return msgspec.structs.replace(node, index=names, implied=bool(parts[-1][0]))
        return node

    def _define(self, made: ast.ClassDef) -> None:
        bases = [
            base.id for base in made.bases if isinstance(base, ast.Name) and base.id != "TextualConvention"
        ]
        if not bases:
            return
        attributes = {
            target.id: statement.value
            for statement in made.body
            if isinstance(statement, ast.Assign | ast.AugAssign)
            for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
            if isinstance(target, ast.Name)
        }
        syntax = self._constrained(
            self._named(bases[0]), [attributes[n] for n in ("subtypeSpec", "namedValues") if n in attributes]
        )
        if made.name.startswith("_"):
            self._nameless[made.name] = syntax
            return
        hint = str(ast.literal_eval(attributes["displayHint"])) if "displayHint" in attributes else ""
        name = made.name.replace("_", "-")
        self._conventions[name] = Convention(name, syntax, hint)

    def _named(self, name: str) -> Syntax:
        name = self._aliases.get(name, name)
        if name in self._nameless:
            return self._nameless[name]
        if name in _BASES:
            return Syntax(_BASES[name])
        return Syntax(name.replace("_", "-"), self._modules.get(name, self._name))

    def _syntax(self, made: ast.expr) -> Syntax:
        """Return a type as an object has it: `Type()`, with `.subtype(...)` and `.clone(...)` after it."""
        told: list[ast.expr] = []
        while isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute):
            told += [word.value for word in made.keywords if word.arg in ("subtypeSpec", "namedValues")]
            made = made.func.value
        assert isinstance(made, ast.Call) and isinstance(made.func, ast.Name), ast.dump(made)
        return self._constrained(self._named(made.func.id), told)

    def _constrained(self, syntax: Syntax, told: list[ast.expr]) -> Syntax:
        enum, limits = dict(syntax.enum), list(syntax.limits)
        for call in (call for part in told for call in ast.walk(part) if isinstance(call, ast.Call)):
            if not isinstance(call.func, ast.Name):
                continue
            if call.func.id == "NamedValues":
                values = [_values(part) for part in call.args]
                enum |= {number: name for some in values for name, number in some}
            elif call.func.id in ("ValueSizeConstraint", "ValueRangeConstraint"):
                low, high = (int(ast.literal_eval(part)) for part in call.args)
                limits.append((low, high))
        name = "INTEGER" if enum and syntax.name == "Integer32" else syntax.name
        return Syntax(name, syntax.module, enum, tuple(limits) if not enum else ())


def _values(made: ast.expr) -> list[tuple[str, int]]:
    if isinstance(made, ast.Starred):
        return [tuple(pair) for pair in ast.literal_eval(made.value)]
    return [ast.literal_eval(made)]


def _oid(made: ast.expr) -> Oid:
    if isinstance(made, ast.BinOp):
        return _oid(made.left) + _oid(made.right)
    return tuple(ast.literal_eval(made))


def tabled(path: Path) -> Module:
    """Return a module from our table of it: name, OID, kind, syntax, enumeration or limits, access, units, index (or "+" and the
    row that it augments), hint."""
    conventions, nodes = [], []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t"):
            syntax = Syntax(row["syntax"], row["from"]) if row["syntax"] else None
            if syntax is not None and row["values"]:
                pairs = [value.split("=") for value in row["values"].split(",")]
                syntax = msgspec.structs.replace(syntax, enum={int(number): name for name, number in pairs})
            if syntax is not None and row["limits"]:
                limits = tuple(
                    (int(low), int(high))
                    for low, high in (part.split("..") for part in row["limits"].split(","))
                )
                syntax = msgspec.structs.replace(syntax, limits=limits)
            if row["kind"] == "convention" and syntax is not None:
                conventions.append(Convention(row["name"], syntax, row["hint"]))
                continue
            oid = tuple(int(arc) for arc in row["oid"].split("."))
            index = row["index"]
            columns = tuple(index.split(",")) if index and not index.startswith("+") else ()
            augments = index[1:] if index.startswith("+") else ""
            kind = msgspec.convert(row["kind"], NodeKind)
            nodes.append(
                Node(row["name"], oid, kind, syntax, row["access"], row["units"], columns, augments=augments)
            )
    return Module(path.stem, tuple(conventions), tuple(nodes))


def folder_of(package: str) -> Path:
    """Return where a package is, without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"the package of {package} is not installed: ./dev mibs does it")
    return Path(found.submodule_search_locations[0])


def modules() -> Iterator[Module]:
    """Yield all standard modules."""
    yield _SMI
    pysnmp = folder_of("pysnmp") / "smi" / "mibs"
    known = [_SMI, *(Compiled(name, pysnmp / f"{name}.py").module() for name in PYSNMP_MODULES.split())]
    folder = folder_of("pysnmp_mibs")
    known += [Compiled(name, folder / f"{name}.py").module() for name in PYSNMP_MIBS_MODULES.split()]
    yield from known[1:]
    yield from map(tabled, sorted(TABLES.glob("*.tsv")))
    texts = {name: (NET_SNMP / f"{name}.txt").read_text("utf-8") for name in NET_SNMP_MODULES}
    read = read_texts(texts, known)
    if read.problems:
        raise SystemExit(
            "\n".join(f"{problem.file}:{problem.line}: {problem.said}" for problem in read.problems)
        )
    for module in read.modules:
        nodes = tuple(msgspec.structs.replace(node, description="", status="") for node in module.nodes)
        yield msgspec.structs.replace(module, nodes=nodes, file="")


def main() -> int:
    """Write the file anew."""
    found = sorted(modules(), key=lambda module: module.name)
    OUT.write_bytes(b"".join(msgspec.json.encode(module) + b"\n" for module in found))
    nodes = sum(len(module.nodes) for module in found)
    print(f"{OUT.relative_to(ROOT)}: {len(found)} modules, {nodes} names, {OUT.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
