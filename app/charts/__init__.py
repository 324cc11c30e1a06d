"""Numbers over time as curves. Counterpart: `domain/metrics.py` names them, the engine's `QuerySeries` delivers them."""
