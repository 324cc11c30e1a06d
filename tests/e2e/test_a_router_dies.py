"""The main job, whole: a router dies in the simulator and is red in the real page, the tree and the alerts; and comes back."""

from __future__ import annotations

import time
from pathlib import Path

from engine.monitor.schedule import promised_down_s
from tests.e2e.window_process import WindowProcess

ROUTER = "Wangen"
INTERVAL_S = 1.0
"""How often the router is asked here: its promise is the shorter for it."""
SEEN_S = 60.0
"""What polling, painting and looking may add to the promise of the schedule on a machine that has other things to do: the promise
itself is held to in tests/unit, by a clock of its own."""
COMMAND_S = 0.5
"""What the simulator's command takes on an idle machine; where it takes longer, the bound grows with it."""


def test_a_killed_router_is_red_on_the_map_in_the_tree_and_in_the_alerts(tmp_path: Path) -> None:
    with WindowProcess(tmp_path, ROUTER, demo=True) as demo:
        calm = demo.until(lambda line: line["tree"] == f"{ROUTER}, up", "the router is up")
        assert calm["red_px"] == 0
        demo.tell(f"interval {INTERVAL_S}")
        demo.until(lambda line: line["interval_s"] == INTERVAL_S, "the router is asked more often")
        asked_s = time.monotonic()
        demo.simnet("kill", ROUTER)
        killed_s = time.monotonic()
        slowness = max(1.0, (killed_s - asked_s) / COMMAND_S)
        red = demo.until(
            lambda line: (
                line["red_px"] > 60
                and line["tree"] == f"{ROUTER}, down"
                and f"{ROUTER} does not answer" in line["alerts"]
            ),
            "red on the map, in the tree and in the alerts",
        )
        took_s, allowed_s = red["at_s"] - killed_s, slowness * (promised_down_s(INTERVAL_S) + SEEN_S)
        assert took_s < allowed_s, f"red after {took_s:.1f} s, promised {allowed_s:.1f} s"

        demo.tell("acknowledge")
        demo.until(lambda line: line["acknowledged"] != [], "the acknowledgement")

        demo.simnet("revive", ROUTER)
        demo.until(
            lambda line: (
                line["red_px"] == 0
                and line["tree"] == f"{ROUTER}, up"
                and f"{ROUTER} does not answer" not in line["alerts"]
            ),
            "calm again on the map, in the tree and in the alerts",
        )

        before = calm["place"]
        demo.tell("move 9.5 47.9")
        demo.until(lambda line: line["place"] == [9.5, 47.9], "the router where it was dropped")
        demo.tell("undo")
        demo.until(lambda line: line["place"] == before, "the router back at its site")
