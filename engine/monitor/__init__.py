"""When and whom to ask, and what came of it. Counterpart: `drivers/` below; `compose.py` gives it its callbacks.

One rule: nothing here judges; an answer or a failure goes out as an `Observation`, whatever it may mean.
"""
