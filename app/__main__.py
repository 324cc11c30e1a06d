"""The program `heliograph`: window, `open LINK`, `demo`, `add`, `trust`, `vault`, `retention`.

Counterpart: `compose.py` for windows, `cli.py`, `trust_errand.py` and `upkeep.py` for the rest.
Exit codes: 0 done, 1 refused or the run fell short (said in words), 2 wrong arguments, no engine or no profile.
One rule: Qt is loaded only where a window is wanted.
"""

from __future__ import annotations

import time

_STARTED_S = time.monotonic()

import argparse  # noqa: E402  the clock starts before anything is loaded
import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from app.profile import NoProfile, default_profile, make_room, open_profile  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] == "add":
        from app.cli import add  # noqa: PLC0415

        return add(given[1:])
    if given and given[0] == "trust":
        from app.trust_errand import trust  # noqa: PLC0415

        return trust(given[1:])
    if given and given[0] == "team":
        from app.team_errand import team  # noqa: PLC0415

        return team(given[1:])
    if given and given[0] in ("vault", "retention"):
        from app import upkeep  # noqa: PLC0415

        return upkeep.vault(given[1:]) if given[0] == "vault" else upkeep.retention(given[1:])
    demo = bool(given) and given[0] == "demo"
    opens = given[1] if len(given) > 1 and given[0] == "open" else None
    options = _parser(demo).parse_args(given[1:] if demo else given[2:] if opens is not None else given)
    try:
        profile = open_profile(options.profile or default_profile("demo" if demo else "default"))
        for file in (options.screenshot, options.report):
            if file is not None:
                make_room(file)
    except NoProfile as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.headless:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from app.compose import App, Options  # noqa: PLC0415

    chosen = Options(
        profile=profile,
        theme=options.theme,
        headless=options.headless,
        seconds=options.seconds,
        screenshot=options.screenshot,
        report=options.report,
        demo=demo,
        simnet_state=profile / "simnet" if demo and options.profile else None,
        moment=opens,
    )
    return App(chosen, _STARTED_S, sys.argv).run()


def _parser(demo: bool) -> argparse.ArgumentParser:
    about = "A simulated network that speaks the real protocols, and the window on it."
    parser = argparse.ArgumentParser(
        prog="heliograph demo" if demo else "heliograph",
        description=about if demo else "A network-operations centre on a map that works offline.",
        epilog=""
        if demo
        else "Commands, each with --help: heliograph demo, open LINK, add, team, trust, vault, retention",
    )
    parser.add_argument("--profile", type=Path, metavar="DIR", help="folder that holds the network")
    parser.add_argument("--headless", action="store_true", help="without a screen")
    parser.add_argument("--seconds", type=float, metavar="N", help="end by itself after N seconds")
    parser.add_argument(
        "--screenshot", type=Path, metavar="FILE", help="with --seconds: a picture at the end"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="with --seconds: figures at the end, as JSON"
    )
    parser.add_argument("--theme", choices=["dark", "light"], help="the last one used if left out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
