"""The tables that a team's folder has beside the schema, and no other: own edits, the tray, charts that were seen.

Counterparts: `team.py` and `seen_series.py` fill them.
One rule: a database without them is no team's; those that are lacking are made when the folder is opened, and a migration
changes them where they are.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

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
seen_series = Table(
    "seen_series",
    team_metadata,
    Column("key", Integer, primary_key=True),
    Column("device_id", Id, nullable=False),
    Column("metric", Integer, nullable=False),
    Column("instance", Text, nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("seen_series_of", "device_id", "metric", "instance"),
)
LIVING = ("pending", "again", "accepted")
"""States of edits that the server has not confirmed here."""
TEAM = "team"
"""Under which name a folder knows of its team."""
AUDIENCES = "audiences"
"""Under which name it knows who is to open which credential, until the server knows it."""
