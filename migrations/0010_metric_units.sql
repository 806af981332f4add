-- A metric that a device sends and its template describes takes the template's name, unit, range and
-- digits, whether the template requires it or not.

CREATE FUNCTION pulse_describe_sensor() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  m template_metrics;
BEGIN
  SELECT t.* INTO m
  FROM device_registry r JOIN template_metrics t USING (template_id)
  WHERE r.tenant_id = NEW.tenant_id AND r.device_id = NEW.device_id
    AND t.metric_key = NEW.metric_key;
  IF FOUND THEN
    NEW.display_name := m.display_name;
    NEW.sensor_type := m.data_type;
    NEW.unit := m.unit;
    NEW.min_range := m.min_value;
    NEW.max_range := m.max_value;
    NEW.precision_digits := m.precision_digits;
    NEW.source := 'optional';
    NEW.template_metric_id := m.id;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER describe_sensor BEFORE INSERT ON device_sensors
  FOR EACH ROW WHEN (NEW.source = 'unmodeled') EXECUTE FUNCTION pulse_describe_sensor();

-- The same for what a device had sent before it got its template.
CREATE FUNCTION pulse_describe_sensors_of_device() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE device_sensors k
  SET display_name = m.display_name, sensor_type = m.data_type, unit = m.unit,
      min_range = m.min_value, max_range = m.max_value, precision_digits = m.precision_digits,
      source = 'optional', template_metric_id = m.id, updated_at = now()
  FROM template_metrics m
  WHERE k.tenant_id = NEW.tenant_id AND k.device_id = NEW.device_id AND k.source = 'unmodeled'
    AND m.template_id = NEW.template_id AND m.metric_key = k.metric_key;
  RETURN NULL;
END $$;
CREATE TRIGGER describe_sensors AFTER UPDATE OF template_id ON device_registry
  FOR EACH ROW
  WHEN (NEW.template_id IS NOT NULL AND NEW.template_id IS DISTINCT FROM OLD.template_id)
  EXECUTE FUNCTION pulse_describe_sensors_of_device();

-- The sensors there are. Row-level security is forced on the owner too, hence the role.
SET LOCAL ROLE pulse_ingest;
UPDATE device_sensors k
SET display_name = m.display_name, sensor_type = m.data_type, unit = m.unit,
    min_range = m.min_value, max_range = m.max_value, precision_digits = m.precision_digits,
    source = 'optional', template_metric_id = m.id, updated_at = now()
FROM device_registry r JOIN template_metrics m USING (template_id)
WHERE k.tenant_id = r.tenant_id AND k.device_id = r.device_id AND k.source = 'unmodeled'
  AND m.metric_key = k.metric_key;
RESET ROLE;
