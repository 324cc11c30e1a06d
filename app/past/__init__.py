"""The time machine: the window on a moment of the past, while what is now goes on underneath. Counterpart: `engine/moments.py`.

One rule: whatever is not live says so, and one key leaves it.
"""
