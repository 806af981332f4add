-- What is counted on every page, at 100,000 devices: indexes that alone answer it, and sensors counted as
-- they come and go.

CREATE INDEX device_registry_active ON device_registry (tenant_id, site_id, device_id) WHERE status = 'ACTIVE';
CREATE INDEX device_registry_not_active ON device_registry (tenant_id, device_id) WHERE status <> 'ACTIVE';
CREATE INDEX ON device_state (tenant_id, site_id, status);
CREATE INDEX ON device_sensors (tenant_id, metric_key, device_id);

CREATE TABLE device_sensor_counts (
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  total integer NOT NULL,
  active integer NOT NULL,
  PRIMARY KEY (tenant_id, device_id),
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
ALTER TABLE device_sensors NO FORCE ROW LEVEL SECURITY;
INSERT INTO device_sensor_counts
SELECT tenant_id, device_id, count(*), count(*) FILTER (WHERE status = 'active')
FROM device_sensors GROUP BY tenant_id, device_id;
ALTER TABLE device_sensors FORCE ROW LEVEL SECURITY;

-- Once a statement, and in the order of devices, so that two statements wait for each other instead of
-- in a circle.
CREATE FUNCTION pulse_sensors_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO device_sensor_counts AS c (tenant_id, device_id, total, active)
  SELECT tenant_id, device_id, count(*), count(*) FILTER (WHERE status = 'active') FROM come
  GROUP BY tenant_id, device_id ORDER BY tenant_id, device_id
  ON CONFLICT (tenant_id, device_id) DO UPDATE
    SET total = c.total + excluded.total, active = c.active + excluded.active;
  RETURN NULL;
END $$;
CREATE FUNCTION pulse_sensors_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE device_sensor_counts c SET total = c.total - g.total, active = c.active - g.active
  FROM (SELECT tenant_id, device_id, count(*) AS total, count(*) FILTER (WHERE status = 'active') AS active
        FROM gone GROUP BY tenant_id, device_id ORDER BY tenant_id, device_id) g
  WHERE c.tenant_id = g.tenant_id AND c.device_id = g.device_id;
  RETURN NULL;
END $$;
CREATE FUNCTION pulse_sensors_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE device_sensor_counts c SET active = c.active + d.difference
  FROM (SELECT n.tenant_id, n.device_id,
               sum((n.status = 'active')::integer - (o.status = 'active')::integer) AS difference
        FROM come n JOIN gone o USING (id)
        WHERE (n.status = 'active') <> (o.status = 'active')
        GROUP BY n.tenant_id, n.device_id ORDER BY n.tenant_id, n.device_id) d
  WHERE c.tenant_id = d.tenant_id AND c.device_id = d.device_id;
  RETURN NULL;
END $$;
CREATE TRIGGER sensors_come AFTER INSERT ON device_sensors
  REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION pulse_sensors_come();
CREATE TRIGGER sensors_go AFTER DELETE ON device_sensors
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION pulse_sensors_go();
CREATE TRIGGER sensors_change AFTER UPDATE ON device_sensors
  REFERENCING OLD TABLE AS gone NEW TABLE AS come
  FOR EACH STATEMENT EXECUTE FUNCTION pulse_sensors_change();

SELECT pulse_protect('device_sensor_counts');
GRANT SELECT, INSERT, UPDATE ON device_sensor_counts TO pulse_ingest;

-- Words are found by their trigrams. Row-level security lets no LIKE near an index, since LIKE is not known
-- to keep to itself what it compares; so the search stands in a function of a role that is not under it, and
-- keeps to the tenant by itself.
CREATE FUNCTION pulse_devices_containing(pattern text) RETURNS TABLE (device_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT r.device_id FROM device_registry r
  WHERE r.tenant_id = current_setting('app.tenant_id', true) AND r.search_text LIKE pattern
$$;
GRANT CREATE ON SCHEMA public TO pulse_ingest;
ALTER FUNCTION pulse_devices_containing OWNER TO pulse_ingest;
REVOKE CREATE ON SCHEMA public FROM pulse_ingest;
REVOKE EXECUTE ON FUNCTION pulse_devices_containing FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pulse_devices_containing TO pulse_app;
