-- What ingest noticed of devices whose messages do not fit their template: one row a device, its last fault.

CREATE TABLE device_template_faults (
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  template_id integer NOT NULL REFERENCES device_templates (id) ON DELETE CASCADE,
  metric_key text NOT NULL,
  problem text NOT NULL CHECK (problem IN ('type', 'word', 'range', 'missing')),
  message text NOT NULL,
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  count bigint NOT NULL,
  PRIMARY KEY (tenant_id, device_id),
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
CREATE INDEX ON device_template_faults (template_id);

SELECT pulse_protect('device_template_faults');
GRANT SELECT, INSERT, UPDATE ON device_template_faults TO pulse_ingest;
