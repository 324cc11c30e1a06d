"""Words looked for among 10,000 devices and 500 sites of a tenant, over HTTP from a server that runs as in production.

Figures: `search_p50_ms`, `search_p95_ms` (from the request to its last byte, one after another) of a member who reaches all;
`limited_p50_ms`, `limited_p95_ms` of one who reaches ten sites; `sites_p95_ms` of sites by words; `plain_p95_ms` of the same
list without words; `found`, devices that a search gives in the mean.
One rule: nothing is kept between searches: each asks for words that were not asked for before.
"""

from __future__ import annotations

import http.client
import json
import random
import statistics
import time
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import psycopg

from domain.roles import PERMISSIONS
from sync_server.security.keyring import Keyring
from sync_server.security.tokens import ACCESS_S, AccessTokens, Claims
from tests.bench.bench_http import PERSON, SECRET, URL, _serving
from tests.bench.server_bench import bench_database, percentile

DEVICES, SITES, REACHED, ASKED = 10_000, 500, 10, 300
_PLACES = (
    "Kempten",
    "Lindau",
    "Bregenz",
    "Dornbirn",
    "Feldkirch",
    "Bludenz",
    "Isny",
    "Wangen",
    "Füssen",
    "Oberstdorf",
)
_KINDS = ("core", "relay", "sector", "switch", "customer", "power")
_SITE = "INSERT INTO site (tenant_id, id, name, region, note) SELECT %s, unnest(%s::uuid[]), unnest(%s::text[]), 'R', ''"
_DEVICE = """
    INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note, site_id)
    SELECT %s, gen_random_uuid(), unnest(%s::text[]), unnest(%s::text[]), '[]', 'access', 0, 60, false, unnest(%s::text[]),
        unnest(%s::uuid[])
"""


def run() -> dict[str, Any]:
    """Return the figures."""
    dice = random.Random(1)
    with bench_database() as (settings, superuser):
        everywhere, limited = _fill(superuser, dice)
        with _serving(settings) as (port, _):
            line = http.client.HTTPConnection("127.0.0.1", port)
            _ask(line, everywhere, "/devices", dice, 30)
            whole, found = _ask(line, everywhere, "/devices", dice)
            few, _ = _ask(line, limited, "/devices", dice)
            sites, _ = _ask(line, everywhere, "/sites", dice)
            plain, _ = _ask(line, everywhere, "/devices", None)
    return {
        "devices": DEVICES,
        "search_p50_ms": round(percentile(whole, 0.5), 1),
        "search_p95_ms": round(percentile(whole, 0.95), 1),
        "limited_p50_ms": round(percentile(few, 0.5), 1),
        "limited_p95_ms": round(percentile(few, 0.95), 1),
        "sites_p95_ms": round(percentile(sites, 0.95), 1),
        "plain_p95_ms": round(percentile(plain, 0.95), 1),
        "found": round(statistics.mean(found), 1),
    }


def _fill(superuser: str, dice: random.Random) -> tuple[str, str]:
    """Fill the first tenant, and a second with the same names; return the tokens of who reaches all and who reaches some."""
    tokens = AccessTokens(Keyring([SECRET]), URL)
    people: list[str] = []
    with psycopg.connect(superuser, autocommit=True) as connection:
        for tenant in (UUID(int=1), UUID(int=2)):
            sites = [uuid4() for _ in range(SITES)]
            connection.execute(_SITE, [tenant, sites, [f"{dice.choice(_PLACES)} {n}" for n in range(SITES)]])
            names = [f"{dice.choice(_KINDS)}-{dice.choice(_PLACES)}-{n}" for n in range(DEVICES)]
            addresses = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(DEVICES)]
            notes = [f"cabinet {dice.randrange(900)}, key at {dice.choice(_PLACES)}" for _ in range(DEVICES)]
            connection.execute(
                _DEVICE, [tenant, names, addresses, notes, [sites[n % SITES] for n in range(DEVICES)]]
            )
            for reached in (None, sites[:REACHED]) if tenant.int == 1 else ():
                who = {"id": uuid4(), "session": uuid4(), "tenant": tenant, "login": uuid4().hex}
                connection.execute(PERSON, who)
                statement = "UPDATE identity.membership SET sites = %s WHERE account_id = %s"
                connection.execute(statement, [reached, who["id"]])
                now_s = int(time.time())
                may = tuple(sorted(PERMISSIONS["engineer"]))
                claims = Claims(who["id"], tenant, who["session"], uuid4(), now_s, now_s + ACCESS_S, may)
                people.append(tokens.sign(claims))
        connection.execute("VACUUM ANALYZE")  # autovacuum does it within a minute
    return people[0], people[1]


def _ask(
    line: http.client.HTTPConnection, token: str, path: str, dice: random.Random | None, count: int = ASKED
) -> tuple[list[float], list[int]]:
    """Return how long each search took, in milliseconds, and how many it found."""
    took_ms, found = [], []
    for _ in range(count):
        query = "" if dice is None else f"&q={quote(_words(dice))}"
        started_s = time.perf_counter()
        line.request(
            "GET", f"/api/v1{path}?limit=50{query}", headers={"Authorization": f"Bearer {token}", "Host": URL}
        )
        answer = line.getresponse()
        data = answer.read()
        took_ms.append((time.perf_counter() - started_s) * 1e3)
        assert answer.status == 200, data[:300]
        found.append(len(json.loads(data)["data"]))
    return took_ms, found


def _words(dice: random.Random) -> str:
    """Return what somebody types: a place, a part of a name, of a note, of an address, two words."""
    place, kind = dice.choice(_PLACES).lower(), dice.choice(_KINDS)
    typed = (
        f"{place} {dice.randrange(DEVICES)}",
        f"{kind}-{place[: dice.randrange(3, 6)]} {dice.randrange(100)}",
        f"cabinet {dice.randrange(900)}",
        f"10.0.{dice.randrange(40)}.{dice.randrange(256)}",
        place[: dice.randrange(3, len(place) + 1)],
    )
    return dice.choice(typed)
