"""Engine, page and window die and hang; nothing that was acknowledged is lost and nobody is left behind."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.e2e.window_process import WAIT_S, WindowProcess, living

ROUTER = "Wangen"


def test_deaths_of_engine_and_page_are_survived_and_the_windows_leaves_no_orphan(tmp_path: Path) -> None:
    with WindowProcess(tmp_path, ROUTER, demo=True) as demo:
        first = demo.until(lambda line: line["tree"] == f"{ROUTER}, up", "the router is up")
        demo.tell("select")
        demo.tell("move 9.9 47.8")
        demo.until(lambda line: line["place"] == [9.9, 47.8] and line["selected"] != "", "moved and selected")

        os.kill(first["engine_pid"], signal.SIGKILL)
        again = demo.until(
            lambda line: line["engine_pid"] != first["engine_pid"] and line["tree"] == f"{ROUTER}, up",
            "another engine",
        )
        assert again["place"] == [9.9, 47.8], "an acknowledged move is on disk"
        demo.until(lambda line: line["polls"] > 0, "the new engine polls")

        os.kill(again["engine_pid"], signal.SIGSTOP)
        third = demo.until(
            lambda line: (
                line["engine_pid"] not in (0, first["engine_pid"], again["engine_pid"]) and line["polls"] > 0
            ),
            "a hung engine is found by its heartbeat and replaced, and this one polls too",
        )
        assert third["place"] == [9.9, 47.8]

        before = demo.until(lambda line: line["rendered"] > 0, "the page before its death")
        os.kill(before["page_pid"], signal.SIGKILL)
        after = demo.until(
            lambda line: line["page_pid"] != before["page_pid"] and line["rendered"] >= before["rendered"],
            "another page that shows as much as the one before",
        )
        assert [round(n, 3) for n in after["camera"]] == [round(n, 3) for n in before["camera"]]
        assert after["selected"] == before["selected"]

        polls = after["polls"]
        demo.tell("freeze 5")
        thawed = demo.until(lambda line: line["polls"] > polls and line["at_s"] > after["at_s"] + 7, "thawed")
        demo.until(lambda line: not line["banner"], "all is well again, and nothing says otherwise any more")
        per_s = (thawed["polls"] - polls) / (thawed["at_s"] - after["at_s"])
        before_per_s = (polls - third["polls"]) / (after["at_s"] - third["at_s"])
        # 12 a second; a third of it where it had waited for the window
        least_per_s = min(5, 0.4 * before_per_s)
        assert per_s > least_per_s, (
            f"60 routers each 5 s were polled on {per_s:.1f} times a second while the window hung, {before_per_s:.1f} before"
        )

        assert len(living(tmp_path)) >= 3
        demo.process.kill()
        demo.process.wait()
        ends_s = time.monotonic() + WAIT_S
        while living(tmp_path) and time.monotonic() < ends_s:
            time.sleep(0.2)
        assert living(tmp_path) == {}
