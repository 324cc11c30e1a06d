"""A change of one thing is written by one call: on PostgreSQL only."""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# An applied edit: the tenant's revision, the journal's row, what it touched, the edit itself, and the word of it.
_EDIT = """
    CREATE FUNCTION sync.write_edit(told_by uuid, at_revision bigint, now_us bigint, told_as text, about uuid, told jsonb,
        kinds text[], ids uuid[], edit_id uuid, made_us bigint, made jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
    DECLARE own CONSTANT uuid := current_tenant();
    BEGIN
        UPDATE tenant SET revision = at_revision WHERE tenant.id = own;
        INSERT INTO journal (tenant_id, origin, seq, at_us, kind, subject, body)
            VALUES (own, told_by, at_revision, now_us, told_as, about, told);
        INSERT INTO sync.touched (tenant_id, kind, id, revision)
            SELECT own, u.of_kind, u.of_id, at_revision FROM unnest(kinds, ids) AS u (of_kind, of_id)
            ON CONFLICT (tenant_id, kind, id) DO UPDATE SET revision = excluded.revision;
        INSERT INTO edit (tenant_id, id, origin, seq, at_us, state, body)
            VALUES (own, edit_id, told_by, at_revision, made_us, 'confirmed', made);
        PERFORM sync.say('heliograph_news', own::text);
    END $$
"""

# For whom it runs is set first: a tenant, who asks, whether for the platform, the sites within reach. Nothing is written, and
# false returned, where the tenant is not any more as it was judged. Columns are named by the server.
_CHANGE = """
    CREATE FUNCTION sync.change_thing(asker text[], as_of bigint, thing_table text, thing uuid, new_columns jsonb,
        told_by uuid, at_revision bigint, now_us bigint, told_as text, about uuid, told jsonb, kinds text[], ids uuid[],
        edit_id uuid, made_us bigint, made jsonb, actor_kind text, actor uuid, actor_name text, act text, subject_kind text,
        subject text, detail jsonb, address text, agent text, request text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
    DECLARE held bigint; names text; changed integer;
    BEGIN
        PERFORM set_config('heliograph.tenant', asker[1], true), set_config('heliograph.user', asker[2], true),
            set_config('heliograph.platform', asker[3], true), set_config('heliograph.sites', asker[4], true);
        SELECT t.revision INTO held FROM tenant t WHERE t.id = current_tenant() FOR NO KEY UPDATE;
        IF held IS DISTINCT FROM as_of THEN RETURN false; END IF;
        SELECT string_agg(quote_ident(k), ', ') INTO names FROM jsonb_object_keys(new_columns) AS k;
        EXECUTE format('UPDATE %1$I t SET (%2$s) = (SELECT %2$s FROM jsonb_populate_record(t, $1) r) WHERE t.id = $2',
            thing_table, names) USING new_columns, thing;
        GET DIAGNOSTICS changed = ROW_COUNT;
        IF changed <> 1 THEN RETURN false; END IF;
        PERFORM sync.write_edit(told_by, at_revision, now_us, told_as, about, told, kinds, ids, edit_id, made_us, made);
        PERFORM identity.write_audit(false, actor_kind, actor, actor_name, act, subject_kind, subject, detail, address, agent,
            request);
        RETURN true;
    END $$
"""


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        op.execute(_EDIT)
        op.execute(_CHANGE)
