"""Telemetry that other systems push, over HTTP and MQTT, through one pipeline. Counterpart: `ingest.py`, which it ends in."""
