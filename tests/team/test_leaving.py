"""What is left on the disk of a team that was left: nothing, also where the engine was killed while it wiped."""

from __future__ import annotations

import asyncio
from pathlib import Path

from domain.edit import creation
from domain.inventory import Credential
from domain.team import NETWORK_FILE, TEAMS_FOLDER, LeaveTeam
from engine.compose import new_id
from engine.profile import Profile
from engine.sync.wiping import WIPED_FILE, wipe_if_left, wipe_what_was_left
from engine.vault import KEY_FILE
from tests.server.conftest import ServerDatabase
from tests.team.engines import join, running
from tests.team.servers import listening
from tests.team.test_secrets import FIRST, enter, team


async def test_after_a_wipe_no_file_is_left_and_no_key_before_it(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        await team(server, "mara")
        folder = await join(tmp_path / "mara", server, "mara@example.org")
        async with running(folder) as mara:
            await mara.until(lambda: mara.team.reachability == "online")
            login = Credential(new_id(), "Hill", "snmp_community", "")
            await enter(mara, login, FIRST)
            await mara.edit("add", creation("credential", Credential(new_id(), "None", "snmp_community", "")))
            await mara.until(lambda: not mara.team.pending)
            assert (folder / KEY_FILE).exists()
            assert not (await mara.ask(LeaveTeam(1, keep=False, lose_pending=True))).refusals
            assert (folder / WIPED_FILE).exists() and not (folder / NETWORK_FILE).exists()
            assert not (folder / KEY_FILE).exists(), "whatever else is left opens no more"
        assert await asyncio.to_thread(wipe_if_left, folder)
        assert sorted((tmp_path / "mara" / TEAMS_FOLDER).rglob("*")) == []


def test_what_a_killed_engine_left_is_wiped_by_the_next_start_at_home_and_nothing_else(
    tmp_path: Path,
) -> None:
    teams = tmp_path / TEAMS_FOLDER
    for name in ("left", "taken", "living"):
        (teams / name / "maps" / "deep").mkdir(parents=True)
        (teams / name / "maps" / "deep" / "tile").write_bytes(b"x")
        (teams / name / "heliograph.db").write_bytes(b"x")
        if name != "living":
            (teams / name / WIPED_FILE).touch()
    (teams / "left" / "heliograph.db").unlink()  # it got as far as that
    holder = Profile.open(teams / "taken")
    try:
        wipe_what_was_left(tmp_path)
    finally:
        holder.close()
    assert not (teams / "left").exists()
    assert (teams / "taken" / "heliograph.db").exists() and (teams / "living" / "heliograph.db").exists()
    wipe_what_was_left(tmp_path)
    assert sorted(path.name for path in teams.iterdir()) == ["living"]
