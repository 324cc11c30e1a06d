"""The recipe of the offline basemap: public packages in, one PMTiles file out.

Counterpart: `map_assets/basemap/world.pmtiles`, which this package builds, and the map's style, which draws it.
Rule: every fact comes from a package of PyPI, npm or Debian; nothing here is needed at run time.
"""
