"""What devices send unasked, SNMP notifications and syslog, becomes rows of the journal. Counterpart: `domain/receiving.py`.

Theory: anybody may send to an open port, and most of what comes is a repetition. So a message goes through `flood.py` (what a
sender may send) before it is read, then `senders.py` says whose it is; a device's becomes a journal row, a stranger's goes to
`quarantine.py`. Nothing here waits and nothing grows above its cap: the loop is the one that polls.

All versions of SNMP are read by the codec that polls with it already. pysnmp reads 940 traps a second where ours reads and files
20,000, works in the loop while it does, and takes its datagrams from a socket of its own, where no cap comes before it; it
sends in the tests, as the foreign peer that ours is held against (docs/decisions/0003).
One rule: what a message says is data for the journal; all that it may set in motion is a probe of its own device.
"""

from __future__ import annotations

from engine.receivers.receivers import Receivers

__all__ = ["Receivers"]
