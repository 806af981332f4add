-- Carriers: when each integration is synced next, and who does it.
ALTER TABLE carrier_integrations
  -- Nothing: at once. Whoever syncs it moves this ahead first, so that nobody else does.
  ADD COLUMN next_sync_at timestamptz,
  ADD COLUMN sync_failures integer NOT NULL DEFAULT 0;
CREATE INDEX ON carrier_integrations (next_sync_at) WHERE enabled AND sync_enabled;

-- The job finds what is due in all tenants; keys it reads as the tenant that they belong to.
GRANT SELECT (id, tenant_id, carrier_name, enabled, sync_enabled, next_sync_at),
  UPDATE (next_sync_at) ON carrier_integrations TO pulse_ingest;
