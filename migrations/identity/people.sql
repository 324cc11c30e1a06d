-- How accounts come to be and change: the first administrator, invitations, new passwords, authenticators, tenants.
-- Counterpart: `functions.sql`, which admits those that are there.

-- The first administrator: a link that is good while nobody has founded the platform, and founds it once.
CREATE FUNCTION identity.offer_founding(link_hash bytea, life_us bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM founding) THEN RETURN false; END IF;
    DELETE FROM one_time_link WHERE purpose = 'founding';
    INSERT INTO one_time_link VALUES (link_hash, 'founding', NULL, NULL, now_us() + life_us);
    RETURN true;
END $$;
CREATE FUNCTION identity.found_platform(link_hash bytea, made uuid, login text, name text, password text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE at_us CONSTANT bigint := now_us();
BEGIN
    UPDATE one_time_link SET used_us = at_us WHERE hash = link_hash AND purpose = 'founding' AND used_us IS NULL AND until_us > at_us;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO founding VALUES (true, made, at_us) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO account (id, login, name, password, platform_role, made_us)
        VALUES (made, lower(login), name, password, 'platform_admin', at_us);
    RETURN true;
END $$;

-- Invite somebody into the current tenant: an account, if there is none of that login, and a membership that counts once the
-- link was taken by whoever holds the account's password, or sets its first one. Raises unique_violation for a member.
CREATE FUNCTION identity.invite(made uuid, typed text, called text, as_role text, at_sites uuid[], link_hash bytea,
    life_us bigint) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE at_us CONSTANT bigint := now_us(); who uuid; org CONSTANT uuid := current_tenant();
BEGIN
    INSERT INTO account (id, login, name, made_us) VALUES (made, lower(typed), called, at_us) ON CONFLICT (login) DO NOTHING;
    SELECT id INTO who FROM account WHERE login = lower(typed);
    INSERT INTO membership (tenant_id, account_id, name, role, sites, made_us)
        VALUES (org, who, called, as_role, at_sites, at_us);
    INSERT INTO one_time_link VALUES (link_hash, 'invitation', who, org, at_us + life_us);
    RETURN who;
END $$;
-- Make a link that sets a new password or, to whoever has not accepted yet, the invitation again. Null: no such member. False: the
-- account belongs to others too, and only the platform may open it anew.
CREATE FUNCTION identity.renew_link(who uuid, link_hash bytea, life_us bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE at_us CONSTANT bigint := now_us(); org CONSTANT uuid := current_tenant(); m membership; is_shared boolean;
BEGIN
    SELECT * INTO m FROM membership WHERE tenant_id = org AND account_id = who;
    IF m.account_id IS NULL
        AND NOT (is_platform() AND EXISTS (SELECT FROM account WHERE id = who AND platform_role IS NOT NULL)) THEN
        RETURN NULL;
    END IF;
    is_shared := EXISTS (SELECT FROM membership o WHERE o.account_id = who AND o.tenant_id IS DISTINCT FROM org
            AND o.accepted_us IS NOT NULL)
        OR EXISTS (SELECT FROM account a WHERE a.id = who AND a.platform_role IS NOT NULL);
    IF m.account_id IS NOT NULL AND m.accepted_us IS NULL THEN
        DELETE FROM one_time_link WHERE account_id = who AND tenant_id = org AND purpose = 'invitation';
        INSERT INTO one_time_link VALUES (link_hash, 'invitation', who, org, at_us + life_us);
    ELSIF is_shared AND NOT is_platform() THEN
        RETURN false;
    ELSE
        DELETE FROM one_time_link WHERE account_id = who AND purpose = 'password';
        INSERT INTO one_time_link VALUES (link_hash, 'password', who, CASE WHEN NOT is_platform() THEN org END, at_us + life_us);
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION identity.find_link(link_hash bytea)
RETURNS TABLE (purpose text, account_id uuid, tenant_id uuid, login text, password text, tenant_name text) LANGUAGE sql STABLE AS $$
    SELECT l.purpose, l.account_id, l.tenant_id, coalesce(a.login, ''), a.password, coalesce(t.name, '')
    FROM one_time_link l LEFT JOIN account a ON a.id = l.account_id LEFT JOIN tenant t ON t.id = l.tenant_id
    WHERE l.hash = link_hash AND l.used_us IS NULL AND l.until_us > now_us() AND a.off_us IS NULL
$$;
-- Take a link, once: accept the membership, set the password where one is given, and end what was opened with the former one.
CREATE FUNCTION identity.take_link(link_hash bytea, new_password text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE at_us CONSTANT bigint := now_us(); l one_time_link;
BEGIN
    UPDATE one_time_link SET used_us = at_us WHERE hash = link_hash AND purpose <> 'founding' AND used_us IS NULL AND until_us > at_us
        RETURNING * INTO l;
    IF l.hash IS NULL THEN RETURN false; END IF;
    IF l.purpose = 'invitation' THEN
        UPDATE membership SET accepted_us = at_us WHERE tenant_id = l.tenant_id AND account_id = l.account_id;
        IF NOT FOUND THEN RETURN false; END IF;
        IF new_password IS NOT NULL THEN
            PERFORM FROM account WHERE id = l.account_id AND password IS NULL FOR UPDATE;
            IF NOT FOUND THEN RETURN false; END IF; -- since the link was looked at, the account has got a password
            PERFORM set_password(l.account_id, new_password, NULL);
        END IF;
    ELSIF l.tenant_id IS NOT NULL AND EXISTS (
        SELECT FROM membership m WHERE m.account_id = l.account_id AND m.tenant_id <> l.tenant_id AND m.accepted_us IS NOT NULL)
    THEN
        RETURN false; -- since the link was made, the account has become others' too
    ELSE
        PERFORM set_password(l.account_id, new_password, NULL);
    END IF;
    RETURN true;
END $$;
-- Set a password; every session but one ends, and so does every open link that would set another.
CREATE FUNCTION identity.set_password(who uuid, new_password text, kept_session uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE account SET password = new_password WHERE id = who;
    DELETE FROM one_time_link WHERE account_id = who AND purpose = 'password' AND used_us IS NULL;
    UPDATE session SET ended_us = now_us(), ended_why = 'the password was changed'
        WHERE account_id = who AND ended_us IS NULL AND id IS DISTINCT FROM kept_session;
END $$;
-- The authenticator of the current account: kept until the first right code turns it on, with its recovery codes.
CREATE FUNCTION identity.keep_totp(sealed bytea) RETURNS boolean LANGUAGE sql AS $$
    WITH done AS (UPDATE account SET totp = sealed, totp_step = 0
        WHERE id = (SELECT current_account()) AND NOT totp_on RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;
CREATE FUNCTION identity.turn_totp(is_on boolean, codes bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE who CONSTANT uuid := current_account();
BEGIN
    UPDATE account SET totp_on = is_on, totp = CASE WHEN is_on THEN totp END WHERE id = who;
    DELETE FROM recovery_code WHERE account_id = who;
    INSERT INTO recovery_code (account_id, hash) SELECT who, unnest(codes);
END $$;
-- Take the authenticator from somebody who lost it: for the platform, or where nobody else has the account.
CREATE FUNCTION identity.drop_totp(who uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_platform() AND (EXISTS (SELECT FROM account WHERE id = who AND platform_role IS NOT NULL)
        OR NOT EXISTS (SELECT FROM membership
            WHERE account_id = who AND tenant_id = current_tenant() AND accepted_us IS NOT NULL)
        OR EXISTS (SELECT FROM membership
            WHERE account_id = who AND tenant_id <> current_tenant() AND accepted_us IS NOT NULL)) THEN
        RETURN false;
    END IF;
    UPDATE account SET totp = NULL, totp_on = false, totp_step = 0 WHERE id = who;
    DELETE FROM recovery_code WHERE account_id = who;
    RETURN true;
END $$;
-- End what a former or changed member has in the current tenant: sessions; keys and links where they are to end with it.
CREATE FUNCTION identity.end_of_member(who uuid, why text, with_keys boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE at_us CONSTANT bigint := now_us(); org CONSTANT uuid := current_tenant();
BEGIN
    UPDATE session SET ended_us = at_us, ended_why = why WHERE account_id = who AND tenant_id = org AND ended_us IS NULL;
    IF with_keys THEN
        UPDATE api_key SET ended_us = at_us WHERE maker = who AND tenant_id = org AND ended_us IS NULL;
        DELETE FROM one_time_link WHERE account_id = who AND tenant_id = org AND used_us IS NULL;
    END IF;
END $$;

-- The platform's own acts; each checks that it is the platform that asks.
CREATE FUNCTION identity.make_tenant(made uuid, called text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_platform() THEN RAISE insufficient_privilege USING MESSAGE = 'only the platform makes tenants'; END IF;
    INSERT INTO tenant (id, name) VALUES (made, called);
    INSERT INTO tenant_state (tenant_id, made_us) VALUES (made, now_us());
END $$;
CREATE FUNCTION identity.change_tenant(org uuid, called text, is_off boolean) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_platform() AND (org IS DISTINCT FROM current_tenant() OR is_off IS NOT NULL) THEN
        RAISE insufficient_privilege USING MESSAGE = 'only the platform changes other tenants';
    END IF;
    UPDATE tenant SET name = coalesce(called, name) WHERE id = org;
    IF NOT FOUND THEN RETURN false; END IF;
    IF is_off IS NOT NULL THEN
        INSERT INTO tenant_state AS s (tenant_id, made_us, off_us) VALUES (org, now_us(), CASE WHEN is_off THEN now_us() END)
        ON CONFLICT (tenant_id) DO UPDATE SET off_us = CASE WHEN is_off THEN coalesce(s.off_us, now_us()) END;
        IF is_off THEN
            UPDATE session SET ended_us = now_us(), ended_why = 'the tenant was closed'
            FROM account a WHERE a.id = account_id AND a.platform_role IS NULL AND tenant_id = org AND ended_us IS NULL;
        END IF;
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION identity.make_platform_account(made uuid, typed text, called text, as_role text, link_hash bytea, life_us bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_platform() THEN RAISE insufficient_privilege USING MESSAGE = 'only the platform makes its accounts'; END IF;
    INSERT INTO account (id, login, name, platform_role, made_us) VALUES (made, lower(typed), called, as_role, now_us());
    INSERT INTO one_time_link VALUES (link_hash, 'password', made, NULL, now_us() + life_us);
END $$;

-- Change an account that has a role on the platform; what is null stays. `is_off` closes it: its sessions end, its keys are refused.
-- To remove one takes its role (and, of a closed one, its password), and the account too where no tenant has to do with it. Both tell what became of it: 'done', 'none' (it
-- has no such role), or 'last': somebody must be left who administers the platform, so these acts wait for each other.
CREATE FUNCTION identity.would_orphan(who uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_platform() THEN RAISE insufficient_privilege USING MESSAGE = 'only the platform changes its accounts'; END IF;
    PERFORM FROM founding FOR UPDATE;
    RETURN NOT EXISTS (SELECT FROM account WHERE platform_role = 'platform_admin' AND password IS NOT NULL AND off_us IS NULL
        AND id <> who);
END $$;
CREATE FUNCTION identity.change_platform_account(who uuid, called text, as_role text, is_off boolean) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE at_us CONSTANT bigint := now_us(); is_alone CONSTANT boolean := would_orphan(who); a account;
BEGIN
    SELECT * INTO a FROM account WHERE id = who AND platform_role IS NOT NULL FOR UPDATE;
    IF NOT FOUND THEN RETURN 'none'; END IF;
    IF is_alone AND (is_off OR as_role <> 'platform_admin') THEN RETURN 'last'; END IF;
    UPDATE account SET name = coalesce(called, name), platform_role = coalesce(as_role, platform_role),
        off_us = CASE WHEN coalesce(is_off, off_us IS NOT NULL) THEN coalesce(off_us, at_us) END WHERE id = who;
    IF is_off THEN
        UPDATE session SET ended_us = at_us, ended_why = 'the account was closed' WHERE account_id = who AND ended_us IS NULL;
        DELETE FROM one_time_link WHERE account_id = who AND used_us IS NULL;
    END IF;
    RETURN 'done';
END $$;
CREATE FUNCTION identity.remove_platform_account(who uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE at_us CONSTANT bigint := now_us(); is_alone CONSTANT boolean := would_orphan(who);
BEGIN
    PERFORM FROM account WHERE id = who AND platform_role IS NOT NULL FOR UPDATE;
    IF NOT FOUND THEN RETURN 'none'; END IF;
    IF is_alone THEN RETURN 'last'; END IF;
    UPDATE session SET ended_us = at_us, ended_why = 'the role on the platform has ended'
        WHERE account_id = who AND ended_us IS NULL;
    DELETE FROM one_time_link WHERE account_id = who AND used_us IS NULL;
    UPDATE account SET platform_role = NULL, off_us = NULL, password = CASE WHEN off_us IS NULL THEN password END WHERE id = who;
    IF NOT EXISTS (SELECT FROM membership WHERE account_id = who) THEN
        BEGIN
            DELETE FROM account WHERE id = who;
        EXCEPTION WHEN foreign_key_violation THEN -- a key, a hook or an install that it made tells of it
        END;
    END IF;
    RETURN 'done';
END $$;

-- Add to what tenants used today; those that are gone are left out. Called by every instance, each with what it counted itself.
CREATE FUNCTION identity.count_usage(tenants uuid[], requests bigint[], polls bigint[], numbers bigint[], bytes bigint[])
RETURNS void LANGUAGE sql AS $$
    INSERT INTO usage AS u
    SELECT t.id, (now_us() / 86400000000)::integer, n.requests, n.polls, n.numbers, n.bytes
    FROM unnest(tenants, requests, polls, numbers, bytes) AS n (id, requests, polls, numbers, bytes) JOIN tenant t USING (id)
    ORDER BY 1
    ON CONFLICT (tenant_id, day) DO UPDATE SET requests = u.requests + excluded.requests, polls = u.polls + excluded.polls,
        numbers = u.numbers + excluded.numbers, bytes = u.bytes + excluded.bytes
$$;
-- What every tenant used in these days, for the platform; for anybody else nothing.
CREATE FUNCTION identity.usage_of_all(days integer) RETURNS TABLE (tenant_id uuid, requests bigint, numbers bigint)
LANGUAGE sql STABLE AS $$
    SELECT tenant_id, sum(requests)::bigint, sum(numbers)::bigint FROM usage
    WHERE is_platform() AND day > now_us() / 86400000000 - days GROUP BY tenant_id
$$;

-- Revoke an install: it can take no wrap any more, and those it has are gone here; what it ever held stays listed.
CREATE FUNCTION identity.end_install(which uuid) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE org CONSTANT uuid := current_tenant(); raised integer;
BEGIN
    UPDATE install SET ended_us = now_us() WHERE tenant_id = org AND id = which AND ended_us IS NULL;
    IF NOT FOUND THEN RETURN NULL; END IF;
    UPDATE wrap SET wrapped = NULL, until_us = least(until_us, now_us()) WHERE tenant_id = org AND install_id = which;
    INSERT INTO tenant_state AS s (tenant_id, made_us, key_epoch) VALUES (org, now_us(), 2)
        ON CONFLICT (tenant_id) DO UPDATE SET key_epoch = s.key_epoch + 1 RETURNING key_epoch INTO raised;
    RETURN raised;
END $$;

-- Forget what is over. Called by any instance now and then; the others find nothing left to do.
CREATE FUNCTION identity.forget(kept_us bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE at_us CONSTANT bigint := now_us();
BEGIN
    FOR i IN 1 .. 50 LOOP
        DELETE FROM bucket WHERE key IN (SELECT key FROM bucket WHERE until_us < at_us LIMIT 10000 FOR UPDATE SKIP LOCKED);
        EXIT WHEN NOT FOUND;
    END LOOP;
    DELETE FROM usage WHERE day < at_us / 86400000000 - 400;
    DELETE FROM stream_token WHERE until_us < at_us;
    DELETE FROM revoked_token WHERE until_us < at_us;
    DELETE FROM one_time_link WHERE until_us < at_us - kept_us;
    DELETE FROM session WHERE until_us < at_us - kept_us OR ended_us < at_us - kept_us;
    DELETE FROM refresh_token WHERE used_us < at_us - kept_us;
    WITH gone AS (DELETE FROM secret WHERE gone_us < at_us - kept_us RETURNING tenant_id, credential_id)
        UPDATE wrap w SET wrapped = NULL FROM gone g WHERE (w.tenant_id, w.credential_id) = (g.tenant_id, g.credential_id);
END $$;

DO $$
DECLARE made regprocedure;
BEGIN
    FOR made IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'identity'::regnamespace
        AND proname NOT IN ('now_us', 'current_account', 'is_platform', 'refuse_change', 'follow_credential')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = identity, public, pg_temp', made);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', made);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO heliograph_requests', made);
    END LOOP;
END $$;
