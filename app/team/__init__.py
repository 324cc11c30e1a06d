"""The team in the window: whose network this is, how it stands with its server, who is there, what was not applied.

Counterpart: `domain/team.py`; the engine's `sync/` does it, these show it and ask for it.
"""
