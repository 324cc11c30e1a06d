"""How a network stands with its team, in words. No Qt, no clock.

Counterpart: `domain/team.TeamState`; the sign in the top bar and the board say the same. One rule: when all is well one word says
so; what needs a person says what to do.
"""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from app.words import age, age_of, capitalized, clock, count_of, isolated
from domain.inventory import Inventory
from domain.sync import Person
from domain.team import TeamState

Level = Literal["off", "calm", "waiting", "cut", "act"]
"""Nothing to say; all is well; it will be by itself; cut off; a person has to do something."""
PATIENCE_US = 20_000_000
"""A connection that is lost for less than this is no news."""
PEOPLE_NAMED = 3
UNTOLD_SHOWN = 100
PENDING_SIGN = "↑"
"""Marks what waits for the server: on the map, in the tree, beside the words."""
UNCONFIRMED = f"{PENDING_SIGN} Not confirmed by the server yet"


LEFT_OUT = "The team has things that were made by a newer version: update Heliograph to see them"


class Stand(NamedTuple):
    """What is said: in a word or two, with what more there is room for, and as a story."""

    level: Level
    short: str
    more: str
    story: str


ALONE = Stand("off", "Sync off", "", "This network is on this computer only. Click to join a team.")


def host_of(server: str) -> str:
    """Return the part of a server's address that people know it by."""
    try:
        return urlsplit(server).netloc or server
    except ValueError:
        return server


def stand_of(team: TeamState | None, now_us: int) -> Stand:
    """Return how a network stands with its team."""
    if team is None:
        return ALONE
    waiting = f"{team.pending:,} waiting" if team.pending else ""
    level: Level
    ago = f"{age_of(team.synced_us, now_us)} ago" if team.synced_us else ""
    offline = f"Offline {age_of(team.synced_us, now_us)}" if team.synced_us else "Offline"
    match team.reachability:
        case "online" if not team.is_synced:
            level, said, more = "waiting", "Catching up", _joined(progress_of(team), waiting)
        case "online":
            level, said, more = "calm", waiting or "Synced", "update to see all" if team.left_out else ""
        case "connecting":
            wait_s = max(0, team.retry_us - now_us) / 1e6
            again = f"retry in {age(wait_s)}" if wait_s >= 1 else "connecting"
            is_late = team.synced_us > 0 and now_us - team.synced_us > PATIENCE_US
            level = "cut" if is_late else "waiting"
            said, more = (offline, _joined(again, waiting)) if is_late else (capitalized(again), waiting)
        case "offline":
            level, said, more = "cut", offline, waiting
        case _:
            level, said, more = "act", "Not let in", _joined(f"in step {ago}" if ago else "", waiting)
    if team.tray and level != "act":
        more = said if level == "cut" else waiting
        level, said = "act", f"{team.tray:,} not applied"
    return Stand(level, said, more, story_of(team, now_us))


def story_of(team: TeamState, now_us: int) -> str:
    """Return all about it, a line each."""
    lines = [sentence_of(team, now_us)]
    if team.pending:
        lines.append(f"{count_of(team.pending, 'edit waits', 'edits wait')} for the server")
    if team.tray:
        lines.append(f"{count_of(team.tray, 'edit was', 'edits were')} not applied: somebody has to look")
    lines += [untold] if (untold := untold_words(team, 0)) else []
    lines += [LEFT_OUT] if team.left_out else []
    lines.append(polled_words(team))
    return "\n".join(lines)


def untold_words(team: TeamState, lost_polls: int) -> str:
    """Return what this computer has seen and the server does not know: what waits, and what it will never know because it was
    more than is kept; empty where that is nothing. A few rows are always on their way."""
    waits = []
    if team.untold and (team.reachability != "online" or team.untold >= UNTOLD_SHOWN):
        waits.append(count_of(team.untold, "row of the journal", "rows of the journal"))
    if ups := sum(one.is_up for one in team.pictures):
        waits.append(count_of(ups, "picture", "pictures"))
    one_waits = len(waits) == 1 and waits[0].startswith("1 ")
    said = [f"{' and '.join(waits)} {'waits' if one_waits else 'wait'} for the server"] if waits else []
    if lost_polls:
        polls = count_of(lost_polls, "poll", "polls")
        said.append(f"{polls} of this computer will never be with the team: more than is kept")
    return "; ".join(said)


def sentence_of(team: TeamState, now_us: int) -> str:
    """Return whether the server is heard, and since when not."""
    host = isolated(host_of(team.server))
    since = f"Last in step at {clock(team.synced_us, now_us)}, {age_of(team.synced_us, now_us)} ago"
    since = since if team.synced_us else "Never in step yet"
    why = f": {team.why.rstrip('.')}" if team.why else ""
    match team.reachability:
        case "online" if not team.is_synced:
            return f"Fetching what {host} has{_so_far(team)}. {since}."
        case "online":
            return f"In step with {host}"
        case "connecting":
            wait_s = max(0, team.retry_us - now_us) / 1e6
            again = f"Next try in {age(wait_s)}" if wait_s >= 1 else "Trying now"
            return f"Connecting to {host}{why}. {again}. {since}."
        case "offline":
            return f"{host} is not heard{why}. {since}. What you change is kept here and sent then."
        case _:
            said = f"{host} does not let this computer in{why}. {since}."
            return f"{said} Compare its new certificate." if team.shown_certificate else said


def entry_words(team: TeamState) -> str:
    """Return what a person does who is not let in."""
    return "Compare certificates…" if team.shown_certificate else "Log in again…"


def progress_of(team: TeamState) -> str:
    """Return how much of what the server has is here, empty where nobody knows how much that is."""
    if not team.to_come:
        return f"{team.received:,} so far" if team.received else ""
    return f"{min(99, 100 * team.received // team.to_come)} %"


def _so_far(team: TeamState) -> str:
    if not team.to_come:
        return f": {team.received:,} things so far" if team.received else ""
    return f": {min(team.received, team.to_come):,} of some {count_of(team.to_come, 'thing', 'things')}"


def polled_words(team: TeamState) -> str:
    """Return who asks the devices, and who judges where several do."""
    collectors = sum(one.is_here and one.kind == "collector" for one in team.pollers)
    sharing = f"{collectors} collectors poll" if collectors > 1 else ""
    match team.lease:
        case "here":
            return (
                f"This computer judges for the team, which {sharing}"
                if sharing
                else "This computer polls for the team"
            )
        case "cut_off":
            return "This computer polls by itself: what it shows is seen from here"
    if team.reachability != "online":
        return "Who polls for the team is not known while the server is not heard"
    holder = isolated(team.holder) if team.holder else ""
    if sharing and holder:
        return f"{holder} judges for the team, which {sharing}"
    return f"{holder} polls for the team" if holder else "Nobody polls for the team now"


LOADS_ELSEWHERE = "What links carried was measured elsewhere: the server, which knows it, is not heard"


def is_unheard(team: TeamState | None) -> bool:
    """Tell whether what others of the team measured cannot be asked for now."""
    return team is not None and team.reachability != "online"


FROM_HERE_NOTE = "Alerted from here: while the server is not heard the team does not know of it"


def others_in(team: TeamState | None) -> list[Person]:
    """Return who is there beside this window."""
    return [p for p in team.people if p.install != team.install] if team is not None else []


def pending_of(team: TeamState | None) -> frozenset[UUID]:
    """Return what carries edits that the server has not confirmed."""
    return frozenset(id for _, id in team.pending_things) if team is not None else frozenset()


def asides(team: TeamState | None, inventory: Inventory, thing: UUID | None) -> list[str]:
    """Return what the team adds to what is said of a thing: that it waits for the server, who alone polls it, who is at it."""
    if team is None or thing is None:
        return []
    said = [UNCONFIRMED] if thing in pending_of(team) else []
    device = inventory.device(thing)
    if device is not None and device.polled_by is not None:
        said.append(alone_words(team, device.polled_by))
    return said + ([words] if (words := presence_words(team, thing)) else [])


def poller_name(team: TeamState | None, install: UUID) -> str:
    """Return what an install of the team is called."""
    if team is None:
        return "One computer of a team"
    if install == team.install:
        return "This computer"
    found = next((one.name for one in team.pollers if one.install == install), "")
    return isolated(found) if found else "A computer that is not in the team any more"


def alone_words(team: TeamState, install: UUID) -> str:
    """Return who alone polls a device, and that nobody does where that one is not connected."""
    name = poller_name(team, install)
    if install == team.install or team.reachability != "online":
        return f"{name} alone polls it"
    is_here = any(one.is_here for one in team.pollers if one.install == install)
    return (
        f"{name} alone polls it"
        if is_here
        else f"{name} alone polls it and is not connected: nobody does now"
    )


def presence_words(team: TeamState | None, thing: UUID | None) -> str:
    """Return who else works on a thing, and who looks at it; empty where nobody does."""
    if thing is None:
        return ""
    work = [_called(person) for person in others_in(team) if person.works_on == thing]
    look = [_called(p) for p in others_in(team) if p.looks_at == thing and p.works_on != thing]
    said = [f"{_listed(work)} {'works' if len(work) == 1 else 'work'} on it"] if work else []
    said += [f"{_listed(look)} {'looks' if len(look) == 1 else 'look'} at it"] if look else []
    return capitalized("; ".join(said))


def initials_of(person: Person) -> str:
    """Return one or two letters for somebody; "?" where the name has none."""
    return letters_of(person.name or person.computer)


def letters_of(name: str) -> str:
    """Return one or two letters for a name; "?" where it has none."""
    words = [[sign for sign in word if sign.isalnum()] for word in name.split()]
    letters = [word[0].upper()[0] for word in words if word]
    return "".join([*letters[:1], *letters[1:][-1:]]) or "?"


def _called(person: Person) -> str:
    return isolated(person.name or person.computer)


def _listed(names: list[str]) -> str:
    named = sorted(set(names))
    if len(named) > PEOPLE_NAMED:
        return f"{', '.join(named[: PEOPLE_NAMED - 1])} and {len(named) - PEOPLE_NAMED + 1:,} more"
    return f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else named[0]


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
