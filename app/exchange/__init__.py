"""Files of other programs, in and out: what an import would change, what an export holds.

Counterpart: `engine/imports/` reads and writes them. One rule: no file is understood here; it is bytes, there and back.
"""
