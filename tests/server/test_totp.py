"""One-time codes against the vectors of RFC 6238, used once; recovery codes."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_server.security import totp

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238_appendix_b(at_s: int, code: str) -> None:
    assert totp.code_of(SECRET, at_s // totp.STEP_S, digits=8) == code


@given(st.integers(10, 10**8), st.integers(-4, 4))
def test_a_code_holds_one_step_early_and_late_and_no_longer(step: int, off: int) -> None:
    code = totp.code_of(SECRET, step + off)
    found = totp.matching_step(SECRET, code, step * totp.STEP_S + 7.5, 0)
    if abs(off) <= 1:
        assert found is not None
    elif found is not None:  # two steps may share a code: one in a million
        assert totp.code_of(SECRET, found) == code


def test_a_code_that_was_used_is_refused_and_so_are_those_before_it() -> None:
    at_s = 59.0
    now = int(at_s // totp.STEP_S)
    code, before = totp.code_of(SECRET, now), totp.code_of(SECRET, now - 1)
    assert totp.matching_step(SECRET, code, at_s, 0) == now
    assert totp.matching_step(SECRET, code, at_s, now) is None
    assert totp.matching_step(SECRET, before, at_s, now) is None
    assert totp.matching_step(SECRET, totp.code_of(SECRET, now + 1), at_s + 30, now) == now + 1


@given(st.text(max_size=12))
def test_whatever_is_typed_is_right_or_wrong_and_never_an_error(typed: str) -> None:
    found = totp.matching_step(SECRET, typed, 59.0, 0)
    assert found is None or typed.replace(" ", "") == totp.code_of(SECRET, found)


def test_an_app_reads_the_secret_from_the_uri() -> None:
    uri = urlsplit(totp.uri_of(SECRET, "m@x.org/?&", "Helio graph"))
    asked = parse_qs(uri.query)
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert base64.b32decode(asked["secret"][0] + "=" * (-len(asked["secret"][0]) % 8)) == SECRET
    assert asked["issuer"] == ["Helio graph"]
    assert uri.path == "/Helio%20graph%3Am%40x.org%2F%3F%26"


def test_recovery_codes_are_ten_all_different_and_read_however_they_are_typed() -> None:
    codes = totp.new_recovery_codes()
    assert len({totp.recovery_hash(code) for code in codes}) == 10
    assert totp.recovery_hash(codes[0].lower().replace("-", " ")) == totp.recovery_hash(codes[0])
    assert totp.recovery_hash(codes[0][:-1]) != totp.recovery_hash(codes[0])
