-- Hooks: where a foreign monitor's messages come in, each with a secret that they are signed with, sealed under the server's own.
CREATE TABLE identity.hook (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL UNIQUE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    sealed bytea NOT NULL,
    maker uuid NOT NULL REFERENCES identity.account,
    made_us bigint NOT NULL,
    ended_us bigint,
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE identity.hook ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY functions ON identity.hook TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON identity.hook TO heliograph_requests
    USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()));
GRANT SELECT (tenant_id, id, name, maker, made_us, ended_us), INSERT, UPDATE (ended_us) ON identity.hook TO heliograph_requests;

-- When a monitor sent what was last believed of an alert, by the monitor's own clock.
CREATE TABLE identity.told (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    alert_id uuid NOT NULL,
    sent_us bigint NOT NULL,
    PRIMARY KEY (tenant_id, alert_id)
);
ALTER TABLE identity.told ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY functions ON identity.told TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON identity.told TO heliograph_requests
    USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()));
GRANT SELECT, INSERT, UPDATE (sent_us) ON identity.told TO heliograph_requests;

-- A hook by its id, before there is a tenant; it ends with its tenant and with the membership of whoever made it.
CREATE FUNCTION identity.find_hook(which uuid)
RETURNS TABLE (tenant_id uuid, name text, sealed bytea, maker_role text, sites uuid[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
    SELECT h.tenant_id, h.name, h.sealed, coalesce(a.platform_role, m.role), CASE WHEN a.platform_role IS NULL THEN m.sites END
    FROM hook h
    JOIN account a ON a.id = h.maker AND a.off_us IS NULL
    LEFT JOIN membership m
        ON m.tenant_id = h.tenant_id AND m.account_id = a.id AND m.accepted_us IS NOT NULL AND m.off_us IS NULL
    LEFT JOIN tenant_state t ON t.tenant_id = h.tenant_id
    WHERE h.id = which AND h.ended_us IS NULL AND t.off_us IS NULL
        AND (m.account_id IS NOT NULL OR a.platform_role IS NOT NULL)
$$;
REVOKE ALL ON FUNCTION identity.find_hook FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.find_hook TO heliograph_requests;
