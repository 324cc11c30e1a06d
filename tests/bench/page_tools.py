"""What a page's own code cannot tell: heaps with those of its workers, the CPU of all that draws it. And a hand that pans it.

Counterpart: `bench_map.py`. Chromium's debugging protocol is spoken over the port that `open_door` has it listen at, on
loopback, in a thread of its own: the browser answers in ours. One rule: nothing here is part of the product.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import urllib.request
from typing import Any

import psutil
from websockets.sync.client import connect

PAN_S = 4
PAN = """
(async (seconds) => {
  const canvas = document.querySelector('.maplibregl-canvas');
  const say = (target, type, x, y) => target.dispatchEvent(new MouseEvent(type,
    {bubbles: true, cancelable: true, view: window, clientX: x, clientY: y, button: 0, buttons: type === 'mouseup' ? 0 : 1}));
  const since = performance.now();
  const gaps_ms = [];
  let last = since;
  say(canvas, 'mousedown', 640, 400);
  while (last - since < seconds * 1000) {
    const now = await new Promise(requestAnimationFrame);
    gaps_ms.push(now - last);
    last = now;
    say(document, 'mousemove', 640 + 300 * Math.sin((now - since) / 500), 400 + 150 * Math.sin((now - since) / 900));
  }
  say(document, 'mouseup', 640, 400);
  globalThis.panned_ms = gaps_ms.slice(1);
})(%d); 0
"""
"""Drags the map to and fro for some seconds; `panned_ms` is the time between the page's frames."""


def open_door() -> int:
    """Have Chromium listen on a free port of loopback; to be called before it starts."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = int(found.getsockname()[1])
    os.environ["QTWEBENGINE_REMOTE_DEBUGGING"] = f"127.0.0.1:{port}"
    return port


def cpu_s() -> float:
    """Return the seconds of a core that this process and those it started have spent: Python, what draws, the page's process."""
    spent_s = 0.0
    for process in (own := psutil.Process(), *own.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent_s += times.user + times.system
    return spent_s


def heaps_mb(port: int) -> list[float]:
    """Return the used JavaScript heap of the one page that is there, then of each of its workers. Not in the window's thread."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=20) as told:
        pages = [row for row in json.load(told) if row["type"] == "page"]
    with connect(pages[-1]["webSocketDebuggerUrl"], max_size=None, origin=None) as line:
        number = 0

        def ask(method: str, session: str = "", **params: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
            nonlocal number
            number += 1
            said = {"id": number, "method": method, "params": params}
            line.send(json.dumps(said | ({"sessionId": session} if session else {})))
            events = []
            while True:
                heard = json.loads(line.recv(timeout=20))
                if heard.get("id") == number:
                    return heard.get("result", {}), events
                events.append(heard)

        _, events = ask("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=False, flatten=True)
        sessions = [e["params"]["sessionId"] for e in events if e["method"] == "Target.attachedToTarget"]
        used = [ask("Runtime.getHeapUsage", session)[0]["usedSize"] for session in ("", *sessions)]
    return [round(bytes_ / 1e6, 1) for bytes_ in used]
