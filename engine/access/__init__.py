"""Ways for people to devices: tunnels. Counterpart: `domain/tunnels.py`, the words; `transport/`, the sockets.

One rule: bytes pass and are counted; they are looked at, logged or kept nowhere.
"""
