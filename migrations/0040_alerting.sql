-- Alerting: rules, what they opened, what happened to it, and who is told of it.

-- Named policies of "who is told next when nobody reacts".
CREATE TABLE escalation_policies (
  policy_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  name text NOT NULL,
  description text,
  is_default boolean NOT NULL DEFAULT false,
  -- After the last level the levels begin again, so many times.
  repeat_count integer NOT NULL DEFAULT 0 CHECK (repeat_count BETWEEN 0 AND 10),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, policy_id)
);
CREATE UNIQUE INDEX ON escalation_policies (tenant_id) WHERE is_default;

CREATE TABLE escalation_levels (
  level_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  policy_id integer NOT NULL,
  level_number integer NOT NULL CHECK (level_number BETWEEN 1 AND 5),
  delay_minutes integer NOT NULL DEFAULT 15 CHECK (delay_minutes >= 1),
  notify_email text,
  notify_webhook text,
  oncall_schedule_id integer,
  UNIQUE (policy_id, level_number),
  FOREIGN KEY (tenant_id, policy_id)
    REFERENCES escalation_policies (tenant_id, policy_id) ON DELETE CASCADE
);

CREATE TABLE alert_rules (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  rule_id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  description text,
  enabled boolean NOT NULL DEFAULT true,
  rule_type text NOT NULL DEFAULT 'threshold'
    CHECK (rule_type IN ('threshold', 'window', 'anomaly', 'telemetry_gap')),
  -- threshold: a list of conditions; anomaly, telemetry_gap: their object; else empty.
  conditions jsonb NOT NULL DEFAULT '[]',
  match_mode text NOT NULL DEFAULT 'all' CHECK (match_mode IN ('all', 'any')),
  metric_name text,
  operator text CHECK (operator IN ('GT', 'GTE', 'LT', 'LTE', 'EQ', 'NE')),
  threshold float8,
  severity integer NOT NULL DEFAULT 3 CHECK (severity BETWEEN 1 AND 5),
  duration_seconds integer NOT NULL DEFAULT 0 CHECK (duration_seconds >= 0),
  duration_minutes integer CHECK (duration_minutes > 0),
  aggregation varchar(10) CHECK (aggregation IN ('avg', 'min', 'max', 'count', 'sum', 'p95')),
  window_seconds integer CHECK (window_seconds BETWEEN 60 AND 3600),
  -- Hysteresis: cleared when this is passed, and has been for so long.
  clear_threshold float8,
  clear_after_seconds integer NOT NULL DEFAULT 0 CHECK (clear_after_seconds >= 0),
  site_ids text[],
  group_ids text[],
  device_group_id text,
  device_type text,
  sensor_id integer,
  sensor_type text,
  escalation_policy_id integer,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, rule_id),
  FOREIGN KEY (tenant_id, escalation_policy_id)
    REFERENCES escalation_policies (tenant_id, policy_id) ON DELETE SET NULL (escalation_policy_id)
);
CREATE INDEX ON alert_rules (tenant_id, enabled);

-- Which tenants have rules that run, and a number that is new after each change of what they are
-- judged by: workers compare it with theirs.
CREATE SEQUENCE alert_rule_version_seq;
CREATE TABLE alert_rule_versions (
  tenant_id text PRIMARY KEY REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  version bigint NOT NULL,
  enabled_rules integer NOT NULL DEFAULT 0
);

-- Other names and units for what devices send: value x multiplier + offset.
CREATE TABLE normalized_metrics (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  normalized_name text NOT NULL,
  display_unit text,
  description text,
  expected_min float8,
  expected_max float8,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, normalized_name)
);
CREATE TABLE metric_mappings (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  raw_metric text NOT NULL,
  normalized_name text NOT NULL,
  multiplier float8 NOT NULL DEFAULT 1,
  offset_value float8 NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, raw_metric),
  FOREIGN KEY (tenant_id, normalized_name)
    REFERENCES normalized_metrics (tenant_id, normalized_name) ON DELETE CASCADE
);
CREATE INDEX ON metric_mappings (tenant_id, normalized_name);
CREATE TABLE metric_catalog (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  metric_name text NOT NULL,
  description text,
  unit text,
  expected_min float8,
  expected_max float8,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, metric_name)
);

CREATE FUNCTION pulse_rules_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  tenant text := coalesce(new.tenant_id, old.tenant_id);
BEGIN
  INSERT INTO alert_rule_versions AS v (tenant_id, version)
  SELECT tenant, nextval('alert_rule_version_seq')
  -- Not while the tenant itself is being removed.
  WHERE EXISTS (SELECT FROM tenants WHERE tenant_id = tenant)
  ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version;
  -- A statement of its own, which sees what whoever held the row before has changed.
  UPDATE alert_rule_versions SET enabled_rules =
    (SELECT count(*) FROM alert_rules WHERE tenant_id = tenant AND enabled)
  WHERE tenant_id = tenant;
  RETURN NULL;
END $$;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON alert_rules
  FOR EACH ROW EXECUTE FUNCTION pulse_rules_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON metric_mappings
  FOR EACH ROW EXECUTE FUNCTION pulse_rules_changed();

CREATE TABLE fleet_alert (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  site_id text NOT NULL,
  device_id text NOT NULL,
  alert_type text NOT NULL,
  fingerprint text NOT NULL,
  status text NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'ACKNOWLEDGED', 'CLOSED')),
  severity integer NOT NULL CHECK (severity BETWEEN 1 AND 5),
  confidence real NOT NULL DEFAULT 1,
  summary text NOT NULL,
  details jsonb NOT NULL DEFAULT '{}',
  rule_id uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  trigger_count integer NOT NULL DEFAULT 1,
  last_triggered_at timestamptz NOT NULL DEFAULT now(),
  -- When the device measured what was last found, or found over: what comes again says nothing new.
  event_at timestamptz NOT NULL DEFAULT now(),
  silenced_until timestamptz,
  acknowledged_by text,
  acknowledged_at timestamptz,
  closed_at timestamptz,
  closed_by text,
  close_reason text,
  escalation_policy_id integer,
  escalation_level integer NOT NULL DEFAULT 0,
  escalation_round integer NOT NULL DEFAULT 0,
  escalated_at timestamptz,
  next_escalation_at timestamptz,
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, escalation_policy_id)
    REFERENCES escalation_policies (tenant_id, policy_id) ON DELETE SET NULL (escalation_policy_id)
);
CREATE UNIQUE INDEX fleet_alert_open ON fleet_alert (tenant_id, fingerprint)
  WHERE status IN ('OPEN', 'ACKNOWLEDGED');
CREATE INDEX ON fleet_alert (tenant_id, status, created_at DESC);
CREATE INDEX ON fleet_alert (tenant_id, created_at DESC);
CREATE INDEX ON fleet_alert (tenant_id, closed_at DESC) WHERE closed_at IS NOT NULL;
CREATE INDEX ON fleet_alert (tenant_id, device_id, created_at DESC);
CREATE INDEX ON fleet_alert (tenant_id, rule_id) WHERE status IN ('OPEN', 'ACKNOWLEDGED');
CREATE INDEX ON fleet_alert (tenant_id, fingerprint, event_at);
CREATE INDEX ON fleet_alert (tenant_id, fingerprint, silenced_until)
  WHERE silenced_until IS NOT NULL;
CREATE INDEX ON fleet_alert (alert_type, tenant_id, device_id)
  WHERE status IN ('OPEN', 'ACKNOWLEDGED');
CREATE INDEX ON fleet_alert (next_escalation_at)
  WHERE status = 'OPEN' AND next_escalation_at IS NOT NULL;

-- Everything that happened to an alert, in order.
CREATE TABLE alert_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  alert_id bigint NOT NULL,
  event text NOT NULL CHECK (event IN ('OPEN', 'TOLD', 'ESCALATED', 'ACKNOWLEDGED', 'SILENCED',
                                       'COMMENTED', 'CLOSED')),
  actor text,
  details jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (tenant_id, alert_id) REFERENCES fleet_alert (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX ON alert_events (tenant_id, alert_id, id);

-- Transitions on their way to the stream ALERTS; written with the event, gone once the stream has
-- them.
CREATE TABLE alert_outbox (
  event_id bigint PRIMARY KEY,
  tenant_id text NOT NULL,
  message jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION pulse_alert_to_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO alert_outbox (event_id, tenant_id, message)
  SELECT new.id, new.tenant_id, jsonb_build_object(
    'event_id', new.id, 'event', new.event, 'at', new.created_at, 'actor', new.actor,
    'details', new.details,
    'alert', jsonb_build_object(
      'alert_id', a.id, 'tenant_id', a.tenant_id, 'created_at', a.created_at,
      'closed_at', a.closed_at, 'device_id', a.device_id, 'site_id', a.site_id,
      'alert_type', a.alert_type, 'fingerprint', a.fingerprint, 'status', a.status,
      'severity', a.severity, 'confidence', a.confidence, 'summary', a.summary,
      'details', a.details, 'silenced_until', a.silenced_until,
      'acknowledged_by', a.acknowledged_by, 'acknowledged_at', a.acknowledged_at,
      'escalation_level', a.escalation_level, 'escalated_at', a.escalated_at,
      'trigger_count', a.trigger_count, 'last_triggered_at', a.last_triggered_at,
      'rule_id', a.rule_id, 'close_reason', a.close_reason))
  FROM fleet_alert a WHERE a.tenant_id = new.tenant_id AND a.id = new.alert_id;
  RETURN NULL;
END $$;
CREATE TRIGGER to_outbox AFTER INSERT ON alert_events FOR EACH ROW
  WHEN (new.event IN ('OPEN', 'ESCALATED', 'ACKNOWLEDGED', 'SILENCED', 'CLOSED'))
  EXECUTE FUNCTION pulse_alert_to_outbox();

-- A device that leaves the fleet takes its open alerts with it.
CREATE FUNCTION pulse_close_alerts_of_device() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH closed AS (
    UPDATE fleet_alert SET status = 'CLOSED', closed_at = now(), close_reason = 'device_removed',
      next_escalation_at = NULL
    WHERE tenant_id = new.tenant_id AND device_id = new.device_id
      AND status IN ('OPEN', 'ACKNOWLEDGED')
    RETURNING tenant_id, id
  )
  INSERT INTO alert_events (tenant_id, alert_id, event, details)
  SELECT tenant_id, id, 'CLOSED', '{"reason": "device_removed"}' FROM closed;
  DELETE FROM alert_rule_state WHERE tenant_id = new.tenant_id AND device_id = new.device_id;
  RETURN NULL;
END $$;
CREATE TRIGGER closes_alerts AFTER UPDATE OF status ON device_registry FOR EACH ROW
  WHEN (old.status = 'ACTIVE' AND new.status <> 'ACTIVE')
  EXECUTE FUNCTION pulse_close_alerts_of_device();

-- When a rule began to be broken, or kept again, by a device: what durations are counted from.
CREATE TABLE alert_rule_state (
  tenant_id text NOT NULL,
  rule_id uuid NOT NULL,
  device_id text NOT NULL,
  state jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, rule_id, device_id),
  FOREIGN KEY (tenant_id, rule_id) REFERENCES alert_rules (tenant_id, rule_id) ON DELETE CASCADE
);

-- What was counted by the old conditions says nothing about the new ones.
CREATE FUNCTION pulse_forget_rule_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM alert_rule_state WHERE tenant_id = new.tenant_id AND rule_id = new.rule_id;
  RETURN NULL;
END $$;
CREATE TRIGGER forgets_state AFTER UPDATE ON alert_rules FOR EACH ROW
  WHEN ((old.enabled, old.rule_type, old.conditions, old.match_mode, old.metric_name, old.operator,
         old.threshold, old.duration_seconds, old.duration_minutes, old.clear_threshold)
        IS DISTINCT FROM
        (new.enabled, new.rule_type, new.conditions, new.match_mode, new.metric_name, new.operator,
         new.threshold, new.duration_seconds, new.duration_minutes, new.clear_threshold))
  EXECUTE FUNCTION pulse_forget_rule_state();

CREATE TABLE alert_maintenance_windows (
  window_id text NOT NULL DEFAULT gen_random_uuid()::text,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  name text NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz CHECK (ends_at > starts_at),
  recurring jsonb,
  site_ids text[],
  device_types text[],
  enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, window_id)
);
CREATE INDEX ON alert_maintenance_windows (tenant_id, starts_at, ends_at) WHERE enabled;

-- Whether a maintenance window covers a device at a moment. Hours are those of the tenant's zone;
-- an end before the start runs over midnight, and belongs to the day on which it began.
CREATE FUNCTION pulse_in_maintenance(tenant text, site text, type text, at timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT FROM alert_maintenance_windows w
    JOIN tenants t ON t.tenant_id = w.tenant_id
    CROSS JOIN LATERAL (
      SELECT extract(dow FROM at AT TIME ZONE t.timezone)::integer AS dow,
             extract(hour FROM at AT TIME ZONE t.timezone)::integer AS hour,
             (w.recurring ->> 'start_hour')::integer AS from_hour,
             (w.recurring ->> 'end_hour')::integer AS to_hour) l
    WHERE w.tenant_id = tenant AND w.enabled AND w.starts_at <= at
      AND (w.ends_at IS NULL OR w.ends_at > at)
      AND (coalesce(cardinality(w.site_ids), 0) = 0 OR site = ANY (w.site_ids))
      AND (coalesce(cardinality(w.device_types), 0) = 0 OR type = ANY (w.device_types))
      AND (w.recurring IS NULL OR CASE
        WHEN from_hour < to_hour THEN w.recurring -> 'dow' @> to_jsonb(dow)
          AND hour >= from_hour AND hour < to_hour
        WHEN hour >= from_hour THEN w.recurring -> 'dow' @> to_jsonb(dow)
        ELSE hour < to_hour AND w.recurring -> 'dow' @> to_jsonb((dow + 6) % 7) END))
$$;

CREATE TABLE alert_digest_settings (
  tenant_id text PRIMARY KEY REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  frequency text NOT NULL DEFAULT 'daily' CHECK (frequency IN ('daily', 'weekly', 'disabled')),
  email text NOT NULL,
  timezone text NOT NULL DEFAULT 'UTC',
  last_sent_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Which evaluator judges which part of all devices. An epoch is new with each owner: what an owner
-- writes that has lost its part without knowing is refused by it.
CREATE TABLE evaluator_parts (
  part smallint PRIMARY KEY,
  owner uuid,
  epoch bigint NOT NULL DEFAULT 0,
  lease_until timestamptz NOT NULL DEFAULT '-infinity',
  -- The last message of READINGS that was judged: its sequence, and when the stream took it, since
  -- a stream that was made anew counts from 1 again.
  done_seq bigint NOT NULL DEFAULT 0,
  done_ms bigint NOT NULL DEFAULT 0
);
INSERT INTO evaluator_parts (part) SELECT generate_series(0, 15);
CREATE TABLE evaluator_members (
  member uuid PRIMARY KEY,
  seen_at timestamptz NOT NULL DEFAULT now()
);

-- Who fell silent lately.
CREATE INDEX ON device_state (last_state_change_at) WHERE status <> 'ONLINE';

SELECT pulse_protect(t) FROM unnest(ARRAY['escalation_policies', 'escalation_levels',
  'alert_rules', 'alert_rule_versions', 'normalized_metrics', 'metric_mappings', 'metric_catalog',
  'fleet_alert', 'alert_events', 'alert_outbox', 'alert_rule_state', 'alert_maintenance_windows',
  'alert_digest_settings']::regclass[]) AS t;
GRANT USAGE ON SEQUENCE alert_rule_version_seq TO pulse_app, pulse_operator, pulse_operator_write;
-- Workers see every tenant.
GRANT SELECT ON escalation_policies, escalation_levels, alert_rules, alert_rule_versions,
  normalized_metrics, metric_mappings, metric_catalog, alert_maintenance_windows, tenants
  TO pulse_ingest;
GRANT UPDATE (version) ON alert_rule_versions TO pulse_ingest;  -- to lock one
GRANT SELECT, INSERT, UPDATE, DELETE ON fleet_alert, alert_events, alert_outbox, alert_rule_state,
  alert_digest_settings, evaluator_parts, evaluator_members TO pulse_ingest;
