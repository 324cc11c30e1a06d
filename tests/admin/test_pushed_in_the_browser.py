"""Device keys and the quarantine as people use them, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from tests.admin.conftest import Browser, founded
from tests.admin.test_people_in_the_browser import enter

MARKUP = "<img src=x onerror=alert(1)>"
NOBODY = "00000000-0000-0000-0000-000000000001"


def test_a_key_is_made_and_what_it_sent_wrongly_is_looked_at_and_dropped(
    browse: Callable[..., Browser],
) -> None:
    browser = browse()
    founded(browser)
    enter(browser, "North")
    browser.go("/admin/push-keys", "Nothing pushes numbers")
    browser.send("/admin/push-keys", "There is no such device", name="Mast", device=NOBODY)
    browser.send("/admin/push-keys", "it is shown this once", name="Mast", device="")
    secret = str(browser.js("document.querySelector('.once code').textContent"))
    assert secret.startswith("hgd_")
    body = {"messages": [{"values": {MARKUP: "warm"}, "device": NOBODY}]}
    headers = {"Authorization": f"Bearer {secret}"}
    said = httpx.post(f"{browser.site.url}/api/v1/telemetry", json=body, headers=headers, timeout=60)
    assert said.json()["data"]["refused"][0]["code"] == "DEVICE_NOT_FOUND"
    browser.go("/admin/quarantine", "DEVICE_NOT_FOUND")
    assert browser.js("document.querySelectorAll('td img').length") == 0
    browser.send(form_that(browser, "replay"), "It was refused again")
    browser.send(form_that(browser, "drop"), "It is dropped")
    browser.sees("Nothing is held")
    browser.go("/admin/push-keys", "no end")
    browser.send(form_that(browser, "end"), "is ended")


def form_that(browser: Browser, verb: str) -> str:
    """Return where the first form of the page goes that does something."""
    return str(browser.js(f"document.querySelector(`form[action$='/{verb}']`).getAttribute('action')"))
