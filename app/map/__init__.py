"""The map: a sealed web page in the window. Counterpart: `map_assets/`, the page itself.

One rule: JavaScript is a foreign country. What comes from it is checked in `bridge.py` before anybody believes it.
"""
