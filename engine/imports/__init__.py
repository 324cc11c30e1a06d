"""Files of other programs, read and written: GeoJSON, KML and KMZ, GraphML, CSV. Counterpart: `domain/exchanging.py`.

One rule: a file is bytes with a cap until a reader has made records of it, and records are text until the plan has checked them.
"""

from engine.imports.exchange import Exchange

__all__ = ["Exchange"]
