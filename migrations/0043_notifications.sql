-- Notifications: where a tenant is told of its alerts, what is told where, and what became of it.

-- `config` is as people see it, with *** where a secret is; `sealed_config` has everything.
CREATE TABLE notification_channels (
  channel_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  name text NOT NULL,
  channel_type text NOT NULL CHECK (channel_type IN ('slack', 'pagerduty', 'teams', 'webhook',
                                                     'http', 'email', 'snmp', 'mqtt')),
  config jsonb NOT NULL DEFAULT '{}',
  sealed_config text NOT NULL,
  is_enabled boolean NOT NULL DEFAULT true,
  -- More messages than this in a minute become one summary.
  max_per_minute integer NOT NULL DEFAULT 30 CHECK (max_per_minute BETWEEN 1 AND 1000),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, channel_id)
);

CREATE TABLE notification_routing_rules (
  rule_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  channel_id integer NOT NULL,
  min_severity integer CHECK (min_severity BETWEEN 1 AND 5),
  alert_type text,
  device_tag_key text,
  device_tag_val text,
  site_ids text[],
  device_prefixes text[],
  deliver_on text[] NOT NULL DEFAULT ARRAY['OPEN'],
  throttle_minutes integer NOT NULL DEFAULT 0 CHECK (throttle_minutes BETWEEN 0 AND 10080),
  -- [{dow: [0 = Sunday .. 6], start_hour, end_hour}] in `timezone` (none: the tenant's).
  active_hours jsonb,
  timezone text,
  priority integer NOT NULL DEFAULT 100,
  is_enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, rule_id),
  FOREIGN KEY (tenant_id, channel_id)
    REFERENCES notification_channels (tenant_id, channel_id) ON DELETE CASCADE
);
CREATE INDEX ON notification_routing_rules (tenant_id, priority, rule_id);
CREATE INDEX ON notification_routing_rules (channel_id);

-- One message to one place. Without a channel it goes to `target`: {kind: email|webhook, address}.
CREATE TABLE notification_jobs (
  job_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  alert_id bigint NOT NULL,
  channel_id integer,
  target jsonb,
  rule_id integer,
  deliver_on_event text NOT NULL DEFAULT 'OPEN' CHECK (deliver_on_event IN (
    'OPEN', 'ACKNOWLEDGED', 'CLOSED', 'ESCALATED', 'SUMMARY')),
  -- What makes the event one: an alert is opened once, and may be escalated often.
  event_key text NOT NULL,
  status text NOT NULL DEFAULT 'PENDING'
    CHECK (status IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED')),
  attempts integer NOT NULL DEFAULT 0,
  next_run_at timestamptz NOT NULL DEFAULT now(),
  lease_until timestamptz,
  last_error text,
  payload_json jsonb NOT NULL DEFAULT '{}',
  -- The same in each attempt: what makes a repeat harmless.
  idempotency_key uuid NOT NULL DEFAULT gen_random_uuid(),
  -- Told by that job's summary, instead of alone.
  summary_job_id bigint REFERENCES notification_jobs (job_id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((channel_id IS NULL) = (target IS NOT NULL)),
  FOREIGN KEY (tenant_id, alert_id) REFERENCES fleet_alert (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, channel_id)
    REFERENCES notification_channels (tenant_id, channel_id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, rule_id) REFERENCES notification_routing_rules (tenant_id, rule_id)
    ON DELETE SET NULL (rule_id)
);
CREATE UNIQUE INDEX notification_jobs_once
  ON notification_jobs (tenant_id, alert_id, channel_id, event_key)
  WHERE channel_id IS NOT NULL AND deliver_on_event <> 'SUMMARY';
CREATE UNIQUE INDEX notification_jobs_direct_once
  ON notification_jobs (tenant_id, alert_id, event_key) WHERE channel_id IS NULL;
CREATE UNIQUE INDEX notification_jobs_one_summary
  ON notification_jobs (tenant_id, channel_id, event_key) WHERE deliver_on_event = 'SUMMARY';
CREATE INDEX ON notification_jobs (next_run_at) WHERE status IN ('PENDING', 'PROCESSING');
CREATE INDEX ON notification_jobs (tenant_id, job_id DESC);
-- What a channel was told lately.
CREATE INDEX ON notification_jobs (channel_id, created_at DESC) WHERE summary_job_id IS NULL;
CREATE INDEX ON notification_jobs (tenant_id, rule_id);
CREATE INDEX ON notification_jobs (summary_job_id) WHERE summary_job_id IS NOT NULL;

CREATE TABLE delivery_attempts (
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  job_id bigint NOT NULL REFERENCES notification_jobs (job_id) ON DELETE CASCADE,
  attempt_no integer NOT NULL,
  ok boolean NOT NULL,
  http_status integer,
  latency_ms integer,
  error text,
  started_at timestamptz NOT NULL,
  finished_at timestamptz NOT NULL,
  PRIMARY KEY (job_id, attempt_no)
);
CREATE INDEX ON delivery_attempts (tenant_id, finished_at DESC);

-- Which transitions of alerts were routed: each is once, whatever comes again and in which order.
ALTER TABLE alert_events ADD COLUMN routed boolean NOT NULL DEFAULT false;
UPDATE alert_events SET routed = true;

-- Whether a moment lies in one of these windows. An end before the start runs over midnight, and
-- belongs to the day on which it began.
CREATE FUNCTION pulse_in_hours(windows jsonb, zone text, at timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_array_length(windows), 0) = 0 OR EXISTS (
    SELECT FROM jsonb_array_elements(windows) w
    CROSS JOIN LATERAL (
      SELECT extract(dow FROM at AT TIME ZONE zone)::integer AS dow,
             extract(hour FROM at AT TIME ZONE zone)::integer AS hour,
             (w ->> 'start_hour')::integer AS from_hour,
             (w ->> 'end_hour')::integer AS to_hour) l
    WHERE CASE
      WHEN from_hour < to_hour THEN w -> 'dow' @> to_jsonb(dow)
        AND hour >= from_hour AND hour < to_hour
      WHEN hour >= from_hour THEN w -> 'dow' @> to_jsonb(dow)
      ELSE hour < to_hour AND w -> 'dow' @> to_jsonb((dow + 6) % 7) END)
$$;

-- A tenant's rules, each with what keeps it from telling of such an event; none: it tells.
CREATE FUNCTION pulse_routing(tenant text, device text, site text, type text, severity integer,
                              event text, at timestamptz)
RETURNS TABLE (rule_id integer, channel_id integer, priority integer, throttle_minutes integer,
               obstacles text[])
LANGUAGE sql STABLE AS $$
  SELECT r.rule_id, r.channel_id, r.priority, r.throttle_minutes, array_remove(ARRAY[
    CASE WHEN NOT r.is_enabled THEN 'disabled' END,
    CASE WHEN NOT c.is_enabled THEN 'channel_disabled' END,
    CASE WHEN severity < r.min_severity THEN 'min_severity' END,
    CASE WHEN type <> r.alert_type THEN 'alert_type' END,
    CASE WHEN r.device_tag_key IS NOT NULL AND NOT EXISTS (
      SELECT FROM device_tags t WHERE t.tenant_id = tenant AND t.device_id = device AND
        CASE WHEN r.device_tag_val IS NULL
             THEN t.tag = r.device_tag_key OR starts_with(t.tag, r.device_tag_key || ':')
               OR starts_with(t.tag, r.device_tag_key || '=')
             ELSE t.tag IN (r.device_tag_key || ':' || r.device_tag_val,
                            r.device_tag_key || '=' || r.device_tag_val) END)
      THEN 'device_tag' END,
    CASE WHEN cardinality(r.site_ids) > 0 AND site <> ALL (r.site_ids) THEN 'site_ids' END,
    CASE WHEN cardinality(r.device_prefixes) > 0 AND NOT EXISTS (
      SELECT FROM unnest(r.device_prefixes) p WHERE starts_with(device, p))
      THEN 'device_prefixes' END,
    CASE WHEN event <> ALL (r.deliver_on) THEN 'deliver_on' END,
    CASE WHEN NOT pulse_in_hours(r.active_hours, coalesce(r.timezone, n.timezone), at)
      THEN 'active_hours' END], NULL)
  FROM notification_routing_rules r
  JOIN notification_channels c ON c.tenant_id = r.tenant_id AND c.channel_id = r.channel_id
  JOIN tenants n ON n.tenant_id = r.tenant_id
  WHERE r.tenant_id = tenant
$$;

-- What a message tells of an alert.
CREATE FUNCTION pulse_notice(a fleet_alert, event text, at timestamptz, actor text, note text)
RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_strip_nulls(jsonb_build_object(
    'alert_id', a.id, 'alert_type', a.alert_type, 'severity', a.severity,
    'device_id', a.device_id, 'site_id', a.site_id, 'tenant_id', a.tenant_id,
    'message', a.summary, 'triggered_at', a.created_at, 'event_type', event, 'at', at,
    'actor', actor, 'note', nullif(note, ''))) || jsonb_build_object('details', a.details)
$$;

SELECT pulse_protect(t) FROM unnest(ARRAY['notification_channels', 'notification_routing_rules',
  'notification_jobs', 'delivery_attempts']::regclass[]) AS t;
GRANT SELECT ON notification_channels, notification_routing_rules TO pulse_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON notification_jobs, delivery_attempts TO pulse_ingest;
