"""The window's discovery: what is looked for, what is under way, what was found and what people make of it.

Counterpart: `engine/discovery`, which looks. One rule: nothing is added here but by an edit that a person sent.
"""
