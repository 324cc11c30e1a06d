"""The sync server: what a team shares. Counterpart: engines that push and pull, browsers, programs with an API key.

One rule: a tenant's rows are read and written only in a transaction that says which tenant, and that comes from a verified
token (`security/`), never from what a request claims.
"""
