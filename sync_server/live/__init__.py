"""The live line of a team: one WebSocket an install, `/api/v1/live`. Counterpart: `engine/sync/`; `domain/sync.py`, the messages.

    door.py       who comes in: the socket, Hello, Welcome
    line.py       one connection: what it may send how fast, what waits to be sent to it
    doing.py      what an install asks that takes the database
    room.py       the lines of a tenant, and what is told to all of them at once
    hub.py        the rooms of this process, and what is heard from the database
    reading.py    what somebody is told: touched since, as it is now
    shelf.py      pages that several are told, read once
    sifting.py    what is taken of what an install told; folding.py, alerts brought to it
    intake.py     what installs told, written together
    pushing.py    edits that installs pushed, merged
    presence.py   who is there, and who judges for the team
    map_door.py   who comes to look at the map in a browser; map_room.py, what those who look are told
    map_state.py  the map as somebody sees it, and what differs; map_fates.py, what is a cause and what lies behind one

One rule: what is told is read as whom it is told to; nothing is acknowledged that is not on disk.
"""
