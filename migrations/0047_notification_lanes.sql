-- Notifications that wait for nobody else's, and events that are routed whatever happens.

-- A lane is what goes to one place: a channel, or a person's or a service's address. Each lane is
-- served on its own, so that a place that takes nothing holds up only itself.
ALTER TABLE notification_jobs ADD COLUMN lane text NOT NULL GENERATED ALWAYS AS (
  coalesce('channel:' || channel_id::text,
           (target ->> 'kind') || ':' || md5(target ->> 'address'))) STORED;
DROP INDEX notification_jobs_next_run_at_idx;
CREATE INDEX notification_jobs_lanes ON notification_jobs (tenant_id, lane, next_run_at, job_id)
  WHERE status IN ('PENDING', 'PROCESSING') AND summary_job_id IS NULL;
CREATE INDEX notification_jobs_under_way ON notification_jobs (tenant_id, lane)
  WHERE status = 'PROCESSING';
CREATE INDEX notification_jobs_of_alert ON notification_jobs (tenant_id, alert_id);
-- Messages to a username whose address could not be looked up yet.
CREATE INDEX notification_jobs_of_people ON notification_jobs (tenant_id)
  WHERE status = 'PENDING' AND target ->> 'kind' = 'person';

-- Lanes whose place failed last: left alone until then, and tried with one message at a time.
CREATE TABLE notification_lanes (
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  lane text NOT NULL,
  rests_until timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, lane)
);
SELECT pulse_protect('notification_lanes');
GRANT SELECT, INSERT, UPDATE, DELETE ON notification_lanes TO pulse_ingest;

-- Why an event of an alert could not be routed and was set aside.
ALTER TABLE alert_events ADD COLUMN routing_problem text;
-- What was not routed: looked for now and then, should the stream lose an event.
CREATE INDEX alert_events_not_routed ON alert_events (created_at)
  WHERE NOT routed AND event IN ('OPEN', 'ACKNOWLEDGED', 'CLOSED', 'ESCALATED');

-- Whom a person wants to be told by (user_preferences.notification_prefs).
GRANT SELECT ON user_preferences TO pulse_ingest;

-- `notify_webhook` is as people see it, with *** for what may be a secret of its address;
-- `sealed_webhook` has all of it. Rows of before have it in `notify_webhook`, until they are saved.
ALTER TABLE escalation_levels ADD COLUMN sealed_webhook text;
