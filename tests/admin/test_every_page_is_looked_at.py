"""Every page of the navigation in a real Chromium: dark and light, wide and narrow, of a tenant that is empty, then full.

Theory: what a person would see wrong at once is looked for by a measure: a page wider than its window, a text that is cut and
told nowhere, a map that draws nothing, a word to the console. `HELIOGRAPH_PICTURES=FOLDER` keeps what was looked at.
One rule: a page comes in by the navigation; nothing is listed here. Each is opened once a theme, and made narrow or wide where it
stands: the dark ones open narrow, the light ones wide.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtTest import QTest

from sync_server.admin.frame import NAVIGATION
from tests.admin.conftest import Browser, founded
from tests.admin.filled import ARABIC, Filled
from tests.admin.test_map_in_the_browser import DRAWN
from tests.admin.test_people_in_the_browser import enter

HEIGHT_PX = 800
_WRONG = """
(() => {
  const told = (one) => one.closest('[title]') || one.querySelector('[title]');
  const wrong = [];
  for (const one of document.querySelectorAll('main *, .top *')) {
    const box = one.getBoundingClientRect();
    if (!one.checkVisibility() || !box.width || one.closest('.hidden, svg, iframe, select, input, .map')) continue;
    const hides = ['hidden', 'clip'].includes(getComputedStyle(one).overflowX);
    if (hides && one.scrollWidth > one.clientWidth + 1 && !told(one)) wrong.push(['cut', one]);
    if ((box.right > innerWidth + 1 || box.left < -1) && !told(one)) wrong.push(['outside', one]);
  }
  return JSON.stringify(wrong.map(([what, one]) => `${what}: ${one.tagName}.${one.className} ${one.textContent.slice(0, 60)}`));
})()
"""
_PICTURED = """
[...document.images].every((one) => one.getBoundingClientRect().top > innerHeight || (one.complete && one.naturalWidth > 0))
"""
_PAINTED = "window.painted = false; requestAnimationFrame(() => requestAnimationFrame(() => { window.painted = true; })); 0"


def look(browser: Browser, path: str, name: str, widths_px: tuple[int, ...]) -> list[str]:
    """Open a page at the first width, look at it at each, and return what is wrong with it."""
    narrow_or_wide(browser, widths_px[0])
    browser.go(path, "Log out")
    found: list[str] = []
    for width_px in widths_px:
        narrow_or_wide(browser, width_px)
        found += _wrong(browser, path, name.format(width_px))
    return found


def narrow_or_wide(browser: Browser, width_px: int) -> None:
    """Make the window as wide, and wait until its page is."""
    browser.view.resize(width_px, HEIGHT_PX)
    browser.until(lambda: browser.js("innerWidth") == width_px, f"a page {width_px} px wide")


def _wrong(browser: Browser, path: str, name: str) -> list[str]:
    if path == "/admin/map":
        browser.until(lambda: browser.js(DRAWN), "the map stands still")
    browser.until(lambda: browser.js(_PICTURED), f"the pictures of {name}")
    if folder := os.environ.get("HELIOGRAPH_PICTURES"):
        browser.js(_PAINTED)
        browser.until(lambda: browser.js("window.painted"), "it is painted")
        QTest.qWait(300)
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.view.grab().save(str(Path(folder) / f"{name}.png"))
    found = [f"{name} {one}" for one in json.loads(str(browser.js(_WRONG)))]
    if not browser.js("document.documentElement.scrollWidth <= innerWidth"):
        found.append(f"{name} is wider than its window")
    return found


@pytest.mark.parametrize(("theme", "widths_px"), [("dark", (400, 1280)), ("light", (1280, 400))])
def test_every_page_is_whole_in_either_theme_wide_and_narrow_empty_and_full(
    browse: Callable[..., Browser], theme: str, widths_px: tuple[int, ...]
) -> None:
    browser = browse(widths_px[0], HEIGHT_PX)
    if theme == "dark":
        browser.darken()
    founded(browser)
    enter(browser, "North")
    is_dark = browser.js("matchMedia('(prefers-color-scheme: dark)').matches")
    assert is_dark is (theme == "dark")
    entries = list(dict.fromkeys(entry.path for _, group in NAVIGATION for entry in group))
    wrong: list[str] = []
    for path in entries:
        wrong += look(browser, path, f"{theme}-{{}}-empty{path.replace('/', '-')}", widths_px)
    filled = Filled(browser.site, str(browser.js("document.body.dataset.tenant")))
    for path in (*entries, *filled.details):
        shown = "-".join(path.split("/")[2:3] + (["one"] if path in filled.details else []))
        wrong += look(browser, path, f"{theme}-{{}}-{shown}", widths_px)
    assert not wrong, "\n".join(wrong)
    browser.go("/admin/devices?search=10.0.0.3", ARABIC)
