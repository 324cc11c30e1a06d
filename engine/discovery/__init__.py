"""Looks for what is on the network and in no inventory: sweep, walk, MNDP, and the queue of what they saw.

Counterpart: `domain/finding.py`, what a find is; `engine/operations.py` runs a sweep and a walk. Nobody is ever logged in to, but
with the credentials that were given for it. One rule: what is found waits in the queue for a person; nothing is added silently.
"""
