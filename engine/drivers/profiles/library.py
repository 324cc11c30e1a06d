"""All profiles: the shipped ones, and the user's that replace or extend them. Counterpart: `shipped/*.yaml`, `snmp.py` chooses.

Theory: files are read when the first SNMP device is set up, not before. A user's file of a shipped name takes its place; if it
`extends` that name itself, it is added to it. One rule: a file that is wrong is a problem that is told, and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from domain.errors import Refusal
from engine.drivers.profiles.language import Document, Group, Profile
from engine.drivers.profiles.problems import BadProfile, refuse

FOLDER = "snmp-profiles"
"""Where a user's own files are, in the profile's folder."""

FALLBACK = "generic"
"""What a device is read with that no profile matches."""

FILES_CAP = 200
SHIPPED = Path(__file__).parent / "shipped"

_Sources = dict[str, tuple[str, Document]]


class Profiles:
    """Chooses a device's profile. `problems` holds what is wrong with the user's files, once they were read."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read nothing yet; `folder` holds the user's files, if it exists."""
        self._folder = folder
        self._read: dict[str, Profile] | None = None
        self._problems: list[Refusal] = []

    @property
    def problems(self) -> tuple[Refusal, ...]:
        """What is wrong with the user's files, each with its file, path, what was got and expected."""
        self._all()
        return tuple(self._problems)

    @property
    def titles(self) -> dict[str, str]:
        """The title of each profile by its name."""
        return {name: profile.title for name, profile in sorted(self._all().items())}

    def choose(self, name: str, object_id: str, description: str) -> Profile:
        """Return the profile of that name, else the one that matches best, else the generic one.

        A longer sysObjectID beats a shorter one, and with the same length a pattern that holds beats none.
        """
        profiles = self._all()
        if name in profiles:
            return profiles[name]
        best, chosen = (0, 0), profiles[FALLBACK]
        for profile in profiles.values():
            score = _score(profile, object_id, description)
            if score > best:
                best, chosen = score, profile
        return chosen

    def _all(self) -> dict[str, Profile]:
        if self._read is None:
            self._read = self._load()
        return self._read

    def _load(self) -> dict[str, Profile]:
        from engine.drivers.profiles.checks import read_document  # noqa: PLC0415 loads YAML with the first SNMP device

        shipped: _Sources = {}
        for path in sorted(SHIPPED.glob("*.yaml")):
            document = read_document(path.name, path.read_bytes())
            shipped[document.name] = (path.name, document)
        profiles = {name: _resolve(name, shipped, {}) for name in shipped}
        added = self._read_folder(read_document)
        sources = shipped | added
        replaced = shipped.keys() & added.keys()
        for name in sources:
            try:
                profiles[name] = _resolve(name, sources, {n: shipped[n] for n in replaced})
            except BadProfile as error:
                if (problem := self._located(error)) not in self._problems:
                    self._problems.append(problem)
        return profiles

    def _located(self, error: BadProfile) -> Refusal:
        """Return what is wrong with a file that was read before, with its line."""
        from engine.drivers.profiles.lines import locate  # noqa: PLC0415 as above

        try:
            data = (self._folder or SHIPPED).joinpath(error.file).read_bytes()
        except OSError:
            return error.refusal
        return locate(error.refusal, error.file, data)

    def _read_folder(self, read_document: Callable[[str, bytes], Document]) -> _Sources:
        added: _Sources = {}
        if self._folder is None or not self._folder.is_dir():
            return added
        for path in sorted(self._folder.glob("*.yaml"))[:FILES_CAP]:
            try:
                document = read_document(path.name, path.read_bytes())
                if document.name in added:
                    said = (
                        f"a name of its own expected, got {document.name!r} as in {added[document.name][0]}"
                    )
                    raise BadProfile(refuse(path.name, "name", said), path.name)
            except BadProfile as error:
                self._problems.append(self._located(error) if error.file else error.refusal)
            except OSError as error:
                self._problems.append(
                    refuse(path.name, "", f"a file expected that can be read, got {error.strerror}")
                )
            else:
                added[document.name] = (path.name, document)
        return added


def _resolve(name: str, sources: _Sources, replaced: _Sources, path: tuple[str, ...] = ()) -> Profile:
    """Return a document with what it extends: its own groups first, then its parents', none of a name twice."""
    file, document = sources[name]
    groups: dict[str, Group] = {group.name: group for group in document.groups}
    facts: dict[str, str] = {}
    match = document.match
    for place, parent in enumerate(document.extends):
        where = f"extends[{place}]"
        is_own = parent == name and name in replaced
        of = sources | {name: replaced[name]} if is_own else sources
        if parent not in of:
            said = f"one of {', '.join(sorted(sources))} expected, got {parent!r}"
            raise BadProfile(refuse(file, where, said), file)
        if parent in path or (parent == name and not is_own):
            said = f"a profile that does not extend this one expected, got {parent!r}"
            raise BadProfile(refuse(file, where, said), file)
        left = {other: source for other, source in replaced.items() if other != name} if is_own else replaced
        inherited = _resolve(parent, of, left, path if is_own else (*path, name))
        for group in inherited.groups:
            groups.setdefault(group.name, group)
        facts = inherited.facts | facts
        if is_own and not (match.object_id or match.description):
            match = inherited.match
    for place, unwanted in enumerate(document.without):
        if groups.pop(unwanted, None) is None:
            said = f"an inherited group expected, got {unwanted!r}"
            raise BadProfile(refuse(file, f"without[{place}]", said), file)
    return Profile(name, document.title, match, facts | document.facts, tuple(groups.values()))


def _score(profile: Profile, object_id: str, description: str) -> tuple[int, int]:
    """Tell how well a profile fits: the length of its OID, and whether a pattern of its holds; (0, 0) is not at all."""
    match = profile.match
    arcs = max((p.count(".") + 1 for p in match.object_id if is_under(object_id, p)), default=0)
    holds = any(re.search(pattern, description) for pattern in match.description)
    if (match.object_id and not arcs) or (match.description and not holds):
        return 0, 0
    return arcs, int(holds)


def is_under(oid: str, prefix: str) -> bool:
    """Tell whether an OID is `prefix` or below it."""
    return oid == prefix or oid.startswith(f"{prefix}.")
