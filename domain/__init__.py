"""What Heliograph's programs mean to each other: the vocabulary of window, engine and sync server.

Pure: no IO, no clock, no randomness, no Qt, no database. Time and chance are arguments.
"""
