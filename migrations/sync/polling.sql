-- Who polls what. A run is an engine from its start to its end: two that were started with one install, from a copied folder, are
-- two. Counterpart: `sync_server/live/polling.py`.

-- Runs that hold something, each until a time by the database's clock; whoever is heard holds on.
CREATE TABLE sync.poller (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    run_id uuid NOT NULL,
    install_id uuid NOT NULL,
    until_us bigint NOT NULL,
    PRIMARY KEY (tenant_id, run_id)
);

-- Who holds a share of the devices that are assigned to nobody (`slot` from 0 on, `install_id` is zero), or those of an install
-- (`slot` -1). `fence` grows with every other run; `taken_us` is when this one took it, `handed`:
-- whoever held it before had let it go.
CREATE TABLE sync.slot (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    install_id uuid NOT NULL,
    slot smallint NOT NULL,
    run_id uuid,
    fence bigint NOT NULL,
    taken_us bigint NOT NULL,
    handed boolean NOT NULL,
    PRIMARY KEY (tenant_id, install_id, slot)
) WITH (fillfactor = 80);

-- Which run a line is of.
ALTER TABLE sync.line ADD run_id uuid;
