"""XML of strangers, read with what makes it dangerous refused. Counterpart: `kml.py`, `graphml.py`.

One rule: no document type, no entity, no reference to anything outside; what is nested too deep or too long is refused.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError  # nosec B405 - the classes alone; defusedxml parses

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from domain.text import clean_text
from engine.imports.record import CannotRead

DEPTH_CAP = 64
ELEMENTS_CAP = 3_000_000


def read_xml(data: bytes) -> Element:
    """Return the root of a document. Raises CannotRead."""
    try:
        return _checked(data)
    except DefusedXmlException as error:
        raise CannotRead(
            "the file defines XML entities or a document type, which no map needs: refused"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise CannotRead(f"this is no XML: {clean_text(str(error), 200)}") from error


def _checked(data: bytes) -> Element:
    depth, count = 0, 0
    root: Element | None = None
    for event, element in iterparse(io.BytesIO(data), events=("start", "end"), forbid_dtd=True):
        if event == "end":
            depth -= 1
            continue
        root = element if root is None else root
        depth, count = depth + 1, count + 1
        if depth > DEPTH_CAP or count > ELEMENTS_CAP:
            what = (
                f"nested deeper than {DEPTH_CAP}" if depth > DEPTH_CAP else f"of more than {ELEMENTS_CAP:,}"
            )
            raise CannotRead(f"elements {what}: this is no map")
    if root is None:
        raise CannotRead("the file is empty")
    return root


def local(element: Element) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rsplit("}", 1)[-1]


def children(element: Element, name: str) -> Iterator[Element]:
    """Go over an element's children of a name."""
    return (child for child in element if local(child) == name)


def text_in(element: Element, name: str) -> str:
    """Return the text of the first child of a name, or ""."""
    found = next(children(element, name), None)
    return (found.text or "").strip() if found is not None else ""
