"""Photographs in the window: hung up by button, drop and paste, looked at in large, captioned, taken away, shaped by the role."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QContextMenuEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QMenu

from app.photos import album
from app.photos.files import GivenFile
from app.photos.strip import NO_PHOTO, NO_PHOTO_READ, PhotoStrip
from domain.blobs import DevelopPhoto, GetBlob
from domain.edit import Edit, creation
from domain.errors import Refusal
from domain.photo import Photo
from domain.wire import Changed, Reply
from engine.blobs import Blobs
from tests.engine.photo_files import bomb, developed, jpeg, scene
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of
from tests.ui.team_parts import tell_team

WAIT_S = 120.0
HILL, ROUTER = id_of("Grünten"), id_of("g1")
ARABIC = "برج الاتصالات الشمالي كما يُرى من الطريق المؤدي إلى القرية هنا"


@pytest.fixture
def blobs(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    """A store of pictures behind the window's engine, and the site on the screen."""
    monkeypatch.setattr(album, "AGAIN_MS", 30)
    made = Blobs(tmp_path / "pictures", lambda: bench.engine.inventory)
    for kind in (DevelopPhoto, GetBlob):
        bench.engine.answers[kind] = lambda asked: asyncio.run(made.answer(asked))
    bench.window.select(HILL)
    return made


def strip_of(bench: Bench) -> PhotoStrip:
    """Return the strip of the site's panel."""
    return bench.window.places.panel.photos


def photos(bench: Bench) -> list[Photo]:
    """Return the photographs that the engine has."""
    return list(bench.engine.inventory.photos())


def hang(bench: Bench, blobs: Blobs, *captions: str, **at: UUID) -> list[Photo]:
    """Have photographs there already, as a colleague hung them up; return them in their order."""
    made = []
    for number, caption in enumerate(captions, 1):
        told: dict[str, Any] = asyncio.run(developed(blobs, jpeg(scene(seed=number)))).result
        del told["have"]
        where = at or {"site": HILL}
        made.append(
            Photo(
                id_of(caption or "p"),
                **told,
                added_us=number * 10**12,
                author="Joe",
                caption=caption,
                **where,
            )
        )
    edit = Edit(id_of("hung"), 1, "Joe", "Add", tuple(creation("photo", photo) for photo in made))
    bench.commands.submit(edit, {}, lambda refusals: None)
    bench.settle()
    return made


def drop(strip: PhotoStrip, given: QMimeData) -> bool:
    """Drop something on a strip; return whether it is taken."""
    at, buttons, keys = QPoint(20, 20), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    over = QDragEnterEvent(at, Qt.DropAction.CopyAction, given, buttons, keys)
    over.ignore()
    strip.dragEnterEvent(over)
    if over.isAccepted():
        strip.dropEvent(QDropEvent(QPointF(at), Qt.DropAction.CopyAction, given, buttons, keys))
    return over.isAccepted()


def files(*paths: Path) -> QMimeData:
    """Return files as they are dragged."""
    given = QMimeData()
    given.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return given


def test_a_file_is_dropped_and_becomes_a_photograph_that_undo_takes_back(
    bench: Bench, blobs: Blobs, tmp_path: Path
) -> None:
    strip = strip_of(bench)
    assert strip.empty.text() == NO_PHOTO
    path = tmp_path / "mast.jpg"
    path.write_bytes(jpeg(scene(2_000, 1_200), taken="2026:05:01 10:00:00", offset="+00:00"))
    assert drop(strip, files(path))
    assert "Adding mast.jpg" in strip.doing.text()
    bench.wait_for(lambda: photos(bench))
    bench.settle()
    (photo,) = photos(bench)
    assert (photo.site, photo.device, photo.author) == (HILL, None, "tester")
    assert (photo.width, photo.taken_us) == (2_000, 1_777_629_600_000_000)
    bench.wait_for(lambda: bench.window.photos.album.picture(photo.thumb) is not None)
    assert len(strip.cells) == 1
    assert strip.doing.isHidden() or not strip.doing.text()
    assert [toast.label.text() for toast in bench.window.toasts.shown] == ["A photograph of Grünten added"]
    bench.commands.undo()
    bench.wait_for(lambda: not photos(bench))
    bench.settle()
    assert strip.empty.text() == NO_PHOTO


def test_what_was_copied_is_pasted_and_a_device_has_its_own(bench: Bench, blobs: Blobs) -> None:
    bench.window.select(ROUTER)
    strip = bench.window.device.body.overview.photos
    image = QImage(400, 300, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.darkGreen)
    QGuiApplication.clipboard().setImage(image)
    strip.setFocus()
    QTest.keyClick(strip, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    bench.wait_for(lambda: photos(bench))
    (photo,) = photos(bench)
    assert (photo.site, photo.device, photo.width) == (None, ROUTER, 400)
    QGuiApplication.clipboard().clear()


def test_files_that_cannot_be_are_said_one_by_one_and_the_others_go_on(
    bench: Bench, blobs: Blobs, tmp_path: Path
) -> None:
    names = {
        "a.heic": b"\0\0\0\x18ftypheic" + bytes(50),
        "b.png": bomb(),
        "empty.jpg": b"",
        "good.jpg": jpeg(),
    }
    for name, data in names.items():
        (tmp_path / name).write_bytes(data)
    drop(strip_of(bench), files(*(tmp_path / name for name in names), tmp_path / "gone.jpg"))
    bench.wait_for(lambda: photos(bench) and not bench.window.photos._waiting)
    said = " | ".join(toast.label.text() for toast in bench.window.toasts.shown)
    assert len(photos(bench)) == 1
    for words in (
        "b.png is not taken: it has 30,000 x 30,000",
        "empty.jpg is empty",
        "gone.jpg cannot be read",
    ):
        assert words in said or len(bench.window.toasts.shown) == 3, said


def test_a_slow_disk_holds_up_no_window_and_what_it_brings_after_cancel_is_dropped(
    bench: Bench, blobs: Blobs
) -> None:
    given, is_done = threading.Event(), threading.Event()

    class OnASlowDisk(GivenFile):
        def read(self) -> tuple[bytes, str]:
            assert threading.current_thread() is not threading.main_thread()
            given.wait(WAIT_S)
            try:
                return super().read()
            finally:
                is_done.set()

    slow, quick = OnASlowDisk("slow.jpg", None, jpeg()), GivenFile("quick.jpg", None, jpeg(scene(seed=2)))
    strip = strip_of(bench)
    bench.window.photos.add(HILL, [slow, slow])
    assert strip.doing.text() == "Adding slow.jpg, 1 of 2"
    strip.cancel.click()
    bench.window.photos.add(HILL, [quick])
    given.set()
    assert is_done.wait(WAIT_S)
    bench.wait_for(lambda: photos(bench) and not bench.window.photos._waiting)
    bench.settle()
    (photo,) = photos(bench)
    told = asyncio.run(developed(blobs, quick.data)).result
    assert photo.digest == told["digest"]


def test_a_path_that_is_none_holds_up_no_other_file(bench: Bench, blobs: Blobs) -> None:
    files = [GivenFile("odd.jpg", Path("a\0b")), GivenFile("good.jpg", None, jpeg())]
    bench.window.photos.add(HILL, files)
    bench.wait_for(lambda: photos(bench) and not bench.window.photos._waiting)
    said = [toast.label.text() for toast in bench.window.toasts.shown]
    assert "Odd.jpg cannot be read" in said


def test_adding_is_cancelled_and_nothing_comes_of_it(bench: Bench, blobs: Blobs) -> None:
    heard: list[DevelopPhoto] = []

    def hold(asked: DevelopPhoto) -> Reply:
        heard.append(asked)
        return (
            Reply(0, result={"have": 0})
            if len(heard) < 3
            else Reply(0, (Refusal("X", "never told", "data"),))
        )

    bench.engine.answers[DevelopPhoto] = hold
    strip = strip_of(bench)
    bench.window.photos.add(HILL, [GivenFile("a.jpg", None, jpeg()), GivenFile("b.jpg", None, jpeg())])
    assert strip.doing.text() == "Adding a.jpg, 1 of 2"
    strip.cancel.click()
    assert strip._under_way.isHidden()
    bench.settle()
    assert not bench.window.photos._waiting
    assert not bench.window.toasts.shown
    assert not photos(bench)


def test_one_is_opened_in_large_and_arrows_and_escape_do_what_they_say(bench: Bench, blobs: Blobs) -> None:
    first, second, third = hang(bench, blobs, "Mast", "Door", ARABIC)
    strip, viewer = strip_of(bench), bench.window.photos.viewer
    strip.list.setFocus()
    strip.list.setCurrentRow(0)
    QTest.keyClick(strip.list, Qt.Key.Key_Return)
    assert viewer.isVisible()
    assert viewer.photo == first
    assert viewer.geometry() == bench.window.rect()
    bench.wait_for(lambda: bench.window.photos.album.picture(first.digest) is not None)
    for key, expected in (
        (Qt.Key.Key_Left, first),
        (Qt.Key.Key_Right, second),
        (Qt.Key.Key_End, third),
        (Qt.Key.Key_Right, third),
        (Qt.Key.Key_Home, first),
    ):
        QTest.keyClick(viewer, key)
        assert viewer.photo == expected
    QTest.keyClick(viewer, Qt.Key.Key_Escape)
    assert not viewer.isVisible()
    assert bench.window.selected == HILL, "the window did not step back"
    assert strip.list.hasFocus()


def test_a_caption_is_written_where_it_stands(bench: Bench, blobs: Blobs) -> None:
    (photo,) = hang(bench, blobs, "Mast")
    viewer = bench.window.photos.viewer
    bench.window.photos.open(photo.id)
    QTest.keyClick(viewer, Qt.Key.Key_F2)
    assert viewer.caption.hasFocus()
    viewer.caption.setText("typed and taken back")
    QTest.keyClick(viewer.caption, Qt.Key.Key_Escape)
    assert viewer.isVisible()
    assert viewer.caption.text() == "Mast"
    viewer.caption.setFocus()
    viewer.caption.setText(f"  {ARABIC} ")
    QTest.keyClick(viewer.caption, Qt.Key.Key_Return)
    bench.wait_for(lambda: photos(bench)[0].caption == ARABIC)
    bench.settle()
    viewer.close_it()
    strip = strip_of(bench)
    strip.list.setCurrentRow(0)
    QTest.keyClick(strip.list, Qt.Key.Key_F2)
    (field,) = strip.list.findChildren(QLineEdit)
    assert not bench.window.findChildren(QDialog), "F2 is about the photograph, and not about the site"
    assert field.text() == ARABIC
    field.setText("Door")
    QTest.keyClick(field, Qt.Key.Key_Return)
    bench.wait_for(lambda: photos(bench)[0].caption == "Door")
    assert [edit.title for edit in bench.engine.edits[1:]] == [
        "Change the caption of a photograph of Grünten"
    ] * 2


def test_one_is_taken_away_the_next_moves_up_and_undo_brings_it_back(bench: Bench, blobs: Blobs) -> None:
    first, second = hang(bench, blobs, "Mast", "Door")
    viewer = bench.window.photos.viewer
    bench.window.photos.open(first.id)
    QTest.keyClick(viewer, Qt.Key.Key_Delete)
    bench.wait_for(lambda: photos(bench) == [second])
    bench.settle()
    assert viewer.photo == second
    assert [toast.label.text() for toast in bench.window.toasts.shown][
        -1
    ] == "A photograph of Grünten deleted"
    bench.commands.undo()
    bench.wait_for(lambda: len(photos(bench)) == 2)
    bench.settle()
    assert [cell.photo for cell in strip_of(bench).cells] == [first, second]
    for _ in range(2):
        QTest.keyClick(viewer, Qt.Key.Key_Delete)
        bench.settle()
    bench.wait_for(lambda: not photos(bench))
    bench.settle()
    assert not viewer.isVisible(), "nothing is left to be looked at"


def test_delete_in_the_strip_takes_the_photograph_and_never_the_site(bench: Bench, blobs: Blobs) -> None:
    first, second = hang(bench, blobs, "Mast", "Door")
    strip = strip_of(bench)
    strip.list.setFocus()
    strip.list.setCurrentRow(1)
    QTest.keyClick(strip.list, Qt.Key.Key_Delete)
    bench.wait_for(lambda: photos(bench) == [first])
    bench.settle()
    assert not bench.window.findChildren(QDialog)
    assert second not in [cell.photo for cell in strip.cells]


def test_a_site_is_deleted_with_its_photographs_and_a_device_too(bench: Bench, blobs: Blobs) -> None:
    hang(bench, blobs, "Router", device=ROUTER)
    bench.commands.delete_devices([ROUTER])
    bench.wait_for(lambda: not photos(bench))
    bench.settle()
    bench.commands.undo()
    bench.wait_for(lambda: len(photos(bench)) == 1)


def test_a_picture_that_is_not_here_says_so_and_comes_later(
    bench: Bench, blobs: Blobs, tmp_path: Path
) -> None:
    (photo,) = hang(bench, blobs, "Mast")
    away = tmp_path / "away"
    (tmp_path / "pictures" / photo.digest).rename(away)
    tell_team(bench)
    desk = bench.window.photos
    desk.open(photo.id)
    bench.wait_for(lambda: photo.digest in desk.album._absent)
    assert desk.album.why_not_here() == "On its way from the team"
    tell_team(bench, reachability="offline")
    assert desk.album.why_not_here() == "Not here yet: it comes when the team's server is heard"
    away.rename(tmp_path / "pictures" / photo.digest)
    bench.wait_for(lambda: desk.album.picture(photo.digest) is not None)


def test_who_may_not_change_the_network_looks_and_does_nothing(
    bench: Bench, blobs: Blobs, tmp_path: Path
) -> None:
    (photo,) = hang(bench, blobs, "Mast")
    tell_team(bench, "viewer")
    strip, viewer = strip_of(bench), bench.window.photos.viewer
    assert not strip.add.isEnabled()
    assert "viewer" in strip.add.toolTip()
    path = tmp_path / "mast.jpg"
    path.write_bytes(jpeg())
    assert not drop(strip, files(path))
    strip.list.setCurrentRow(0)
    QTest.keyClick(strip.list, Qt.Key.Key_Delete)
    QTest.keyClick(strip.list, Qt.Key.Key_F2)
    assert not strip.list.findChildren(QLineEdit)
    bench.window.photos.open(photo.id)
    QTest.keyClick(viewer, Qt.Key.Key_Delete)
    assert viewer.caption.isReadOnly()
    assert not viewer.delete.isEnabled()
    bench.window.select(id_of("Lindau"))
    assert strip.empty.text() == NO_PHOTO_READ
    bench.settle()
    assert photos(bench) == [photo]


def test_what_the_server_has_not_confirmed_is_marked_and_the_menu_offers_all(
    bench: Bench, blobs: Blobs
) -> None:
    first, second = hang(bench, blobs, "Mast", "Door")
    tell_team(bench, pending=1, pending_things=(("photo", second.id),))
    strip = strip_of(bench)
    assert [cell.is_pending for cell in strip.cells] == [False, True]
    assert "Not confirmed by the server yet" in strip.list.item(1).toolTip()
    bench.window.photos.open(second.id)
    assert "Not confirmed by the server yet" in bench.window.photos.viewer.origin.text()
    bench.window.photos.viewer.close_it()
    bench.model.merge(Changed(100, engine=None))
    at = strip.list.viewport().mapToGlobal(strip.list.visualItemRect(strip.list.item(0)).center())
    strip.contextMenuEvent(QContextMenuEvent(QContextMenuEvent.Reason.Mouse, strip.mapFromGlobal(at), at))
    (menu,) = [one for one in strip.findChildren(QMenu) if one.isVisible()]
    offered = {action.text(): action.isEnabled() for action in menu.actions() if action.text()}
    assert offered == {"Open": True, "Write caption": True, "Delete": True, "Add…": True, "Paste": False}
    menu.close()
    assert first.caption == "Mast"
    assert QApplication.activePopupWidget() is None
