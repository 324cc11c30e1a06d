"""The user's own maps: PMTiles files checked, kept in order, cut. Counterpart: `domain/maps.py`, what is asked of them.

One rule: a foreign file is read by a process of its own (`worker.py`); the engine's process hears what it holds.
"""
