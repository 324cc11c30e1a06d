"""The admin as people use it: the first link, tenants, members, keys, in a real Chromium."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable

import segno

from sync_server.security import totp
from tests.admin.conftest import PASSWORD, Browser, founded


def enter(browser: Browser, name: str) -> None:
    """Make a tenant and enter it."""
    browser.go("/admin/tenants", "Make a tenant")
    browser.send("/admin/tenants", f"{name} is made", name=name)
    row = f"[...document.querySelectorAll('tr')].find((row) => row.innerText.includes('{name}'))"
    browser.js(f"{row}.querySelector('form').requestSubmit(); 0")
    browser.sees(f"You are a guest in {name}")


def invited(browser: Browser, login: str, role: str) -> str:
    """Invite somebody into the tenant that the browser is in and return the link."""
    browser.go("/admin/users", "Invite somebody")
    browser.send("/admin/users", "is invited", login=login, name="Maria", role=role)
    return str(browser.js("document.querySelector('.once code').textContent"))


def test_a_platform_is_founded_once_and_its_link_is_over_then(browse: Callable[..., Browser]) -> None:
    browser = browse()
    link = browser.site.founding()
    browser.go(link, "The first administrator")
    assert browser.js("location.hash") == ""
    fields = {"login": "root@noc", "name": "Root", "password": PASSWORD}
    browser.send("/link/found", "not the same password", **fields, again="another one")
    assert browser.js("document.activeElement.name") == "again"
    assert browser.js("document.querySelector('[name=login]').value") == "root@noc"
    browser.send("/link/found", "You are the platform's administrator", **fields, again=PASSWORD)
    browser.go(link, "This link is over")


def test_an_administrator_makes_two_tenants_with_people_and_each_sees_their_own(
    browse: Callable[..., Browser],
) -> None:
    root = browse()
    founded(root)
    enter(root, "North")
    north_link = invited(root, "maria@north", "tenant_admin")
    enter(root, "South")
    invited(root, "jo@south", "viewer")

    maria = browse(400, 800)
    maria.go(north_link, "You are invited")
    maria.send("/link/take", "Log in with your password", password=PASSWORD, again=PASSWORD)
    maria.go("/admin/login", "Password")
    maria.send("/admin/login", "There is no device yet", login="maria@north", password=PASSWORD)
    maria.go("/admin/users", "maria@north")
    assert "jo@south" not in maria.js("document.body.innerText")
    maria.go("/admin/tenants", "Not allowed")
    maria.go("/admin/keys", "No program has a key yet")
    maria.js("document.querySelector('[name=scopes][value=read]').checked = true; 0")
    maria.send("/admin/keys", "it is shown this once", name="Billing")
    secret = maria.js("document.querySelector('.once code').textContent")
    assert str(secret).startswith("hgk_")
    maria.go("/admin/keys", "Billing")
    assert secret not in maria.js("document.documentElement.outerHTML")
    assert maria.js("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_typed_wrong_is_said_at_its_field_and_stays_typed(browse: Callable[..., Browser]) -> None:
    browser = browse()
    founded(browser)
    enter(browser, "North")
    browser.go("/admin/users", "Invite somebody")
    browser.send("/admin/users", "without spaces expected", login="no good", name="Maria", role="engineer")
    assert browser.js("document.activeElement.name") == "login"
    assert browser.js("document.querySelector('[name=role]').value") == "engineer"
    assert browser.js("document.querySelector('[name=name]').value") == "Maria"


def test_a_page_opens_again_after_the_access_token_ran_out_and_a_form_is_sent_all_the_same(
    browse: Callable[..., Browser],
) -> None:
    browser = browse()
    founded(browser)
    browser.go("/admin/tenants", "Tenants")
    browser.lose_access()
    browser.send("/admin/tenants", "North is made", name="North")
    browser.lose_access()
    browser.go("/admin/operators", "root@noc")
    browser.send("/admin/logout", "Log in")
    browser.go("/admin/operators", "Password")
    assert browser.js("location.pathname + location.search") == "/admin/login?next=/admin/operators"


def shown_modules(browser: Browser) -> list[bool]:
    """Return the squares of the QR code as a camera would see them: which are dark, row by row."""
    browser.js("document.querySelector('.qr svg').scrollIntoView({block: 'center'}); 0")
    said = browser.js(
        "(() => { const svg = document.querySelector('.qr svg'); const box = svg.getBoundingClientRect();"
        " return JSON.stringify([box.x, box.y, box.width, svg.viewBox.baseVal.width]); })()"
    )
    x, y, width, count = json.loads(str(said))
    image, step = browser.view.grab().toImage(), width / count
    inner = range(4, int(count) - 4)
    return [
        image.pixelColor(int(x + (column + 0.5) * step), int(y + (row + 0.5) * step)).lightness() < 128
        for row in inner
        for column in inner
    ]


def test_an_authenticator_is_added_asked_for_and_the_password_stays_typed(
    browse: Callable[..., Browser],
) -> None:
    browser = browse()
    founded(browser)
    browser.go("/admin/account", "this one")
    add = "/admin/account/authenticator"
    browser.send(add, "the password is wrong".capitalize(), password="not this one")
    browser.send(add, "Show this to your authenticator", password=PASSWORD)
    uri = str(browser.js("document.querySelector('a[href^=otpauth]').href"))
    modules = [bool(one) for row in segno.make(uri, error="m").matrix for one in row]
    browser.until(lambda: shown_modules(browser) == modules, "the code is painted, each square of it")
    secret = base64.b32decode(str(browser.js("document.querySelector('.once code').textContent")))
    step = int(time.time() // totp.STEP_S)
    browser.send(f"{add}/confirm", "Recovery codes", code=totp.code_of(secret, step))
    code = browser.js("document.querySelector('.codes code').textContent")
    browser.js("document.querySelector(`form[action='/admin/logout']`).requestSubmit(); 0")
    browser.until(lambda: browser.js("location.pathname") == "/admin/login")
    browser.sees("Log in")
    browser.send("/admin/login", "Six digits of your authenticator", login="root@noc", password=PASSWORD)
    assert browser.js("document.activeElement.name") == "code"
    assert browser.js("document.querySelector('[name=password]').value") == PASSWORD
    browser.send("/admin/login", "No tenant yet", code=str(code))
