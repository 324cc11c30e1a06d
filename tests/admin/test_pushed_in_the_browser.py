"""Device keys and the quarantine as people use them, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import psycopg

from tests.admin.conftest import Browser, founded
from tests.admin.test_people_in_the_browser import enter
from tests.server.test_push_mqtt import POISON

MARKUP = "<img src=x onerror=alert(1)>"
NOBODY = "00000000-0000-0000-0000-000000000001"
DEVICE = "00000000-0000-0000-0000-000000000002"
MAST = """
    INSERT INTO device (tenant_id, id, name, address, probes, role, subscribers, interval_s, paused, note)
    VALUES (%(tenant)s, %(device)s, 'Mast', '192.0.2.1', '[]', 'other', 0, 60, false, '')
"""


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


def test_a_dead_letter_is_found_by_its_kind_with_its_tries_and_stored_once_its_reason_is_gone(
    browse: Callable[..., Browser],
) -> None:
    browser = browse()
    founded(browser)
    enter(browser, "North")
    with psycopg.connect(browser.site.database.admin, autocommit=True) as owner:
        (tenant,) = owner.execute("SELECT id FROM tenant").fetchone() or ("",)
        owner.execute(MAST, {"tenant": tenant, "device": DEVICE})
        owner.execute(POISON)
        browser.go("/admin/push-keys", "Nothing pushes numbers")
        browser.send("/admin/push-keys", "it is shown this once", name="Mast", device="")
        secret = browser.js("document.querySelector('.once code').textContent")
        headers = {"Authorization": f"Bearer {secret}"}
        body = {"messages": [{"values": {"level": level}, "device": DEVICE} for level in (38, "warm")]}
        said = httpx.post(f"{browser.site.url}/api/v1/telemetry", json=body, headers=headers, timeout=60)
        assert [one["code"] for one in said.json()["data"]["refused"]] == ["NOT_STORED", "NOT_A_NUMBER"]
        browser.go("/admin/quarantine", "NOT_A_NUMBER")
        browser.go("/admin/quarantine?kind=dead", "dead letter")
        browser.sees("this one is poison")
        browser.sees("(3 tries)")
        assert browser.js("document.querySelectorAll('tbody tr').length") == 1, (
            "invalid ones are not dead letters"
        )
        browser.send(form_that(browser, "replay"), "It was refused again")
        owner.execute("DROP TRIGGER poison ON sample")
        assert owner.execute("SELECT count(*) FROM sample").fetchone() == (0,)
        browser.go("/admin/quarantine?kind=dead", "(4 tries)")
        browser.send(form_that(browser, "replay"), "It is stored")
        assert owner.execute("SELECT count(*) FROM sample").fetchone() == (1,)
        browser.go("/admin/quarantine?kind=dead", "Nothing is held")


def form_that(browser: Browser, verb: str) -> str:
    """Return where the first form of the page goes that does something."""
    return str(browser.js(f"document.querySelector(`form[action$='/{verb}']`).getAttribute('action')"))
