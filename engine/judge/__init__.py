"""What observations add up to: health, links, alerts, facts. Counterpart: `monitor/` observes, `compose.py` passes it on.

One rule: everything here is a fold over values with time as an argument; a change leaves as one `Outcome`.
"""
