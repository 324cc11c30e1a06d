"""Who is asking, and may they: passwords, one-time codes, tokens, sessions, keys, limits. Counterpart: `sync_server/api/`.

One rule: nothing in here logs, shows or raises a password, a token or a key.
"""
