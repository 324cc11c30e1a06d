"""A fleet of simulated routers that speak their real protocols on loopback.

Counterpart: the engine, which must not be able to tell it from a network. One rule: nothing of the engine or the
window is imported here; every codec is written a second time, so that a mistake of one side is seen by the other.
"""
