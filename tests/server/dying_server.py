"""A server that ends where it stands when it takes certain telemetry. Run as `python -m tests.server.dying_server run`.

What has a value named `deadly` ends it while it is stored; what has one named `doomed`, also while it is only read.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from sync_server.__main__ import main
from sync_server.push import intake, mqtt

DIED = 9
_layout_of, _parse_packet = intake.layout_of, mqtt.parse_packet


def _lay_out(body: dict[str, Any]) -> Any:
    if "deadly" in body.get("values", ()):
        os._exit(DIED)
    return _layout_of(body)


def _parse(payload: bytes) -> Any:
    if b"doomed" in payload:
        os._exit(DIED)
    return _parse_packet(payload)


if __name__ == "__main__":
    intake.layout_of = _lay_out
    mqtt.parse_packet = _parse
    sys.exit(main(sys.argv[1:]))
