"""Photographs in the admin pages: of a site and a device, for whoever sees them, as images and nothing else."""

from __future__ import annotations

import base64
import hashlib
from uuid import UUID, uuid4

from httpx import Response

from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase

LARGE, SMALL = (b"\xff\xd8\xff\xe0" + bytes([seed]) * size for seed, size in ((1, 400_000), (2, 900)))
MARKUP = "<img src=x onerror=alert(1)>"


async def hang(server: Server, admin: Person, caption: str = "", **at: str) -> str:
    """Have a photograph that nobody has brought yet; return its id."""
    id, (column, subject) = str(uuid4()), next(iter(at.items()))
    await server.owner.execute(
        "INSERT INTO photo (tenant_id, id, digest, thumb, width, height, added_us, author, caption,"
        f" {column}) VALUES ($1, $2, $3, $4, 2048, 1536, 1, 'Mara', $5, $6)",
        (await admin.get("/auth/me"))["tenant"],
        id,
        *(hashlib.sha256(data).hexdigest() for data in (LARGE, SMALL)),
        caption,
        UUID(subject),
    )
    return id


async def bring(person: Person, data: bytes) -> None:
    """Bring a picture whole."""
    url = f"/pictures/{hashlib.sha256(data).hexdigest()}"
    for start in range(0, len(data), 200_000):
        piece = base64.b64encode(data[start : start + 200_000]).decode()
        await person.ask("PUT", url, {"size": len(data), "offset": start, "data": piece}, expect=200)


async def page(person: Person, path: str) -> Response:
    """Return a page, or an image, as a browser asks for it."""
    return await person.http.get(f"/admin{path}", headers={"Authorization": f"Bearer {person.token}"})


async def test_a_site_and_a_device_show_their_photographs_to_whoever_sees_them(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        hill, vale = [(await admin.post("/sites", {"name": name}, expect=201))["id"] for name in "HV"]
        router = {"name": "R1", "address": "10.0.0.1", "site": vale}
        device = (await admin.post("/devices", router, expect=201))["id"]
        at_hill = await hang(server, admin, MARKUP, site_id=hill)
        at_router = await hang(server, admin, "The cabinet", device_id=device)
        viewer = await server.member(admin, "viewer")
        limited = await server.member(admin, "viewer", sites=[hill])
        await server.tenant(root, "Other")
        stranger = await server.member(root, "tenant_admin")
        said = await page(viewer, f"/sites/{hill}")
        assert "Nobody has brought it yet" in said.text and "/admin/photos/" not in said.text
        assert (await page(viewer, f"/photos/{at_hill}")).status_code == 404
        for data in (LARGE, SMALL):
            await bring(admin, data)
        said = await page(viewer, f"/sites/{hill}")
        assert f'<img src="/admin/photos/{at_hill}?small"' in said.text
        assert at_router not in said.text and "&lt;img src=x" in said.text and MARKUP not in said.text
        assert "img-src 'self'" in said.headers["content-security-policy"]
        said = await page(viewer, f"/devices/{device}")
        assert f"/admin/photos/{at_router}" in said.text and "The cabinet" in said.text
        for query, data in (("", LARGE), ("?small", SMALL)):
            image = await page(limited, f"/photos/{at_hill}{query}")
            assert (image.status_code, image.content) == (200, data)
            assert image.headers["content-type"] == "image/jpeg"
            assert image.headers["content-security-policy"] == "default-src 'none'; sandbox"
            assert image.headers["x-content-type-options"] == "nosniff"
            assert "private" in image.headers["cache-control"]
        for person, path in (
            (limited, f"/photos/{at_router}"),
            (limited, f"/photos/{at_router}?small"),
            (limited, f"/sites/{vale}"),
            (stranger, f"/photos/{at_hill}"),
            (stranger, f"/sites/{hill}"),
        ):
            assert (await page(person, path)).status_code == 404, path
        nobody = await server.somebody().http.get(f"/admin/photos/{at_hill}")
        assert nobody.content not in (LARGE, SMALL) and nobody.status_code != 200
