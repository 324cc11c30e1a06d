"""The headless half: polls, judges, stores, and tells whoever asks at its endpoint. Counterpart: `app/`, the window.

One rule: `compose.py` builds every long-lived object once; nothing else in here is global.
"""

VERSION = "0.1.0"
