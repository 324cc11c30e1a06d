"""What reading a damaged zip may raise: archives come from strangers. Counterparts: `imports/kml.py`, `terrain/reader.py`."""

from __future__ import annotations

import lzma
import zipfile
import zlib

from domain.text import clean_text

BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,  # a way of packing that Python has not
    RuntimeError,  # a password is asked for
    EOFError,
    OSError,
    ValueError,
)


def why_broken(error: Exception) -> str:
    """Return in a few words what is wrong with an archive that raised one of `BROKEN`."""
    if type(error) is RuntimeError:
        return "it is locked with a password"
    return clean_text(str(error), 120) or "it is damaged"
