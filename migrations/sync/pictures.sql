-- Pictures by the hash of their content, in pieces as they came; one is whole when it has its size and its hash was right. Server
-- only. Counterpart: `sync_server/api/pictures.py`.
CREATE TABLE sync.picture (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    size integer NOT NULL CHECK (size BETWEEN 1 AND 8388608),
    have integer NOT NULL CHECK (have BETWEEN 0 AND size),
    is_whole boolean NOT NULL DEFAULT false CHECK (NOT is_whole OR have = size),
    used_us bigint NOT NULL,
    PRIMARY KEY (tenant_id, digest)
);
CREATE TABLE sync.picture_piece (
    tenant_id uuid NOT NULL,
    digest text NOT NULL,
    start integer NOT NULL CHECK (start >= 0),
    data bytea NOT NULL CHECK (length(data) BETWEEN 1 AND 262144),
    PRIMARY KEY (tenant_id, digest, start),
    FOREIGN KEY (tenant_id, digest) REFERENCES sync.picture ON DELETE CASCADE
);
ALTER TABLE sync.picture_piece ALTER data SET STORAGE EXTERNAL;

-- Who reaches some sites only has to do with the pictures of their diagrams.
CREATE POLICY within_reach ON sync.picture AS RESTRICTIVE TO heliograph_requests
    USING ((SELECT reached_sites()) IS NULL OR EXISTS (SELECT FROM diagram g
        WHERE g.background = digest AND g.site_id = ANY ((SELECT reached_sites())::uuid[])));
CREATE POLICY within_reach ON sync.picture_piece AS RESTRICTIVE TO heliograph_requests
    USING ((SELECT reached_sites()) IS NULL OR EXISTS (SELECT FROM diagram g
        WHERE g.background = digest AND g.site_id = ANY ((SELECT reached_sites())::uuid[])));

-- The owner drops of all tenants what no diagram has shown for some time.
CREATE POLICY functions ON sync.picture TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE FUNCTION sync.prune_pictures(at_us bigint, kept_us bigint, part_us bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = sync, public, pg_temp AS $$
DECLARE t uuid; dropped bigint := 0; more bigint;
BEGIN
    FOR t IN SELECT DISTINCT tenant_id FROM picture LOOP
        PERFORM set_config('heliograph.tenant', t::text, true);
        UPDATE picture p SET used_us = at_us WHERE tenant_id = t AND is_whole
            AND used_us NOT BETWEEN at_us - 86400000000 AND at_us
            AND EXISTS (SELECT FROM diagram g WHERE g.background = p.digest);
        DELETE FROM picture WHERE tenant_id = t AND used_us < at_us - CASE WHEN is_whole THEN kept_us ELSE part_us END;
        GET DIAGNOSTICS more = ROW_COUNT;
        dropped := dropped + more;
    END LOOP;
    PERFORM set_config('heliograph.tenant', '', true);
    RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION sync.prune_pictures FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.prune_pictures TO heliograph_requests;
