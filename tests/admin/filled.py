"""A tenant in which everything is: for pages that are looked at. Counterpart: `map_networks.py`, which puts the network there.

One rule: names are as long and as foreign as they may be, so that what a page cuts is seen.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import struct
import time
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import psycopg
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from PIL import Image

from domain.metrics import CATALOGUE
from sync_server.samples import Cycle
from tests.admin.conftest import PASSWORD, Site
from tests.admin.map_networks import fill
from tests.map.networks import health, meshed

ARABIC = "برج الاتصالات الرئيسي في وسط المدينة القديمة عند الجسر الكبير"[:60]
LONG = "Distribution-switch-of-the-northern-industrial-area-cabinet-7"[:60]
_ADDED_US = 1_790_000_000_000_000
_NUMBERS = {
    ("rtt_ms", ""): 4.25,
    ("cpu_load_pct", ""): 37.0,
    ("if_in_bps", "ether1"): 6.4e8,
    ("if_in_bps", ARABIC): 1.2e7,
}


def _picture(width: int, height: int) -> bytes:
    """Return a JPEG: a slope from dark to light."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(file, "JPEG")
    return file.getvalue()


class Filled:
    """What stands in the tenant, by the paths of its pages."""

    def __init__(self, site: Site, tenant: str, foreign: str = ARABIC, long: str = LONG) -> None:
        self._foreign, self._long = foreign, long
        self._site, self._http = site, httpx.Client(base_url=f"{site.url}/api/v1", timeout=60)
        opened = self.post("/auth/login", {"login": "root@noc", "password": PASSWORD})
        self._http.headers["Authorization"] = f"Bearer {opened['access_token']}"
        opened = self.post("/auth/switch", {"tenant": tenant})
        self._http.headers["Authorization"] = f"Bearer {opened['access_token']}"
        self.tenant = tenant
        self.details = [*self._network(), *self._work(), *self._people()]
        self._http.close()

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """Return the data of a POST."""
        said = self._http.post(path, json=body, headers=headers)
        assert said.is_success, f"{path}: {said.text}"
        return said.json()["data"]

    def _network(self) -> list[str]:
        network = meshed(40)
        names = [device.name for device in network.devices]
        worse = {names[3]: "down", names[4]: "down", names[5]: "degraded", names[6]: "stale"}
        states = tuple(health(name, worse.get(name, "up")) for name in names)  # type: ignore[arg-type]
        devices = [
            msgspec.structs.replace(one, address=f"10.0.0.{place}")
            for place, one in enumerate(network.devices)
        ]
        devices[3] = msgspec.structs.replace(devices[3], name=self._foreign)
        devices[4] = msgspec.structs.replace(devices[4], name=self._long)
        fill(
            self._site.database,
            self.tenant,
            msgspec.structs.replace(network, devices=tuple(devices), health=states),
        )
        for name in (self._foreign, self._long, "Bregenz"):
            region = self._foreign if name == self._long else "Vorarlberg"
            site = self.post("/sites", {"name": name, "region": region, "note": name})["id"]
            self._hang(site, self._foreign)
            self._hang(site, self._long, _picture(320, 180))
            self._hang(site, "The cabinet", _picture(120, 320))
        now_us = time.time_ns() // 1000
        series = sorted((CATALOGUE[name].key, instance) for name, instance in _NUMBERS)
        values = {(CATALOGUE[name].key, instance): value for (name, instance), value in _NUMBERS.items()}
        data = struct.pack(f"<{len(series)}f", *(values[one] for one in series))
        samples = self._site.app.state.samples
        cycle = Cycle(UUID(int=9), devices[3].id, now_us, samples.learn(series), data)
        self._site.do(samples.write(UUID(self.tenant), [cycle], now_us))
        self.device = devices[3].id
        return [f"/admin/devices/{devices[3].id}", f"/admin/sites/{site}"]

    def _hang(self, site: str, caption: str, picture: bytes | None = None) -> None:
        """Have a photograph at a site; without a picture, nobody has brought it yet."""
        digest = "ab" * 32 if picture is None else hashlib.sha256(picture).hexdigest()
        with psycopg.connect(self._site.database.admin, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO photo (tenant_id, id, digest, thumb, width, height, added_us, author, caption, site_id)"
                " VALUES (%s, %s, %s, %s, 2048, 1536, %s, %s, %s, %s)",
                (self.tenant, uuid4(), digest, digest, _ADDED_US, caption, caption, site),
            )
        if picture is not None:
            piece = base64.b64encode(picture).decode()
            body = {"size": len(picture), "offset": 0, "data": piece}
            assert self._http.put(f"/pictures/{digest}", json=body).is_success

    def _work(self) -> list[str]:
        rule = {
            "name": self._foreign,
            "kind": "threshold",
            "metric": "cpu_load_pct",
            "threshold": 80,
            "for_s": 600,
        }
        own = self.post(
            "/rules",
            {**rule, "severity": "critical", "scope": {"tags": ["core"], "regions": [self._foreign]}},
        )
        message = {"key": "disk", "title": self._long, "device": str(self.device), "text": self._foreign}
        told = self.post("/alerts", message)
        self.post(f"/alerts/{told['id']}/comment", {"text": f"{self._foreign}\n{self._long}"})
        self.post(f"/alerts/{told['id']}/acknowledge", {})
        over = self.post("/alerts", {**message, "key": "fan", "severity": "info"})
        self.post(f"/alerts/{over['id']}/resolve", {"text": "It was dust."})
        hook = self.post("/hooks", {"name": self._foreign})
        at, body = str(int(time.time())), json.dumps({**message, "key": "hook", "severity": "critical"})
        sign = hmac.new(hook["secret"].encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-Timestamp": at, "X-Signature": f"sha256={sign}", "Content-Type": "application/json"}
        said = httpx.post(
            f"{self._http.base_url}/hooks/{hook['hook']['id']}".replace("//hooks", "/hooks"),
            content=body,
            headers=headers,
            timeout=60,
        )
        assert said.is_success, said.text
        return [f"/admin/rules/{own['id']}", f"/admin/alerts/{told['id']}"]

    def _people(self) -> list[str]:
        login = f"{'a' * 48}@example.org"
        user = self.post("/users", {"login": login, "name": self._foreign, "role": "engineer"})["user"]
        self.post("/users", {"login": "jo@example.org", "name": "Jo", "role": "viewer"})
        self.post("/keys", {"name": self._foreign, "scopes": ["read", "write_alert"]})
        pushes = self.post("/push-keys", {"name": self._long, "device": str(self.device)})
        self._http.post(
            "/telemetry",
            json={"messages": [{"values": {self._foreign: "warm"}, "device": str(UUID(int=1))}]},
            headers={"Authorization": f"Bearer {pushes['secret']}"},
        )
        key = base64.b64encode(X25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
        install = self.post("/installs", {"name": self._foreign, "kind": "collector", "public_key": key})[
            "install"
        ]
        with psycopg.connect(self._site.database.admin) as connection:
            connection.execute(
                "UPDATE identity.install SET proven_us = identity.now_us(), seen_us = identity.now_us()"
            )
        self.post("/tenants", {"name": self._foreign})
        self._site.do(self._site.app.state.services.usage.write())
        paths = [f"/admin/users/{user['id']}", f"/admin/installs/{install['id']}"]
        return [*paths, f"/admin/tenants/{self.tenant}"]
