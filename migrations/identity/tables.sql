-- Who there is: accounts of people, their memberships, what proves them, and what they did. Server only.
-- Accounts and sessions belong to no tenant; the requests' role reaches them through the functions beside this file and the
-- policies at its end. Times are microseconds since 1970 UTC by the database's clock, which all instances share.

CREATE FUNCTION identity.now_us() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;
CREATE FUNCTION identity.current_account() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('heliograph.user', true), '')::uuid $$;
CREATE FUNCTION identity.is_platform() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce(current_setting('heliograph.platform', true), '') = 'yes' $$;

CREATE TABLE identity.account (
    id uuid PRIMARY KEY,
    login text NOT NULL UNIQUE CHECK (login = lower(login) AND length(login) BETWEEN 3 AND 254),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    password text,
    platform_role text CHECK (platform_role IN ('platform_admin', 'platform_operator')),
    totp bytea,
    totp_on boolean NOT NULL DEFAULT false CHECK (totp IS NOT NULL OR NOT totp_on),
    totp_step bigint NOT NULL DEFAULT 0,
    made_us bigint NOT NULL,
    seen_us bigint,
    off_us bigint
);
CREATE TABLE identity.recovery_code (
    account_id uuid NOT NULL REFERENCES identity.account ON DELETE CASCADE,
    hash bytea NOT NULL,
    used_us bigint,
    PRIMARY KEY (account_id, hash)
);
CREATE TABLE identity.tenant_state (
    tenant_id uuid PRIMARY KEY REFERENCES tenant (id) ON DELETE CASCADE,
    made_us bigint NOT NULL,
    off_us bigint,
    key_epoch integer NOT NULL DEFAULT 1
);
CREATE TABLE identity.membership (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    account_id uuid NOT NULL REFERENCES identity.account ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    role text NOT NULL CHECK (role IN ('tenant_admin', 'manager', 'engineer', 'viewer', 'wall')),
    sites uuid[] CHECK (cardinality(sites) <= 500),
    made_us bigint NOT NULL,
    accepted_us bigint,
    off_us bigint,
    PRIMARY KEY (tenant_id, account_id)
);
CREATE INDEX ix_membership_account_id ON identity.membership (account_id);

CREATE TABLE identity.session (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES identity.account ON DELETE CASCADE,
    tenant_id uuid REFERENCES tenant (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('browser', 'program')),
    address text NOT NULL,
    agent text NOT NULL CHECK (length(agent) <= 256),
    made_us bigint NOT NULL,
    seen_us bigint NOT NULL,
    until_us bigint NOT NULL,
    ended_us bigint,
    ended_why text NOT NULL DEFAULT ''
);
CREATE INDEX ix_session_account_id ON identity.session (account_id) WHERE ended_us IS NULL;
CREATE INDEX ix_session_until_us ON identity.session (until_us);
CREATE TABLE identity.refresh_token (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES identity.session ON DELETE CASCADE,
    made_us bigint NOT NULL,
    used_us bigint
);
CREATE INDEX ix_refresh_token_session_id ON identity.refresh_token (session_id);
CREATE TABLE identity.revoked_token (jti uuid PRIMARY KEY, until_us bigint NOT NULL);
CREATE UNLOGGED TABLE identity.stream_token (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL,
    jti uuid NOT NULL,
    account_id uuid NOT NULL,
    tenant_id uuid,
    until_us bigint NOT NULL
);
CREATE TABLE identity.one_time_link (
    hash bytea PRIMARY KEY,
    purpose text NOT NULL CHECK (purpose IN ('founding', 'invitation', 'password')),
    account_id uuid REFERENCES identity.account ON DELETE CASCADE,
    tenant_id uuid REFERENCES tenant (id) ON DELETE CASCADE,
    until_us bigint NOT NULL,
    used_us bigint,
    CHECK ((purpose = 'founding') = (account_id IS NULL))
);
CREATE TABLE identity.founding (
    is_done boolean PRIMARY KEY CHECK (is_done),
    account_id uuid NOT NULL,
    at_us bigint NOT NULL
);
CREATE TABLE identity.api_key (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    prefix text NOT NULL,
    hash bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
    sites uuid[] CHECK (cardinality(sites) <= 500),
    maker uuid NOT NULL REFERENCES identity.account,
    made_us bigint NOT NULL,
    until_us bigint,
    ended_us bigint,
    PRIMARY KEY (tenant_id, id)
);

-- What was done. No reference to a tenant or an account: what they did outlives them.
CREATE TABLE identity.audit (
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    at_us bigint NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'key', 'install', 'nobody')),
    actor uuid,
    actor_name text NOT NULL,
    act text NOT NULL CHECK (length(act) BETWEEN 1 AND 60),
    subject_kind text NOT NULL,
    subject text NOT NULL CHECK (length(subject) <= 256),
    detail jsonb NOT NULL,
    address text NOT NULL,
    agent text NOT NULL CHECK (length(agent) <= 256),
    request text NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);
CREATE INDEX ix_audit_at_us ON identity.audit (tenant_id, at_us);
CREATE INDEX ix_audit_actor ON identity.audit (tenant_id, actor, seq);
CREATE INDEX ix_audit_subject ON identity.audit (tenant_id, subject, seq);
CREATE TABLE identity.audit_head (
    tenant_id uuid PRIMARY KEY,
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
CREATE FUNCTION identity.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit is only ever added to' USING ERRCODE = 'insufficient_privilege'; END $$;
CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON identity.audit
    FOR EACH STATEMENT EXECUTE FUNCTION identity.refuse_change();

-- How much was asked lately. Lost in a crash, which costs nothing but a minute's memory.
CREATE UNLOGGED TABLE identity.bucket (
    key text PRIMARY KEY,
    slot bigint NOT NULL,
    lately integer NOT NULL,
    before integer NOT NULL,
    until_us bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- What a tenant used, by days since 1970 UTC: requests, and polls that were stored, with their numbers and bytes.
CREATE TABLE identity.usage (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    day integer NOT NULL,
    requests bigint NOT NULL,
    polls bigint NOT NULL,
    numbers bigint NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (tenant_id, day)
);

-- Installs, their public keys, and which secrets each has ever held.
CREATE TABLE identity.install (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES identity.account,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    kind text NOT NULL CHECK (kind IN ('window', 'collector')),
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    challenge bytea,
    made_us bigint NOT NULL,
    proven_us bigint,
    seen_us bigint,
    ended_us bigint,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, public_key)
);
CREATE TABLE identity.audience (
    tenant_id uuid NOT NULL,
    credential_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('server', 'engineers', 'people')),
    sites uuid[] CHECK (cardinality(sites) <= 500),
    people uuid[] CHECK (cardinality(people) <= 500),
    PRIMARY KEY (tenant_id, credential_id),
    FOREIGN KEY (tenant_id, credential_id) REFERENCES credential (tenant_id, id) ON DELETE CASCADE
);
CREATE TABLE identity.wrap (
    tenant_id uuid NOT NULL,
    install_id uuid NOT NULL,
    credential_id uuid NOT NULL,
    wrapped bytea CHECK (length(wrapped) BETWEEN 48 AND 512),
    epoch integer NOT NULL,
    first_us bigint NOT NULL,
    until_us bigint NOT NULL,
    PRIMARY KEY (tenant_id, install_id, credential_id),
    FOREIGN KEY (tenant_id, install_id) REFERENCES identity.install (tenant_id, id)
);

-- A credential's secret as its data key seals it; that key is here in wraps only, which the server cannot open. `version` grows with
-- every other secret; `past`: digests of those that it took the place of, so that none comes back. `gone_us`: since when the
-- credential is deleted, which may be undone.
CREATE TABLE identity.secret (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    credential_id uuid NOT NULL,
    ciphertext bytea NOT NULL CHECK (length(ciphertext) BETWEEN 28 AND 20000),
    version integer NOT NULL CHECK (version > 0),
    past bytea[] NOT NULL CHECK (cardinality(past) <= 100),
    gone_us bigint,
    PRIMARY KEY (tenant_id, credential_id)
);
CREATE INDEX ix_secret_gone_us ON identity.secret (gone_us) WHERE gone_us IS NOT NULL;
CREATE FUNCTION identity.follow_credential() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE identity.secret SET gone_us = identity.now_us() WHERE (tenant_id, credential_id) = (OLD.tenant_id, OLD.id);
    ELSE
        UPDATE identity.secret SET gone_us = NULL WHERE (tenant_id, credential_id) = (NEW.tenant_id, NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER secret_followed AFTER INSERT OR DELETE ON credential FOR EACH ROW EXECUTE FUNCTION identity.follow_credential();
