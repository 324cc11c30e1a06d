"""Numbers in cells. Counterpart: `app/words.py`, for running text; here for columns whose heading has the unit.

One rule: a minus is a minus sign, as wide as a digit, so that columns of dBm stand straight.
"""

from __future__ import annotations

from app.words import UNKNOWN, figure


def amount_of(number: float | None, digits: int | None = None) -> str:
    """Return a number with so many digits after the point, or with what digits matter; an en dash for none: −67, 23.4, 1,204."""
    if number is None:
        return UNKNOWN
    return (figure(number) if digits is None else f"{number:,.{digits}f}").replace("-", "−")
