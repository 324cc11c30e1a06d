"""A watched window whose user belongs to a team. Counterpart: `watched_window.py`, whose lines and commands it has too.

    python -m tests.e2e.team_window PROFILE DEVICE

Further commands: `join LINK PASSWORD [LOGIN]`, `agree` to the certificate that is shown,
`enter TENANT` where several are offered, `again PASSWORD`, `board`, `mine` of the clash that it
shows, `go_to NETWORK`,
`leave keep|wipe`, `device NAME LNG LAT PORT`, `note TEXT`, `photo FILE` of the
device, `look` at the first in large. One rule: dialogs are filled in and submitted as a user does it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtWidgets import QLabel
from shiboken6 import isValid

from app.dialogs.clash import ClashView
from app.draft import author_name, draft_of, edit_of
from app.photos.files import GivenFile
from app.photos.words import in_order
from app.team.certificate import CertificateForm
from app.team.join import JoinForm
from app.team.membership import LogInForm
from app.team.words import presence_words, stand_of
from domain.edit import creation
from domain.inventory import Device, Probe
from domain.photo import Photo
from engine.compose import new_id, now_us
from tests.e2e.watched_window import Watcher, main


class TeamWatcher(Watcher):
    """What a member of a team sees and does."""

    form: JoinForm | None = None
    login: LogInForm | CertificateForm | None = None
    _password = ""
    _login = ""

    def line(self, page: dict[str, Any]) -> dict[str, Any]:
        """Return what is seen, the team with it."""
        self._go_on()
        app, team, device = self.app, self.app.window.team.team, self.device()
        stand = stand_of(team, now_us())
        told = None
        if team is not None:
            told = {
                "tenant": team.tenant_name,
                "reachability": team.reachability,
                "pending": team.pending,
                "tray": team.tray,
                "people": sorted(person.name for person in team.people),
                "lease": team.lease,
            }
        return super().line(page) | {
            "team": told,
            "sign": stand.short,
            "network": app.link.profile.name,
            "networks": [network.name for network in app.window.team.networks()],
            "devices": sorted(one.name for one in app.model.inventory.devices()),
            "note": device.note if device is not None else None,
            "offered": self._offered(),
            "there": presence_words(team, device.id if device is not None else None),
            "asks_again": self._asks_again(),
            "fingerprint": self._fingerprint(),
            "clash": self._clash(),
            "photos": [self._seen(digest) for one in self._photos() for digest in (one.thumb, one.digest)],
            "on_their_way": len(team.pictures) if team is not None else 0,
        }

    def do(self, word: str, rest: list[str]) -> None:
        """Do one thing."""
        window, device = self.app.window, self.device()
        if word == "join":
            link, self._password, *login = rest
            self._login = login[0] if login else ""
            self.form = window.team.open_join()
            self.form.link.setText(link)
            self.form.submit()
        elif word == "agree" and self.form is not None:
            self.form.submit()
        elif word == "enter" and self.form is not None:
            rows = [self.form.tenants.item(row) for row in range(self.form.tenants.count())]
            self.form.tenants.setCurrentItem(
                next(row for row in rows if row.text().startswith(" ".join(rest)))
            )
            self.form.submit()
        elif word == "again":
            if self.login is None or not isValid(self.login) or not self.login.isVisible():
                self.login = window.team.open_login()
            assert isinstance(self.login, LogInForm)
            self.login.password.setText(rest[0])
            self.login.submit()
        elif word == "board":
            window.team.open()
        elif word == "mine" and window.team.board is not None:
            window.team.board.compare.click()
            window.team.board.findChildren(ClashView)[-1].mine.click()
        elif word == "go_to":
            networks = window.team.networks()
            window.team.go_to(next(one.folder for one in networks if one.name == " ".join(rest)))
        elif word == "leave":
            leaving = window.team.open_leave()
            assert leaving is not None
            (leaving.keep if rest[0] == "keep" else leaving.wipe).setChecked(True)
            leaving.submit()
        elif word == "device":
            name, lng, lat, port = rest
            probe = Probe("tcp", int(port))
            made = Device(
                new_id(), name, "127.0.0.1", (probe,), "relay", interval_s=1.0, lng=float(lng), lat=float(lat)
            )
            edit = edit_of(f"Add {name}", author_name(), (creation("device", made),))
            self.app.commands.submit(edit, {}, self.app.commands.tell_refusals)
        elif word == "photo" and device is not None:
            window.photos.add(device.id, [GivenFile("Mast", Path(rest[0]))])
        elif word == "look":
            window.photos.open(self._photos()[0].id)
        elif word == "note" and device is not None:
            self._write(device, " ".join(rest))
        else:
            super().do(word, rest)

    def _write(self, device: Device, note: str) -> None:
        draft = msgspec.structs.replace(draft_of(self.app.model.inventory, device), note=note)
        self.app.commands.edit_device(device, draft, lambda refusals: None)

    def _photos(self) -> list[Photo]:
        device = self.device()
        return in_order(self.app.model.inventory.photos(device.id)) if device is not None else []

    def _seen(self, digest: str) -> list[int] | None:
        """Return the pixels of a picture that is here."""
        pixmap = self.app.window.photos.album._kept.get(digest)
        return [pixmap.width(), pixmap.height()] if pixmap is not None else None

    def _go_on(self) -> None:
        """Fill in who one is when the dialog asks for it."""
        form = self.form
        if (
            form is None
            or not isValid(form)
            or not self._password
            or form.step != "login"
            or not form.submit_button.isEnabled()
        ):
            return
        if self._login:
            form.login.setText(self._login)
        form.password.setText(self._password)
        form.again.setText(self._password)
        self._password = ""
        form.submit()

    def _asks_again(self) -> bool:
        """Tell whether the form to log in stands open and was answered."""
        form = self.login
        return form is not None and isValid(form) and form.isVisible() and form.submit_button.isEnabled()

    def _clash(self) -> str:
        """Return what the open board says of the edit that can be compared."""
        board = self.app.window.team.board
        return board.detail.text() if board is not None and board.compare.isVisible() else ""

    def _fingerprint(self) -> str:
        """Return the certificate's that is to be compared, as it is read: hex digits alone."""
        form = self.form
        if form is None or not isValid(form) or form.step != "trust":
            return ""
        said = (re.sub(r"[:\s]", "", label.text().lower()) for label in form.findChildren(QLabel))
        return next((text for text in said if re.fullmatch(r"[0-9a-f]{64}", text)), "")

    def _offered(self) -> list[str]:
        form = self.form
        if form is None or not isValid(form) or form.step != "tenant":
            return []
        return [form.tenants.item(row).text() for row in range(form.tenants.count())]


if __name__ == "__main__":
    sys.exit(main(TeamWatcher))
