-- Devices as instances of their template: modules in slots, sensors of modules, ways of transport, health,
-- attributes of the owner's own.

CREATE TABLE device_modules (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  slot_key text NOT NULL,
  bus_address text,
  module_template_id integer REFERENCES device_templates (id) ON DELETE SET NULL,
  label text NOT NULL,
  serial_number text,
  metric_key_map jsonb NOT NULL DEFAULT '{}',
  installed_at timestamptz NOT NULL DEFAULT now(),
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'removed')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
-- What was removed stays as history, and its place is free.
CREATE UNIQUE INDEX device_modules_place ON device_modules
  (tenant_id, device_id, slot_key, coalesce(bus_address, '')) WHERE status <> 'removed';
CREATE INDEX ON device_modules (tenant_id, device_id);
CREATE INDEX ON device_modules (module_template_id);

ALTER TABLE device_sensors
  ADD COLUMN device_module_id integer REFERENCES device_modules (id) ON DELETE SET NULL;
CREATE INDEX ON device_sensors (device_module_id) WHERE device_module_id IS NOT NULL;
CREATE INDEX ON device_sensors (template_metric_id) WHERE template_metric_id IS NOT NULL;

CREATE TABLE carrier_integrations (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  carrier_name text NOT NULL,
  display_name text NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  api_key text,
  api_secret text,
  api_base_url text,
  account_id text,
  config jsonb NOT NULL DEFAULT '{}',
  sync_enabled boolean NOT NULL DEFAULT true,
  sync_interval_minutes integer NOT NULL DEFAULT 60,
  last_sync_at timestamptz,
  last_sync_status text DEFAULT 'never',
  last_sync_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, carrier_name)
);

CREATE TABLE device_transports (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  ingestion_protocol text NOT NULL CHECK (ingestion_protocol IN ('mqtt_direct', 'http_api', 'lorawan',
    'gateway_proxy', 'modbus_rtu')),
  physical_connectivity text CHECK (physical_connectivity IN ('cellular', 'ethernet', 'wifi', 'satellite',
    'lora', 'other')),
  protocol_config jsonb NOT NULL DEFAULT '{}',
  connectivity_config jsonb NOT NULL DEFAULT '{}',
  carrier_integration_id integer REFERENCES carrier_integrations (id) ON DELETE SET NULL,
  is_primary boolean NOT NULL DEFAULT true,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'failover')),
  last_connected_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, device_id, ingestion_protocol),
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
CREATE UNIQUE INDEX device_transports_primary ON device_transports (tenant_id, device_id) WHERE is_primary;
CREATE INDEX ON device_transports (carrier_integration_id) WHERE carrier_integration_id IS NOT NULL;

-- Battery, signal and the like, at most one row a device and its plan's interval.
CREATE TABLE device_health_telemetry (
  time timestamptz NOT NULL,
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  rssi float8, rsrp float8, rsrq float8, sinr float8, signal_quality float8,
  network_type text, cell_id text, mcc_mnc text,
  battery_pct float8, battery_voltage float8, power_source text, charging boolean,
  cpu_temp_c float8, memory_used_pct float8, storage_used_pct float8,
  uptime_seconds bigint, reboot_count bigint, error_count bigint,
  data_tx_bytes bigint, data_rx_bytes bigint, data_session_bytes bigint,
  gps_lat float8, gps_lon float8, gps_accuracy_m float8, gps_fix boolean,
  extra jsonb DEFAULT '{}',
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
CREATE INDEX ON device_health_telemetry (tenant_id, device_id, time DESC);
CREATE INDEX ON device_health_telemetry USING brin (time);

CREATE TABLE device_extended_attributes (
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  attributes jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (tenant_id, device_id),
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);

SELECT pulse_protect(t) FROM unnest(ARRAY['device_modules', 'carrier_integrations', 'device_transports',
  'device_health_telemetry', 'device_extended_attributes']::regclass[]) AS t;
GRANT SELECT ON device_modules TO pulse_ingest;
GRANT SELECT, INSERT, DELETE ON device_health_telemetry TO pulse_ingest;

-- Devices that are there already reach us as their template says. Row-level security is forced on the
-- owner too: it is lifted for them.
ALTER TABLE device_registry NO FORCE ROW LEVEL SECURITY;
ALTER TABLE device_templates NO FORCE ROW LEVEL SECURITY;
ALTER TABLE device_transports NO FORCE ROW LEVEL SECURITY;
INSERT INTO device_transports (tenant_id, device_id, ingestion_protocol)
SELECT r.tenant_id, r.device_id,
       CASE WHEN t.transport_defaults ->> 'ingestion_protocol' IN ('mqtt_direct', 'http_api', 'lorawan',
         'gateway_proxy', 'modbus_rtu') THEN t.transport_defaults ->> 'ingestion_protocol'
         ELSE 'mqtt_direct' END
FROM device_registry r LEFT JOIN device_templates t ON t.id = r.template_id
WHERE r.status <> 'DELETED';
ALTER TABLE device_registry FORCE ROW LEVEL SECURITY;
ALTER TABLE device_templates FORCE ROW LEVEL SECURITY;
ALTER TABLE device_transports FORCE ROW LEVEL SECURITY;

-- The older names of the same things. They show what who asks may see.
CREATE VIEW device_connections WITH (security_invoker = true) AS
SELECT DISTINCT ON (tenant_id, device_id) id, tenant_id, device_id,
  physical_connectivity AS connection_type,
  connectivity_config ->> 'carrier_name' AS carrier_name,
  connectivity_config ->> 'carrier_account_id' AS carrier_account_id,
  connectivity_config ->> 'plan_name' AS plan_name,
  connectivity_config ->> 'apn' AS apn,
  connectivity_config ->> 'sim_iccid' AS sim_iccid,
  connectivity_config ->> 'sim_status' AS sim_status,
  (connectivity_config ->> 'data_limit_mb')::bigint AS data_limit_mb,
  (connectivity_config ->> 'billing_cycle_start')::integer AS billing_cycle_start,
  (connectivity_config ->> 'data_used_mb')::float8 AS data_used_mb,
  (connectivity_config ->> 'data_used_updated_at')::timestamptz AS data_used_updated_at,
  connectivity_config ->> 'ip_address' AS ip_address,
  connectivity_config ->> 'msisdn' AS msisdn,
  connectivity_config ->> 'network_status' AS network_status,
  (connectivity_config ->> 'last_network_attach')::timestamptz AS last_network_attach,
  (connectivity_config ->> 'last_network_detach')::timestamptz AS last_network_detach,
  connectivity_config AS metadata, created_at, updated_at,
  connectivity_config ->> 'carrier_device_id' AS carrier_device_id, carrier_integration_id
FROM device_transports WHERE physical_connectivity IS NOT NULL
ORDER BY tenant_id, device_id, physical_connectivity = 'cellular' DESC, is_primary DESC, id;

CREATE VIEW sensors WITH (security_invoker = true) AS
SELECT k.id AS sensor_id, k.tenant_id, k.device_id, k.metric_key AS metric_name,
  coalesce(k.sensor_type, 'unknown') AS sensor_type, k.display_name AS label, k.unit, k.min_range,
  k.max_range, k.precision_digits,
  CASE k.status WHEN 'inactive' THEN 'disabled' ELSE k.status END AS status,
  k.source = 'unmodeled' AS auto_discovered,
  CASE jsonb_typeof(s.state -> k.metric_key)
    WHEN 'number' THEN (s.state ->> k.metric_key)::float8
    WHEN 'boolean' THEN ((s.state ->> k.metric_key)::boolean)::integer::float8 END AS last_value,
  to_timestamp((s.state_times ->> k.metric_key)::bigint / 1000.0) AS last_seen_at,
  '{}'::jsonb AS metadata, k.created_at, k.updated_at
FROM device_sensors k LEFT JOIN device_state s USING (tenant_id, device_id);
GRANT SELECT ON device_connections, sensors TO pulse_app, pulse_operator, pulse_operator_read,
  pulse_operator_write;
