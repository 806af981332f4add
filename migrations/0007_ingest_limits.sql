-- The ingest worker looks at tokens that ended, too: a message may have come in before.
CREATE INDEX device_api_tokens_of_device ON device_api_tokens (tenant_id, device_id);
DROP INDEX device_api_tokens_tenant_id_device_id_idx;

-- When the device was where the registry says (event time): a position that comes late must not move
-- it back.
ALTER TABLE device_state ADD COLUMN position_at timestamptz;
