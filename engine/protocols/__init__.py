"""Bytes <-> meaning. Counterpart: `transport/` carries the bytes, `drivers/` know what to ask.

One rule: nothing here waits, opens, or looks at a clock, and nothing but `domain` is imported: a reply that breaks its
protocol or a cap is a `BadReply`, whatever the bytes.
"""
