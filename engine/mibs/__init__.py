"""Names for OIDs: standard MIBs that come along, and the user's own files. Counterpart: `domain/mib.py`, what is told of them.

Theory: a module is facts (`facts.py`), whether it came along (`standard.py`) or was read from a user's ASN.1 text by pysmi
(`reader.py`, in a process of its own that `reading.py` watches over). All modules together are a tree (`tree.py`) that knows
what a value means (`values.py`); `library.py` keeps the one that is in force, and `walk.py` asks a device for a subtree.
One rule: nothing here is loaded before somebody asks, and no text of a user's is ever executed.
"""
