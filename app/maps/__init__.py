"""The user's own maps in the window: the list, what they cover, adding and cutting. Counterpart: `engine/maps/`.

One rule: no file is opened here; the engine reads it and says what it is.
"""
