"""Conversations about faults: who falls silent, in what order, and who is named. Counterpart: `domain/topology/`.

`E` is where the poller enters. A line like "E-A A-B" joins devices; "down A B" tells in that order that they fell silent.
"""

from __future__ import annotations

import random
from uuid import UUID

import pytest

from domain.topology import Causes, Topology, impact, single_points, way_after

MINUTE_US = 60_000_000


def uid(name: str) -> UUID:
    """Return the id that stands for a name."""
    return UUID(bytes=name.encode().ljust(16, b"\0"))


def named(ids: object) -> str:
    """Return the names behind ids, in the alphabet's order."""
    return " ".join(sorted(id.bytes.rstrip(b"\0").decode() for id in ids))  # type: ignore[attr-defined]


class Story:
    """A network and what is seen of it, told in lines of words."""

    def __init__(self, links: str, entries: str = "E", unheard: str = "") -> None:
        self.topology, self.minute = Topology(), 0
        names = sorted({end for link in links.split() for end in link.split("-")})
        for name in names:
            self.topology.put_node(uid(name), subscribers=10, site=uid(f"at {name}"))
        for link in links.split():
            self.topology.put_link(uid(link), *(uid(end) for end in link.split("-")))
        self.topology.set_entries(uid(name) for name in entries.split())
        self.causes = Causes(self.topology)
        self.tell("up " + " ".join(name for name in names if name not in unheard.split()))

    def tell(self, line: str) -> Story:
        """Tell one state of some devices, a minute after the last; "cut X-Y" and "mend X-Y" are about links."""
        state, *names = line.split()
        self.minute += 1
        for name in names:
            if state in ("cut", "mend"):
                self.causes.set_link(uid(name), state == "cut", self.minute * MINUTE_US)
            else:
                self.causes.set_state(uid(name), state, self.minute * MINUTE_US)  # type: ignore[arg-type]
        return self

    @property
    def roots(self) -> str:
        """Who is a root."""
        return named(self.causes.roots())

    def why(self, name: str) -> str:
        """What is the matter with one device."""
        verdict = self.causes.verdict(uid(name))
        return f"{verdict.kind} by {named(verdict.roots)}".removesuffix(" by ")


TREE = "E-A A-B A-C B-D B-F"
RING = "E-A A-B B-C C-E"


def test_the_device_that_dies_is_the_root_and_what_lies_behind_is_affected() -> None:
    story = Story(TREE).tell("down B D F")
    assert story.roots == "B"
    assert [story.why(name) for name in "EABCDF"] == [
        "clear",
        "clear",
        "root by B",
        "clear",
        "affected by B",
        "affected by B",
    ]
    blast = story.causes.blast(uid("B"))
    assert (blast.devices[0], named(blast.devices), blast.subscribers) == (uid("B"), "B D F", 30)
    assert named(blast.sites) == "at B at D at F"


@pytest.mark.parametrize("order", ["B D F", "F D B", "D B F"])
def test_the_order_of_polling_makes_no_difference_in_the_end(order: str) -> None:
    story = Story(TREE)
    for name in order.split():
        story.tell(f"down {name}")
    assert story.roots == "B"


def test_a_child_that_is_seen_down_first_is_a_root_only_until_its_parent_is_seen_down() -> None:
    story = Story("E-P P-n n-g").tell("down n")
    assert story.roots == "n"
    assert named(story.causes.witnesses(uid("n"))) == "P"
    story.tell("down P")
    assert story.roots == "P"
    assert story.why("n") == "affected by P"


def test_a_late_polled_grandchild_that_still_counts_as_up_makes_no_root_of_its_parent() -> None:
    story = Story("E-P P-n n-g").tell("down P").tell("down n")
    assert story.why("g") == "clear"
    assert story.roots == "P"


def test_with_a_redundant_path_only_the_dead_one_is_down_and_the_others_lose_their_second_way() -> None:
    story = Story(RING + " B-x").tell("down A")
    assert story.roots == "A"
    assert named(story.causes.blast(uid("A")).devices) == "A"
    assert named(story.causes.weakened()) == "B C"
    story.tell("up A")
    assert (story.roots, named(story.causes.weakened())) == ("", "")


def test_a_cut_inside_a_ring_downs_nobody_and_weakens_all_of_the_ring() -> None:
    story = Story(RING).tell("cut A-B")
    assert story.roots == ""
    assert named(story.causes.weakened()) == "A B C"
    assert named(story.tell("mend A-B").causes.weakened()) == ""


def test_two_faults_that_cut_a_ring_twice_both_explain_what_is_between() -> None:
    story = Story(RING).tell("down A").tell("down C").tell("down B")
    assert story.roots == "A C"
    assert story.why("B") == "affected by A C"
    story.tell("up C")
    assert (story.roots, story.why("B")) == ("A B", "root by B"), "C answers again, so B should"
    assert story.tell("up B").roots == "A"


def test_a_second_fault_behind_the_first_is_not_seen_until_the_first_is_mended() -> None:
    story = Story(TREE).tell("down D").tell("down B F")
    assert story.roots == "B"
    assert story.tell("up B F").roots == "D"


def test_two_neighbours_that_die_together_each_explain_their_own_tree() -> None:
    story = Story("E-A E-B A-B A-a A-b B-c B-d").tell("down A B a b c d")
    assert story.roots == "A B"
    assert [story.why(name) for name in "abcd"] == ["affected by A"] * 2 + ["affected by B"] * 2


@pytest.mark.parametrize("seed", range(5))
def test_recovery_in_any_order_ends_clear(seed: int) -> None:
    story = Story(TREE + " C-D").tell("down A B C D F")
    names = list("ABCDF")
    random.Random(seed).shuffle(names)
    for left in range(len(names), 0, -1):
        story.tell(f"up {names[left - 1]}")
        assert all(story.why(name).startswith(("root", "affected")) for name in names[: left - 1])
    assert (story.roots, story.causes.weakened()) == ("", frozenset())


def test_when_the_entry_and_all_else_is_silent_the_poller_is_cut_off_and_nobody_is_a_root() -> None:
    story = Story(TREE).tell("down E")
    assert (story.roots, story.causes.cut_off) == ("E", False)
    assert named(story.causes.witnesses(uid("E"), limit=2)) == "A B", (
        "who shows that the poller is not cut off"
    )
    story.tell("down A B C D F")
    assert (story.roots, story.causes.cut_off, story.why("D")) == ("", True, "affected")
    assert named(story.causes.blast(None).devices) == "A B C D E F"
    story.tell("up E")
    assert (story.roots, story.causes.cut_off) == ("A", False)


def test_one_of_two_entries_may_die_alone_and_one_device_alone_is_no_cut_off() -> None:
    assert Story(RING, "A C").tell("down A").roots == "A"
    alone = Story("E-A", unheard="A").tell("down E")
    assert (alone.roots, alone.causes.cut_off) == ("E", False)


@pytest.mark.parametrize("state", ["unknown", "paused", "stale"])
def test_a_quiet_switch_between_is_looked_through(state: str) -> None:
    story = Story("E-P P-s s-n n-g").tell(f"{state} s").tell("down g").tell("down n")
    assert (story.roots, story.why("g")) == ("n", "affected by n")
    assert named(story.causes.witnesses(uid("n"))) == "P"
    assert story.tell("down P").roots == "P"
    assert story.why("g") == "affected by P", "the dark part goes on through the switch"


def test_what_hangs_on_a_dead_quiet_switch_is_a_root_each_with_the_switch_as_suspect() -> None:
    story = Story("E-P P-s s-x s-y s-z", unheard="s").tell("down x y")
    assert (story.roots, story.causes.suspect(uid("x"))) == ("x y", None), "z is live behind the switch"
    story.tell("down z")
    assert story.roots == "x y z"
    assert {story.causes.suspect(uid(name)) for name in "xyz"} == {uid("s")}


def test_a_link_that_fell_with_the_device_counts_and_one_that_fell_long_before_does_not() -> None:
    story = Story("E-A E-B A-C B-C").tell("cut A-C").tell("down B").tell("down C")
    assert story.roots == "B C", "the cut is two minutes old: C fell with it"
    assert named(story.causes.fallen_links(uid("C"))) == "A-C"
    story = Story("E-A E-B A-C B-C").tell("cut A-C").tell("up").tell("up").tell("down B").tell("down C")
    assert (story.roots, story.why("C")) == ("B", "affected by B")


def test_of_two_links_between_a_pair_one_may_be_down() -> None:
    story = Story("E-A A-B B-A")
    assert named(story.tell("cut A-B").causes.weakened()) == "B"
    assert story.tell("up").tell("up").tell("up").tell("down B").roots == "B"


def test_beside_one_dead_link_of_a_pair_the_other_still_counts() -> None:
    story = Story("E-A A-B B-A E-C C-B").tell("cut A-B").tell("up").tell("up").tell("down C").tell("down B")
    assert story.roots == "B C", "B should be reached from A over the second link"


def test_a_link_that_fell_with_the_first_of_two_dead_joins_them() -> None:
    story = Story("E-A A-p p-q").tell("down p").tell("cut p-q").tell("up").tell("up").tell("down q")
    assert (story.roots, story.why("q")) == ("p", "affected by p")


def test_two_links_to_the_same_device_are_two_ways() -> None:
    story = Story("E-A A-E A-B B-C C-E").tell("cut B-C")
    assert named(story.causes.weakened()) == "B C"


def test_an_island_that_chooses_another_root_tells_who_turned() -> None:
    story = Story("E-A x-y", unheard="x").tell("down y")
    story.causes.take_changes()
    story.causes.set_state(uid("x"), "down", since_us=1)
    changes = story.causes.take_changes()
    assert (story.roots, named(changes.devices), changes.roots) == ("x", "x y", {uid("x")})


def test_an_island_has_one_root_the_first_to_fall_or_the_one_that_all_hang_on() -> None:
    story = Story("E-A x-y y-z").tell("down y").tell("down x").tell("down z")
    assert (story.roots, story.why("x")) == ("y", "affected by y"), "no entry reaches the island"
    assert story.causes.witnesses(uid("y")) == ()
    story = (
        Story("E-A A-B B-C")
        .tell("cut E-A")
        .tell("up")
        .tell("up")
        .tell("down C")
        .tell("down B")
        .tell("down A")
    )
    assert story.roots == "A", "the first to fall was C, but all hang on A"


def test_an_edit_of_the_graph_is_judged_at_once() -> None:
    story = Story(TREE).tell("down B D F")
    story.topology.put_link(uid("C-D"), uid("C"), uid("D"))
    assert story.roots == "B D", "by the new link D should be reached"
    story.topology.remove_node(uid("B"))
    assert story.roots == "D F", "F is an island now"
    with pytest.raises(KeyError):
        story.causes.verdict(uid("B"))


def test_a_state_may_be_told_before_the_device_is_in_the_graph() -> None:
    story = Story(TREE)
    story.causes.set_state(uid("G"), "down")
    story.topology.put_node(uid("G"))
    story.topology.put_link(uid("C-G"), uid("C"), uid("G"))
    assert story.roots == "G"


def test_changes_name_who_turned_and_whose_blast_did() -> None:
    story = Story(TREE).tell("down B")
    changes = story.causes.take_changes()
    assert uid("B") in changes.devices
    assert changes.roots == {uid("B")}
    changes = story.tell("down D").causes.take_changes()
    assert (changes.devices, changes.roots) == ({uid("D")}, {uid("B")})
    assert story.causes.take_changes().devices == frozenset()


def test_an_impact_tells_who_is_lost_who_is_weakened_and_who_goes_another_way() -> None:
    topology = Story(RING + " B-x x-y").topology
    found = impact(topology, [uid("A")])
    assert (named(found.devices), named(found.degraded), found.subscribers) == ("A", "B C", 10)
    assert named(found.rerouted) == "B x y"
    assert (named(found.turned), found.rerouted[uid("B")]) == ("B", uid("C"))
    assert [named([v]) for v in way_after(topology, found, uid("y"))] == ["y", "x", "B", "C", "E"]
    both = impact(topology, [uid("A")], [uid("C-E")])
    assert (named(both.devices), named(both.sites)) == ("A B C x y", "at A at B at C at x at y")
    with pytest.raises(KeyError):
        impact(topology, [uid("nobody")])


def test_a_site_is_lost_only_with_all_of_its_devices() -> None:
    topology = Story(TREE).topology
    topology.put_node(uid("F"), 10, uid("at C"))
    assert named(impact(topology, [uid("B")]).sites) == "at B at D"
    assert named(impact(topology, [uid("B"), uid("C")]).sites) == "at B at C at D"


def test_single_points_come_with_their_cost_the_dearest_first() -> None:
    points = single_points(Story(RING + " B-x x-y").topology)
    found = [(p.kind, named([p.id]), p.devices, p.sites, p.subscribers) for p in points]
    assert found == [
        ("device", "E", 6, 6, 60),
        ("device", "B", 3, 3, 30),
        ("link", "B-x", 2, 2, 20),
        ("device", "x", 2, 2, 20),
        ("link", "x-y", 1, 1, 10),
    ]


def test_a_link_has_two_ends_that_are_there() -> None:
    topology = Story("E-A").topology
    with pytest.raises(ValueError, match="at both ends"):
        topology.put_link(uid("loop"), uid("A"), uid("A"))
    with pytest.raises(KeyError):
        topology.put_link(uid("A-q"), uid("A"), uid("q"))


@pytest.mark.parametrize("entry", ["n0", ""])
@pytest.mark.parametrize("crosswise", [0, 10, 60])
def test_whatever_flaps_in_a_large_network_it_is_as_if_told_anew(crosswise: int, entry: str) -> None:
    chance = random.Random(crosswise)
    names = [f"n{n}" for n in range(150)]
    links = [f"{a}-{names[chance.randrange(max(0, n - 12), n)]}" for n, a in enumerate(names) if n]
    links += ["-".join(chance.sample(names, 2)) for _ in range(crosswise)]
    unheard = chance.sample(names, 30)
    story = Story(" ".join(links), entry, unheard=" ".join(unheard))
    states = {name: ("unknown" if name in unheard else "up", 0) for name in names}
    fallen: dict[str, int] = {}
    likely = ["up"]
    for step in range(600):
        if step % 100 == 0:
            likely = chance.choice(
                [["up", "down"], ["down"] * 6 + ["up", "unknown"], ["unknown", "down", "up"]]
            )
        if step % 10 == 0:
            link = chance.choice(links)
            story.causes.set_link(uid(link), link not in fallen, step * MINUTE_US)
            if fallen.pop(link, None) is None:
                fallen[link] = step * MINUTE_US
        name = chance.choice(names)
        state = states[name] = (chance.choice(likely), step * MINUTE_US)
        story.causes.set_state(uid(name), *state)  # type: ignore[arg-type]
        if step % 12 == 0:
            assert_as_if_told_anew(story, states, fallen)


def assert_as_if_told_anew(story: Story, states: dict[str, tuple[str, int]], fallen: dict[str, int]) -> None:
    """Tell all that is known to new causes, and compare every answer."""
    anew = Causes(story.topology)
    for name, (state, since_us) in states.items():
        anew.set_state(uid(name), state, since_us)  # type: ignore[arg-type]
    for link, since_us in fallen.items():
        anew.set_link(uid(link), True, since_us)
    assert anew.roots() == story.causes.roots()
    assert anew.weakened() == story.causes.weakened()
    for name in states:
        assert anew.verdict(uid(name)) == story.causes.verdict(uid(name))
    for root in anew.roots():
        assert set(anew.blast(root).devices) == set(story.causes.blast(root).devices)
