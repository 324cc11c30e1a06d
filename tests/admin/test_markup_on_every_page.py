"""Markup in every text that a person or a device may give, on every admin page and the live map in a real Chromium: nothing runs.

Theory: one text leaves an attribute, the other a script; both bring an element of a name that no page has, so that a text that
became markup is an element or an attribute in the page, whether it may run or not. What the Content-Security-Policy had to stop
is an error in the console, and fails the test in `conftest.py`. What was typed is read on the pages, letter by letter.
One rule: the pages come from the navigation and from what is filled in; a page that shows no such text is named, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from sync_server.admin import across
from sync_server.admin.frame import NAVIGATION
from tests.admin.conftest import PASSWORD, WAIT_S, Browser, founded
from tests.admin.filled import Filled
from tests.admin.test_map_in_the_browser import DRAWN, find
from tests.admin.test_people_in_the_browser import enter

LEAVES_ATTRIBUTES = "\"'><x-h></x-h><img src=x onerror=window.h=1>"
LEAVES_SCRIPTS = "</script></textarea><script>h=1</script><x-h>{{7919*7907}}"
PRODUCT = str(7919 * 7907)
"""What a template that took the text for its own would write: a number that stands on no page by chance, as an age or a count."""
SILENT = {
    "/admin/operators": "of who operates the platform, whose names are plain here",
    "/admin/roles": "what roles are, by the server's own words",
    "/admin/settings": "of the server",
    "/admin/usage": "counts",
}
_LOOKED = """
(() => {
  const pages = [document, ...[...document.querySelectorAll('iframe')].map((one) => one.contentDocument)];
  const count = (what) => pages.reduce((sum, one) => sum + one.querySelectorAll(what).length, 0);
  const main = document.querySelector('main');
  const fields = [...main.querySelectorAll('input, textarea, option')].map((one) => one.value || one.label);
  const hints = [...main.querySelectorAll('[title]')].map((one) => one.title);
  const ran = [window, ...[...document.querySelectorAll('iframe')].map((one) => one.contentWindow)].some((one) => 'h' in one);
  const text = [main.textContent, ...fields, ...hints].join(' ');
  return JSON.stringify({ran, planted: count('x-h') + count('img[src="x"]') + count('[onerror]'), text});
})()
"""


def looked_at(browser: Browser) -> dict[str, Any]:
    """Return what the page that is shown has made of the texts."""
    found: dict[str, Any] = json.loads(str(browser.js(_LOOKED)))
    return found


def write_everywhere(browser: Browser, filled: Filled) -> None:
    """Put both texts where `Filled` has put none."""
    agent = {"User-Agent": LEAVES_ATTRIBUTES}
    with httpx.Client(base_url=f"{browser.site.url}/api/v1", timeout=60, headers=agent) as http:

        def send(method: str, path: str, body: Any) -> Any:
            said = http.request(method, path, json=body, headers={"If-Match": "*"})
            assert said.is_success, f"{path}: {said.text}"
            return said.json()["data"]

        opened = send("POST", "/auth/login", {"login": "root@noc", "password": PASSWORD})
        http.headers["Authorization"] = f"Bearer {opened['access_token']}"
        opened = send("POST", "/auth/switch", {"tenant": filled.tenant})
        http.headers["Authorization"] = f"Bearer {opened['access_token']}"
        tag = "<x-h>'\""
        send("PATCH", f"/devices/{filled.device}", {"note": LEAVES_SCRIPTS, "tags": [tag]})
        link = send("GET", "/links", None)[0]["id"]
        named = {"note": LEAVES_SCRIPTS, "a_interface": LEAVES_ATTRIBUTES[:60], "b_interface": tag}
        send("PATCH", f"/links/{link}", named)
        step = {"kind": "site", "id": str(uuid4()), "before": None, "after": {"name": LEAVES_ATTRIBUTES}}
        edit = {"id": str(uuid4()), "at_us": 1, "title": LEAVES_SCRIPTS, "steps": [step]}
        send("POST", "/edits", {"edits": [edit]})
        message = {"key": LEAVES_ATTRIBUTES, "title": LEAVES_SCRIPTS, "text": LEAVES_ATTRIBUTES}
        told = send("POST", "/alerts", {**message, "device": str(filled.device)})
        send("POST", f"/alerts/{told['id']}/assign", {"to": LEAVES_ATTRIBUTES})
        send("POST", f"/alerts/{told['id']}/comment", {"text": LEAVES_SCRIPTS})
        filled.details.append(f"/admin/alerts/{told['id']}")


def look_for_on_the_map(browser: Browser, text: str) -> None:
    """Find something by its name and have it told of."""
    browser.until(lambda: browser.js(DRAWN), "the map stands still")
    find(browser, text)
    browser.until(lambda: text in str(browser.js("document.querySelector('#panel').textContent")), text)


def test_markup_runs_nowhere_and_is_shown_as_it_was_typed(
    browse: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(across, "LOOK_S", WAIT_S)  # all tenants stand on one page, however slow the machine
    browser = browse()
    founded(browser)
    enter(browser, "North")
    tenant = str(browser.js("document.body.dataset.tenant"))
    filled = Filled(browser.site, tenant, LEAVES_ATTRIBUTES, LEAVES_SCRIPTS)
    write_everywhere(browser, filled)
    entries = dict.fromkeys(entry.path for _, group in NAVIGATION for entry in group)
    silent, wrong = [], []
    for path in (*entries, *filled.details):
        browser.go(path, "Log out")
        if path == "/admin/map":
            look_for_on_the_map(browser, LEAVES_ATTRIBUTES)
            look_for_on_the_map(browser, LEAVES_SCRIPTS)
        found = looked_at(browser)
        if found["ran"] or found["planted"]:
            wrong.append((path, found["ran"], found["planted"]))
        if LEAVES_ATTRIBUTES not in found["text"] and LEAVES_SCRIPTS not in found["text"]:
            silent.append(path)
        assert PRODUCT not in found["text"], path
    assert wrong == []
    own = f"/admin/tenants/{tenant}"  # its name is plain
    assert sorted(silent) == sorted([*SILENT, own])
