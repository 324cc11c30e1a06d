"""Photographs of sites and devices; on PostgreSQL their pictures are kept and given as those of diagrams are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.storage.types import Id
from migrations.building import check, column, index, make, owned, text
from migrations.guards import guard, on_postgres

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# Who reaches some sites only has to do with what hangs at them and at their devices, and with the pictures of that.
_REACH = """
    CREATE POLICY within_reach ON photo AS RESTRICTIVE TO heliograph_requests
        USING ((SELECT reached_sites() IS NULL) OR site_id = ANY ((SELECT reached_sites())::uuid[])
            OR EXISTS (SELECT FROM device d WHERE d.id = device_id));
    ALTER POLICY within_reach ON sync.picture USING ((SELECT reached_sites() IS NULL)
        OR EXISTS (SELECT FROM diagram g WHERE g.background = digest AND g.site_id = ANY ((SELECT reached_sites())::uuid[]))
        OR EXISTS (SELECT FROM photo h WHERE h.digest = picture.digest OR h.thumb = picture.digest));
    ALTER POLICY within_reach ON sync.picture_piece USING ((SELECT reached_sites() IS NULL)
        OR EXISTS (SELECT FROM diagram g WHERE g.background = digest AND g.site_id = ANY ((SELECT reached_sites())::uuid[]))
        OR EXISTS (SELECT FROM photo h WHERE h.digest = picture_piece.digest OR h.thumb = picture_piece.digest));
    ALTER TABLE sync.touched DROP CONSTRAINT touched_kind_check;
    ALTER TABLE sync.touched ADD CONSTRAINT touched_kind_check CHECK (kind IN ('site', 'credential', 'device', 'link', 'rule',
        'maintenance', 'ignored', 'diagram', 'spot', 'drawing', 'photo', 'alert', 'health', 'link_state', 'fact'))
"""

# As it was, and the photographs of what came into somebody's reach, or left it.
_TOUCH = """
    CREATE OR REPLACE FUNCTION sync.touch_around(sites uuid[], devices uuid[], at_revision bigint) RETURNS void LANGUAGE sql
    SET search_path = sync, public, pg_temp AS $$
        WITH RECURSIVE below AS (
            SELECT unnest(sites) AS id UNION SELECT s.id FROM site s JOIN below b ON s.pop_id = b.id
        ),
        moved AS (SELECT unnest(devices) AS id UNION SELECT d.id FROM device d JOIN below b ON d.site_id = b.id),
        ends AS (SELECT l.id FROM link l WHERE l.a_id IN (SELECT id FROM moved) OR l.b_id IN (SELECT id FROM moved)),
        around AS (
            SELECT 'site' AS kind, id FROM below
            UNION SELECT 'device', id FROM moved
            UNION SELECT 'link', id FROM ends
            UNION SELECT 'link_state', link_id FROM link_state WHERE link_id IN (SELECT id FROM ends)
            UNION SELECT 'health', device_id FROM health WHERE device_id IN (SELECT id FROM moved)
            UNION SELECT 'fact', subject FROM fact WHERE subject IN (SELECT id FROM moved)
            UNION SELECT 'alert', id FROM alert
                WHERE subject IN (SELECT id FROM moved UNION SELECT id FROM ends UNION SELECT id FROM below)
            UNION SELECT 'diagram', id FROM diagram WHERE site_id IN (SELECT id FROM below)
            UNION SELECT 'spot', p.id FROM spot p JOIN diagram g ON g.id = p.diagram_id WHERE g.site_id IN (SELECT id FROM below)
            UNION SELECT 'drawing', p.id FROM drawing p JOIN diagram g ON g.id = p.diagram_id
                WHERE g.site_id IN (SELECT id FROM below)
            UNION SELECT 'photo', id FROM photo WHERE site_id IN (SELECT id FROM below)
            UNION SELECT 'photo', id FROM photo WHERE device_id IN (SELECT id FROM moved)
        )
        INSERT INTO touched SELECT current_tenant(), kind, id, at_revision FROM around
        ON CONFLICT (tenant_id, kind, id) DO UPDATE SET revision = excluded.revision
    $$
"""

# As it was, and a picture is in use while a photograph is made of it.
_PRUNE = """
    CREATE OR REPLACE FUNCTION sync.prune_pictures(past uuid, at_us bigint, kept_us bigint, part_us bigint, at_most integer,
        OUT org uuid, OUT dropped integer, OUT is_more boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = sync, public, pg_temp AS $$
    DECLARE noted integer;
    BEGIN
        dropped := 0;
        SELECT tenant_id INTO org FROM picture WHERE tenant_id > past ORDER BY tenant_id LIMIT 1;
        IF NOT FOUND THEN RETURN; END IF;
        PERFORM set_config('heliograph.tenant', org::text, true);
        UPDATE picture SET used_us = at_us WHERE (tenant_id, digest) IN (SELECT p.tenant_id, p.digest FROM picture p
            WHERE p.tenant_id = org AND p.is_whole AND p.used_us NOT BETWEEN at_us - 86400000000 AND at_us
            AND (EXISTS (SELECT FROM diagram g WHERE g.background = p.digest)
                OR EXISTS (SELECT FROM photo h WHERE h.digest = p.digest)
                OR EXISTS (SELECT FROM photo h WHERE h.thumb = p.digest)) LIMIT at_most FOR UPDATE SKIP LOCKED);
        GET DIAGNOSTICS noted = ROW_COUNT;
        IF noted < at_most THEN
            DELETE FROM picture WHERE (tenant_id, digest) IN (SELECT p.tenant_id, p.digest FROM picture p
                WHERE p.tenant_id = org AND p.used_us < at_us - CASE WHEN p.is_whole THEN kept_us ELSE part_us END
                AND NOT (p.is_whole AND (EXISTS (SELECT FROM diagram g WHERE g.background = p.digest)
                    OR EXISTS (SELECT FROM photo h WHERE h.digest = p.digest)
                    OR EXISTS (SELECT FROM photo h WHERE h.thumb = p.digest)))
                LIMIT at_most FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS dropped = ROW_COUNT;
        END IF;
        is_more := at_most IN (noted, dropped);
        PERFORM set_config('heliograph.tenant', '', true);
    END $$
"""


def upgrade() -> None:
    """Go to this revision."""
    make(
        "photo",
        column("id", Id),
        text("digest"),
        text("thumb"),
        column("width", sa.Integer),
        column("height", sa.Integer),
        column("added_us", sa.BigInteger),
        text("author"),
        text("caption"),
        sa.Column("taken_us", sa.BigInteger),
        sa.Column("site_id", Id),
        sa.Column("device_id", Id),
        owned("photo", "site_id", "site"),
        owned("photo", "device_id", "device"),
        check("photo", "subject", "(site_id IS NULL) <> (device_id IS NULL)"),
        check("photo", "caption", "length(caption) <= 250"),
        check("photo", "width", "width BETWEEN 1 AND 2048"),
        check("photo", "height", "height BETWEEN 1 AND 2048"),
        key=["id"],
    )
    for name in ("site_id", "device_id", "digest", "thumb"):
        index("photo", name)
    if on_postgres():
        guard("photo")
        op.execute(_REACH)
        op.execute(_TOUCH)
        op.execute(_PRUNE)
