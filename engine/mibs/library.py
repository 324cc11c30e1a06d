"""Keeps the MIBs that are in force, and answers what is asked of them. Counterpart: `domain/mib.py`, the questions.

Theory: at the first question the standard modules and what was read of the user's before are loaded, in a thread; if the
folder has changed since, its files are read by another process, and until they are the answers are those of before. A new
tree takes the place of the old one whole. A walk is answered page by page: whoever stops asking has stopped it.
One rule: a question about MIBs never delays a poll.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import msgspec

from domain.errors import DeviceError, Refusal
from domain.mib import (
    RESOLVE_CAP,
    SEARCH_CAP,
    WALK_PAGE_ROWS,
    MibProblem,
    MibRequest,
    MibState,
    QueryMibChildren,
    QueryMibNode,
    QueryMibs,
    ResolveOids,
    SearchMibs,
    WalkDevice,
    WalkedValue,
)
from domain.text import clean_text
from domain.wire import Reply
from engine.mibs.facts import Oid
from engine.mibs.reading import Kept, Listed, Reading, list_files, load_kept
from engine.mibs.standard import load_standard
from engine.mibs.tree import Entry, Tree, oid_of, text_of
from engine.mibs.values import Meaning, raw_of, words_of
from engine.mibs.walk import WalkSession
from engine.protocols.ber import Value
from engine.protocols.snmp import Version
from engine.tasks import end, spawn

_log = logging.getLogger("engine.mibs")

FOLDER = "mibs"
KEPT = "mibs.read.jsonl"
"""Where what was read of the user's files is kept, beside their folder."""
WALKS_CAP = 4
"""Pages that are asked for at one time, of all clients."""
VERSIONS_CAP = 64
"""Devices under way whose version is kept; one that is forgotten is asked once more for it."""
_TEXT_CAP = 200


class Mibs:
    """The MIBs of one profile. `open_walk` gives a session with a device that is closed after a page; it raises DeviceError,
    and LookupError with words where there is no such device or it has no SNMP."""

    def __init__(
        self,
        profile: Path,
        open_walk: Callable[[UUID], WalkSession],
        *,
        make_reading: Callable[[Path, Path, Callable[[str, int], None]], Reading] = Reading,
    ) -> None:
        self._folder = profile.absolute() / FOLDER
        self._kept_path = profile.absolute() / KEPT
        self._open_walk = open_walk
        self._make_reading = make_reading
        self._tree: Tree | None = None
        self._kept = Kept("")
        self._listed = Listed((), (), "")
        self._loading = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._at, self._begun = "", 0
        self._walks = asyncio.Semaphore(WALKS_CAP)
        self._versions: dict[UUID, Version] = {}
        """What the devices that are walked answer to, from a walk's first page to its last but one."""

    async def close(self) -> None:
        """End the reading, if it is under way."""
        if self._task is not None:
            await end(self._task)

    async def answer(self, request: MibRequest) -> Reply:
        """Return the one reply to a question."""
        tree = await self._loaded(again=isinstance(request, QueryMibs) and request.again)
        match request:
            case QueryMibs():
                return Reply(request.request, result={"state": msgspec.to_builtins(self._state(tree))})
            case QueryMibChildren():
                return self._children(tree, request)
            case SearchMibs():
                cap = min(max(request.limit, 1), SEARCH_CAP)
                found = await asyncio.to_thread(tree.search, request.text[:_TEXT_CAP], cap + 1)
                return _nodes(tree, request.request, found, cap)
            case QueryMibNode():
                return self._node(tree, request)
            case ResolveOids():
                return self._resolved(tree, request)
            case WalkDevice():
                return await self._walk(tree, request)

    def _children(self, tree: Tree, request: QueryMibChildren) -> Reply:
        oid = oid_of(request.oid) if request.oid else ()
        after = oid_of(request.after) if request.after else ()
        if oid is None or after is None:
            return _refused(
                request.request, *(("oid", request.oid) if oid is None else ("after", request.after))
            )
        return _nodes(tree, request.request, tree.children(oid, after, SEARCH_CAP + 1), SEARCH_CAP)

    def _node(self, tree: Tree, request: QueryMibNode) -> Reply:
        oid = tree.oid_named(request.oid[:_TEXT_CAP])
        entry = tree.nearest(oid) if oid is not None else None
        if oid is None or entry is None:
            said = f"no MIB here has a name for {clean_text(request.oid, 60)!r}"
            return Reply(request.request, (Refusal("NODE_NOT_FOUND", said, "oid"),))
        told = {
            "path": [tree.tell(above, briefly=True) for above in tree.path(entry.node.oid)],
            "node": tree.tell(entry),
            "resolved": tree.resolve(oid),
        }
        return Reply(request.request, result=msgspec.to_builtins(told, str_keys=True))

    def _resolved(self, tree: Tree, request: ResolveOids) -> Reply:
        if len(request.oids) > RESOLVE_CAP:
            said = f"at most {RESOLVE_CAP} OIDs expected, got {len(request.oids)}"
            return Reply(request.request, (Refusal("INVALID_INPUT", said, "oids"),))
        oids = [oid_of(text) for text in request.oids]
        for text, oid in zip(request.oids, oids, strict=True):
            if oid is None:
                return _refused(request.request, "oids", text)
        told = [tree.resolve(oid) for oid in oids if oid is not None]
        return Reply(request.request, result={"resolved": msgspec.to_builtins(told)})

    async def _walk(self, tree: Tree, request: WalkDevice) -> Reply:
        root = tree.oid_named(request.oid[:_TEXT_CAP])
        after = oid_of(request.after) if request.after else ()
        if root is None or after is None:
            return _refused(
                request.request, *(("after", request.after) if after is None else ("oid", request.oid))
            )
        if len(root) == 1 and not after:
            after = (*root, 0)  # no OID of one arc can be sent
        rows = min(max(request.rows, 1), WALK_PAGE_ROWS)
        try:
            async with self._walks:
                session = self._open_walk(request.device)
                if request.after and request.device in self._versions:
                    session.version, session.is_known = self._versions[request.device], True
                try:
                    page = await session.page(text_of(root), text_of(after), rows)
                finally:
                    session.close()
            self._keep_version(request.device, session.version if page.next else None)
        except LookupError as error:
            return Reply(
                request.request, (Refusal("INVALID_INPUT", str(error.args[0]), "device", request.device),)
            )
        except DeviceError as error:
            code = f"DEVICE_{error.kind.upper()}"
            return Reply(request.request, (Refusal(code, clean_text(str(error)), "device", request.device),))
        told = [_walked(tree, tuple(map(int, oid.split("."))), value) for oid, value in page.values]
        return Reply(request.request, result={"values": msgspec.to_builtins(told), "next": page.next})

    def _keep_version(self, device: UUID, version: Version | None) -> None:
        """Keep it for the next page, None: there is none. Who is walked no further is forgotten when others come."""
        self._versions.pop(device, None)
        if version is not None:
            self._versions[device] = version
            if len(self._versions) > VERSIONS_CAP:
                del self._versions[next(iter(self._versions))]

    def _state(self, tree: Tree) -> MibState:
        reading = self._task is not None and not self._task.done()
        own = sorted(name for name, module in tree.modules.items() if module.file)
        return MibState(
            str(self._folder),
            len(tree.modules),
            len(tree),
            tuple(own),
            len(self._listed.files),
            max(0, self._begun - 1) if reading else len(self._listed.files),
            (self._at or "…") if reading else "",
            self._kept.problems,
        )

    async def _loaded(self, *, again: bool) -> Tree:
        async with self._loading:
            if self._tree is None or (again and (self._task is None or self._task.done())):
                await self._load()
            assert self._tree is not None
            return self._tree

    async def _load(self) -> None:
        try:
            listed = await asyncio.to_thread(list_files, self._folder)
        except OSError as error:
            said = f"the folder cannot be read: {error.strerror or error}"
            listed = Listed((), (MibProblem("", said),), "")
        if (
            self._tree is not None
            and listed.digest == self._listed.digest
            and listed.problems == self._listed.problems
        ):
            return
        self._listed = listed
        known = await asyncio.to_thread(load_kept, self._kept_path, listed.digest) if listed.files else None
        if known is not None or not listed.files:
            await self._take(known or Kept(listed.digest, (), listed.problems))
            return
        if self._tree is None:
            await self._take(Kept(""))
        self._at, self._begun = "", 0
        self._task = spawn("mibs", self._read(listed))

    async def _read(self, listed: Listed) -> None:
        reading = self._make_reading(self._folder, self._kept_path, self._on_file)
        await self._take(await reading.read(listed))
        told = {
            "files": len(listed.files),
            "modules": len(self._kept.modules),
            "problems": len(self._kept.problems),
        }
        _log.info("mibs_read", extra=told)

    async def _take(self, kept: Kept) -> None:
        self._tree = await asyncio.to_thread(lambda: Tree([*load_standard(), *kept.modules]))
        self._kept = kept

    def _on_file(self, file: str, begun: int) -> None:
        self._at, self._begun = file, begun


def _walked(tree: Tree, oid: Oid, value: Value) -> WalkedValue:
    entry, resolved = tree.nearest(oid), tree.resolve(oid)
    meaning = tree.meaning(entry.node) if entry is not None else Meaning("")
    return WalkedValue(
        resolved.oid,
        resolved.name,
        words_of(meaning, value, tree.name_of),
        raw_of(value),
        entry.node.syntax.name if entry is not None and entry.node.syntax is not None else "",
        entry.node.units if entry is not None else "",
        resolved.index,
    )


def _nodes(tree: Tree, request: int, found: list[Entry], cap: int) -> Reply:
    told = [tree.tell(entry, briefly=True) for entry in found[:cap]]
    return Reply(request, result={"nodes": msgspec.to_builtins(told), "more": len(found) > cap})


def _refused(request: int, field: str, text: str) -> Reply:
    said = f"an OID or a name of one expected, got {clean_text(text, 60)!r}"
    return Reply(request, (Refusal("INVALID_INPUT", said, field),))
