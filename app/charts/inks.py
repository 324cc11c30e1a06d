"""The colours of curves. Counterpart: `plot.py` and `legend.py` paint with them.

One rule: none of them is a status; the first two are the accent and the quiet ink, the others lie between the status hues.
"""

from __future__ import annotations

from app.look import Look

_MORE = {
    "dark": ("#7FD0EA", "#D6A77A", "#B9C27A", "#8A8FE0", "#D58FB0", "#C9D3DE"),
    "light": ("#137A9C", "#95612B", "#667022", "#4A4FB8", "#9C4470", "#2F3B47"),
}
CURVES_CAP = 8


def inks(look: Look) -> tuple[str, ...]:
    """Return as many colours as a plot may have curves."""
    theme = look.theme
    return (theme.accent.accent, theme.text.quiet, *_MORE[look.name])
