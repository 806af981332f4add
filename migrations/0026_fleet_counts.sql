-- What is asked of a whole fleet, at 100,000 devices: who never sent anything is kept apart, so that nobody
-- goes through all devices to find them; and the map's columns stand in an index of their own.

CREATE TABLE unseen_devices (
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  PRIMARY KEY (tenant_id, device_id),
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
ALTER TABLE device_registry NO FORCE ROW LEVEL SECURITY;
ALTER TABLE device_state NO FORCE ROW LEVEL SECURITY;
INSERT INTO unseen_devices
SELECT tenant_id, device_id FROM device_registry r
WHERE NOT EXISTS (SELECT FROM device_state s
                  WHERE s.tenant_id = r.tenant_id AND s.device_id = r.device_id);
ALTER TABLE device_registry FORCE ROW LEVEL SECURITY;
ALTER TABLE device_state FORCE ROW LEVEL SECURITY;

-- A device is unseen from its registration until it has a state, and again when an id begins anew.
CREATE FUNCTION pulse_devices_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO unseen_devices
  SELECT tenant_id, device_id FROM come c
  WHERE NOT EXISTS (SELECT FROM device_state s
                    WHERE s.tenant_id = c.tenant_id AND s.device_id = c.device_id)
  ORDER BY tenant_id, device_id ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE FUNCTION pulse_states_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM unseen_devices u USING come c
  WHERE u.tenant_id = c.tenant_id AND u.device_id = c.device_id;
  RETURN NULL;
END $$;
CREATE FUNCTION pulse_states_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO unseen_devices
  SELECT r.tenant_id, r.device_id FROM gone g JOIN device_registry r USING (tenant_id, device_id)
  ORDER BY r.tenant_id, r.device_id ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER devices_come AFTER INSERT ON device_registry
  REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION pulse_devices_come();
CREATE TRIGGER states_come AFTER INSERT ON device_state
  REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION pulse_states_come();
CREATE TRIGGER states_go AFTER DELETE ON device_state
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION pulse_states_go();

SELECT pulse_protect('unseen_devices');
GRANT SELECT, INSERT, DELETE ON unseen_devices TO pulse_ingest;

CREATE INDEX device_registry_places ON device_registry (tenant_id, device_id)
  INCLUDE (name, latitude, longitude) WHERE decommissioned_at IS NULL AND status <> 'DELETED';

-- The triggers that look at many rows at once compare them in one pass: a join of what was with what is
-- would go through all pairs whenever its plan was made for a single row.
CREATE OR REPLACE FUNCTION pulse_describe_sensors_of_devices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Most changes of devices are others.
  IF NOT EXISTS (SELECT tenant_id, device_id, template_id FROM is_now
                 EXCEPT SELECT tenant_id, device_id, template_id FROM was) THEN
    RETURN NULL;
  END IF;
  UPDATE device_sensors k
  SET display_name = m.display_name, sensor_type = m.data_type, unit = m.unit,
      min_range = m.min_value, max_range = m.max_value, precision_digits = m.precision_digits,
      source = 'optional', template_metric_id = m.id, updated_at = now()
  FROM (SELECT tenant_id, device_id, template_id FROM is_now
        EXCEPT SELECT tenant_id, device_id, template_id FROM was) n
    JOIN template_metrics m ON m.template_id = n.template_id
  WHERE k.tenant_id = n.tenant_id AND k.device_id = n.device_id AND k.source = 'unmodeled'
    AND m.metric_key = k.metric_key;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION pulse_sensors_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE device_sensor_counts c SET active = c.active + d.difference
  FROM (SELECT tenant_id, device_id, sum(by) AS difference
        FROM (SELECT tenant_id, device_id, 1 AS by FROM come WHERE status = 'active'
              UNION ALL SELECT tenant_id, device_id, -1 FROM gone WHERE status = 'active') x
        GROUP BY tenant_id, device_id HAVING sum(by) <> 0 ORDER BY tenant_id, device_id) d
  WHERE c.tenant_id = d.tenant_id AND c.device_id = d.device_id;
  RETURN NULL;
END $$;

CREATE INDEX device_registry_since ON device_registry (tenant_id, device_id)
  INCLUDE (created_at) WHERE status = 'ACTIVE';

-- The first of the named values of a state that is there, as a coordinate; null when it can't be one.
CREATE FUNCTION pulse_coordinate(state jsonb, names text[], most numeric) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY names LOOP
    CONTINUE WHEN coalesce(jsonb_typeof(state -> name), 'null') = 'null';
    IF jsonb_typeof(state -> name) <> 'number' OR abs((state -> name)::numeric) > most THEN
      RETURN NULL;
    END IF;
    RETURN (state -> name)::numeric::double precision;
  END LOOP;
  RETURN NULL;
END $$;
