"""The time machine, whole: a router dies and comes back; before, during and after are seen again, live goes on underneath."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

from PIL import Image, ImageSequence

from tests.e2e.watched_window import FRAMES
from tests.e2e.window_process import WindowProcess

ROUTER = "Wangen"
INTERVAL_S = 1.0
PICTURES = os.environ.get("HELIOGRAPH_E2E_PICTURES")
"""A folder for pictures of the window, for who wants to look."""


def test_before_during_and_after_an_outage_are_seen_again(tmp_path: Path) -> None:
    with WindowProcess(tmp_path, ROUTER, demo=True) as demo:
        demo.until(lambda line: line["tree"] == f"{ROUTER}, up", "the router is up")
        demo.tell(f"interval {INTERVAL_S}")
        demo.until(lambda line: line["interval_s"] == INTERVAL_S, "the router is asked more often")
        before = _now()
        demo.simnet("kill", ROUTER)
        demo.until(lambda line: line["tree"] == f"{ROUTER}, down" and line["red_px"] > 60, "it is down")
        time_ = demo.until(
            lambda line: f"{ROUTER} does not answer" in line["alerts"] and line["loads"] > 0,
            "its alert, and what others carry",
        )
        assert time_["past"] is None
        during = _now()
        demo.simnet("revive", ROUTER)
        demo.until(lambda line: line["tree"] == f"{ROUTER}, up" and line["red_px"] == 0, "it is up again")
        after = _now()

        demo.tell(f"go {during}")
        then = demo.until(
            lambda line: (
                _is_there(line, during)
                and line["red_px"] > 60
                and line["tree"] == f"{ROUTER}, down"
                and f"{ROUTER} does not answer" in line["alerts"]
                and line["past"]["ghosts"] >= 1
                and "up" in line["past"]["live"]
            ),
            "down again, in the past, with its alert; and that it is up now",
        )
        if PICTURES:
            demo.tell(f"picture {PICTURES}/during.png")
        demo.tell("move 9.5 47.9")
        demo.tell(f"go {before}")
        calm = demo.until(
            lambda line: (
                _is_there(line, before)
                and line["red_px"] == 0
                and line["tree"] == f"{ROUTER}, up"
                and f"{ROUTER} does not answer" not in line["alerts"]
            ),
            "up, before it died",
        )
        assert calm["place"] == then["place"] != [9.5, 47.9]
        demo.tell(f"go {after}")
        demo.until(
            lambda line: _is_there(line, after) and line["tree"] == f"{ROUTER}, up", "up again after it"
        )

        demo.tell(f"go {during}")
        demo.until(lambda line: _is_there(line, during) and line["loads"] > 0, "its loads")
        clip = tmp_path / "outage.apng"
        demo.tell(f"clip {clip} {_us(before)} {_us(after)}")
        told = clip.with_suffix(".csv")
        demo.until(
            lambda line: clip.exists() and told.exists() and ROUTER in told.read_text("utf-8", "replace"),
            "a clip of it, and beside it what happened",
        )
        with Image.open(clip) as frames:
            seen = [frame.convert("RGB").tobytes() for frame in ImageSequence.Iterator(frames)]
        assert len(seen) == FRAMES and len(set(seen)) > 1, "a clip of what changed"

        demo.tell("escape")
        demo.until(
            lambda line: line["past"] is None and line["tree"] == f"{ROUTER}, up" and line["red_px"] == 0,
            "live again",
        )

    link = f"heliograph://moment?at={_us(during)}"
    with WindowProcess(tmp_path, ROUTER, opens=link) as opened:
        opened.until(
            lambda line: _is_there(line, during) and line["tree"] == f"{ROUTER}, down", "where the link leads"
        )


def _now() -> str:
    time.sleep(0.01)
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def _us(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1e6)


def _is_there(line: dict[str, object], moment: str) -> bool:
    past = line["past"]
    return isinstance(past, dict) and past["there_us"] == _us(moment)
