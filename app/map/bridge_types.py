"""Numbers and texts of the page with their ranges. Counterpart: `bridge.py` and its kin, whose messages hold them.

One rule: a range is as wide as the thing can be and no wider.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Lng = Annotated[float, Meta(ge=-180.0, le=180.0)]
Lat = Annotated[float, Meta(ge=-90.0, le=90.0)]
Zoom = Annotated[float, Meta(ge=0.0, le=24.0)]
Pixel = Annotated[float, Meta(ge=-100_000, le=100_000)]
Count = Annotated[int, Meta(ge=0, le=10_000_000)]
Text = Annotated[str, Meta(max_length=2_000)]
TimeUs = Annotated[int, Meta(ge=0, le=2**62)]
