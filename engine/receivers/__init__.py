"""What devices send unasked, SNMP notifications and syslog, becomes rows of the journal. Counterpart: `domain/receiving.py`.

Theory: anybody may send to an open port, and most of what comes is a repetition. So a message goes through `flood.py` (what a
sender may send) before it is read, then `senders.py` says whose it is; a device's becomes a journal row, a stranger's goes to
`quarantine.py`. Nothing here waits and nothing grows above its cap: the loop is the one that polls.

All versions of SNMP are read by our own codec, which polls with it already. pysnmp would cost a second and 30 MB to load,
reads some 400 notifications a second where ours reads tens of thousands, and works in the loop while it does; it sends in the
tests, as the foreign peer that ours is held against.
One rule: what a message says is data for the journal; all that it may set in motion is a probe of its own device.
"""

from __future__ import annotations

from engine.receivers.receivers import Receivers

__all__ = ["Receivers"]
