"""The network as a whole: links that devices tell of, contradictions, what if, single points of failure.

Counterpart: `engine/judge/evidence.py` and `engine/inquiries.py`. One rule: what is told or imagined is never shown as drawn.
"""
