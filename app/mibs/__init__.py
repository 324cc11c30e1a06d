"""The MIB browser: names for OIDs, what is known of them, and what a device has there. Counterpart: `domain/mib.py`."""
