"""Secrets that are looked for wherever bytes were written, in every form they could have been written in."""

from __future__ import annotations

import base64
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path


def forms_of(secret: str | bytes) -> dict[str, bytes]:
    """Return a secret as the bytes that would give it away, by the name of the form."""
    raw = secret.encode() if isinstance(secret, str) else secret
    found = {
        "as it is": raw,
        "reversed": raw[::-1],
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
    }
    if isinstance(secret, str):
        found["utf-16-le"], found["utf-16-be"] = secret.encode("utf-16-le"), secret.encode("utf-16-be")
        found["escaped"] = secret.encode("unicode_escape")
    else:
        found["repr"] = repr(secret)[2:-1].encode()
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)
        text = text[(0, 2, 3)[shift] :].rstrip(b"=")[:-1]  # what does not depend on its neighbours
        found[f"base64 +{shift}"] = text
        found[f"base64url +{shift}"] = text.translate(bytes.maketrans(b"+/", b"-_"))
    return found


def traces(secrets: Iterable[str | bytes], data: bytes) -> list[str]:
    """Return the forms of secrets that are in `data`, each by its secret's first letters."""
    return [
        f"{secret[:12]!r}... as {name}"
        for secret in secrets
        for name, form in forms_of(secret).items()
        if form in data
    ]


def written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Go over all files below a folder, and over what is packed in columns of databases."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        yield str(path), path.read_bytes()
        if path.suffix == ".db":
            yield from _unpacked(path)


def _unpacked(path: Path) -> Iterator[tuple[str, bytes]]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, bytes) and value[:1] == b"\x78":
                        with suppress(zlib.error):  # what is sealed may begin so by chance
                            yield f"{path}:{table}", zlib.decompress(value)


def shown_of(pid: int) -> bytes:
    """Return what other programs can read of a process: its command line, its environment."""
    found = b""
    for name in ("cmdline", "environ"):
        try:
            found += Path(f"/proc/{pid}/{name}").read_bytes()
        except OSError:  # it has ended
            continue
    return found


def processes_with(word: str) -> list[int]:
    """Return the processes that have a word in their command line."""
    return [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and word.encode() in shown_of(int(folder.name))
    ]
