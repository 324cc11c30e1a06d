"""Whether Chromium's sandbox can run here, and which flags it needs. Counterpart: `scheme.prepare_web_engine`.

Theory: on Linux the sandbox stands on user namespaces, which root, many containers and AppArmor's restriction of
Ubuntu 24.04 rule out; Chromium then aborts at start instead of showing a map. So this process tries one, in a child of
its own (same user, same confinement), and only where that fails is the sandbox left off, with the reason logged.
One rule: on a user's ordinary machine nothing is switched off. See docs/decisions/0002-web-engine-sandbox.md.
"""

from __future__ import annotations

import ctypes
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

NO_SANDBOX_VARIABLE = "HELIOGRAPH_NO_SANDBOX"
QUIET_FLAGS = (
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
"""Chromium has nothing to look up and nobody to call."""
SOFTWARE_FLAGS = ("--ignore-gpu-blocklist", "--disable-gpu-compositing", "--enable-unsafe-swiftshader")
"""Without a graphics device: WebGL 2 in software, and a window that is not blank. All content is our own."""

_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000


def sandbox_obstacle(environ: Mapping[str, str], argv: Sequence[str] = ()) -> str | None:
    """Return why Chromium's sandbox cannot run in this process, or None where it can."""
    if environ.get(NO_SANDBOX_VARIABLE) == "1" or "--no-sandbox" in argv:
        return f"{NO_SANDBOX_VARIABLE}=1 or --no-sandbox asks for it"
    if sys.platform != "linux":
        return None
    if os.geteuid() == 0:
        return "this is root, whom Chromium's sandbox refuses"
    if not _namespaces_work():
        return (
            "this user may not create user namespaces (a container, or AppArmor's restriction of Ubuntu 24.04; "
            "see kernel.apparmor_restrict_unprivileged_userns)"
        )
    return None


def chromium_flags(environ: Mapping[str, str], obstacle: str | None) -> list[str]:
    """Return Chromium's flags for this machine; `obstacle` is why the sandbox cannot run, None where it can."""
    flags = list(QUIET_FLAGS)
    if obstacle is not None:
        flags.append("--no-sandbox")
    if sys.platform == "linux" and not _has_graphics_device(environ):
        flags += SOFTWARE_FLAGS
    return flags


def _has_graphics_device(environ: Mapping[str, str]) -> bool:
    if environ.get("QT_QPA_PLATFORM", "").split(":")[0] in ("offscreen", "minimal"):
        return False
    return any(Path("/dev/dri").glob("renderD*"))


def _namespaces_work() -> bool:
    """Try in a child what Chromium's zygote does: a user namespace, and inside it one that needs its capabilities."""
    if sys.platform != "linux":
        return True
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    with (
        warnings.catch_warnings()
    ):  # Python 3.12 warns of threads; the child makes three system calls and no Python object
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        failed = unshare(_CLONE_NEWUSER) != 0 or unshare(_CLONE_NEWPID | _CLONE_NEWNET) != 0
        os._exit(1 if failed else 0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0
