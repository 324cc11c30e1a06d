"""Radio paths in the window: budget, profile, terrain.

Counterpart: `domain/radio_budget.py`. One rule: the engine knows the ground; what follows is worked out here as one types.
"""
