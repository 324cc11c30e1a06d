"""What the pages are dressed in: script, style, font, mark. Counterpart: `map_assets/style/tokens.json`.

One rule: colours are the tokens', written once; each address carries a stamp of the content, so that a browser may keep it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.resources import files

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from sync_server.api.errors import refused

router = APIRouter(include_in_schema=False)
_SCRIPTS = ("admin", "session", "live_map", "map_link", "map_panel")
_YEAR = "public, max-age=31536000, immutable"


def _tokens_css() -> str:
    """Return the tokens as custom properties: dark, and light for who wants it so."""
    themes = msgspec.json.decode((files("map_assets") / "style" / "tokens.json").read_bytes())
    dark, light = (";".join(_properties(themes[name])) for name in ("dark", "light"))
    return f":root{{color-scheme:dark light;{dark}}}@media (prefers-color-scheme:light){{:root{{{light}}}}}"


def _properties(theme: dict[str, dict[str, str]]) -> Iterator[str]:
    for name, value in (*theme["surface"].items(), *theme["text"].items()):
        yield f"--{name}:{value}"
    for name, value in theme["accent"].items():
        yield f"--accent-{name}:{value}"
    for name, value in theme["status_text"].items():
        yield f"--status-{name}:{value}"
    yield f"--down-ground:{theme['down_ground']}"


def _contents() -> dict[str, tuple[str, bytes]]:
    ours, shared = files("sync_server.admin") / "static", files("map_assets") / "fonts"
    found = {
        "tokens.css": ("text/css", _tokens_css().encode()),
        "admin.css": ("text/css", (ours / "admin.css").read_bytes()),
        **{f"{name}.js": ("text/javascript", (ours / f"{name}.js").read_bytes()) for name in _SCRIPTS},
        "mark.svg": ("image/svg+xml", (ours / "mark.svg").read_bytes()),
    }
    for weight in ("Regular", "Medium", "SemiBold"):
        found[f"Inter-{weight}.ttf"] = ("font/ttf", (shared / f"Inter-{weight}.ttf").read_bytes())
    return found


_FILES = _contents()
STAMP = hashlib.sha256(b"".join(data for _, data in _FILES.values())).hexdigest()[:12]
"""Changes with the content of any of the files."""


@router.get("/admin/static/{stamp}/{name}")
async def read_file(stamp: str, name: str) -> Response:
    """Return one of the files; with the stamp in the path, what a file names beside itself has it too."""
    if name not in _FILES:
        raise refused("FILE_NOT_FOUND", "there is no such file")
    kind, data = _FILES[name]
    return Response(data, media_type=kind, headers={"Cache-Control": _YEAR})
