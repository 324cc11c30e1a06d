"""How soon a team is one again after cuts, loss, a full disk, a copied folder and a restore; how soon one has what another did.

Figures, of two engines, a server and PostgreSQL as processes, each engine behind a line of its own, in s: `moved_p50_s`,
`moved_p95_s`, `acknowledged_p95_s` (until the other engine told its window, goal 1), `half_open_found_s` (most, goal 15) and
`half_open_back_s`, `cut_1s_back_s`, `cut_60s_back_s`, `cut_7d_back_s` (the week is of a virtual clock), `loss_50_converged_s`,
`full_disk_back_s`, `restored_server_agreed_s`, `copied_profile_found_s`. Counts: edits that the full disk refused, and of which
anything is anywhere (`full_disk_half`); sites `acknowledged`, `lost`, shown otherwise (`differ`), before a folder is copied;
engines of one copied folder whose edit still waits there after 90 s (`copied_profile_waiting`; stderr says why).
One rule: an edit counts once a client was told that it is taken.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from migrations.guards import REQUESTS
from tests.bench.server_bench import percentile
from tests.server.test_kills import prepared
from tests.team.cut_run import CutRun
from tests.team.processes import an_office
from tools.cluster import url_of

MOVES, ROUNDS, EDITS = 25, 3, 25


def run() -> dict[str, Any]:
    """Return the figures."""
    folder = Path(tempfile.mkdtemp(prefix="heliograph-bench-", dir="/var/tmp"))
    folder.chmod(0o711)  # PostgreSQL is somebody else, where this is root
    try:
        with (
            prepared(folder / "pg") as sockets,
            an_office(url_of(sockets, "hg", REQUESTS)) as office,
            ExitStack() as ending,
        ):
            team = CutRun(office, sockets, folder, ending)
            figures = _measured(team)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"figures": {name: round(value, 3) for name, value in figures.items()}, "peers": {}}


def _measured(team: CutRun) -> dict[str, float]:
    moved_s, acknowledged_s = team.moves(MOVES), team.acknowledgements(MOVES)
    half_open = [team.half_open() for _ in range(ROUNDS)]
    figures = {
        "moved_p50_s": percentile(moved_s, 0.5),
        "moved_p95_s": percentile(moved_s, 0.95),
        "acknowledged_p95_s": percentile(acknowledged_s, 0.95),
        "half_open_found_s": max(found_s for found_s, _ in half_open),
        "half_open_back_s": max(back_s for _, back_s in half_open),
        "cut_1s_back_s": max(team.cut(1.0, EDITS) for _ in range(ROUNDS)),
        "cut_60s_back_s": team.cut(60.0, EDITS),
        "cut_7d_back_s": team.away(EDITS),
        "loss_50_converged_s": team.lossy(0.5, EDITS),
    }
    refused, half, full_back_s = team.full_disk()
    figures |= {
        "full_disk_refused": refused,
        "full_disk_half": half,
        "full_disk_back_s": full_back_s,
        "restored_server_agreed_s": team.restored(EDITS),
        **team.settled(),
    }
    found_s, waiting = team.copied()
    for why in waiting:
        print(why, file=sys.stderr)
    return figures | {"copied_profile_found_s": found_s, "copied_profile_waiting": len(waiting)}
