"""What the engine keeps: one SQLite file per tenant on a laptop, the same schema on PostGIS. Counterpart: `migrations/`.

One rule: nothing else in the engine knows SQL.
"""

from engine.storage.batch import Batch, CycleRow, DeviceThen, LinkThen, Loaded
from engine.storage.errors import StorageFailed, StorageRefused
from engine.storage.past import Mark, Past
from engine.storage.store import Store
from engine.storage.thread import StoreThread

__all__ = [
    "Batch",
    "CycleRow",
    "DeviceThen",
    "LinkThen",
    "Loaded",
    "Mark",
    "Past",
    "StorageFailed",
    "StorageRefused",
    "Store",
    "StoreThread",
]
