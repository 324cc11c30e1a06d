"""Pages of one's own account: sessions, password, authenticator. Counterpart: `api/account.py`.

One rule: what protects the account is changed with its password in the form.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

import segno

from sync_server.admin.entry import check_twice
from sync_server.admin.forms import Form
from sync_server.admin.pages import Pages, Said
from sync_server.api import account
from sync_server.api.routes import Call

pages = Pages()
MARGIN = 4
"""Empty squares around a QR code."""


@pages.page("/admin/account", "account.html", allow="signed in", of="either")
async def show_account(call: Call) -> dict[str, Any]:
    """The own account."""
    row = await call.transaction.fetchrow("SELECT * FROM identity.find_account()")
    return {
        "login": row["login"] if row is not None else "",
        "totp_on": row is not None and row["totp_on"],
        "sessions": await account.list_sessions(call),
    }


@pages.act("/admin/account/sessions/{id}/end", allow="signed in", on=show_account, of="either")
async def end_session(call: Call, form: Form, id: UUID) -> Said:
    """End one of the own sessions."""
    await account.end_session(call, id)
    return Said("The session has ended.")


@pages.act("/admin/account/password", allow="signed in", on=show_account, of="either", limit="auth")
async def change_password(call: Call, form: Form) -> Said:
    """Change the own password."""
    check_twice(form, "new")
    call.body = form.body(account.NewPassword, old=form.text("old"), new=form.text("new"))
    await account.change_password(call)
    return Said("The password is changed; your other sessions have ended.")


@pages.act("/admin/account/authenticator", allow="signed in", on=show_account, of="either", limit="auth")
async def begin(call: Call, form: Form) -> Said:
    """Begin with an authenticator."""
    call.body = form.body(account.Proof, password=form.text("password"))
    begun = await account.begin_totp(call)
    once = {"authenticator": begun, "picture": picture_of(begun.uri)}
    return Said("Show this to your authenticator, then type the code that it shows.", once)


class Picture(NamedTuple):
    """A QR code as an SVG draws it: the width of its square, and the path of what is dark."""

    size: int
    path: str


def picture_of(text: str) -> Picture:
    """Return a text as a QR code, with the margin that cameras need."""
    rows = segno.make(text, error="m").matrix
    places = ((x, y) for y, row in enumerate(rows, MARGIN) for x, dark in enumerate(row, MARGIN) if dark)
    return Picture(len(rows) + 2 * MARGIN, "".join(f"M{x} {y}h1v1h-1z" for x, y in places))


@pages.act(
    "/admin/account/authenticator/confirm", allow="signed in", on=show_account, of="either", limit="auth"
)
async def confirm(call: Call, form: Form) -> Said:
    """Turn the authenticator on."""
    call.body = form.body(account.Code, code=form.text("code"))
    made = await account.confirm_totp(call)
    return Said("The authenticator is on. Keep these codes for the day it is lost.", {"codes": made.codes})


@pages.act(
    "/admin/account/authenticator/remove", allow="signed in", on=show_account, of="either", limit="auth"
)
async def remove(call: Call, form: Form) -> Said:
    """Take the authenticator away."""
    call.body = form.body(account.Proof, password=form.text("password"), code=form.text("code"))
    await account.remove_totp(call)
    return Said("The authenticator is gone.")
