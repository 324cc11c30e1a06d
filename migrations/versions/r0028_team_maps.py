"""Maps that a team shares; on PostgreSQL their bytes are kept and given as those of pictures are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.storage.types import Id, Plain
from migrations.building import check, column, index, make, text
from migrations.guards import guard, on_postgres

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# A map lies at no site: who sees sites sees the maps of the team, and so what they are made of. A picture keeps its cap.
_BYTES = """
    ALTER TABLE sync.picture ADD COLUMN kind text NOT NULL DEFAULT 'picture' CHECK (kind IN ('picture', 'map'));
    ALTER TABLE sync.picture DROP CONSTRAINT picture_size_check;
    ALTER TABLE sync.picture ADD CONSTRAINT picture_size_check
        CHECK (size BETWEEN 1 AND CASE kind WHEN 'map' THEN 2146435072 ELSE 8388608 END);
    ALTER POLICY within_reach ON sync.picture USING ((SELECT reached_sites() IS NULL)
        OR EXISTS (SELECT FROM diagram g WHERE g.background = digest AND g.site_id = ANY ((SELECT reached_sites())::uuid[]))
        OR EXISTS (SELECT FROM photo h WHERE h.digest = picture.digest OR h.thumb = picture.digest)
        OR EXISTS (SELECT FROM team_map m WHERE m.digest = picture.digest));
    ALTER POLICY within_reach ON sync.picture_piece USING ((SELECT reached_sites() IS NULL)
        OR EXISTS (SELECT FROM diagram g WHERE g.background = digest AND g.site_id = ANY ((SELECT reached_sites())::uuid[]))
        OR EXISTS (SELECT FROM photo h WHERE h.digest = picture_piece.digest OR h.thumb = picture_piece.digest)
        OR EXISTS (SELECT FROM team_map m WHERE m.digest = picture_piece.digest));
    ALTER TABLE sync.touched DROP CONSTRAINT touched_kind_check;
    ALTER TABLE sync.touched ADD CONSTRAINT touched_kind_check CHECK (kind IN ('site', 'credential', 'device', 'link', 'rule',
        'maintenance', 'ignored', 'diagram', 'spot', 'drawing', 'photo', 'team_map', 'alert', 'health', 'link_state', 'fact'))
"""

# As it was, and what a map of the team is made of is in use; a map that was taken back goes after a day, not after a month. What
# goes is marked first, nothing of it is there any more, and then its pieces go, 64 MB of them in one transaction.
_PRUNE = """
    CREATE OR REPLACE FUNCTION sync.prune_pictures(past uuid, at_us bigint, kept_us bigint, part_us bigint, at_most integer,
        OUT org uuid, OUT dropped integer, OUT is_more boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = sync, public, pg_temp AS $$
    DECLARE noted integer; marked integer := 0; pieces integer := 0;
    BEGIN
        dropped := 0;
        SELECT tenant_id INTO org FROM picture WHERE tenant_id > past ORDER BY tenant_id LIMIT 1;
        IF NOT FOUND THEN RETURN; END IF;
        PERFORM set_config('heliograph.tenant', org::text, true);
        UPDATE picture SET used_us = at_us WHERE (tenant_id, digest) IN (SELECT p.tenant_id, p.digest FROM picture p
            WHERE p.tenant_id = org AND p.is_whole AND p.used_us NOT BETWEEN at_us - 86400000000 AND at_us
            AND (EXISTS (SELECT FROM diagram g WHERE g.background = p.digest)
                OR EXISTS (SELECT FROM photo h WHERE h.digest = p.digest)
                OR EXISTS (SELECT FROM photo h WHERE h.thumb = p.digest)
                OR EXISTS (SELECT FROM team_map m WHERE m.digest = p.digest)) LIMIT at_most FOR UPDATE SKIP LOCKED);
        GET DIAGNOSTICS noted = ROW_COUNT;
        IF noted < at_most THEN
            UPDATE picture SET have = 0, is_whole = false WHERE (tenant_id, digest) IN (SELECT p.tenant_id, p.digest
                FROM picture p WHERE p.tenant_id = org AND p.have > 0
                AND p.used_us < at_us - CASE WHEN p.is_whole AND p.kind = 'picture' THEN kept_us ELSE part_us END
                AND NOT (p.is_whole AND (EXISTS (SELECT FROM diagram g WHERE g.background = p.digest)
                    OR EXISTS (SELECT FROM photo h WHERE h.digest = p.digest)
                    OR EXISTS (SELECT FROM photo h WHERE h.thumb = p.digest)
                    OR EXISTS (SELECT FROM team_map m WHERE m.digest = p.digest)))
                LIMIT at_most FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS marked = ROW_COUNT;
            DELETE FROM picture_piece WHERE (tenant_id, digest, start) IN (SELECT c.tenant_id, c.digest, c.start FROM picture p
                JOIN picture_piece c USING (tenant_id, digest) WHERE p.tenant_id = org AND p.have = 0 LIMIT 256);
            GET DIAGNOSTICS pieces = ROW_COUNT;
            DELETE FROM picture p WHERE p.tenant_id = org AND p.have = 0
                AND NOT EXISTS (SELECT FROM picture_piece c WHERE c.tenant_id = org AND c.digest = p.digest);
            GET DIAGNOSTICS dropped = ROW_COUNT;
        END IF;
        is_more := at_most IN (noted, marked) OR pieces = 256;
        PERFORM set_config('heliograph.tenant', '', true);
    END $$
"""


def upgrade() -> None:
    """Go to this revision."""
    make(
        "team_map",
        column("id", Id),
        text("name"),
        text("digest"),
        column("size_bytes", sa.BigInteger),
        text("schema"),
        column("min_zoom", sa.Integer),
        column("max_zoom", sa.Integer),
        column("bounds", Plain),
        column("added_us", sa.BigInteger),
        text("author"),
        sa.Column("sharer", Id),
        check("team_map", "name", "length(name) BETWEEN 1 AND 120"),
        check("team_map", "size_bytes", "size_bytes BETWEEN 1 AND 2146435072"),
        check("team_map", "schema", "schema IN ('protomaps', 'openmaptiles', 'shortbread', 'raster')"),
        key=["id"],
    )
    index("team_map", "digest")
    if on_postgres():
        guard("team_map")
        op.execute(_BYTES)
        op.execute(_PRUNE)
