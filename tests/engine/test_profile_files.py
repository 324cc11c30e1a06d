"""Files of profiles: what is wrong with one is said by file, line and path; others extend, replace or leave out."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.drivers import Profiles
from engine.drivers.profiles.language import Profile

BASE = "1.3.6.1.4.1.99999.1"
ROW = """
name: mine
title: Mine
match: {object_id: [1.3.6.1.4.1.9.1.1]}
groups:
  - name: scalars
    fields:
      level: {oid: 1.3.6.1.4.1.99999.1.1.0}
    numbers:
      - {metric: signal_dbm, of: level}
"""


def profiles_of(folder: Path, *texts: str) -> Profiles:
    """The shipped profiles and these files of a user."""
    for number, text in enumerate(texts):
        (folder / f"file{number}.yaml").write_text(text)
    return Profiles(folder)


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        ("name: [a", "line 2", "YAML expected"),
        ("- 1", "", "Expected `object`, got `array`"),
        ("name: mine\ntitle: Mine\ncolour: red", "", "unknown field `colour`"),
        (ROW.replace("metric: signal_dbm", "metric: signal"), "groups[0].numbers[0].metric", "'signal'"),
        (ROW.replace("of: level", "of: depth"), "groups[0].numbers[0].of", "one of level expected, got 'depth'"),
        (ROW.replace("of: level", "of: level, unit: mW"), "groups[0].numbers[0].unit", "'dBm' expected for signal_dbm"),
        (ROW.replace("1.1.0}", "1.1.0, scale: loud}"), "groups[0].fields[...].scale", "Expected `float`, got `str`"),
        (ROW.replace("1.1.0}", "1.1.0, scale: 0}"), "groups[0].fields.level.scale", "got 0"),
        (ROW.replace("1.1.0}", "1.1.0, scale: .inf}"), "groups[0].fields.level.scale", "got inf"),
        (ROW.replace("1.1.0}", "1.1.0, map: {1: .nan}}"), "groups[0].fields.level.map", "got nan"),
        (ROW.replace("1.1.0}", "1.1.0, column: 3}"), "groups[0].fields.level", "got none or several"),
        (ROW.replace("1.3.6.1.4.1.99999.1.1.0", "sysDescr"), "groups[0].fields.level.oid", "an OID expected, got 'sysDescr'"),
        (ROW.replace("[1.3.6.1.4.1.9.1.1]", "[cisco]"), "match.object_id[0]", "an OID expected, got 'cisco'"),
        (ROW + "    thing: {kind: ghost, key: a, value: {}}", "groups[0].thing.kind", "got 'ghost'"),
        (ROW + "    thing: {kind: poe, key: '{level}', value: {state: level}}", "groups[0].thing.value", "interface expected"),
        (ROW + "    facts: {colour: level}", "groups[0].facts.colour", "got 'colour'"),
        (ROW + "    matches: {level: '('}", "groups[0].matches.level", "a regular expression expected"),
        (ROW.replace("1.1.0}", "1.1.0, drop: '\\u00b5'}"), "groups[0].fields.level.drop", "a regular expression expected"),
        (ROW + "    every: 0", "groups[0].every", "1 to 10000 cycles expected, got 0"),
        (ROW + "extends: [nobody]", "extends[0]", "got 'nobody'"),
        (ROW + "extends: [mine]", "extends[0]", "does not extend this one"),
        (ROW + "without: [nothing]", "without[0]", "an inherited group expected, got 'nothing'"),
        ("name: &n mine\ntitle: *n", "line 2", "no aliases"),
        ("[" * 40, "line 1", "at most 12 levels"),
        ("x" * 300_000, "", "at most 262144 bytes expected, got 300000"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_by_file_and_path_with_what_was_got(
    tmp_path: Path, text: str, path: str, said: str
) -> None:
    profiles = profiles_of(tmp_path, text)
    (problem,) = profiles.problems
    assert problem.message.startswith("file0.yaml")
    assert problem.field == path
    assert said in problem.message
    assert "mine" not in profiles.titles
    assert profiles.choose("", "1.3.6.1.4.1.14988.1", "RouterOS").name == "mikrotik"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("of: level", "of: depth", 10),
        ("1.1.0}", "1.1.0, scale: loud}", 7),  # which of the fields is not said
        ("title: Mine", "colour: red\ntitle: Mine", 3),
        ("of: level}", "of: level,\n         colour: red}", 11),
        ("name: scalars", "name: SCALARS", 6),
        ("groups:", "extends: [nobody]\ngroups:", 5),
        ("groups:", "groups: }", 5),
    ],
)
def test_a_bad_file_is_refused_by_its_line(tmp_path: Path, old: str, new: str, line: int) -> None:
    (problem,) = profiles_of(tmp_path, ROW.replace(old, new)).problems
    assert problem.message.startswith("file0.yaml")
    assert f" line {line}: " in problem.message, problem.message


def test_a_bad_file_of_a_shipped_name_leaves_the_shipped_one(tmp_path: Path) -> None:
    profiles = profiles_of(tmp_path, ROW.replace("name: mine", "name: mikrotik") + "extends: [nobody]\n")
    assert len(profiles.problems) == 1
    assert "gauges" in groups(profiles.choose("mikrotik", "", ""))


def groups(profile: Profile) -> list[str]:
    return [group.name for group in profile.groups]


def test_a_users_file_adds_to_a_shipped_profile_takes_its_place_or_takes_a_group_away(tmp_path: Path) -> None:
    more = ROW.replace("name: mine", "name: mikrotik").replace(
        "match: {object_id: [1.3.6.1.4.1.9.1.1]}\n", ""
    )
    profiles = profiles_of(tmp_path, more + "extends: [mikrotik]\nwithout: [gps]\n")
    assert profiles.problems == ()
    added = profiles.choose("", "1.3.6.1.4.1.14988.1", "")
    shipped = Profiles().choose("mikrotik", "", "")
    assert groups(added) == ["scalars", *(name for name in groups(shipped) if name != "gps")]
    assert added.facts == shipped.facts
    (tmp_path / "file0.yaml").write_text(more)
    assert groups(Profiles(tmp_path).choose("mikrotik", "", "")) == ["scalars"]


def test_a_group_of_the_same_name_takes_the_place_of_the_inherited_one(tmp_path: Path) -> None:
    text = ROW.replace("name: scalars", "name: health") + "extends: [mikrotik]\n"
    profile = profiles_of(tmp_path, text).choose("mine", "", "")
    (health,) = [group for group in profile.groups if group.name == "health"]
    assert list(health.fields) == ["level"]


def test_profiles_that_extend_each_other_are_refused_and_the_rest_stands(tmp_path: Path) -> None:
    one = ROW.replace("name: mine", "name: one") + "extends: [two]\n"
    two = ROW.replace("name: mine", "name: two") + "extends: [one]\n"
    profiles = profiles_of(tmp_path, one, two, ROW)
    assert len(profiles.problems) == 2
    assert "mine" in profiles.titles


def test_two_files_of_one_name_are_a_problem_of_the_second(tmp_path: Path) -> None:
    profiles = profiles_of(tmp_path, ROW, ROW)
    (problem,) = profiles.problems
    assert problem.message.startswith("file1.yaml, line 2: name")
    assert "mine" in profiles.titles
