"""Passwords: what is taken, what is kept, that an unknown name costs as much, that a storm is refused and not swallowed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from sync_server.security.passwords import Cost, Passwords, TooBusy, refusals_of_password

CHEAP = Cost(memory_kib=64, passes=1)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(CHEAP)
    yield made
    made.close()


async def test_a_password_is_right_again_and_another_is_not(passwords: Passwords) -> None:
    kept = await passwords.make("one long password")
    assert "password" not in kept
    assert kept.startswith("$argon2id$")
    assert (await passwords.check("one long password", kept)).is_right
    assert not (await passwords.check("one long passwort", kept)).is_right


async def test_the_same_letters_of_another_keyboard_are_the_same_password(passwords: Passwords) -> None:
    kept = await passwords.make("Zu\u0308rich bleibt Zürich")
    assert (await passwords.check("Zürich bleibt Zu\u0308rich", kept)).is_right


async def test_half_a_letter_is_a_wrong_password_and_no_error(passwords: Passwords) -> None:
    kept = await passwords.make("one long password")
    assert not (await passwords.check("\ud83d", kept)).is_right


async def test_an_unknown_name_and_a_damaged_row_are_wrong_passwords(passwords: Passwords) -> None:
    assert not (await passwords.check("one long password", None)).is_right
    assert not (await passwords.check("nobody has this password", None)).is_right
    assert not (await passwords.check("one long password", "not a hash")).is_right


async def test_a_megabyte_is_refused_before_it_is_hashed() -> None:
    made = Passwords(CHEAP)
    made.close()  # whatever asks its threads fails
    assert not (await made.check("x" * 1_000_000, None)).is_right


async def test_what_was_kept_at_another_cost_is_made_anew_by_the_next_login(passwords: Passwords) -> None:
    kept = await passwords.make("one long password")
    dearer = Passwords(Cost(memory_kib=128, passes=1))
    verdict = await dearer.check("one long password", kept)
    assert verdict.is_right
    assert verdict.renewed is not None
    assert (await dearer.check("one long password", verdict.renewed)) == (True, None)
    assert (await passwords.check("one long password", kept)).renewed is None
    dearer.close()


async def test_who_comes_when_too_many_wait_is_told_so_and_the_others_are_served() -> None:
    passwords = Passwords(CHEAP, workers=1, waiting=2)
    kept = await passwords.make("one long password")
    said = await asyncio.gather(
        *(passwords.check("one long password", kept) for _ in range(8)), return_exceptions=True
    )
    assert [type(one) for one in said[3:]] == [TooBusy] * 5
    assert all(not isinstance(one, BaseException) and one.is_right for one in said[:3])
    assert (await passwords.check("one long password", kept)).is_right
    passwords.close()


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "12 to 256 characters expected, got 5"),
        ("x" * 257, "12 to 256 characters expected, got 257"),
        ("aaaaaaaaaaaaaaaaa", "different characters"),
        ("Maria-2026-2027", "must not hold the name"),
    ],
)
def test_a_password_that_anybody_tries_is_refused_with_a_reason(password: str, said: str) -> None:
    (refusal,) = refusals_of_password(password, "maria", "")
    assert said in refusal.message
    assert password not in refusal.message


def test_a_long_password_is_taken_whatever_it_is_made_of() -> None:
    assert refusals_of_password("кот на крыше 7", "maria") == []
