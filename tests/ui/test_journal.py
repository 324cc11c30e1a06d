"""What a journal row says in words: what devices sent, and what was done to the vault."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from app.panels.journal import words_of
from domain.journal import JournalRow, RowKind
from tests.ui.fake_engine import VANTAGE

SAID_ELSEWHERE = {"alert_opened", "alert_cleared"}
"""A status row stands beside each."""


def row(kind: Any, **body: Any) -> JournalRow:
    return JournalRow(VANTAGE, 1, 1, kind, None, body)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (row("trap", text="linkDown: ether3", oid="1.3"), "Trap: linkDown: ether3"),
        (row("trap", oid="1.3.6.1"), "Trap: 1.3.6.1"),
        (row("syslog", text="login failure", app="sshd"), "Syslog, sshd: login failure"),
        (row("syslog", text="<b>link</b>"), "Syslog: <b>link</b>"),
        (row("messages_dropped", count=1, senders=[]), "1 message dropped: more than may be sent"),
        (
            row("messages_dropped", count=1500, senders=[[f"10.0.0.{n}", 300] for n in range(5)], more=0),
            "1,500 messages dropped: more than may be sent "
            "(300 from 10.0.0.0, 300 from 10.0.0.1, 300 from 10.0.0.2)",
        ),
        (row("messages_dropped", count="many", senders=[7]), "0 messages dropped: more than may be sent"),
        (row("operation_started", title="Sweep of 10.0.0.0/24"), "Began: Sweep of 10.0.0.0/24"),
        (row("operation_ended", title="Sweep", state="interrupted"), "Interrupted: Sweep"),
        (row("operation_ended", title="Sweep", state="done", words="12 found"), "Done: Sweep (12 found)"),
        (row("operation_ended", title="Sweep", state="failed", words=""), "Failed: Sweep"),
        (row("vault_locked", reason="asked for"), "The vault was locked: asked for"),
        (row("vault_unlocked", place="password"), "The vault was unlocked"),
        (
            row("keys_rotated", place="file", secrets=12),
            "New keys in the place “file”: 12 secrets sealed anew",
        ),
    ],
)
def test_a_row_says_what_happened(told: JournalRow, said: str) -> None:
    assert words_of(told) == said


@pytest.mark.parametrize("kind", sorted(set(get_args(RowKind)) - SAID_ELSEWHERE))
def test_no_kind_of_row_is_silent(kind: RowKind) -> None:
    assert words_of(row(kind, status="up"))
