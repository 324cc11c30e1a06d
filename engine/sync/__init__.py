"""How an engine keeps step with its team's server: what it holds, sends and takes (`session.py`, pure), and its journal."""
