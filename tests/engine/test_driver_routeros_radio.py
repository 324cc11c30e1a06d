"""Modems and 60 GHz sectors of several stations, from scripted routers."""

from __future__ import annotations

import pytest

from tests.engine.scripted_router import (
    Answers,
    Read,
    Rows,
    ScriptedRouter,
    converse,
    facts,
    plain_router,
    values,
)
from tests.engine.test_driver_routeros import read_all


@pytest.mark.parametrize(
    ("version", "path", "word"), [("7.16.2", "monitor", "numbers"), ("6.49.17", "info", "number")]
)
def test_each_of_several_modems_is_told(version: str, path: str, word: str) -> None:
    router = ScriptedRouter(plain_router(ether1={}, lte1={"type": "lte"}, lte2={"type": "lte"}))
    router.answers["/system/resource/print"] = [{"uptime": "1d", "version": version}]

    def modem(words: list[str]) -> Rows:
        (number,) = (said.rpartition("=")[2] for said in words if said.startswith(f"={word}="))
        cell = {"*2": ("-90", "A1"), "*3": ("-110", "Drei")}[number]
        return [{"rsrp": f"{cell[0]}dBm", "current-operator": cell[1]}]

    router.answers[f"/interface/lte/{path}"] = modem

    async def conversation(read: Read) -> None:
        told, reading = await read_all(read)
        got = values(reading)
        assert (got["lte_rsrp_dbm", "lte1"], got["lte_rsrp_dbm", "lte2"]) == (-90, -110)
        assert (told["lte_operator"], told["lte_operator/lte2"]) == ("A1", "Drei")

    converse(router, conversation)


def sector(*stations: tuple[str, str, str, str]) -> Answers:
    """A 60 GHz sector with stations of so much signal, and the answers of its menus; a station without signal is away."""
    answers = plain_router(**{"wlan60-1": {"type": "w60g"}})
    answers["/interface/w60g/monitor"] = [
        {
            "name": "wlan60-1",
            "connected": "true",
            "frequency": "58320",
            "remote-address": "the first",
            "rssi": "-50",
        }
    ]
    answers["/interface/w60g/station/print"] = [
        {".id": id, "name": name, "parent": "wlan60-1"} for id, name, _, _ in stations
    ]

    def monitor(words: list[str]) -> Rows:
        (numbers,) = (word[9:].split(",") for word in words if word.startswith("=numbers="))
        by_id = {id: (mac, signal) for id, _, mac, signal in stations}
        return [
            {
                "connected": "true",
                "remote-address": mac,
                "rssi": signal,
                "signal": str(100 + int(signal)),
                "tx-phy-rate": "1.1Gbps",
                "tx-mcs": "4",
            }
            if signal
            else {"connected": "false"}
            for mac, signal in (by_id[number] for number in numbers)
        ]

    answers["/interface/w60g/station/monitor"] = monitor
    return answers


def test_the_stations_of_a_60_ghz_sector_are_its_clients_and_the_worst_of_them_a_sample() -> None:
    answers = sector(
        ("*A", "sta-1", "C4:AD:34:00:00:01", "-55"),
        ("*B", "sta-2", "C4:AD:34:00:00:02", "-71"),
        ("*C", "sta-3", "", ""),
    )

    async def conversation(read: Read) -> None:
        told, reading = await read_all(read)
        got = values(reading)
        assert got["wireless_clients", "wlan60-1"] == 2
        assert got["signal_dbm", "wlan60-1"] == -71
        assert got["signal_quality_pct", "wlan60-1"] == 29
        assert got["frequency_mhz", "wlan60-1"] == 58_320
        assert len([value for value in reading.values if value[:2] == ("signal_dbm", "wlan60-1")]) == 1
        there = {
            field: value for field, value in told.items() if field.startswith("wireless_client/wlan60-1/C4")
        }
        assert [value["signal_dbm"] for value in there.values()] == [-55, -71]

    converse(ScriptedRouter(answers), conversation)


def test_a_sector_that_loses_its_stations_tells_its_own_end_again() -> None:
    router = ScriptedRouter(sector(("*A", "sta-1", "C4:AD:34:00:00:01", "-55")))

    async def conversation(read: Read) -> None:
        await read_all(read)
        router.answers["/interface/w60g/station/print"] = []
        readings = [await read() for _ in range(24)]
        assert any("wireless_client/wlan60-1/the first" in facts(reading) for reading in readings)
        got = values(readings[-1])
        assert (got["wireless_clients", "wlan60-1"], got["signal_dbm", "wlan60-1"]) == (1, -50)

    converse(router, conversation)
