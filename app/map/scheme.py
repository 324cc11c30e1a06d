"""The page's own address, `heliograph-map://page/...`: which file answers it. Counterpart: `map_assets/`, `page.py`.

Theory: a custom scheme needs no port and no server. Every address is a key of one table made at start; what is not in the
table does not exist, so there is no path to climb out of. Replies are whole seekable files: Qt slices the byte ranges that
PMTiles asks for. One rule: `prepare_web_engine` runs before the QApplication, or there is no scheme.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QCoreApplication, QFile, QIODevice, QObject, Qt, QUrl
from PySide6.QtWebEngineCore import QWebEngineUrlRequestJob, QWebEngineUrlScheme, QWebEngineUrlSchemeHandler

from app.map.sandbox import chromium_flags, sandbox_obstacle
from app.map.worlds import find_world
from domain.blobs import picture_kind
from map_assets.files import KINDS, WORLD, page_files

SCHEME = b"heliograph-map"
ORIGIN = "heliograph-map://page"
INDEX = QUrl(f"{ORIGIN}/index.html")

PICTURES = "/pictures/"
CHANNEL = "/vendor/qwebchannel.js"
CHANNEL_RESOURCE = Path(":/qtwebchannel/qwebchannel.js")
"""Qt's own half of the channel, out of Qt's resources. Not a user script: those are lost when a page dies and comes back."""

_log = logging.getLogger("heliograph.map")


def prepare_web_engine(argv: Sequence[str]) -> None:
    """Register the scheme and set Chromium's flags. Call once, before the QApplication is made.

    What QTWEBENGINE_CHROMIUM_FLAGS already holds is kept and comes last; `--no-sandbox` in `argv` asks for just that.
    """
    if QWebEngineUrlScheme.schemeByName(SCHEME).name().isEmpty():
        scheme = QWebEngineUrlScheme(SCHEME)
        scheme.setSyntax(QWebEngineUrlScheme.Syntax.Host)
        flag = QWebEngineUrlScheme.Flag
        scheme.setFlags(flag.SecureScheme | flag.CorsEnabled | flag.FetchApiAllowed)
        QWebEngineUrlScheme.registerScheme(scheme)
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)

    obstacle = sandbox_obstacle(os.environ, argv)
    if obstacle is not None:
        _log.warning("the map runs without Chromium's sandbox: %s", obstacle)
    wanted = os.environ.get("QTWEBENGINE_CHROMIUM_FLAGS", "")
    made = " ".join(f'"{f}"' if " " in f else f for f in chromium_flags(os.environ, obstacle))
    if made not in wanted:
        os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = f"{made} {wanted}".strip()


class MapFiles(QWebEngineUrlSchemeHandler):
    """Answers the page's requests from one table of address -> file."""

    def __init__(self, basemap: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table = {f"/{address}": file for address, file in page_files().items()}
        self.table[CHANNEL] = CHANNEL_RESOURCE
        self.basemap = basemap or find_world()
        self.table[f"/{WORLD}"] = self.basemap
        self.pictures: dict[str, bytes] = {}
        """What lies under papers, by the hash of its content."""

    def requestStarted(self, job: QWebEngineUrlRequestJob) -> None:
        """Reply with the file of the table, whole and seekable, or say why not."""
        url = job.requestUrl()
        picture = self.pictures.get(url.path().removeprefix(PICTURES)) if url.host() == "page" else None
        file = self.table.get(url.path()) if url.host() == "page" else None
        if bytes(job.requestMethod().data()) not in (b"GET", b"HEAD"):
            job.fail(QWebEngineUrlRequestJob.Error.RequestDenied)
            return
        if picture is not None:
            held = QBuffer(job)
            held.setData(picture)
            held.open(QIODevice.OpenModeFlag.ReadOnly)
            job.reply(QByteArray(picture_kind(picture).encode()), held)
            return
        device = QFile(file.as_posix(), job) if file is not None else None
        if file is None or device is None or not device.open(QIODevice.OpenModeFlag.ReadOnly):
            _log.warning("the page asked for %s, which is not there", url.toDisplayString()[:200])
            job.fail(QWebEngineUrlRequestJob.Error.UrlNotFound)
            return
        job.reply(QByteArray(KINDS.get(file.suffix, KINDS[".pmtiles"]).encode()), device)
