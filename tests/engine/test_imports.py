"""Files of other programs: what a dry run says of them, what is refused, and that what we write we read again."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from uuid import UUID

import msgspec
import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.edit import Edit, apply
from domain.exchanging import FILE_FORMATS, ExportNetwork, FileFormat, ImportPlan, PlanImport
from domain.inventory import Device, Inventory, Link, Probe, Site
from domain.rules import refusals
from domain.wire import SubmitEdit
from engine.imports.exchange import plan_import
from engine.imports.record import CannotRead
from engine.imports.writing import write
from tests.damaged_zips import DAMAGES, damaged
from tests.engine.request_desk import Desk, runner
from tests.unit.inventories import inventory

HILL = Site(UUID(int=501), "Grünten", "Allgäu", 10.3186, 47.5533, 1738.0)
TOWN = Site(UUID(int=502), "Sonthofen", "Allgäu", 10.28, 47.51, pop=HILL.id)
A = Device(UUID(int=1), "Grünten R1", "10.44.7.1", (Probe("icmp"),), "relay", HILL.id, tags=("core", "5G"))
B = Device(
    UUID(int=2), "=SUM(A1)", "10.44.7.2", (Probe("icmp"),), "access", TOWN.id, 21, lng=10.2811, lat=47.5122
)
ROOF = Device(UUID(int=3), "مقسم الاتصالات", "10.44.7.3", (Probe("icmp"),), note="key\nat the lift")
LINK = Link(UUID(int=300), A.id, B.id, "wlan1", "wlan2", "wireless", 300_000_000, ((10.3, 47.53),))


def network() -> Inventory:
    """Return a small network."""
    return inventory(HILL, TOWN, A, B, ROOF, LINK)


def plan(data: bytes | str, name: str, start: Inventory | None = None) -> ImportPlan:
    """Return the dry run of a file; ids count up from 9,000."""
    numbers = count(9_000)
    given = data.encode() if isinstance(data, str) else data
    request = PlanImport(1, name, given, probes=(Probe("icmp"),))
    found = plan_import(start or Inventory(), request, lambda: UUID(int=next(numbers)))
    return msgspec.convert(found, ImportPlan)


def said(found: ImportPlan) -> list[tuple[str, str, str]]:
    """Return the rows in short."""
    return [(row.action, row.kind, row.name) for row in found.rows]


def after(found: ImportPlan, start: Inventory | None = None) -> Inventory:
    """Return the inventory that a plan leads to, as the rules let it."""
    result = Inventory((start or Inventory()).tables)
    edit = Edit(UUID(int=1), 1, "mara", "Import", found.steps)
    assert refusals(result, edit) == []
    apply(result, edit)
    return result


@pytest.mark.parametrize("format", FILE_FORMATS)
def test_what_is_written_is_read_again_and_changes_nothing(format: FileFormat) -> None:
    written = write(network(), format)
    found = plan(written.data, f"network.{format}", network())
    assert {row.action for row in found.rows} == {"same"}, found.rows
    assert found.steps == () and len(found.rows) == written.things and found.format == format


@pytest.mark.parametrize("format", ["geojson", "csv"])
def test_what_is_written_makes_the_same_network_elsewhere(format: FileFormat) -> None:
    made = after(plan(write(network(), format).data, f"network.{format}"))
    [grunten] = [device for device in made.devices() if device.name == A.name]
    assert (grunten.address, grunten.role, grunten.tags, grunten.lng) == (A.address, "relay", A.tags, None)
    site = made.site(grunten.site)
    assert site is not None and (site.name, site.region, site.lng, site.elevation_m) == (
        "Grünten",
        "Allgäu",
        10.3186,
        1738.0,
    )
    [link] = made.links()
    assert (link.a_interface, link.capacity_bps, link.kind) == ("wlan1", 300_000_000, "wireless")
    assert {device.name for device in made.devices()} == {A.name, B.name, ROOF.name}


def test_a_file_changes_what_it_says_and_nothing_else() -> None:
    text = 'name,address,subscribers,lat,lon\n=SUM,10.44.7.2,"30",47.6,"10.3"\n'
    found = plan(text, "devices.csv", network())
    [row] = found.rows
    assert row.action == "change"
    assert row.said == "name =SUM(A1) → =SUM, subscribers 21 → 30, lng 10.2811 → 10.3, lat 47.5122 → 47.6"
    changed = after(found, network()).device(B.id)
    assert changed == msgspec.structs.replace(B, name="=SUM", subscribers=30, lng=10.3, lat=47.6)


def test_a_mistyped_address_is_said_and_makes_no_site_but_a_street_is_none() -> None:
    rows = "R1,10.0.0.999\nR2,fe80::1::2\nMast,Hauptstr. 5\nR3,10.0.0.3\n"
    found = plan(f"name,address\n{rows}", "x.csv")
    assert said(found) == [
        ("skip", "device", "R1"),
        ("skip", "device", "R2"),
        ("add", "site", "Mast"),
        ("add", "device", "R3"),
    ]
    assert found.rows[0].said == "'10.0.0.999' is no IPv4 or IPv6 address"


def test_placemarks_become_sites_and_folders_their_regions() -> None:
    text = """<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>
      <Folder><name>Oberallgäu</name>
        <Placemark><name>Grünten</name><description><![CDATA[<b>mast</b> 2]]></description>
          <Point><coordinates>10.3186,47.5533,1738</coordinates></Point></Placemark>
        <Placemark><name>Meadow</name><Polygon><outerBoundaryIs/></Polygon></Placemark></Folder>
      </Document></kml>"""
    found = plan(text, "towers.kml")
    assert said(found) == [("add", "site", "Grünten"), ("skip", "thing", "Meadow")]
    [site] = after(found).sites()
    assert (site.region, site.lng, site.lat, site.note) == ("Oberallgäu", 10.3186, 47.5533, "mast 2")
    assert found.rows[1].said == "areas are not kept"


def test_a_new_device_brings_its_site_and_says_that_it_needs_it() -> None:
    found = plan("name;ip;site\nR1;10.0.0.1;Hill\nR2;10.0.0.2/24;Hill\n", "x.csv")
    assert said(found) == [("add", "site", "Hill"), ("add", "device", "R1"), ("add", "device", "R2")]
    assert [row.needs for row in found.rows] == [(), (0,), (0,)]
    assert {device.address for device in after(found).devices()} == {"10.0.0.1", "10.0.0.2"}


def test_links_find_their_ends_by_name_address_id_and_place() -> None:
    line = '{"type":"Feature","properties":{},"geometry":{"type":"LineString","coordinates":%s}}'
    near = line % "[[10.3187,47.5534],[10.30,47.53],[10.2811,47.5121]]"
    far = line % "[[11,47],[12,48]]"
    found = plan(
        f'{{"type":"FeatureCollection","features":[{near},{far}]}}', "x.geojson", inventory(HILL, TOWN, A, B)
    )
    assert [row.action for row in found.rows] == ["add", "skip"]
    assert found.rows[0].said == "its ends were taken for the devices nearest to them"
    assert found.rows[1].said == "no device stands at its end 11.00000, 47.00000"
    table = f"a,b,capacity,medium\nGrünten R1,10.44.7.2,1 Gbit/s,fiber\n{A.id},Nowhere,,\n{A.name},{A.id},,\n"
    found = plan(table, "links.csv", inventory(HILL, TOWN, A, B))
    assert [row.action for row in found.rows] == ["add", "skip", "skip"]
    assert "'Nowhere' is no device" in found.rows[1].said and found.rows[2].said == f"both ends are {A.name}"
    [link] = after(found, inventory(HILL, TOWN, A, B)).links()
    assert (link.capacity_bps, link.kind) == (1_000_000_000, "fibre")


def test_a_link_that_is_told_from_its_other_end_is_the_same() -> None:
    table = "from,to,a_interface,b_interface,capacity\n10.44.7.2,10.44.7.1,wlan2,wlan1,300M\n"
    assert said(plan(table, "links.csv", network())) == [("same", "link", f"{B.name} – {A.name}")]


def test_a_graph_that_networkx_writes_is_read() -> None:
    graph = networkx.Graph()
    graph.add_node("n0", label="Core", address="10.0.0.1", Longitude=10.0, Latitude=47.0)
    graph.add_node("n1", label="Edge", address="10.0.0.2")
    graph.add_node("n2", label="Vienna", Longitude=16.4, Latitude=48.2)
    graph.add_edge("n0", "n1", LinkSpeedRaw=10_000_000_000.0)
    graph.add_edge("n0", "n2")
    text = io.BytesIO()
    networkx.write_graphml(graph, text)
    found = plan(text.getvalue(), "zoo.graphml")
    assert said(found)[:4] == [
        ("add", "device", "Core"),
        ("add", "device", "Edge"),
        ("add", "site", "Vienna"),
        ("add", "link", "Core – Edge"),
    ]
    assert found.rows[4].action == "skip" and "'n2' is no device" in found.rows[4].said
    assert found.rows[3].needs == (0, 1)
    [link] = after(found).links()
    assert link.capacity_bps == 10_000_000_000


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.kml", b'<!DOCTYPE x [<!ENTITY a "b">]><kml>&a;</kml>', "entities or a document type"),
        ("a.kml", b"<kml>" + b"<a>" * 100, "nested deeper than 64"),
        ("a.kml", b"<html/>", "the root of a KML file is <kml>, got <html>"),
        ("a.graphml", b"<graphml", "this is no XML"),
        ("a.json", b'{"type": "Topology"}', '"FeatureCollection"'),
        ("a.json", b"[" * 100_000, "this is no JSON"),
        (
            "a.json",
            b'{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[200,1]}}]}',
            "feature 1: a place as longitude and latitude in degrees expected, got '200, 1'",
        ),
        (
            "a.kmz",
            b"PK\x03\x04nonsense",
            "this KMZ cannot be read: a whole zip archive expected, got: File is not a zip file",
        ),
        ("a.csv", b"name\nx,y\n", "row 2: 2 cells under 1 columns"),
        ("a.csv", b"name,lat\nR1,47\n", "row 2: a place needs both"),
        ("a.csv", b"\x00\x01\x02", "zero bytes"),
        ("a.dwg", b"AC1027", "looks like none of them"),
        ("a.kml", b"hello", "a.kml is called .kml, but its content is none"),
        ("a.csv", b"", "a.csv is empty"),
    ],
)
def test_a_file_that_lies_is_refused_with_its_name_and_where(name: str, data: bytes, expected: str) -> None:
    with pytest.raises(CannotRead) as refused:
        plan(data, name)
    assert expected in str(refused.value) and name in str(refused.value)


HEADS = st.sampled_from(
    [
        b"",
        b"{",
        b"<kml>",
        b"<graphml>",
        b"PK\x03\x04",
        b"name,ip,a,b,lat,lon\n",
        b'{"type":"FeatureCollection","features":[',
    ]
)


@given(
    HEADS,
    st.binary(max_size=400) | st.text(max_size=200).map(str.encode),
    st.sampled_from(["a.csv", "a.kml", "a.x"]),
)
def test_whatever_a_file_holds_it_is_read_or_refused(head: bytes, rest: bytes, name: str) -> None:
    try:
        found = plan(head + rest, name)
        if found.steps:
            after(found)
    except CannotRead as error:
        assert str(error).startswith(name)


def test_an_archive_that_unpacks_without_end_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", b" " * (60 << 20))
    with pytest.raises(
        CannotRead, match=r"doc.kml in the archive: at most 50.3 MB unpacked expected, got 62.9 MB"
    ):
        plan(packed.getvalue(), "bomb.kmz")


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_archive_that_is_broken_inside_is_refused_with_the_file_in_it(damage: str) -> None:
    with pytest.raises(CannotRead) as refused:
        plan(damaged(write(network(), "kmz").data, damage), "network.kmz")
    assert str(refused.value).startswith("network.kmz: this KMZ cannot be read: doc.kml in the archive: ")
    assert DAMAGES[damage][1] in str(refused.value)


@given(st.data())
def test_whatever_a_byte_of_an_archive_becomes_it_is_read_or_refused(data: st.DataObject) -> None:
    broken = bytearray(write(network(), "kmz").data)
    for at in data.draw(st.lists(st.integers(0, len(broken) - 1), min_size=1, max_size=4)):
        broken[at] = data.draw(st.integers(0, 255))
    with suppress(CannotRead):
        plan(bytes(broken), "network.kmz")


def test_more_than_one_import_takes_is_refused() -> None:
    rows = "\n".join(f"R{n},10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(1, 10_002))
    with pytest.raises(CannotRead, match="changes 10,001 things, at most 10,000"):
        plan("name,ip\n" + rows, "many.csv")


def test_what_stands_twice_in_a_file_is_taken_once() -> None:
    found = plan("name,ip,subscribers\nR1,10.44.7.1,5\nR1,10.44.7.1,6\n", "x.csv", network())
    assert [(row.action, row.said) for row in found.rows][1] == ("skip", "the file speaks of it twice")


def test_no_login_is_in_a_file() -> None:
    secret = msgspec.structs.replace(A, probes=(Probe("snmp", credential=UUID(int=900)),))
    for format in FILE_FORMATS:
        assert b"00000000-0000-0000-0000-000000000384" not in write(inventory(HILL, secret), format).data


def test_a_spreadsheet_finds_no_formula() -> None:
    assert b",'=SUM(A1)," in write(network(), "csv").data


def test_some_devices_are_written_with_their_sites_and_the_links_between_them() -> None:
    written = write(network(), "geojson", [A.id, ROOF.id])
    names = {feature["properties"]["name"] for feature in msgspec.json.decode(written.data)["features"]}
    assert names == {"Grünten", A.name, ROOF.name}


def test_a_file_is_planned_and_written_over_the_wire_and_its_edit_is_an_edit_like_any(tmp_path: Path) -> None:
    async def conversation(desk: Desk) -> None:
        answer = desk.requests.answer
        refused = await answer(PlanImport(1, "C:\\maps\\broken.kml", b"<kml"))
        assert [refusal.code for refusal in refused.refusals] == ["CANNOT_READ"]
        assert refused.refusals[0].message.startswith("broken.kml: this is no XML")
        planned = await answer(
            PlanImport(2, "x.csv", b"name,ip,site\nR1,10.0.0.1,Hill\n", probes=(Probe("icmp"),))
        )
        found = msgspec.convert(planned.result["plan"], ImportPlan)
        made = Edit(UUID(int=77), 1_000_000, "mara", "Import x.csv", found.steps)
        assert not (await answer(SubmitEdit(3, made))).refusals
        assert [device.name for device in desk.state.inventory.devices()] == ["R1"]
        written = await answer(ExportNetwork(4, "csv"))
        assert b"R1,10.0.0.1" in written.result["data"] and written.result["things"] == 2

    runner(tmp_path)(conversation)
