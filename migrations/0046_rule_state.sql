-- What evaluators remember of rules, and when they have to forget or to read anew.

-- Who a person closed an alert of: evaluators look for them when they take devices over.
CREATE INDEX fleet_alert_closed_by_hand ON fleet_alert (tenant_id, device_id)
  WHERE closed_by IS NOT NULL;

-- What was counted by the old mapping says nothing about the new one: rules that look at the
-- normalized metric begin anew. Those that name the raw metric see no difference.
CREATE FUNCTION pulse_forget_state_of_mapping() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  tenant text := coalesce(new.tenant_id, old.tenant_id);
BEGIN
  DELETE FROM alert_rule_state s USING alert_rules r
  WHERE s.tenant_id = tenant AND r.tenant_id = tenant AND r.rule_id = s.rule_id
    AND (r.metric_name IN (old.normalized_name, new.normalized_name)
         OR jsonb_path_exists(r.conditions, '$.**.metric_name ? (@ == $was || @ == $is)',
              jsonb_build_object('was', old.normalized_name, 'is', new.normalized_name)));
  RETURN NULL;
END $$;
-- After `changed`, by name: who judges by the old mapping is refused before its states are gone.
CREATE TRIGGER forgets_state AFTER INSERT OR UPDATE OR DELETE ON metric_mappings
  FOR EACH ROW EXECUTE FUNCTION pulse_forget_state_of_mapping();

-- Sensors that come and go are told with their device; a template may change the types of many at
-- once. Tenants whose rules that concerns get a new version.
CREATE FUNCTION pulse_sensor_types_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE alert_rule_versions v SET version = nextval('alert_rule_version_seq')
  WHERE v.enabled_rules > 0 AND v.tenant_id IN (
    SELECT n.tenant_id FROM come n JOIN gone o USING (id)
    WHERE n.sensor_type IS DISTINCT FROM o.sensor_type AND EXISTS (
      SELECT FROM alert_rules r WHERE r.tenant_id = n.tenant_id AND r.enabled
        AND r.sensor_type IN (coalesce(n.sensor_type, 'unknown'), coalesce(o.sensor_type, 'unknown'))));
  RETURN NULL;
END $$;
CREATE TRIGGER sensor_types_change AFTER UPDATE ON device_sensors
  REFERENCING OLD TABLE AS gone NEW TABLE AS come
  FOR EACH STATEMENT EXECUTE FUNCTION pulse_sensor_types_change();
