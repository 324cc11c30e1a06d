-- What a server has to know to tell a team's installs what they have not heard yet. Server only. Times are microseconds since 1970
-- UTC by the database's clock. Counterpart: `sync_server/live/`.

-- Another after every restore, so that nobody takes what was confirmed before it for what is there.
CREATE TABLE sync.epoch (is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only), epoch uuid NOT NULL);
INSERT INTO sync.epoch (epoch) VALUES (gen_random_uuid());

-- The newest revision at which a thing was touched; what is gone stays here. `fact`: all facts of a device; `health`: all of it.
CREATE TABLE sync.touched (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('site', 'credential', 'device', 'link', 'rule', 'maintenance', 'ignored', 'diagram', 'spot',
        'drawing', 'alert', 'health', 'link_state', 'fact')),
    id uuid NOT NULL,
    revision bigint NOT NULL CHECK (revision > 0),
    PRIMARY KEY (tenant_id, kind, id)
) WITH (fillfactor = 80);
CREATE INDEX ix_touched_revision ON sync.touched (tenant_id, revision, kind, id);

-- At which revision rows of an install's journal came; they have no gap but where rows were lost at both ends. `counts`: who
-- sent them judged for the team then.
CREATE TABLE sync.received (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    revision bigint NOT NULL CHECK (revision > 0),
    origin uuid NOT NULL,
    first_seq bigint NOT NULL CHECK (first_seq > 0),
    last_seq bigint NOT NULL CHECK (last_seq >= first_seq),
    counts boolean NOT NULL,
    PRIMARY KEY (tenant_id, revision, origin, first_seq)
);
CREATE UNIQUE INDEX ix_received_origin ON sync.received (tenant_id, origin, last_seq);

-- What became of an edit that an install pushed: it stays what was answered. `digest`: over the edit as it was sent.
CREATE TABLE sync.outcome (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    edit_id uuid NOT NULL,
    digest bytea NOT NULL,
    revision bigint NOT NULL CHECK (revision >= 0),
    clashes jsonb NOT NULL,
    refusals jsonb NOT NULL,
    PRIMARY KEY (tenant_id, edit_id)
);

-- Who does something for the whole team; `fence` grows with every other holder.
CREATE TABLE sync.lease (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    name text NOT NULL,
    install_id uuid,
    fence bigint NOT NULL,
    until_us bigint NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- Installs that are connected, to whichever server. What a crash of the database empties, the servers fill again within seconds.
CREATE UNLOGGED TABLE sync.line (
    tenant_id uuid NOT NULL,
    install_id uuid NOT NULL,
    line_id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text NOT NULL,
    computer text NOT NULL,
    fitness smallint NOT NULL,
    since_us bigint NOT NULL,
    heard_us bigint NOT NULL,
    looks_at uuid,
    works_on uuid,
    PRIMARY KEY (tenant_id, install_id)
);

GRANT USAGE ON SCHEMA sync TO heliograph_requests;
GRANT SELECT ON sync.epoch TO heliograph_requests;

-- What hangs off devices and sites that came into somebody's reach, or left it, is told anew: health, facts, alerts, links, what
-- stands beneath. Runs as who asks, so that it needs the whole tenant in sight.
CREATE FUNCTION sync.touch_around(sites uuid[], devices uuid[], at_revision bigint) RETURNS void LANGUAGE sql
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
    )
    INSERT INTO touched SELECT current_tenant(), kind, id, at_revision FROM around
    ON CONFLICT (tenant_id, kind, id) DO UPDATE SET revision = excluded.revision
$$;

-- Whoever listens asks again whether those who are connected still may be: the lines of a tenant, or of an account.
CREATE FUNCTION sync.tell_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('heliograph_access', OLD.account_id::text); RETURN NULL; END $$;
CREATE FUNCTION sync.tell_of_tenant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('heliograph_access', OLD.tenant_id::text); RETURN NULL; END $$;
CREATE TRIGGER told AFTER UPDATE ON identity.session FOR EACH ROW
    WHEN (OLD.ended_us IS DISTINCT FROM NEW.ended_us) EXECUTE FUNCTION sync.tell_of_account();
CREATE TRIGGER told_changed AFTER UPDATE ON identity.membership FOR EACH ROW
    WHEN ((OLD.role, OLD.sites, OLD.off_us) IS DISTINCT FROM (NEW.role, NEW.sites, NEW.off_us))
    EXECUTE FUNCTION sync.tell_of_account();
CREATE TRIGGER told_gone AFTER DELETE ON identity.membership FOR EACH ROW EXECUTE FUNCTION sync.tell_of_account();
CREATE TRIGGER told AFTER UPDATE ON identity.install FOR EACH ROW
    WHEN (OLD.ended_us IS DISTINCT FROM NEW.ended_us) EXECUTE FUNCTION sync.tell_of_account();
CREATE TRIGGER told AFTER UPDATE ON identity.tenant_state FOR EACH ROW
    WHEN (OLD.off_us IS DISTINCT FROM NEW.off_us) EXECUTE FUNCTION sync.tell_of_tenant();
