"""What an operator of the simulator can do to it while it runs, in a few words: "kill Grünten", "load Kempten - Blender 95".

Counterpart: `world.py` does it, `control.py` carries the words. One rule: a name that could mean two things is refused
with both of them.
"""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

from simnet.router import Router
from simnet.world import LiveLink, World

_Thing = TypeVar("_Thing")
_SEPARATOR = re.compile(r"\s*(?:<->|->|--|[~–—/])\s*|\s+-\s+|\s+to\s+|\s+|-")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_SHOWN_NAMES = 6
_NAMES_REMEMBERED = 200_000
"""How many names are folded once for all: a command looks at all of them, several times."""

USAGE = """\
  kill ROUTER            takes its power: no answer at all, its links fall
  revive ROUTER          gives it back: it boots
  cut LINK               both ends go down ("Kempten - Blender")
  pull LINK LINE         takes one of its lines out, where it has several
  mend LINK              undoes cut and pull
  load LINK PERCENT|off  fills a link; off lets its day go on
  slow ROUTER MS         answers late; 0 ends it
  lose ROUTER PERCENT    loses that share of requests; 0 ends it
  garble ROUTER          answers nonsense
  heal [ROUTER|LINK]     undoes everything, or all of one
  list                   routers and links with what was done to them
  status                 the same as JSON"""


class CommandError(ValueError):
    """A command that cannot be done; the text says why and what was meant perhaps."""


def apply_command(world: World, words: Sequence[str], at_s: float) -> str:
    """Do what the words say at this moment and return one line (or a list) that says what was done.

    Raises:
        CommandError: the words mean nothing, or more than one thing.
    """
    if not words or words[0] not in _VERBS:
        raise CommandError(f"unknown command {words[0] if words else ''!r}; there are:\n{USAGE}")
    return _VERBS[words[0]](world, [word for word in words[1:] if word], at_s)


def find_router(world: World, text: str) -> Router:
    """Find a router by its name or the beginning of it, whatever the case and the accents."""
    if text in world.routers:
        return world.routers[text]
    return world.routers[_find(text, {name: name for name in world.routers}, "router")]


def find_link(world: World, text: str) -> LiveLink:
    """Find a link by its two ends, in either order, or by the one router that has no other."""
    named = [link for link in world.links if text in (link.name, f"{link.spec.b} - {link.spec.a}")]
    if len(named) == 1:
        return named[0]
    found: dict[str, LiveLink] = {}
    for cut in _SEPARATOR.finditer(text.strip()):
        ends = text.strip()[: cut.start()], text.strip()[cut.end() :]
        try:
            pair = {find_router(world, end).name for end in ends if end}
        except CommandError:
            continue
        for link in world.links:
            if {link.spec.a, link.spec.b} == pair:
                found[link.name] = link
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        try:
            router = find_router(world, text)
        except CommandError:
            names = {
                name: link for link in world.links for name in (link.name, f"{link.spec.b} - {link.spec.a}")
            }
            return _find(text, names, "link")
        found = {link.name: link for link in world.links if router.name in (link.spec.a, link.spec.b)}
        if len(found) == 1:
            return next(iter(found.values()))
    raise CommandError(f"{text!r} could be {_enumerate(list(found)) or 'no link at all'}")


def _fold(text: str) -> str:
    bare = "".join(
        letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter)
    )
    return " ".join(bare.casefold().split())


@lru_cache(maxsize=_NAMES_REMEMBERED)
def _forms(name: str) -> frozenset[str]:
    return frozenset((_fold(name), _fold(name.lower().translate(_UMLAUTS))))


def _find(text: str, things: Mapping[str, _Thing], what: str) -> _Thing:
    wanted = _fold(text)
    keys = {name: _forms(name) for name in things}
    exact = [name for name, forms in keys.items() if wanted in forms]
    begun = exact or [
        name for name, forms in keys.items() if wanted and any(form.startswith(wanted) for form in forms)
    ]
    if len(begun) == 1:
        return things[begun[0]]
    if begun:
        raise CommandError(f"{what} {text!r} could be {_enumerate(begun)}")
    folded = {_fold(name): name for name in things}
    near = [folded[form] for form in difflib.get_close_matches(wanted, folded, n=3, cutoff=0.5)]
    hint = f"; near it: {_enumerate(near)}" if near else ""
    raise CommandError(f"there is no {what} {text!r}{hint}")


def _enumerate(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN_NAMES])
    return shown if len(names) <= _SHOWN_NAMES else f"{shown} and {len(names) - _SHOWN_NAMES} more"


def _router_of(world: World, words: Sequence[str]) -> Router:
    if not words:
        raise CommandError("which router?")
    return find_router(world, " ".join(words))


def _link_of(world: World, words: Sequence[str]) -> LiveLink:
    if not words:
        raise CommandError("which link?")
    return find_link(world, " ".join(words))


def _number(words: Sequence[str], what: str, highest: float) -> float:
    try:
        value = float(words[-1].rstrip("%"))
    except (IndexError, ValueError):
        raise CommandError(f"expected {what} at the end, got {words[-1] if words else 'nothing'!r}") from None
    if not 0 <= value <= highest:
        raise CommandError(f"expected {what} between 0 and {highest:g}, got {value:g}")
    return value


def _kill(world: World, words: Sequence[str], at_s: float) -> str:
    router = _router_of(world, words)
    if not router.can_die:
        raise CommandError(f"{router.name} answers nothing but pings, and this system goes on answering them")
    world.kill(router, at_s)
    return f"{router.name} is dead"


def _revive(world: World, words: Sequence[str], at_s: float) -> str:
    router = _router_of(world, words)
    world.revive(router, at_s)
    return f"{router.name} boots"


def _cut(world: World, words: Sequence[str], at_s: float) -> str:
    link = _link_of(world, words)
    world.cut(link, at_s)
    return f"{link.name} is cut"


def _pull(world: World, words: Sequence[str], at_s: float) -> str:
    line = _number(words, "the number of a line", 1_000)
    link = _link_of(world, words[:-1])
    if not 1 <= line <= len(link.a.members):
        raise CommandError(f"{link.name} has {len(link.a.members)} lines that can be pulled, got {line:g}")
    world.pull(link, int(line) - 1, at_s)
    return f"line {line:g} of {link.name} is out"


def _mend(world: World, words: Sequence[str], at_s: float) -> str:
    link = _link_of(world, words)
    world.mend(link, at_s)
    return f"{link.name} is mended"


def _load(world: World, words: Sequence[str], at_s: float) -> str:
    percent = None if words and words[-1] == "off" else _number(words, "a load in percent", 100)
    link = _link_of(world, words[:-1])
    world.load(link, percent, at_s)
    return f"{link.name} carries {'its day' if percent is None else f'{percent:g} %'}"


def _slow(world: World, words: Sequence[str], _at_s: float) -> str:
    delay_ms = _number(words, "milliseconds", 600_000)
    router = _router_of(world, words[:-1])
    router.slow_ms = delay_ms
    return f"{router.name} answers {delay_ms:g} ms late"


def _lose(world: World, words: Sequence[str], _at_s: float) -> str:
    percent = _number(words, "a loss in percent", 100)
    router = _router_of(world, words[:-1])
    router.loss_pct = percent
    return f"{router.name} loses {percent:g} % of requests"


def _garble(world: World, words: Sequence[str], _at_s: float) -> str:
    router = _router_of(world, words)
    router.garbled = True
    return f"{router.name} answers nonsense"


def _heal(world: World, words: Sequence[str], at_s: float) -> str:
    routers, links, healed = list(world.routers.values()), world.links, "everything"
    if words:
        try:
            routers, links = [_router_of(world, words)], []
            healed = routers[0].name
        except CommandError:
            routers, links = [], [_link_of(world, words)]
            healed = links[0].name
    for link in links:
        if link.cut or link.pulled:
            world.mend(link, at_s)
        if link.forced:
            world.load(link, None, at_s)
    for router in routers:
        router.slow_ms = router.loss_pct = 0.0
        router.garbled = False
        world.revive(router, at_s)
    return f"{healed} is well"


def _list(world: World, _words: Sequence[str], _at_s: float) -> str:
    lines = [f"{router.name}: {', '.join(_marks(router)) or 'well'}" for router in world.routers.values()]
    lines += [f"{link.name}: {', '.join(_link_marks(link)) or 'well'}" for link in world.links]
    return "\n".join(lines)


def _status(world: World, _words: Sequence[str], at_s: float) -> str:
    return json.dumps(
        {
            "network": world.network.name,
            "running_s": round(at_s - world.epoch_s, 1),
            "routers": {router.name: _marks(router) for router in world.routers.values()},
            "links": {link.name: _link_marks(link) for link in world.links},
        },
        ensure_ascii=False,
    )


def _marks(router: Router) -> list[str]:
    marks = [] if router.powered else ["dead"]
    if router.powered and not router.answering:
        marks.append("cut off")
    marks += [f"slow {router.slow_ms:g} ms"] if router.slow_ms else []
    marks += [f"loses {router.loss_pct:g} %"] if router.loss_pct else []
    return marks + (["garbled"] if router.garbled else [])


def _link_marks(link: LiveLink) -> list[str]:
    marks = ["cut"] if link.cut else ["down"] if not link.is_up else []
    marks += [f"line {line + 1} out" for line in sorted(link.pulled)]
    if link.forced:
        marks.append(f"loaded {100 * link.forced[0].mean_bps / link.spec.capacity_bps:g} %")
    return marks


_VERBS: dict[str, Callable[[World, Sequence[str], float], str]] = {
    "kill": _kill,
    "revive": _revive,
    "cut": _cut,
    "pull": _pull,
    "mend": _mend,
    "load": _load,
    "slow": _slow,
    "lose": _lose,
    "garble": _garble,
    "heal": _heal,
    "list": _list,
    "status": _status,
}
VERBS: tuple[str, ...] = tuple(_VERBS)
