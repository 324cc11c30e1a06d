"""A server on a port of its own and a real Chromium (QtWebEngine) that uses it. Counterpart: `sync_server/admin/`.

One rule: an error in the page's console fails the test, and so does anything that the Content-Security-Policy had to stop.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import msgspec
import pytest
from fastapi import FastAPI
from PySide6.QtCore import QUrl
from PySide6.QtNetwork import QNetworkCookie
from PySide6.QtTest import QTest
from PySide6.QtWebEngineCore import QWebEnginePage, QWebEngineProfile
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QApplication
from websockets.sync.client import connect

from app.map.scheme import prepare_web_engine
from sync_server.main import opened
from sync_server.serving import Server, configured
from tests.server.clients import ROOMY
from tests.server.conftest import (  # noqa: F401 fixtures
    ServerDatabase,
    postgres_sockets,
    pytest_pyfunc_call,
    server_database,
    server_template,
)

_LOOPBACK = '"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"'
prepare_web_engine([])
if (
    _LOOPBACK not in os.environ["QTWEBENGINE_CHROMIUM_FLAGS"]
):  # the last one counts: the window's page reaches nobody
    os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] += f" {_LOOPBACK}"
_held = socket.socket()
"""Holds the port until Chromium listens there, so that the system gives it to nobody else: who never listens is in no way."""
_held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
_held.bind(("127.0.0.1", 0))
os.environ["QTWEBENGINE_REMOTE_DEBUGGING"] = f"127.0.0.1:{_held.getsockname()[1]}"
WAIT_S = 60.0
"""Longest wait for what must come: generous, because the machine may be busy."""


@pytest.fixture(scope="session")
def application() -> QApplication:
    """Return the one application of this process."""
    found = QApplication.instance()
    return found if isinstance(found, QApplication) else QApplication([])


class _Quiet(Server):
    """A server that leaves the signals of the test's process alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them."""
        yield


class Site:
    """A server that listens, in a thread and loop of its own."""

    def __init__(self, database: ServerDatabase, port: int = 0) -> None:
        self.database = database
        self._socket = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._settings = msgspec.structs.replace(database.settings, **{**ROOMY, "public_url": self.url})
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(WAIT_S), "the server did not start"

    async def _serve(self) -> None:
        async with opened(self._settings) as self.app:
            self._loop = asyncio.get_running_loop()
            config = configured(self.app, self._settings)
            self._server = _Quiet(config, self.app.state.hub, self._settings)
            self._ready.set()
            await self._server.serve([self._socket])

    app: FastAPI

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return what a coroutine gives in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_S)

    def founding(self) -> str:
        """Return the link of the first administrator."""
        return f"{self.url}/link#{self.do(self.app.state.services.links.offer_founding())}"

    def close(self) -> None:
        """Stop it."""
        self._server.should_exit = True
        self._thread.join(WAIT_S)


class _Page(QWebEnginePage):
    def __init__(self, profile: QWebEngineProfile) -> None:
        super().__init__(profile)
        self.errors: list[str] = []

    def javaScriptConsoleMessage(
        self, level: QWebEnginePage.JavaScriptConsoleMessageLevel, message: str, line: int, source: str
    ) -> None:
        """Keep what is an error; an answer that is a refusal, or is not waited for any longer, is said by the page itself."""
        is_refusal = message.startswith("Failed to load resource") and "status of 4" in message
        is_given_up = "WebSocket is closed before the connection is established" in message
        is_error = level == QWebEnginePage.JavaScriptConsoleMessageLevel.ErrorMessageLevel
        if is_error and not (is_refusal or is_given_up):
            self.errors.append(f"{message} ({source}:{line})")


class Dark:
    """Who tells a page that the system is dark, as long as it is held. Chromium asks the desktop, and offscreen there is none."""

    def __init__(self, page: QWebEnginePage) -> None:
        self._url = f"ws://{os.environ['QTWEBENGINE_REMOTE_DEBUGGING']}/devtools/page/{page.devToolsId()}"
        self._over = threading.Event()
        self.is_told = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._thread.start()

    def _tell(self) -> None:
        dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        with connect(self._url, proxy=None, open_timeout=WAIT_S) as line:
            line.send(json.dumps({"id": 1, "method": "Emulation.setEmulatedMedia", "params": dark}))
            line.recv(WAIT_S)
            self.is_told.set()
            self._over.wait()

    def end(self) -> None:
        """Let go of the page."""
        self._over.set()


class Browser:
    """A browser without a past, and hands and eyes for it."""

    def __init__(self, site: Site, width_px: int = 1280, height_px: int = 800) -> None:
        self.site = site
        self._profile = QWebEngineProfile()
        self.page = _Page(self._profile)
        self.view = QWebEngineView()
        self.view.setPage(self.page)
        self.view.resize(width_px, height_px)
        self.view.show()
        self._dark: Dark | None = None

    def darken(self) -> None:
        """Have a system that is dark."""
        self._dark = Dark(self.page)
        self.until(self._dark.is_told.is_set, "the page knows that it is dark")

    def close(self) -> None:
        """Take it down, the page before its profile."""
        if self._dark is not None:
            self._dark.end()
        self.view.close()
        self.view.setPage(None)  # type: ignore[arg-type]
        self.page.deleteLater()
        self.view.deleteLater()
        QTest.qWait(20)
        self._profile.deleteLater()
        QTest.qWait(20)

    def js(self, code: str) -> Any:
        """Return what an expression gives in the page."""
        given: list[Any] = []
        self.page.runJavaScript(code, 0, given.append)
        self.until(lambda: bool(given), code)
        return given[0]

    def lose_access(self) -> None:
        """Have an access token that is none any more, as after ten minutes."""
        cookie = QNetworkCookie(b"heliograph_access", b"over")
        cookie.setPath("/")
        cookie.setHttpOnly(True)
        set: list[bool] = []
        store = self._profile.cookieStore()
        store.cookieAdded.connect(lambda one: set.append(one.value().data() == b"over"))
        store.setCookie(cookie, QUrl(self.site.url))
        self.until(lambda: any(set), "the cookie")

    def until(self, true: Callable[[], object], what: str = "") -> None:
        """Let the browser live until something holds."""
        ends_s = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < ends_s, f"it did not come within {WAIT_S:.0f} s: {what}"
            QTest.qWait(20)

    def sees(self, text: str) -> None:
        """Wait until a text stands on the page, and the page is there to its end, with its style and its scripts."""
        seen = ""

        def stands() -> bool:
            nonlocal seen
            code = "JSON.stringify([document.readyState, document.body?.innerText ?? ''])"
            state, seen = json.loads(self.js(code) or '["left", ""]')
            return state == "complete" and text in seen

        try:
            self.until(stands, text)
        except AssertionError:
            raise AssertionError(f"{text!r} is not on the page:\n{seen}") from None

    def go(self, path: str, text: str) -> None:
        """Open an address of the server and wait for a text on it."""
        self.js("window.stale = true; 0")
        self.view.load(QUrl(path if path.startswith("http") else self.site.url + path))
        # None is no answer: the page that goes may give it
        self.until(lambda: self.js("window.stale === true") is False, path)
        self.sees(text)

    def fill(self, form: str, **fields: str) -> None:
        """Type into fields of the form with this action."""
        for name, value in fields.items():
            found = self.js(
                f"(() => {{ const field = document.querySelector(`form[action='{form}'] [name='{name}']`);"
                f" if (!field) return false; field.value = {msgspec.json.encode(value).decode()};"
                " field.dispatchEvent(new Event('change', {bubbles: true})); return true; })()"
            )
            assert found, f"{form} has no {name}"

    def send(self, form: str, text: str, **fields: str) -> None:
        """Fill a form, send it and wait for a text."""
        self.fill(form, **fields)
        self.js(f"document.querySelector(`form[action='{form}']`).requestSubmit(); 0")
        self.sees(text)


@pytest.fixture
def site(server_database: ServerDatabase) -> Iterator[Site]:  # noqa: F811
    """Yield a server that listens."""
    made = Site(server_database)
    yield made
    made.close()


@pytest.fixture
def browse(site: Site, application: QApplication) -> Iterator[Callable[..., Browser]]:
    """Yield what opens a browser; an error in one of their consoles fails the test."""
    made: list[Browser] = []

    def open(width_px: int = 1280, height_px: int = 800) -> Browser:
        made.append(Browser(site, width_px, height_px))
        return made[-1]

    yield open
    errors = [error for browser in made for error in browser.page.errors]
    for browser in made:
        browser.close()
    assert errors == []


PASSWORD = "a good long password"


def founded(browser: Browser) -> None:
    """Found the platform in a browser and log in."""
    browser.go(browser.site.founding(), "The first administrator")
    fields = {"login": "root@noc", "name": "Root", "password": PASSWORD, "again": PASSWORD}
    browser.send("/link/found", "You are the platform's administrator", **fields)
    browser.go("/admin/login", "Name")
    browser.send("/admin/login", "Tenants", login="root@noc", password=PASSWORD)
