-- Silence until STALE, per template; a device's own limit goes before it.
ALTER TABLE device_templates ADD COLUMN heartbeat_stale_seconds integer
  CHECK (heartbeat_stale_seconds BETWEEN 1 AND 86400);
CREATE INDEX ON device_templates (heartbeat_stale_seconds)
  WHERE heartbeat_stale_seconds IS NOT NULL;

-- A deleted device keeps its row, but not its site: that one can then be deleted, too.
ALTER TABLE device_registry ALTER COLUMN site_id DROP NOT NULL;
ALTER TABLE device_registry ADD CONSTRAINT device_registry_site_check
  CHECK (site_id IS NOT NULL OR status = 'DELETED');
ALTER TABLE device_registry DROP CONSTRAINT device_registry_tenant_id_site_id_fkey;
ALTER TABLE device_registry ADD CONSTRAINT device_registry_tenant_id_site_id_fkey
  FOREIGN KEY (tenant_id, site_id) REFERENCES sites (tenant_id, site_id)
  ON DELETE SET NULL (site_id);

-- The message log is in the order of arrival. For what arrives soon after it was measured that is
-- nearly the order of event time, which the table's index has; the rest is found by this one. So the
-- common message is in one index and no more.
CREATE INDEX telemetry_late ON telemetry (tenant_id, device_id, received_at DESC, stream_seq DESC)
  WHERE received_at - time NOT BETWEEN interval '-10 minutes' AND interval '10 minutes';

-- A message that PostgreSQL refused belongs to its device's log. tenant/{t}/device/{d}/{type}
ALTER TABLE dead_letter_messages ADD COLUMN device_id text
  GENERATED ALWAYS AS (nullif(split_part(original_topic, '/', 4), '')) STORED;
CREATE INDEX ON dead_letter_messages (tenant_id, device_id, created_at DESC)
  WHERE destination_type = 'ingest';

-- Retention. Old rows of these are found by block ranges, since they come in the order of time.
CREATE INDEX ON audit_log USING brin ("timestamp");
CREATE INDEX ON telemetry_rollup_1h USING brin (bucket);
CREATE INDEX ON dead_letter_messages USING brin (created_at);
GRANT SELECT, DELETE ON audit_log TO pulse_ingest;
GRANT DELETE ON telemetry_rollup_1m TO pulse_ingest;
INSERT INTO app_settings (key, value) VALUES ('AUDIT_RETENTION_DAYS', '365')
  ON CONFLICT DO NOTHING;
