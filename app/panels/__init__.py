"""What surrounds the map: tree, alerts, device panel, top bar. Counterpart: `model.py`, which they show.

One rule: a panel reads the mirror and calls a command; it never changes anything itself.
"""
