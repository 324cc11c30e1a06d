"""Heights of the ground: read from the user's files by a process of its own, kept as tiles, asked along paths.

Counterpart: `domain/terrain.py`. Decision 0006 says how files are read.

One rule: no request for terrain ever leaves this computer.
"""
