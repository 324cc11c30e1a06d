"""Identities: UUIDv7, made where the thing is made. Counterpart: 16 bytes in storage, the `id` of every inventory row.

One rule: an id is never reused and never says what it names; order by id is only roughly order by time.
"""

from __future__ import annotations

from uuid import UUID

RANDOM_BYTES = 10


def uuid7(at_us: int, random: bytes) -> UUID:
    """Return the UUIDv7 (RFC 9562, section 5.7) of an instant and ten random bytes.

    `at_us` is microseconds since 1970 UTC; the id holds its milliseconds and, as the RFC's method 3 allows,
    the microseconds' fraction in `rand_a`, so that ids of one process sort by the time they were made.
    """
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"uuid7 takes {RANDOM_BYTES} random bytes, got {len(random)}")
    milliseconds, rest_us = divmod(at_us, 1000)
    fraction = rest_us * 4096 // 1000
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | fraction << 64
    value |= 0b10 << 62 | int.from_bytes(random[:8], "big") & (1 << 62) - 1
    return UUID(int=value)
