-- Templates whole: commands, slots for modules, versions. Seeds of the system's gateway and its modules.

CREATE TABLE template_commands (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  template_id integer NOT NULL REFERENCES device_templates (id) ON DELETE CASCADE,
  command_key text NOT NULL,
  display_name text NOT NULL,
  description text,
  parameters_schema jsonb,
  response_schema jsonb,
  sort_order integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (template_id, command_key)
);

CREATE TABLE template_slots (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  template_id integer NOT NULL REFERENCES device_templates (id) ON DELETE CASCADE,
  slot_key text NOT NULL,
  display_name text NOT NULL,
  slot_type text NOT NULL CHECK (slot_type IN ('expansion', 'sensor', 'accessory')),
  interface_type text NOT NULL CHECK (interface_type IN ('analog', 'rs485', 'i2c', 'spi', '1-wire',
    'fsk', 'ble', 'lora', 'gpio', 'usb')),
  max_devices integer DEFAULT 1 CHECK (max_devices >= 0),
  compatible_templates integer[],
  is_required boolean NOT NULL DEFAULT false,
  description text,
  sort_order integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (template_id, slot_key)
);

-- Row-level security is forced on the owner too: it is lifted while the system's rows are made.
ALTER TABLE device_templates NO FORCE ROW LEVEL SECURITY;
ALTER TABLE template_metrics NO FORCE ROW LEVEL SECURITY;

ALTER TABLE device_templates ADD COLUMN version integer NOT NULL DEFAULT 1;

-- They were numbered as they came.
UPDATE template_metrics m SET sort_order = o.place
FROM (SELECT id, row_number() OVER (PARTITION BY template_id ORDER BY is_required DESC, id) AS place
      FROM template_metrics) o
WHERE o.id = m.id AND m.template_id IN (SELECT id FROM device_templates WHERE tenant_id IS NULL);

WITH kinds (slug, name, description, model) AS (VALUES
  ('module-temperature-1wire', 'Temperature probe, 1-wire', 'One probe on a 1-wire bus', 'MT-1W'),
  ('module-analog-4-20ma', 'Analog input, 4-20 mA', 'Reads one current loop', 'MA-420'),
  ('module-analog-0-10v', 'Analog input, 0-10 V', 'Reads one voltage', 'MA-010'),
  ('module-climate-fsk', 'Climate sensor, radio', 'Temperature and humidity by FSK radio', 'MC-FSK'))
INSERT INTO device_templates (slug, name, category, description, model, is_locked, source)
SELECT slug, name, 'expansion_module', description, model, true, 'system' FROM kinds;

WITH metrics (slug, metric_key, display_name, unit, min_value, max_value, digits) AS (VALUES
  ('module-temperature-1wire', 'probe_temperature', 'Probe temperature', '°C', -55, 125, 1),
  ('module-analog-4-20ma', 'loop_current', 'Loop current', 'mA', 0, 22, 2),
  ('module-analog-0-10v', 'input_voltage', 'Input voltage', 'V', 0, 10, 2),
  ('module-climate-fsk', 'module_temperature', 'Temperature', '°C', -40, 85, 1),
  ('module-climate-fsk', 'module_humidity', 'Humidity', '%', 0, 100, 1))
INSERT INTO template_metrics (template_id, metric_key, display_name, data_type, unit, min_value,
                              max_value, precision_digits, is_required, sort_order)
SELECT t.id, m.metric_key, m.display_name, 'float', m.unit, m.min_value, m.max_value, m.digits, true,
       row_number() OVER (PARTITION BY m.slug)
FROM metrics m JOIN device_templates t ON t.slug = m.slug AND t.tenant_id IS NULL;

INSERT INTO template_commands (template_id, command_key, display_name, description, parameters_schema,
                               sort_order)
SELECT t.id, c.command_key, c.display_name, c.description, c.parameters::jsonb, c.place
FROM device_templates t, (VALUES
  ('reboot', 'Reboot', 'Restarts the gateway',
   '{"type": "object", "properties": {"delay_seconds": {"type": "integer", "minimum": 0, "maximum": 3600}}, "additionalProperties": false}', 1),
  ('set_interval', 'Set interval', 'How often the gateway sends its readings',
   '{"type": "object", "properties": {"seconds": {"type": "integer", "minimum": 5, "maximum": 86400}}, "required": ["seconds"], "additionalProperties": false}', 2),
  ('factory_reset', 'Factory reset', 'Forgets every setting of the gateway',
   '{"type": "object", "properties": {"confirm": {"type": "boolean", "const": true}}, "required": ["confirm"], "additionalProperties": false}', 3))
  AS c (command_key, display_name, description, parameters, place)
WHERE t.slug = 'gateway' AND t.tenant_id IS NULL;

INSERT INTO template_slots (template_id, slot_key, display_name, slot_type, interface_type, max_devices,
                            compatible_templates, description, sort_order)
SELECT t.id, s.slot_key, s.display_name, 'expansion', s.interface_type, s.max_devices,
       ARRAY(SELECT m.id FROM device_templates m
             WHERE m.tenant_id IS NULL AND m.slug = ANY (s.modules) ORDER BY m.id),
       s.description, s.place
FROM device_templates t, (VALUES
  ('analog-1', 'Analog 1', 'analog', 1, ARRAY['module-analog-4-20ma', 'module-analog-0-10v'],
   'First analog input', 1),
  ('analog-2', 'Analog 2', 'analog', 1, ARRAY['module-analog-4-20ma', 'module-analog-0-10v'],
   'Second analog input', 2),
  ('onewire', '1-wire bus', '1-wire', 8, ARRAY['module-temperature-1wire'], 'Up to eight probes', 3),
  ('radio', 'Radio', 'fsk', 32, ARRAY['module-climate-fsk'], 'Sensors by radio', 4))
  AS s (slot_key, display_name, interface_type, max_devices, modules, description, place)
WHERE t.slug = 'gateway' AND t.tenant_id IS NULL;

-- A template whole, as it is exported and kept as a version. Modules are named by their slug, which
-- means the same in another tenant, where an id does not.
CREATE FUNCTION pulse_template_document(wanted integer) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'format', 'pulse-template/1',
    'device_template', jsonb_build_object('name', t.name, 'slug', t.slug, 'description', t.description,
      'category', t.category, 'manufacturer', t.manufacturer, 'model', t.model,
      'firmware_version_pattern', t.firmware_version_pattern,
      'transport_defaults', t.transport_defaults, 'metadata', t.metadata, 'image_url', t.image_url,
      'heartbeat_stale_seconds', t.heartbeat_stale_seconds),
    'metrics', coalesce((SELECT jsonb_agg(to_jsonb(m) - 'id' - 'template_id' - 'created_at'
                                          ORDER BY m.sort_order, m.id)
                         FROM template_metrics m WHERE m.template_id = t.id), '[]'),
    'commands', coalesce((SELECT jsonb_agg(to_jsonb(c) - 'id' - 'template_id' - 'created_at'
                                           ORDER BY c.sort_order, c.id)
                          FROM template_commands c WHERE c.template_id = t.id), '[]'),
    'slots', coalesce((SELECT jsonb_agg(to_jsonb(s) - 'id' - 'template_id' - 'created_at'
          - 'compatible_templates' || jsonb_build_object('compatible_slugs',
            (SELECT jsonb_agg(o.slug ORDER BY o.slug) FROM device_templates o
             WHERE o.id = ANY (s.compatible_templates)))
          ORDER BY s.sort_order, s.id)
        FROM template_slots s WHERE s.template_id = t.id), '[]'))
  FROM device_templates t WHERE t.id = wanted
$$;

CREATE TABLE template_versions (
  template_id integer NOT NULL REFERENCES device_templates (id) ON DELETE CASCADE,
  version integer NOT NULL,
  document jsonb NOT NULL,
  changed_by text,
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (template_id, version)
);
INSERT INTO template_versions (template_id, version, document, changed_at)
SELECT id, version, pulse_template_document(id), updated_at FROM device_templates;

ALTER TABLE device_templates FORCE ROW LEVEL SECURITY;
ALTER TABLE template_metrics FORCE ROW LEVEL SECURITY;

-- Parts are read with their template and written with the tenant's own.
DO $$
DECLARE
  part text;
BEGIN
  FOREACH part IN ARRAY ARRAY['template_commands', 'template_slots', 'template_versions'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('CREATE POLICY tenant_reads ON %I FOR SELECT TO pulse_app '
                   'USING (EXISTS (SELECT FROM device_templates t WHERE t.id = template_id))', part);
    EXECUTE format('CREATE POLICY tenant_writes ON %I FOR ALL TO pulse_app '
                   'USING (EXISTS (SELECT FROM device_templates t WHERE t.id = template_id '
                   'AND t.tenant_id = current_setting(''app.tenant_id'', true))) '
                   'WITH CHECK (EXISTS (SELECT FROM device_templates t WHERE t.id = template_id '
                   'AND t.tenant_id = current_setting(''app.tenant_id'', true)))', part);
    EXECUTE format('CREATE POLICY operator_rows ON %I FOR ALL TO pulse_operator, '
                   'pulse_operator_write USING (true) WITH CHECK (true)', part);
    EXECUTE format('CREATE POLICY operator_reads ON %I FOR SELECT TO pulse_operator_read USING (true)',
                   part);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO pulse_app, pulse_operator, '
                   'pulse_operator_write', part);
    EXECUTE format('GRANT SELECT ON %I TO pulse_operator_read, pulse_ingest', part);
  END LOOP;
END $$;
-- Versions are a history: nothing in it changes.
REVOKE UPDATE ON template_versions FROM pulse_app;
