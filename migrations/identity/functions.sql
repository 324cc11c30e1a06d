-- What the requests' role may do before it knows whose request it is, and what must happen whole: one function an act.
-- Each runs as the owner of the schema with a fixed search path, takes what it checks as arguments or from the transaction's
-- settings, and answers no more than the server needs. `platform` is the audit's tenant of what belongs to none.

-- Admission

CREATE FUNCTION identity.admit_user(account uuid, session uuid, token uuid, org uuid)
RETURNS TABLE (name text, role text, sites uuid[], is_guest boolean) LANGUAGE sql STABLE AS $$
    SELECT coalesce(m.name, a.name), coalesce(a.platform_role, m.role),
        CASE WHEN a.platform_role IS NULL THEN m.sites END, org IS NOT NULL AND m.account_id IS NULL
    FROM session s
    JOIN account a ON a.id = s.account_id
    LEFT JOIN membership m
        ON m.tenant_id = org AND m.account_id = a.id AND m.accepted_us IS NOT NULL AND m.off_us IS NULL
    LEFT JOIN tenant_state t ON t.tenant_id = org
    WHERE s.id = session AND a.id = account AND s.ended_us IS NULL AND s.until_us > now_us() AND a.off_us IS NULL
        AND NOT EXISTS (SELECT FROM revoked_token r WHERE r.jti = token)
        AND (t.off_us IS NULL OR a.platform_role IS NOT NULL)
        AND (m.account_id IS NOT NULL OR a.platform_role IS NOT NULL)
$$;

CREATE FUNCTION identity.admit_key(key_hash bytea)
RETURNS TABLE (id uuid, tenant_id uuid, name text, scopes text[], sites uuid[], maker_role text, maker_sites uuid[])
LANGUAGE sql STABLE AS $$
    SELECT k.id, k.tenant_id, k.name, k.scopes, k.sites, coalesce(a.platform_role, m.role),
        CASE WHEN a.platform_role IS NULL THEN m.sites END
    FROM api_key k
    JOIN account a ON a.id = k.maker AND a.off_us IS NULL
    LEFT JOIN membership m
        ON m.tenant_id = k.tenant_id AND m.account_id = a.id AND m.accepted_us IS NOT NULL AND m.off_us IS NULL
    LEFT JOIN tenant_state t ON t.tenant_id = k.tenant_id
    WHERE k.hash = key_hash AND k.ended_us IS NULL AND (k.until_us IS NULL OR k.until_us > now_us())
        AND t.off_us IS NULL AND (m.account_id IS NOT NULL OR a.platform_role IS NOT NULL)
$$;

-- Take one from each budget in turn; stop at the first that has none left. A budget is `cap` a window, counted over the
-- window that slides: what is left of the last one by the clock's share, and this one. `refused` is its place in `keys`, 0
-- if none was empty; `wait_us` until it has one again.
CREATE FUNCTION identity.spend(keys text[], caps integer[], windows_us bigint[])
RETURNS TABLE (refused integer, wait_us bigint) LANGUAGE plpgsql AS $$
DECLARE
    at_us CONSTANT bigint := now_us();
    span bigint; this bigint; part double precision; spent double precision; b bucket;
BEGIN
    refused := 0; wait_us := 0;
    FOR i IN 1 .. cardinality(keys) LOOP
        span := windows_us[i]; this := at_us / span; part := 1 - (at_us % span)::double precision / span;
        INSERT INTO bucket AS old VALUES (keys[i], this, 1, 0, (this + 2) * span)
        ON CONFLICT (key) DO UPDATE SET slot = this, until_us = (this + 2) * span,
            lately = CASE WHEN old.slot = this THEN old.lately + 1 ELSE 1 END,
            before = CASE WHEN old.slot = this THEN old.before WHEN old.slot = this - 1 THEN old.lately ELSE 0 END
        WHERE CASE WHEN old.slot = this THEN old.before * part + old.lately
                   WHEN old.slot = this - 1 THEN old.lately * part ELSE 0 END + 1 <= caps[i]
        RETURNING * INTO b;
        IF b.key IS NULL THEN
            SELECT * INTO b FROM bucket WHERE key = keys[i];
            IF b.slot = this - 1 THEN b.before := b.lately; b.lately := 0; END IF;
            IF b.lately + 1 <= caps[i] THEN
                spent := (part - (caps[i] - 1 - b.lately)::double precision / greatest(b.before, 1)) * span;
            ELSE
                spent := (part + 1 - (caps[i] - 1)::double precision / greatest(b.lately, 1)) * span;
            END IF;
            refused := i; wait_us := greatest(spent, 1);
            RETURN NEXT; RETURN;
        END IF;
    END LOOP;
    RETURN NEXT;
END $$;

-- The audit

CREATE FUNCTION identity.audit_hash(previous bytea, a identity.audit) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(previous || convert_to(jsonb_build_array(a.tenant_id, a.seq, a.at_us, a.actor_kind, a.actor, a.actor_name,
        a.act, a.subject_kind, a.subject, a.detail, a.address, a.agent, a.request)::text, 'UTF8'))
$$;

CREATE FUNCTION identity.write_audit(of_platform boolean, actor_kind text, actor uuid, actor_name text, act text,
    subject_kind text, subject text, detail jsonb, address text, agent text, request text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE head audit_head; made audit;
    owner CONSTANT uuid := coalesce(CASE WHEN NOT of_platform THEN current_tenant() END, '00000000-0000-0000-0000-000000000000');
BEGIN
    INSERT INTO audit_head AS h VALUES (owner, 1, '\x') ON CONFLICT (tenant_id) DO UPDATE SET seq = h.seq + 1
        RETURNING * INTO head;
    made := ROW(owner, head.seq, now_us(), actor_kind, actor, actor_name, act, subject_kind, subject, detail, address,
        left(agent, 256), request, NULL);
    made.hash := audit_hash(head.hash, made);
    INSERT INTO audit SELECT made.*;
    UPDATE audit_head SET hash = made.hash WHERE tenant_id = owner;
    RETURN head.seq;
END $$;

-- The first row of the current tenant's audit that is not what was written, or where rows are missing; null where it is whole.
CREATE FUNCTION identity.first_broken_audit() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE previous bytea := '\x'; expected bigint := 1; a audit; head audit_head;
    owner CONSTANT uuid := coalesce(current_tenant(), '00000000-0000-0000-0000-000000000000');
BEGIN
    FOR a IN SELECT * FROM audit WHERE tenant_id = owner ORDER BY seq LOOP
        IF a.seq <> expected OR a.hash IS DISTINCT FROM audit_hash(previous, a) THEN RETURN expected; END IF;
        previous := a.hash; expected := expected + 1;
    END LOOP;
    SELECT * INTO head FROM audit_head WHERE tenant_id = owner;
    IF coalesce(head.seq, 0) <> expected - 1 OR coalesce(head.hash, '\x') <> previous THEN RETURN expected; END IF;
    RETURN NULL;
END $$;

-- Logging in

CREATE FUNCTION identity.find_login(typed text)
RETURNS TABLE (id uuid, password text, totp bytea, totp_on boolean, totp_step bigint, is_off boolean, is_platform boolean)
LANGUAGE sql STABLE AS $$
    SELECT id, password, totp, totp_on, totp_step, off_us IS NOT NULL, platform_role IS NOT NULL
    FROM account WHERE login = lower(typed)
$$;
CREATE FUNCTION identity.find_account(who uuid)
RETURNS TABLE (login text, password text, totp bytea, totp_on boolean, totp_step bigint) LANGUAGE sql STABLE AS $$
    SELECT login, password, totp, totp_on, totp_step FROM account WHERE id = who AND off_us IS NULL
$$;
CREATE FUNCTION identity.tenants_of(who uuid) RETURNS TABLE (id uuid, name text, role text) LANGUAGE sql STABLE AS $$
    SELECT t.id, t.name, m.role FROM membership m JOIN tenant t ON t.id = m.tenant_id
    LEFT JOIN tenant_state s ON s.tenant_id = t.id
    WHERE m.account_id = who AND m.accepted_us IS NOT NULL AND m.off_us IS NULL AND s.off_us IS NULL
    ORDER BY t.name, t.id
$$;
-- Keep a password's text made at today's cost, unless it was changed meanwhile.
CREATE FUNCTION identity.renew_password(who uuid, old text, new text) RETURNS void LANGUAGE sql AS
$$ UPDATE account SET password = new WHERE id = who AND password = old $$;
CREATE FUNCTION identity.use_totp(who uuid, step bigint) RETURNS boolean LANGUAGE sql AS $$
    WITH done AS (UPDATE account SET totp_step = step WHERE id = who AND totp_step < step RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;
CREATE FUNCTION identity.use_recovery(who uuid, code bytea) RETURNS boolean LANGUAGE sql AS $$
    WITH done AS (UPDATE recovery_code SET used_us = now_us()
        WHERE account_id = who AND hash = code AND used_us IS NULL RETURNING 1)
    SELECT EXISTS (SELECT FROM done)
$$;
CREATE FUNCTION identity.open_session(made uuid, who uuid, org uuid, kind text, address text, agent text, refresh bytea,
    life_us bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE at_us CONSTANT bigint := now_us();
BEGIN
    INSERT INTO session VALUES (made, who, org, kind, address, left(agent, 256), at_us, at_us, at_us + life_us);
    INSERT INTO refresh_token VALUES (refresh, made, at_us);
    UPDATE account SET seen_us = at_us WHERE id = who;
END $$;
-- Take a refresh token for a new one. A token that was taken before ends its whole session: one of two holders stole it. But
-- for `grace_us` after it was taken, while the one that was given for it has not been used, its holder may not have got that:
-- then the given one counts as taken, and another is given.
CREATE FUNCTION identity.rotate_refresh(old bytea, new bytea, life_us bigint, grace_us bigint, OUT verdict text, OUT session uuid,
    OUT account uuid, OUT org uuid) LANGUAGE plpgsql AS $$
DECLARE at_us CONSTANT bigint := now_us(); held refresh_token; s session;
BEGIN
    verdict := 'unknown';
    SELECT * INTO held FROM refresh_token r WHERE r.hash = old FOR UPDATE;
    IF held.hash IS NULL THEN RETURN; END IF;
    SELECT * INTO s FROM session WHERE id = held.session_id FOR UPDATE;
    session := s.id; account := s.account_id; org := s.tenant_id;
    IF s.ended_us IS NOT NULL OR s.until_us <= at_us THEN verdict := 'ended'; RETURN; END IF;
    IF held.used_us IS NOT NULL AND held.used_us > at_us - grace_us THEN
        SELECT * INTO held FROM refresh_token r WHERE r.session_id = s.id AND r.made_us = held.used_us;
    END IF;
    IF held.hash IS NULL OR held.used_us IS NOT NULL THEN
        UPDATE session SET ended_us = at_us, ended_why = 'a refresh token was used twice' WHERE id = s.id;
        verdict := 'reused'; RETURN;
    END IF;
    UPDATE refresh_token SET used_us = at_us WHERE hash = held.hash;
    INSERT INTO refresh_token VALUES (new, s.id, at_us);
    UPDATE session SET seen_us = at_us, until_us = at_us + life_us WHERE id = s.id;
    verdict := 'rotated';
END $$;
CREATE FUNCTION identity.revoke_token(token uuid, until bigint) RETURNS void LANGUAGE sql AS
$$ INSERT INTO revoked_token VALUES (token, until) ON CONFLICT DO NOTHING $$;
CREATE FUNCTION identity.find_tenant(org uuid) RETURNS TABLE (name text, is_off boolean) LANGUAGE sql STABLE AS $$
    SELECT t.name, s.off_us IS NOT NULL FROM tenant t LEFT JOIN tenant_state s ON s.tenant_id = t.id
    WHERE t.id = org AND ((SELECT is_platform()) OR EXISTS (SELECT FROM membership m
        WHERE m.tenant_id = org AND m.account_id = (SELECT current_account()) AND m.accepted_us IS NOT NULL AND m.off_us IS NULL))
$$;
CREATE FUNCTION identity.switch_tenant(of_session uuid, org uuid) RETURNS void LANGUAGE sql AS $$
    UPDATE session SET tenant_id = org WHERE id = of_session AND account_id = (SELECT current_account())
$$;
CREATE FUNCTION identity.make_stream_token(token bytea, of_session uuid, access uuid, org uuid, life_us bigint)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO stream_token VALUES (token, of_session, access, (SELECT current_account()), org, now_us() + life_us)
$$;
CREATE FUNCTION identity.take_stream_token(token bytea)
RETURNS TABLE (session uuid, jti uuid, account uuid, org uuid) LANGUAGE sql AS $$
    WITH taken AS (DELETE FROM stream_token WHERE hash = token RETURNING *)
    SELECT session_id, jti, account_id, tenant_id FROM taken WHERE until_us > now_us()
$$;
-- How many people have used the server lately, and how many sessions live: numbers alone, of all tenants.
CREATE FUNCTION identity.activity() RETURNS TABLE (figure text, label text, amount bigint) LANGUAGE sql STABLE AS $$
    SELECT 'people', w.label, count(DISTINCT s.account_id) FROM (VALUES ('hour', 3600), ('day', 86400)) AS w (label, span_s)
        LEFT JOIN session s ON s.seen_us > now_us() - w.span_s * 1000000::bigint GROUP BY w.label
    UNION ALL SELECT 'sessions', kind, count(*) FROM session WHERE ended_us IS NULL AND until_us > now_us() GROUP BY kind
$$;
