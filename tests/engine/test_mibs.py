"""MIBs in an engine: the reading process and what hostile files do to it, what is kept, and what is answered."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.mib import (
    RESOLVE_CAP,
    MibNode,
    MibRequest,
    MibState,
    QueryMibChildren,
    QueryMibNode,
    QueryMibs,
    ResolvedOid,
    ResolveOids,
    SearchMibs,
    WalkDevice,
)
from domain.wire import Reply
from engine.mibs import reading
from engine.mibs.library import KEPT, Mibs
from engine.mibs.reading import Kept, Reading, list_files, load_kept
from engine.mibs.walk import WalkSession
from tests.engine.client import WAIT_S
from tests.engine.engine_process import EngineProcess
from tests.engine.mib_texts import HILLTOP, HILLTOP_SMI, module

DEVICE = UUID(int=7)
IF_DESCR = "1.3.6.1.2.1.2.2.1.2"


def no_walk(id: UUID) -> WalkSession:
    raise LookupError(f"there is no device {id}")


def fill(profile: Path, **files: str) -> Path:
    folder = profile / "mibs"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.mib").write_text(text)
    return folder


async def settled(mibs: Mibs, *, again: bool = False) -> MibState:
    """Return the state once nothing is read any more."""
    for _ in range(int(WAIT_S / 0.02)):
        state = state_of(await mibs.answer(QueryMibs(1, again)))
        if not state.reading:
            return state
        again = False
        await asyncio.sleep(0.02)
    raise AssertionError("it is read for ever")


def state_of(reply: Reply) -> MibState:
    return msgspec.convert(reply.result["state"], MibState)


def nodes_of(reply: Reply) -> list[MibNode]:
    return msgspec.convert(reply.result["nodes"], list[MibNode])


def with_mibs(profile: Path, scene: Callable[[Mibs], Any], **options: Any) -> Any:
    """Play a scene with the MIBs of a profile."""

    async def main() -> Any:
        mibs = Mibs(profile, no_walk, **options)
        try:
            return await scene(mibs)
        finally:
            await mibs.close()

    return asyncio.run(main())


def ask(profile: Path, *questions: MibRequest) -> list[Reply]:
    async def scene(mibs: Mibs) -> list[Reply]:
        await settled(mibs)
        return [await mibs.answer(question) for question in questions]

    replies: list[Reply] = with_mibs(profile, scene)
    return replies


# Files


def test_the_users_files_are_read_by_another_process_and_kept_for_the_next_start(tmp_path: Path) -> None:
    folder = fill(tmp_path, battery=HILLTOP)
    (folder / "vendor").mkdir()
    (folder / "vendor" / "smi.my").write_text(HILLTOP_SMI)
    (folder / "manual.pdf").write_bytes(b"%PDF")

    async def first(mibs: Mibs) -> MibState:
        begun = state_of(await mibs.answer(QueryMibs(1)))
        assert begun.reading
        assert begun.modules > 100  # what came along answers meanwhile
        return await settled(mibs)

    state: MibState = with_mibs(tmp_path, first)
    assert state.own_modules == ("HILLTOP-BATTERY-MIB", "HILLTOP-SMI")
    assert (state.files, state.problems) == (2, ())
    assert state.folder == str(folder)

    def never(*_: Any) -> Reading:
        raise AssertionError("nothing has changed: it is not read again")

    again: MibState = with_mibs(tmp_path, settled, make_reading=never)
    assert again == state


def test_files_that_come_go_or_change_are_seen_at_the_next_look(tmp_path: Path) -> None:
    async def scene(mibs: Mibs) -> None:
        assert (await settled(mibs)).files == 0
        folder = fill(tmp_path, smi=HILLTOP_SMI)
        assert (await settled(mibs)).own_modules == ()
        assert (await settled(mibs, again=True)).own_modules == ("HILLTOP-SMI",)
        (folder / "smi.mib").write_text(
            HILLTOP_SMI.replace("99999", "77777").replace("HILLTOP-SMI", "OTHER-SMI")
        )
        assert (await settled(mibs, again=True)).own_modules == ("OTHER-SMI",)
        (folder / "smi.mib").unlink()
        assert (await settled(mibs, again=True)).own_modules == ()

    with_mibs(tmp_path, scene)


def test_what_is_too_large_or_too_many_is_left_out_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fill(tmp_path, **{f"m{n}": "x" for n in range(5)})
    (folder / "huge.mib").write_bytes(b" " * (reading.FILE_BYTES + 1))
    (folder / ".hidden.mib").write_text("x")
    listed = list_files(folder)
    assert len(listed.files) == 5
    assert [problem.said for problem in listed.problems] == ["left out: 4.2 MB, at most 4.2 MB expected"]
    monkeypatch.setattr(reading, "TOTAL_BYTES", 2)
    assert [p.said for p in list_files(folder).problems][1:] == ["left out: at most 0 MB are read in all"] * 3
    monkeypatch.setattr(reading, "TOTAL_BYTES", 10**9)
    monkeypatch.setattr(reading, "FILES_CAP", 3)
    few = list_files(folder)
    assert len(few.files) == 3
    assert "at most 3 files" in few.problems[-1].said


def test_what_was_kept_and_cannot_be_understood_is_read_anew(tmp_path: Path) -> None:
    fill(tmp_path, smi=HILLTOP_SMI)
    (tmp_path / KEPT).write_bytes(b'{"digest": 7')
    assert load_kept(tmp_path / KEPT, "any") is None
    state: MibState = with_mibs(tmp_path, settled)
    assert state.own_modules == ("HILLTOP-SMI",)
    assert load_kept(tmp_path / KEPT, list_files(tmp_path / "mibs").digest) is not None


BAD_READER = """
import json, sys, time, os
job = json.loads(sys.stdin.read())
for file in job["files"]:
    print(json.dumps({"at": file}), flush=True)
    text = open(os.path.join(job["folder"], file)).read()
    if "hang" in text: time.sleep(3600)
    if "die" in text: os._exit(9)
    if "shout" in text: print("x" * 10_000_000, flush=True)
open(job["out"], "w").write(json.dumps({"digest": job["digest"], "problems": job["problems"]}) + "\\n")
"""


def read_with(folder: Path, out: Path, file_s: float = 30.0) -> Kept:
    async def main() -> Kept:
        command = [sys.executable, "-c", BAD_READER]
        made = Reading(folder, out, lambda file, begun: None, command=command, file_s=file_s)
        return await made.read(list_files(folder))

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("does", "said"), [("die", "the reader ended at it (code 9)"), ("shout", "it took more than")]
)
def test_a_file_that_ends_the_reader_is_the_problem_and_the_others_are_read(
    tmp_path: Path, does: str, said: str
) -> None:
    folder = fill(tmp_path, a="good", b=does, c="good")
    kept = read_with(folder, tmp_path / "kept")
    assert [problem.file for problem in kept.problems] == ["b.mib"]
    assert said in kept.problems[0].said
    assert (tmp_path / "kept").exists()


def test_on_windows_the_reader_has_no_window_and_gives_way_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags: list[int] = []

    async def start(*_: str, creationflags: int, **__: Any) -> Any:
        flags.append(creationflags)
        raise OSError("not here")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    monkeypatch.setattr("subprocess.CREATE_NO_WINDOW", 0x0800_0000, raising=False)
    monkeypatch.setattr("subprocess.BELOW_NORMAL_PRIORITY_CLASS", 0x4000, raising=False)
    fill(tmp_path, smi=HILLTOP_SMI)
    read_with(tmp_path / "mibs", tmp_path / "kept")
    assert flags == [0x0800_4000]


def test_a_file_that_is_read_for_ever_is_given_up(tmp_path: Path) -> None:
    folder = fill(tmp_path, a="good", b="hang")
    kept = read_with(folder, tmp_path / "kept", file_s=3.0)
    assert [problem.said for problem in kept.problems] == ["left out: it took more than 3 s"]


def test_many_files_that_end_the_reader_end_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "RESTARTS_CAP", 2)
    folder = fill(tmp_path, **{f"m{n}": "die" for n in range(6)})
    kept = read_with(folder, tmp_path / "kept")
    assert len(kept.problems) == 4
    assert "too many of them end the reader" in kept.problems[-1].said
    assert not (tmp_path / "kept").exists()


def test_closing_ends_the_reader(tmp_path: Path) -> None:
    folder = fill(tmp_path, a="hang")
    processes: list[Any] = []

    def make(folder: Path, kept: Path, on_file: Callable[[str, int], None]) -> Reading:
        return Reading(folder, kept, on_file, command=[sys.executable, "-c", BAD_READER])

    async def scene(mibs: Mibs) -> None:
        create = asyncio.create_subprocess_exec

        async def spy(*command: Any, **options: Any) -> Any:
            processes.append(await create(*command, **options))
            return processes[-1]

        asyncio.create_subprocess_exec = spy  # type: ignore[assignment]
        try:
            while not processes:
                assert state_of(await mibs.answer(QueryMibs(1))).reading
                await asyncio.sleep(0.01)
        finally:
            asyncio.create_subprocess_exec = create
        await mibs.close()
        assert processes[0].returncode is not None

    with_mibs(tmp_path, scene, make_reading=make)
    assert folder.exists()


def test_the_engines_loop_goes_on_while_files_are_read(tmp_path: Path) -> None:
    body = "\n".join(f"n{n} OBJECT IDENTIFIER ::= {{ long {n} }}" for n in range(1, 1_500))
    fill(tmp_path, long=module("LONG-MIB", "long OBJECT IDENTIFIER ::= { iso 77 }\n" + body))

    async def scene(mibs: Mibs) -> int:
        turns = 0
        assert state_of(await mibs.answer(QueryMibs(1))).reading
        while state_of(await mibs.answer(QueryMibs(1))).reading:
            turns += 1
            await asyncio.sleep(0.002)
        assert state_of(await mibs.answer(QueryMibs(1))).own_modules == ("LONG-MIB",)
        return turns

    assert with_mibs(tmp_path, scene) > 20


# Questions


def test_children_are_told_page_by_page_and_a_search_says_whether_there_is_more(tmp_path: Path) -> None:
    body = "\n".join(f"n{n} OBJECT IDENTIFIER ::= {{ wide {n} }}" for n in range(1, 451))
    fill(tmp_path, wide=module("WIDE-MIB", "wide OBJECT IDENTIFIER ::= { iso 77 }\n" + body))

    async def scene(mibs: Mibs) -> None:
        await settled(mibs)
        seen: list[str] = []
        while True:
            reply = await mibs.answer(QueryMibChildren(1, "1.77", seen[-1] if seen else ""))
            seen += [node.oid for node in nodes_of(reply)]
            if not reply.result["more"]:
                break
        assert seen == [f"1.77.{n}" for n in range(1, 451)]
        (root,) = [n for n in nodes_of(await mibs.answer(QueryMibChildren(1))) if n.name == "iso"]
        assert root.children > 1
        found = await mibs.answer(SearchMibs(1, "n", 10))
        assert len(nodes_of(found)) == 10
        assert found.result["more"] is True
        assert (await mibs.answer(SearchMibs(1, "n450", 10))).result["more"] is False

    with_mibs(tmp_path, scene)


def test_a_node_is_told_whole_with_the_path_to_it(tmp_path: Path) -> None:
    (reply,) = ask(tmp_path, QueryMibNode(1, "ifOperStatus.3"))
    node = msgspec.convert(reply.result["node"], MibNode, strict=False)
    assert (node.name, node.module, node.enum[2]) == ("ifOperStatus", "IF-MIB", "down")
    assert node.index == ("ifIndex",)
    path = [above["name"] for above in reply.result["path"]]
    assert path == [
        "iso",
        "org",
        "dod",
        "internet",
        "mgmt",
        "mib-2",
        "interfaces",
        "ifTable",
        "ifEntry",
        "ifOperStatus",
    ]
    resolved = msgspec.convert(reply.result["resolved"], ResolvedOid)
    assert (resolved.oid, resolved.index) == ("1.3.6.1.2.1.2.2.1.8.3", "ifIndex 3")


def test_oids_are_resolved_in_their_order(tmp_path: Path) -> None:
    (reply,) = ask(tmp_path, ResolveOids(1, (f"{IF_DESCR}.3", "1.3.6.1.4.1.99999.5", "9.9")))
    told = msgspec.convert(reply.result["resolved"], list[ResolvedOid])
    assert [row.name for row in told] == ["ifDescr.3", "enterprises.99999.5", "9.9"]


@pytest.mark.parametrize(
    ("question", "code", "field"),
    [
        (QueryMibChildren(1, "nonsense"), "INVALID_INPUT", "oid"),
        (QueryMibChildren(1, "1.3", "-1"), "INVALID_INPUT", "after"),
        (QueryMibNode(1, "noSuchName"), "NODE_NOT_FOUND", "oid"),
        (QueryMibNode(1, "9.9"), "NODE_NOT_FOUND", "oid"),
        (QueryMibNode(1, "\u202e" * 5_000), "NODE_NOT_FOUND", "oid"),
        (ResolveOids(1, ("1.3", "x")), "INVALID_INPUT", "oids"),
        (ResolveOids(1, ("1.3",) * (RESOLVE_CAP + 1)), "INVALID_INPUT", "oids"),
        (WalkDevice(1, DEVICE, "noSuchName"), "INVALID_INPUT", "oid"),
        (WalkDevice(1, DEVICE, "1.3.6", "x"), "INVALID_INPUT", "after"),
        (WalkDevice(1, DEVICE, "1.3.6"), "INVALID_INPUT", "device"),
        (WalkDevice(1, DEVICE, "1.3.6." + ".".join(["4294967296"] * 3)), "INVALID_INPUT", "oid"),
    ],
)
def test_what_cannot_be_answered_is_refused_at_its_field(
    tmp_path: Path, question: MibRequest, code: str, field: str
) -> None:
    (reply,) = ask(tmp_path, question)
    (refusal,) = reply.refusals
    assert (refusal.code, refusal.field) == (code, field)
    assert "\u202e" not in refusal.message


def test_an_engine_loads_pysmi_never_and_its_mibs_at_the_first_question(tmp_path: Path) -> None:
    fill(tmp_path / "profile", smi=HILLTOP_SMI)
    patch = """
import atexit
@atexit.register
def tell():
    import json
    names = [n for n in ("pysmi", "lark", "jinja2", "requests", "pysnmp") if n in sys.modules]
    print(json.dumps({"event": "loaded", "names": names}), file=sys.stderr, flush=True)
"""
    engine = EngineProcess(tmp_path / "profile", patch=patch)
    client = engine.client()
    assert not (tmp_path / "profile" / KEPT).exists()
    ends_s = time.monotonic() + WAIT_S
    while (state := state_of(client.ask(QueryMibs))).reading:
        assert time.monotonic() < ends_s
        time.sleep(0.02)
    assert state.own_modules == ("HILLTOP-SMI",)
    engine.stop()
    assert engine.event("loaded")["names"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes of Unix")
def test_a_pipe_in_the_folder_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(fill(tmp_path, smi=HILLTOP_SMI) / "pipe.mib")
    state: MibState = with_mibs(tmp_path, settled)
    assert (state.files, state.own_modules) == (1, ("HILLTOP-SMI",))
