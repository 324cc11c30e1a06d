"""Photographs of sites and devices in the window: the strip, one in large, adding. Counterpart: `domain/photo.py`.

One rule: no file is decoded here; the engine makes a picture of it, and what is shown is what the engine has made.
"""
