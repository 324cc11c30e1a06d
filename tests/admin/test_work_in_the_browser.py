"""What is wrong and what is watched for, as people work on it in a real Chromium: alerts, rules, hooks, devices."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from uuid import UUID

import httpx
import msgspec
import psycopg

from tests.admin.conftest import Browser, founded
from tests.admin.map_networks import fill
from tests.admin.test_people_in_the_browser import enter
from tests.map.networks import health, meshed, small

CHIP = "[...document.querySelectorAll('.facts .chip')].map((one) => one.textContent).join()"
RULE = "[...document.querySelectorAll('td a')].find((one) => one.textContent === '{}').getAttribute('href')"


def in_a_tenant(browser: Browser) -> str:
    """Found a server, enter a tenant and return its id."""
    founded(browser)
    enter(browser, "North")
    return str(browser.js("document.body.dataset.tenant"))


def say(browser: Browser, address: str, secret: str, **message: object) -> httpx.Response:
    """Send a hook a signed message."""
    at, body = str(int(time.time())), json.dumps(message)
    sign = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"X-Timestamp": at, "X-Signature": f"sha256={sign}", "Content-Type": "application/json"}
    return httpx.post(address, content=body, headers=headers, timeout=60)


def test_a_hook_is_made_heard_and_ended_and_its_secret_is_shown_once(browse: Callable[..., Browser]) -> None:
    browser = browse()
    tenant = in_a_tenant(browser)
    network = small()
    fill(browser.site.database, tenant, network)
    browser.go("/admin/hooks", "No other monitor tells this tenant anything yet")
    browser.send("/admin/hooks", "shown this once", name="Zabbix")
    secret = str(browser.js("document.querySelector('.once code').textContent"))
    assert secret.startswith("hgh_")
    browser.go("/admin/hooks", "never")
    assert secret not in browser.js("document.documentElement.outerHTML")
    address = str(browser.js("document.querySelector('td.address code').textContent"))
    message = {"key": "disk", "title": "Disk full", "device": str(network.devices[0].id)}
    assert say(browser, address, "another", **message).status_code == 404
    browser.go("/admin/hooks", "never")
    assert say(browser, address, secret, **message).status_code == 200
    browser.go("/admin/hooks", "now")
    assert "never" not in browser.js("document.querySelector('tbody').innerText")
    browser.send(str(browser.js("document.querySelector('td.acts form').getAttribute('action')")), "is ended")
    assert say(browser, address, secret, **message).status_code == 404


def test_an_alert_is_taken_out_of_a_filtered_list_talked_about_and_resolved(
    browse: Callable[..., Browser],
) -> None:
    browser = browse()
    tenant = in_a_tenant(browser)
    browser.go("/admin/alerts", "No alert is open")
    network = small()
    down, *others = (device.name for device in network.devices)
    states = (health(down, "down"), *(health(name, "up") for name in others))
    fill(browser.site.database, tenant, msgspec.structs.replace(network, health=states))
    with psycopg.connect(browser.site.database.admin) as connection:
        connection.execute(
            "INSERT INTO alert (tenant_id, id, rule, subject, severity, opened_us, reason, acknowledged_by, count, title)"
            " SELECT tenant_id, gen_random_uuid(), 'hot', id, 'warning', 5, 'it is <b>warm', '', 1, 'Too hot' FROM device"
        )
    browser.go("/admin/alerts?severity=info", "No alert is like that")
    browser.go("/admin/alerts?severity=warning&taken=no", "Too hot")
    assert browser.js("document.querySelectorAll('tbody tr').length") == len(network.devices)
    take = str(browser.js("document.querySelector('td.acts form').getAttribute('action')"))
    browser.send(take, "is yours")
    assert browser.js("document.querySelectorAll('tbody tr').length") == len(network.devices) - 1
    browser.go("/admin/alerts?taken=yes", "Root")
    here = str(browser.js("document.querySelector('td a').getAttribute('href')"))
    browser.go(here, "it is <b>warm")
    browser.js("document.querySelector('textarea').required = false; 0")
    browser.send(f"{here}/comment", "comment needs a text")
    browser.js(
        f"document.querySelector(`form[action='{here}/comment'] textarea`).value = 'The fan <i>again'; 0"
    )
    browser.send(f"{here}/comment", "It stands in the history")
    browser.sees("The fan <i>again")
    browser.send(f"{here}/assign", "Saved", to="Jo")
    browser.send(f"{here}/resolve", "is resolved")
    assert "resolved" in browser.js(CHIP)
    browser.send(f"{here}/reopen", "is open again")
    assert "open" in browser.js(CHIP)


def test_a_rule_is_made_changed_turned_off_and_deleted_and_one_that_came_along_comes_back(
    browse: Callable[..., Browser],
) -> None:
    browser = browse()
    in_a_tenant(browser)
    browser.go("/admin/rules", "Packets lost")
    rule = {"name": "Hot cabinet", "kind": "threshold", "metric": "temperature_c", "for_s": "300"}
    browser.send("/admin/rules", "number expected", **rule, threshold="warm")
    assert (
        browser.js("document.querySelector('form[action=\"/admin/rules\"] [name=name]').value")
        == "Hot cabinet"
    )
    browser.send("/admin/rules", "is made", **rule, threshold="55", tags="cabinet\nroof")
    browser.sees("Temperature above 55 °C, for 5 min")
    here = str(browser.js(RULE.format("Hot cabinet")))
    browser.go(here, "cabinet, roof")
    browser.send(here, "t most the threshold", clear_at="60")
    browser.send(here, "Saved", clear_at="50")
    stale = browser.js(f"document.querySelector(`form[action='{here}'] [name=etag]`).value")
    browser.send(f"{here}/off", "It is off")
    assert "off" in browser.js(CHIP)
    browser.send(here, "omebody changed it meanwhile", etag=str(stale), name="Hot roof")
    browser.go(here, "Hot cabinet")
    browser.send(f"{here}/on", "It is on")
    browser.send(f"{here}/delete", "is deleted")
    assert "Hot cabinet" not in browser.js("document.querySelector('tbody').innerText")

    here = str(browser.js(RULE.format("Packets lost")))
    browser.go(here, "as it came")
    browser.send(here, "Saved", threshold="20")
    browser.sees("it came along, and was changed here")
    browser.send(f"{here}/delete", "is as it came")
    browser.sees("Loss above 10 %, for 5 min")


def test_devices_are_searched_turned_page_by_page_and_looked_at(browse: Callable[..., Browser]) -> None:
    browser = browse()
    tenant = in_a_tenant(browser)
    browser.go("/admin/devices", "No device yet")
    fill(browser.site.database, tenant, meshed(120))
    names: list[str] = []
    path = "/admin/devices"
    while path:
        browser.go(path, "Devices")
        names += json.loads(
            str(
                browser.js(
                    "JSON.stringify([...document.querySelectorAll('td:first-child')].map((td) => td.textContent))"
                )
            )
        )
        path = str(browser.js("document.querySelector('.more a')?.href ?? ''"))
    assert sorted(names) == sorted(f"R{place}" for place in range(120)), "each once"
    browser.go("/admin/devices?search=R77", "R77")
    assert browser.js("document.querySelectorAll('tbody tr').length") == 1
    browser.go("/admin/devices?search=nonesuch", "No device is like that")
    browser.go("/admin/devices?search=R77", "R77")
    browser.go(str(browser.js("document.querySelector('td a').href")), "Newest numbers")
    browser.sees("Nothing was measured for two days")
    assert browser.js("document.querySelectorAll('table.part tbody tr').length") >= 2, "its links"
    browser.go(f"/admin/devices/{UUID(int=1)}", "Not found")
