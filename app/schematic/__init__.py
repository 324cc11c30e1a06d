"""The network on paper: the second view of the one map. Counterpart: `map_assets/src/paper.js`, which draws on the page.

One rule: status, load and selection come from the same mirror as on the map; only places differ.
"""
