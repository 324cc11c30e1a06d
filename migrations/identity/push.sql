-- Keys of devices, and of systems that push for any device of a tenant. They belong to the tenant and outlive whoever made them.
CREATE TABLE identity.push_key (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL UNIQUE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    prefix text NOT NULL,
    hash bytea NOT NULL UNIQUE,
    device_id uuid,
    maker uuid NOT NULL REFERENCES identity.account,
    made_us bigint NOT NULL,
    until_us bigint,
    ended_us bigint,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ix_push_key_ended ON identity.push_key (ended_us) WHERE ended_us IS NOT NULL;

-- Messages that were not stored: "invalid" ones, and those that could not be stored after three tries ("dead").
CREATE TABLE identity.held_message (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('invalid', 'dead')),
    reason text NOT NULL CHECK (length(reason) <= 60),
    said text NOT NULL CHECK (length(said) <= 500),
    way text NOT NULL CHECK (way IN ('http', 'mqtt')),
    topic text NOT NULL CHECK (topic IN ('telemetry', 'shadow')),
    key_id uuid,
    device_id uuid,
    at_us bigint NOT NULL,
    deliveries smallint NOT NULL,
    body bytea NOT NULL CHECK (length(body) <= 65536),
    PRIMARY KEY (tenant_id, id)
);

-- What a device reported of itself last.
CREATE TABLE identity.shadow (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    device_id uuid NOT NULL,
    at_us bigint NOT NULL,
    reported jsonb NOT NULL,
    PRIMARY KEY (tenant_id, device_id)
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['push_key', 'held_message', 'shadow'] LOOP
        EXECUTE format('ALTER TABLE identity.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY functions ON identity.%I TO CURRENT_USER USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY own_rows ON identity.%I TO heliograph_requests'
            ' USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
        EXECUTE format('CREATE POLICY within_reach ON identity.%I AS RESTRICTIVE TO heliograph_requests'
            ' USING ((SELECT reached_sites()) IS NULL OR EXISTS (SELECT FROM device d WHERE d.id = device_id))', name);
    END LOOP;
END $$;
GRANT SELECT (tenant_id, id, name, prefix, device_id, maker, made_us, until_us, ended_us), INSERT, UPDATE (ended_us)
    ON identity.push_key TO heliograph_requests;
GRANT SELECT, INSERT, UPDATE (reason, said, deliveries), DELETE ON identity.held_message TO heliograph_requests;
GRANT SELECT, INSERT, UPDATE (at_us, reported), DELETE ON identity.shadow TO heliograph_requests;

-- Keys by what is kept of them, before there is a tenant.
CREATE FUNCTION identity.find_push_keys(hashes bytea[])
RETURNS TABLE (hash bytea, id uuid, tenant_id uuid, device_id uuid, until_us bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
    SELECT k.hash, k.id, k.tenant_id, k.device_id, k.until_us FROM push_key k
    LEFT JOIN tenant_state t ON t.tenant_id = k.tenant_id
    WHERE k.hash = ANY (hashes) AND k.ended_us IS NULL AND (k.until_us IS NULL OR k.until_us > now_us()) AND t.off_us IS NULL
$$;
-- Which keys were ended since: what every instance asks, so that it forgets them.
CREATE FUNCTION identity.ended_push_keys(since_us bigint) RETURNS TABLE (id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
    SELECT k.id FROM push_key k WHERE k.ended_us >= since_us
$$;
REVOKE ALL ON FUNCTION identity.find_push_keys, identity.ended_push_keys FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.find_push_keys, identity.ended_push_keys TO heliograph_requests;
