"""What is said under the tools of a paper: what goes on, or what can be done next. Pure. Counterpart: `desk.py` does it.

One rule: one sentence, and at most one verb.
"""

from __future__ import annotations

from app.schematic.paper import Paper
from app.words import count_of


def hint_of(paper: Paper, tool: str, laid_out: float | None) -> tuple[str, str]:
    """Return a sentence and a verb, each empty where there is none; `laid_out` is the share of a layout that is under way."""
    sheet = paper.sheet
    assert sheet is not None
    count = len(sheet.things)
    if laid_out is not None:
        before = "A sketch for now. " if paper.is_sketch else ""
        return f"{before}Laying out {count_of(count, 'thing', 'things')}: {laid_out:.0%}", "Cancel"
    if tool != "hand":
        return f"Drag where the {tool} goes. Esc to stop.", ""
    if not count and len(sheet.path) > 1:
        words = "Nothing stands in this submap. Go out, mark devices with Shift, and put them into it."
        return words, "Go out"
    if not count:
        return (
            "Devices stand here as soon as there are any. Add the first with N, or draw what will come.",
            "",
        )
    if paper.waiting:
        return f"{count_of(count, 'thing has', 'things have')} no place yet.", "Lay out"
    if paper.is_sketch:
        return f"This is a sketch of {count_of(count, 'thing', 'things')}.", "Lay out"
    if paper.unsaved and len(paper.unsaved) == count:
        return "Laid out by itself. Drag anything to make it yours.", "Keep it so"
    return "", ""
