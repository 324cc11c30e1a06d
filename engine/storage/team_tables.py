"""The tables that a team's folder has beside the schema, and no other: own edits, the tray. Counterpart: `team.py` fills them.

One rule: a database without them is no team's; they are made when a team is joined, and a migration changes them where they are.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

from engine.storage.types import Id, Plain

CURSOR = "cursor"
team_metadata = MetaData()
own_edit = Table(
    "own_edit",
    team_metadata,
    Column("id", Id, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("body", Plain, nullable=False),
)
tray = Table(
    "tray",
    team_metadata,
    Column("id", Id, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("body", Plain, nullable=False),
)
LIVING = ("pending", "again", "accepted")
"""States of edits that the server has not confirmed here."""
TEAM = "team"
"""Under which name a folder knows of its team."""
