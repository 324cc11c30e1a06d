"""What the menus of RouterOS 6 and 7 say, one file a subject. Counterpart: `drivers/mikrotik.py`, which gives them their turns.

One rule: a row that lacks something is used for what it has; what makes no sense is left out.
"""
