-- Sites, templates, devices and what belongs to them.

-- Site ids belong to a tenant: the same id in two tenants must neither clash nor tell of the other.
CREATE TABLE sites (
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  site_id text NOT NULL,
  name text NOT NULL,
  location text,
  latitude float8,
  longitude float8,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, site_id)
);

CREATE TABLE device_templates (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  name text NOT NULL,
  slug text NOT NULL,
  description text,
  category text NOT NULL CHECK (category IN ('gateway', 'edge_device', 'standalone_sensor',
                                             'controller', 'expansion_module')),
  manufacturer text,
  model text,
  firmware_version_pattern text,
  is_locked boolean NOT NULL DEFAULT false,
  source text NOT NULL DEFAULT 'tenant' CHECK (source IN ('system', 'tenant')),
  transport_defaults jsonb,
  metadata jsonb NOT NULL DEFAULT '{}',
  image_url text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX ON device_templates (tenant_id, slug);
CREATE UNIQUE INDEX ON device_templates (slug) WHERE tenant_id IS NULL;

CREATE TABLE template_metrics (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  template_id integer NOT NULL REFERENCES device_templates (id) ON DELETE CASCADE,
  metric_key text NOT NULL,
  display_name text NOT NULL,
  data_type text NOT NULL CHECK (data_type IN ('float', 'integer', 'boolean', 'string', 'enum')),
  unit text,
  min_value float8,
  max_value float8,
  precision_digits integer NOT NULL DEFAULT 2,
  is_required boolean NOT NULL DEFAULT false,
  description text,
  enum_values jsonb,
  sort_order integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (template_id, metric_key)
);

CREATE TABLE device_registry (
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  device_id text NOT NULL CHECK (device_id ~ '^[A-Za-z0-9_-]{1,128}$'),
  site_id text NOT NULL,
  name text,
  status text NOT NULL DEFAULT 'ACTIVE'
    CHECK (status IN ('ACTIVE', 'INACTIVE', 'SUSPENDED', 'REVOKED', 'DELETED')),
  device_type text,
  model text,
  manufacturer text,
  serial_number text,
  mac_address text,
  imei text,
  iccid text,
  meid text,
  hw_revision text,
  fw_version text,
  chipset text,
  modem_model text,
  modem_fw_version text,
  board_revision text,
  bootloader_version text,
  batch_id text,
  installation_notes text,
  deployment_date timestamptz,
  latitude float8,
  longitude float8,
  address text,
  location_source text NOT NULL DEFAULT 'auto' CHECK (location_source IN ('auto', 'manual')),
  notes text,
  metadata jsonb NOT NULL DEFAULT '{}',
  plan_id varchar(50) REFERENCES device_plans (plan_id),
  subscription_id text,
  sensor_limit integer,
  heartbeat_stale_seconds integer CHECK (heartbeat_stale_seconds BETWEEN 1 AND 86400),
  template_id integer REFERENCES device_templates (id) ON DELETE SET NULL,
  parent_device_id text,
  decommissioned_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  search_text text GENERATED ALWAYS AS (
    lower(device_id || ' ' || coalesce(name, '') || ' ' || coalesce(model, '') || ' ' ||
          coalesce(serial_number, '') || ' ' || site_id || ' ' || coalesce(address, ''))) STORED,
  PRIMARY KEY (tenant_id, device_id),
  FOREIGN KEY (tenant_id, site_id) REFERENCES sites (tenant_id, site_id),
  FOREIGN KEY (tenant_id, parent_device_id) REFERENCES device_registry (tenant_id, device_id)
);
-- The list's order; also what keyset paging walks along.
CREATE INDEX ON device_registry (tenant_id, site_id, device_id);
CREATE INDEX ON device_registry USING gin (search_text gin_trgm_ops);
CREATE INDEX ON device_registry (template_id) WHERE template_id IS NOT NULL;
CREATE INDEX ON device_registry (heartbeat_stale_seconds) WHERE heartbeat_stale_seconds IS NOT NULL;
CREATE INDEX ON device_registry (tenant_id, parent_device_id) WHERE parent_device_id IS NOT NULL;

CREATE TABLE device_tags (
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  tag text NOT NULL,
  position integer NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, device_id, tag),
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
CREATE INDEX ON device_tags (tenant_id, tag);

-- `state` holds the latest value of each metric by event time, `state_times` those times (epoch ms).
CREATE TABLE device_state (
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  device_id text NOT NULL,
  site_id text NOT NULL,
  status text NOT NULL DEFAULT 'OFFLINE' CHECK (status IN ('ONLINE', 'STALE', 'OFFLINE')),
  last_heartbeat_at timestamptz,
  last_telemetry_at timestamptz,
  last_seen_at timestamptz,
  last_state_change_at timestamptz NOT NULL DEFAULT now(),
  state jsonb NOT NULL DEFAULT '{}',
  state_times jsonb NOT NULL DEFAULT '{}',
  newest_event_at timestamptz,
  desired_state jsonb NOT NULL DEFAULT '{}',
  reported_state jsonb NOT NULL DEFAULT '{}',
  desired_version integer NOT NULL DEFAULT 0,
  reported_version integer NOT NULL DEFAULT 0,
  shadow_updated_at timestamptz,
  PRIMARY KEY (tenant_id, device_id)
) WITH (fillfactor = 60);
-- The status job looks only at devices that may go silent.
CREATE INDEX ON device_state (last_seen_at) WHERE status IN ('ONLINE', 'STALE');
CREATE INDEX ON device_state (tenant_id, status);

CREATE TABLE device_sensors (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  metric_key text NOT NULL,
  display_name text NOT NULL,
  sensor_type text,
  unit text,
  min_range float8,
  max_range float8,
  precision_digits integer NOT NULL DEFAULT 2,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'error')),
  source text NOT NULL DEFAULT 'required' CHECK (source IN ('required', 'optional', 'unmodeled')),
  template_metric_id integer REFERENCES template_metrics (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, device_id, metric_key),
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);

CREATE TABLE device_api_tokens (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  client_id text NOT NULL UNIQUE,
  token_hash text NOT NULL,
  label text NOT NULL DEFAULT 'default',
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
CREATE INDEX ON device_api_tokens (tenant_id, device_id) WHERE revoked_at IS NULL;

CREATE TABLE device_connection_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  event_type varchar(20) NOT NULL
    CHECK (event_type IN ('CONNECTED', 'DISCONNECTED', 'CONNECTION_LOST')),
  "timestamp" timestamptz NOT NULL DEFAULT now(),
  details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX ON device_connection_events (tenant_id, device_id, "timestamp" DESC);
CREATE INDEX ON device_connection_events USING brin ("timestamp");

CREATE TABLE device_subscriptions (
  subscription_id text PRIMARY KEY,
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  plan_id varchar(50) NOT NULL REFERENCES device_plans (plan_id),
  status text NOT NULL DEFAULT 'ACTIVE'
    CHECK (status IN ('TRIAL', 'ACTIVE', 'GRACE', 'SUSPENDED', 'EXPIRED', 'CANCELLED')),
  term_start timestamptz NOT NULL DEFAULT now(),
  term_end timestamptz,
  grace_end timestamptz,
  cancelled_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
CREATE UNIQUE INDEX ON device_subscriptions (tenant_id, device_id)
  WHERE status NOT IN ('EXPIRED', 'CANCELLED');
CREATE INDEX ON device_subscriptions (tenant_id, status);

-- The system's templates.
WITH kinds (slug, name, category, description, model) AS (VALUES
  ('gateway', 'Gateway', 'gateway', 'Edge gateway with radio, analog and 1-wire inputs', 'GW-1'),
  ('gps-tracker', 'GPS tracker', 'standalone_sensor', 'Position, speed and heading', 'GT-1'),
  ('humidity-temperature', 'Humidity and temperature sensor', 'standalone_sensor',
   'Room and storage climate', 'HT-1'),
  ('temperature-probe', 'Temperature probe', 'standalone_sensor', 'One probe, wide range', 'TP-1'),
  ('energy-meter', 'Energy meter', 'edge_device', 'Power, energy, voltage and current', 'EM-1'),
  ('cold-chain-logger', 'Cold-chain logger', 'standalone_sensor',
   'Temperature, humidity and door of a cold store or reefer', 'CC-1'),
  ('air-quality', 'Air quality sensor', 'standalone_sensor', 'CO2, particles, climate', 'AQ-1'),
  ('tank-level', 'Tank level sensor', 'standalone_sensor', 'Level and volume of a tank', 'TL-1'),
  ('door-contact', 'Door contact', 'standalone_sensor', 'Open or closed, and how often', 'DC-1'),
  ('machine-vibration', 'Machine vibration sensor', 'standalone_sensor',
   'Vibration and bearing temperature', 'MV-1'))
INSERT INTO device_templates (slug, name, category, description, model, is_locked, source,
                              transport_defaults)
SELECT slug, name, category, description, model, true, 'system',
       '{"ingestion_protocol": "mqtt_direct"}'
FROM kinds;

WITH metrics (slug, metric_key, display_name, data_type, unit, min_value, max_value, digits,
              required) AS (VALUES
  ('gateway', 'battery_pct', 'Battery', 'float', '%', 0, 100, 0, true),
  ('gateway', 'signal_rssi', 'Signal', 'integer', 'dBm', -120, 0, 0, true),
  ('gateway', 'uptime_seconds', 'Uptime', 'integer', 's', 0, NULL, 0, false),
  ('gateway', 'cpu_temp', 'CPU temperature', 'float', '°C', -40, 85, 1, false),
  ('gateway', 'memory_pct', 'Memory', 'float', '%', 0, 100, 0, false),
  ('gateway', 'supply_voltage', 'Supply', 'float', 'V', 0, 30, 2, false),
  ('gps-tracker', 'latitude', 'Latitude', 'float', '°', -90, 90, 5, true),
  ('gps-tracker', 'longitude', 'Longitude', 'float', '°', -180, 180, 5, true),
  ('gps-tracker', 'speed', 'Speed', 'float', 'km/h', 0, 500, 1, true),
  ('gps-tracker', 'heading', 'Heading', 'float', '°', 0, 360, 0, false),
  ('humidity-temperature', 'humidity', 'Humidity', 'float', '%', 0, 100, 1, true),
  ('humidity-temperature', 'temperature', 'Temperature', 'float', '°C', -40, 85, 1, true),
  ('temperature-probe', 'temperature', 'Temperature', 'float', '°C', -40, 125, 1, true),
  ('energy-meter', 'power', 'Power', 'float', 'W', 0, NULL, 0, true),
  ('energy-meter', 'energy', 'Energy', 'float', 'kWh', 0, NULL, 2, true),
  ('energy-meter', 'voltage', 'Voltage', 'float', 'V', 0, 500, 1, false),
  ('energy-meter', 'current', 'Current', 'float', 'A', 0, NULL, 2, false),
  ('cold-chain-logger', 'temperature', 'Temperature', 'float', '°C', -60, 60, 1, true),
  ('cold-chain-logger', 'humidity', 'Humidity', 'float', '%', 0, 100, 1, false),
  ('cold-chain-logger', 'door_open', 'Door', 'boolean', NULL, 0, 1, 0, false),
  ('cold-chain-logger', 'battery', 'Battery', 'float', '%', 0, 100, 0, false),
  ('air-quality', 'co2', 'CO2', 'float', 'ppm', 0, 10000, 0, true),
  ('air-quality', 'pm25', 'Particles 2.5', 'float', 'µg/m³', 0, 1000, 1, false),
  ('air-quality', 'temperature', 'Temperature', 'float', '°C', -40, 85, 1, false),
  ('air-quality', 'humidity', 'Humidity', 'float', '%', 0, 100, 1, false),
  ('tank-level', 'level', 'Level', 'float', '%', 0, 100, 1, true),
  ('tank-level', 'volume', 'Volume', 'float', 'l', 0, NULL, 0, false),
  ('door-contact', 'door_open', 'Door', 'boolean', NULL, 0, 1, 0, true),
  ('door-contact', 'openings', 'Openings', 'integer', NULL, 0, NULL, 0, false),
  ('door-contact', 'battery', 'Battery', 'float', '%', 0, 100, 0, false),
  ('machine-vibration', 'vibration_rms', 'Vibration', 'float', 'mm/s', 0, 100, 2, true),
  ('machine-vibration', 'bearing_temp', 'Bearing temperature', 'float', '°C', -40, 200, 1, false),
  ('machine-vibration', 'rpm', 'Speed', 'float', 'rpm', 0, NULL, 0, false))
INSERT INTO template_metrics (template_id, metric_key, display_name, data_type, unit, min_value,
                              max_value, precision_digits, is_required, sort_order)
SELECT t.id, m.metric_key, m.display_name, m.data_type, m.unit, m.min_value, m.max_value, m.digits,
       m.required, row_number() OVER (PARTITION BY m.slug)
FROM metrics m JOIN device_templates t USING (slug);

SELECT pulse_protect(t) FROM unnest(ARRAY['sites', 'device_registry', 'device_tags',
  'device_state', 'device_sensors', 'device_api_tokens', 'device_connection_events',
  'device_subscriptions']::regclass[]) AS t;

-- Templates: a tenant sees the system's and its own, and changes only its own.
ALTER TABLE device_templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_templates FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_reads ON device_templates FOR SELECT TO pulse_app
  USING (tenant_id IS NULL OR tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY tenant_writes ON device_templates FOR ALL TO pulse_app
  USING (tenant_id = current_setting('app.tenant_id', true))
  WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY operator_rows ON device_templates FOR ALL TO pulse_operator, pulse_operator_write
  USING (true) WITH CHECK (true);
CREATE POLICY operator_reads ON device_templates FOR SELECT TO pulse_operator_read USING (true);
ALTER TABLE template_metrics ENABLE ROW LEVEL SECURITY;
ALTER TABLE template_metrics FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_reads ON template_metrics FOR SELECT TO pulse_app
  USING (EXISTS (SELECT FROM device_templates t WHERE t.id = template_id));
CREATE POLICY tenant_writes ON template_metrics FOR ALL TO pulse_app
  USING (EXISTS (SELECT FROM device_templates t WHERE t.id = template_id
                 AND t.tenant_id = current_setting('app.tenant_id', true)))
  WITH CHECK (EXISTS (SELECT FROM device_templates t WHERE t.id = template_id
                      AND t.tenant_id = current_setting('app.tenant_id', true)));
CREATE POLICY operator_rows ON template_metrics FOR ALL TO pulse_operator, pulse_operator_write
  USING (true) WITH CHECK (true);
CREATE POLICY operator_reads ON template_metrics FOR SELECT TO pulse_operator_read USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON device_templates, template_metrics
  TO pulse_app, pulse_operator, pulse_operator_write;
GRANT SELECT ON device_templates, template_metrics TO pulse_operator_read, pulse_ingest;

GRANT SELECT, UPDATE (latitude, longitude) ON device_registry TO pulse_ingest;
GRANT SELECT, INSERT, UPDATE ON device_state, device_sensors TO pulse_ingest;
GRANT SELECT, INSERT, DELETE ON device_connection_events TO pulse_ingest;
GRANT SELECT, UPDATE (last_used_at) ON device_api_tokens TO pulse_ingest;
GRANT SELECT ON device_subscriptions, device_tags, sites TO pulse_ingest;
