"""Finding anything by a typed text. Counterpart: `dialogs/palette.py`, which shows what is found.

One rule: what is searched is kept ready while things change, so that a key stroke only looks.
"""
