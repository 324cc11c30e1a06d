"""The live map as people look at it, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from PySide6.QtCore import QUrl

from tests.admin.conftest import Browser, Site, founded
from tests.admin.map_networks import fill
from tests.admin.test_people_in_the_browser import enter
from tests.map.networks import fault, health, meshed, small
from tests.server.conftest import ServerDatabase

MARKUP = "<img src=x onerror=alert(1)>"
DRAWN = "document.querySelector('.map')?.ariaBusy === null"
FRAME = "document.querySelector('#frame').contentDocument"


def opened(browser: Browser) -> str:
    """Found a server, enter a tenant and return its id."""
    founded(browser)
    enter(browser, "North")
    return str(browser.js("document.body.dataset.tenant"))


def drawn(browser: Browser, text: str) -> None:
    """Open the map and wait until it stands still and a text is beside it."""
    browser.go("/admin/map", text)
    browser.until(lambda: browser.js(DRAWN), "the map stands still")


def find(browser: Browser, text: str) -> None:
    """Look for something until it is found, and take the first: the bare map stands still before it is told what there is."""
    take = (
        "(() => { const field = document.querySelector('#find'); field.focus();"
        f" field.value = {msgspec.json.encode(text).decode()}; field.dispatchEvent(new Event('input'));"
        " if (!document.querySelector('#found [role=option]')) return false;"
        " field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'})); return true; })()"
    )
    browser.until(lambda: browser.js(take), f"{text!r} is found")


def test_an_empty_map_says_what_to_do_and_shows_what_is_made_meanwhile(
    browse: Callable[..., Browser],
) -> None:
    browser = browse()
    opened(browser)
    drawn(browser, "There is no device yet")
    assert browser.js(f"{FRAME}.querySelectorAll('#buttons button').length") == 3
    cookies = "document.cookie.match(/heliograph_csrf=([^;]*)/)[1]"
    body = {"name": MARKUP, "address": "10.0.0.1", "lng": 9.7, "lat": 47.5}
    browser.js(
        f"fetch('/api/v1/devices', {{method: 'POST', body: JSON.stringify({msgspec.json.encode(body).decode()}),"
        f" headers: {{'Content-Type': 'application/json', 'X-CSRF-Token': {cookies}}}}}); 0"
    )
    browser.sees("1\nunknown")
    browser.until(lambda: browser.js("document.querySelector('#nothing').hidden"))
    find(browser, "<img")
    browser.sees("10.0.0.1")
    assert browser.js("document.querySelector('#panel h2').textContent") == MARKUP
    assert browser.js("document.querySelectorAll('#panel img').length") == 0


@pytest.mark.parametrize("width_px", [1280, 390])
def test_a_click_tells_status_and_reason_and_leads_to_the_cause(
    browse: Callable[..., Browser], width_px: int
) -> None:
    browser = browse(width_px, 800)
    tenant = opened(browser)
    network = small()
    first, *others = (device.name for device in network.devices)
    states = (
        health(first, "down"),
        *(health(name, "up") for name in others[:-1]),
        health(others[-1], "down"),
    )
    changed = msgspec.structs.replace(network, health=states, faults=(fault(first),))
    fill(browser.site.database, tenant, changed)
    drawn(browser, "2")
    browser.js("document.querySelector('.map-count').click(); 0")
    browser.sees("Down: ")
    browser.js("document.querySelector('.map-list button').click(); 0")
    browser.sees("icmp: no answer for 3 polls")
    browser.sees("nobody has taken it")
    assert browser.js("document.documentElement.scrollWidth <= innerWidth")
    browser.js("document.querySelector('.map-head button').click(); 0")
    browser.until(lambda: browser.js("document.querySelector('#panel').hidden"))


def test_a_server_that_is_away_is_said_and_what_changed_meanwhile_is_shown(
    browse: Callable[..., Browser], server_database: ServerDatabase
) -> None:
    browser = browse()
    tenant = opened(browser)
    drawn(browser, "There is no device yet")
    site = browser.site
    site.close()
    browser.sees("It is tried again in")
    browser.sees("not live")
    fill(server_database, tenant, small())
    browser.site = Site(server_database, int(site.url.rpartition(":")[2]))
    try:
        browser.sees("4\nup")
        browser.until(lambda: browser.js("document.querySelector('#away').hidden"))
        browser.page.errors.clear()  # Chromium says of each attempt that nobody answered
    finally:
        browser.view.load(QUrl("about:blank"))  # who looks on would say in the console that nobody answers
        browser.until(lambda: browser.js("location.href") == "about:blank", "the page is left")
        browser.site.close()


def test_five_thousand_devices_are_drawn(browse: Callable[..., Browser]) -> None:
    browser = browse()
    tenant = opened(browser)
    fill(browser.site.database, tenant, meshed(5_000))
    drawn(browser, "up")
    find(browser, "R4321")
    browser.sees("R4321")
    assert browser.js("document.querySelector('#panel h2').textContent") == "R4321"
