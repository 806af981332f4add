-- What a device had sent before it got its template is described once a statement, not once a device:
-- ten thousand devices may get a template at once.
DROP TRIGGER describe_sensors ON device_registry;
DROP FUNCTION pulse_describe_sensors_of_device();

CREATE FUNCTION pulse_describe_sensors_of_devices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Most changes of devices are others.
  IF NOT EXISTS (SELECT FROM is_now n JOIN was o USING (tenant_id, device_id)
                 WHERE n.template_id IS DISTINCT FROM o.template_id) THEN
    RETURN NULL;
  END IF;
  UPDATE device_sensors k
  SET display_name = m.display_name, sensor_type = m.data_type, unit = m.unit,
      min_range = m.min_value, max_range = m.max_value, precision_digits = m.precision_digits,
      source = 'optional', template_metric_id = m.id, updated_at = now()
  FROM is_now n JOIN was o USING (tenant_id, device_id)
    JOIN template_metrics m ON m.template_id = n.template_id
  WHERE n.template_id IS DISTINCT FROM o.template_id
    AND k.tenant_id = n.tenant_id AND k.device_id = n.device_id AND k.source = 'unmodeled'
    AND m.metric_key = k.metric_key;
  RETURN NULL;
END $$;
CREATE TRIGGER describe_sensors AFTER UPDATE ON device_registry
  REFERENCING OLD TABLE AS was NEW TABLE AS is_now
  FOR EACH STATEMENT EXECUTE FUNCTION pulse_describe_sensors_of_devices();
