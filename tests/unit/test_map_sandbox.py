"""When Chromium's sandbox stays on, and which flags it gets."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from app.map import sandbox


def test_whoever_asks_for_it_runs_without_the_sandbox() -> None:
    assert "asks for it" in (sandbox.sandbox_obstacle({"HELIOGRAPH_NO_SANDBOX": "1"}) or "")
    assert "asks for it" in (sandbox.sandbox_obstacle({}, ["heliograph", "--no-sandbox"]) or "")


def test_an_ordinary_user_with_namespaces_keeps_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sandbox, "_namespaces_work", lambda: True)
    assert sandbox.sandbox_obstacle({}) is None


def test_root_and_a_user_without_namespaces_are_told_why_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "root" in (sandbox.sandbox_obstacle({}) or "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sandbox, "_namespaces_work", lambda: False)
    assert "apparmor_restrict_unprivileged_userns" in (sandbox.sandbox_obstacle({}) or "")


def test_windows_and_macos_are_never_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "geteuid", raising=False)
    monkeypatch.delattr(os, "fork", raising=False)
    for platform in ("win32", "darwin"):
        monkeypatch.setattr(sys, "platform", platform)
        assert sandbox.sandbox_obstacle({}) is None
        assert sandbox.chromium_flags({}, None) == list(sandbox.QUIET_FLAGS)


def test_the_probe_leaves_this_process_as_it_was() -> None:
    namespace = Path("/proc/self/ns/user")
    before = namespace.readlink() if namespace.exists() else None
    assert sandbox._namespaces_work() in (True, False)
    assert before is None or namespace.readlink() == before


def test_the_sandbox_is_switched_off_only_with_an_obstacle() -> None:
    assert "--no-sandbox" not in sandbox.chromium_flags({}, None)
    assert "--no-sandbox" in sandbox.chromium_flags({}, "root")


def test_chromium_calls_nobody_and_draws_in_software_off_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    flags = sandbox.chromium_flags({"QT_QPA_PLATFORM": "offscreen"}, None)
    assert {"--disable-background-networking", "--disable-gpu-compositing"} <= set(flags)
