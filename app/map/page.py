"""The sealed browser page: a profile that keeps nothing, a gate that lets nothing out. Counterpart: `view.py` owns one.

One rule: the page may load what `scheme.py`'s table holds and nothing else; every other wish is refused and counted.
"""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, QUrl
from PySide6.QtWebEngineCore import (
    QWebEngineDownloadRequest,
    QWebEngineFullScreenRequest,
    QWebEnginePage,
    QWebEnginePermission,
    QWebEngineProfile,
    QWebEngineSettings,
    QWebEngineUrlRequestInfo,
    QWebEngineUrlRequestInterceptor,
)

from app.map.scheme import SCHEME, MapFiles

OWN_SCHEME = SCHEME.decode()
INNER_SCHEMES = frozenset({OWN_SCHEME, "data", "blob"})
"""What never leaves the page's process."""

_OFF = (
    "JavascriptCanOpenWindows",
    "JavascriptCanAccessClipboard",
    "JavascriptCanPaste",
    "LocalStorageEnabled",
    "LocalContentCanAccessRemoteUrls",
    "LocalContentCanAccessFileUrls",
    "PluginsEnabled",
    "PdfViewerEnabled",
    "FullScreenSupportEnabled",
    "ScreenCaptureEnabled",
    "HyperlinkAuditingEnabled",
    "AllowRunningInsecureContent",
    "AllowGeolocationOnInsecureOrigins",
    "AllowWindowActivationFromJavaScript",
    "NavigateOnDropEnabled",
    "DnsPrefetchEnabled",
    "AutoLoadIconsForPage",
    "ErrorPageEnabled",
    "BackForwardCacheEnabled",
)
_log = logging.getLogger("heliograph.map")


class Gate(QWebEngineUrlRequestInterceptor):
    """Blocks and counts every request that is not for the page's own files."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.blocked = 0

    def interceptRequest(self, info: QWebEngineUrlRequestInfo) -> None:
        """Chromium asks before each request, whoever makes it."""
        if info.requestUrl().scheme() not in INNER_SCHEMES:
            info.block(True)
            self.refuse(info.requestUrl().toDisplayString())

    def refuse(self, url: str) -> None:
        """Count a wish for the outside that was not granted."""
        self.blocked += 1
        _log.error("the map wanted %s; it was blocked", url[:200])


class MapPage(QWebEnginePage):
    """The page: no windows, no dialogs, no permissions, no way out; its console goes to our log."""

    def __init__(self, profile: QWebEngineProfile, gate: Gate, parent: QObject | None = None) -> None:
        super().__init__(profile, parent)
        self.gate = gate
        self.console_errors = 0
        settings = self.settings()
        for name in _OFF:
            settings.setAttribute(getattr(QWebEngineSettings.WebAttribute, name), False)
        self.permissionRequested.connect(_deny)
        self.fullScreenRequested.connect(_refuse_full_screen)

    def acceptNavigationRequest(
        self, url: QUrl | str, type: QWebEnginePage.NavigationType, main_frame: bool
    ) -> bool:
        """Only the map itself may be shown."""
        url = QUrl(url)
        if url.scheme() == OWN_SCHEME and main_frame:
            return True
        self.gate.refuse(url.toDisplayString())
        return False

    def javaScriptConsoleMessage(
        self, level: QWebEnginePage.JavaScriptConsoleMessageLevel, message: str, line: int, source: str
    ) -> None:
        """What the page logs is logged here; errors are counted."""
        error = level == QWebEnginePage.JavaScriptConsoleMessageLevel.ErrorMessageLevel
        self.console_errors += error
        _log.log(
            logging.ERROR if error else logging.INFO,
            "page: %s (%s:%d)",
            message[:2000],
            source.rsplit("/", 1)[-1],
            line,
        )

    def javaScriptAlert(self, origin: QUrl | str, text: str) -> None:
        """No dialogs."""

    def javaScriptConfirm(self, origin: QUrl | str, text: str) -> bool:
        """No dialogs."""
        return False

    def javaScriptPrompt(self, origin: QUrl | str, text: str, default: str) -> tuple[bool, str]:
        """No dialogs."""
        return False, ""


def make_profile(files: MapFiles, gate: Gate, parent: QObject) -> QWebEngineProfile:
    """Return an off-the-record profile that knows the scheme and nothing else."""
    profile = QWebEngineProfile(parent)
    profile.setHttpCacheType(QWebEngineProfile.HttpCacheType.NoCache)
    profile.setPersistentCookiesPolicy(QWebEngineProfile.PersistentCookiesPolicy.NoPersistentCookies)
    profile.setPersistentPermissionsPolicy(QWebEngineProfile.PersistentPermissionsPolicy.AskEveryTime)
    profile.setSpellCheckEnabled(False)
    profile.setPushServiceEnabled(False)
    profile.setUrlRequestInterceptor(gate)
    profile.installUrlSchemeHandler(SCHEME, files)
    profile.downloadRequested.connect(_cancel)
    return profile


def _deny(permission: QWebEnginePermission) -> None:
    permission.deny()


def _refuse_full_screen(request: QWebEngineFullScreenRequest) -> None:
    request.reject()


def _cancel(download: QWebEngineDownloadRequest) -> None:
    download.cancel()
