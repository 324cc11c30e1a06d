-- Who sees which row of `tables.sql`. The functions beside this file run as the owner of the schema, whom FORCE binds too:
-- where one of them has to see a tenant's row before there is a tenant (a key by its hash), a policy says so.

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['account', 'recovery_code', 'tenant_state', 'membership', 'session', 'refresh_token',
        'revoked_token', 'stream_token', 'one_time_link', 'founding', 'api_key', 'audit', 'audit_head', 'bucket', 'install',
        'audience', 'wrap', 'secret', 'usage']
    LOOP
        EXECUTE format('ALTER TABLE identity.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY functions ON identity.%I TO CURRENT_USER USING (true) WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['membership', 'api_key', 'install', 'audience', 'wrap', 'secret', 'tenant_state', 'usage']
    LOOP
        EXECUTE format('CREATE POLICY own_rows ON identity.%I TO heliograph_requests'
            ' USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END LOOP;
END $$;

CREATE POLICY own_session ON identity.session TO heliograph_requests USING
    (account_id = (SELECT identity.current_account()) OR tenant_id = (SELECT current_tenant()));
CREATE POLICY acquainted ON identity.account FOR SELECT TO heliograph_requests USING (
    id = (SELECT identity.current_account())
    OR (SELECT identity.is_platform())
    OR EXISTS (SELECT FROM identity.membership m WHERE m.account_id = account.id AND m.tenant_id = (SELECT current_tenant()))
);
CREATE POLICY own_rows ON identity.audit FOR SELECT TO heliograph_requests USING (
    tenant_id = (SELECT current_tenant())
    OR (SELECT identity.is_platform() AND current_tenant() IS NULL)
       AND tenant_id = '00000000-0000-0000-0000-000000000000'
);
CREATE POLICY platform_reads ON tenant FOR SELECT TO heliograph_requests USING ((SELECT identity.is_platform()));
CREATE POLICY platform_reads ON identity.tenant_state FOR SELECT TO heliograph_requests
    USING ((SELECT identity.is_platform()));
CREATE POLICY functions ON tenant TO CURRENT_USER USING (true) WITH CHECK (true);

GRANT USAGE ON SCHEMA identity TO heliograph_requests;
GRANT SELECT (id, login, name, platform_role, totp_on, made_us, seen_us, off_us) ON identity.account TO heliograph_requests;
GRANT SELECT, UPDATE (ended_us, ended_why) ON identity.session TO heliograph_requests;
GRANT SELECT, DELETE, UPDATE (name, role, sites, off_us) ON identity.membership TO heliograph_requests;
GRANT SELECT ON identity.audit, identity.tenant_state, identity.usage TO heliograph_requests;
GRANT SELECT (tenant_id, id, name, prefix, scopes, sites, maker, made_us, until_us, ended_us), INSERT,
    UPDATE (name, ended_us) ON identity.api_key TO heliograph_requests;
GRANT SELECT, INSERT, UPDATE (name, challenge, proven_us, seen_us, ended_us) ON identity.install TO heliograph_requests;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.audience TO heliograph_requests;
GRANT SELECT, INSERT, UPDATE (wrapped, epoch, until_us) ON identity.wrap TO heliograph_requests;
GRANT SELECT, INSERT, UPDATE (ciphertext, version, past, gone_us) ON identity.secret TO heliograph_requests;
