"""What storage says when it cannot do its work. Counterpart: `compose` shows the sentence, the store never alters the file.

One rule: a message names the file, says what was found and what the user can do.
"""

from __future__ import annotations


class StorageRefused(Exception):
    """A database is not opened: damaged, newer than this program, not ours, locked. It is kept as it is."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class StorageFailed(Exception):
    """The disk did not do what was asked (full, gone, damaged while open). Nothing of the transaction is kept."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
