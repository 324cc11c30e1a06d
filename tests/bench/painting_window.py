"""A window as a program that says when what it was told is painted: JSON lines [stamp in us, painted in us] on stdout.

    python -m tests.bench.painting_window PROFILE

The first line is [0, 0], once the map stands still.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.compose import App, Options


def main() -> int:
    """Run until it is killed."""
    app = App(Options(Path(sys.argv[1]), headless=True, theme="dark"), time.monotonic(), ["heliograph"])
    app.map.became_idle.connect(lambda _: print(json.dumps([0, 0]), flush=True))
    app.map.painted.connect(lambda stamp, painted: print(json.dumps([stamp, painted]), flush=True))
    return app.run()


if __name__ == "__main__":
    sys.exit(main())
