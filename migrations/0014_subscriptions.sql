-- What a subscription went through, and the billing service's ids that its readers are shown.

ALTER TABLE device_subscriptions
  ADD COLUMN stripe_subscription_id varchar(100),
  ADD COLUMN stripe_price_id varchar(100);
CREATE INDEX ON device_subscriptions (stripe_subscription_id) WHERE stripe_subscription_id IS NOT NULL;

CREATE TABLE subscription_audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  event_type text NOT NULL,
  event_timestamp timestamptz NOT NULL DEFAULT now(),
  actor_type text,
  actor_id text,
  previous_state jsonb,
  new_state jsonb,
  details jsonb,
  ip_address inet,
  created_at timestamptz DEFAULT now()
);
CREATE INDEX ON subscription_audit (tenant_id, event_timestamp DESC, id DESC);
CREATE INDEX ON subscription_audit (event_type, event_timestamp DESC);
SELECT pulse_protect('subscription_audit');
-- A history: a tenant adds to it and changes nothing in it.
REVOKE UPDATE, DELETE ON subscription_audit FROM pulse_app;

-- Those that are there already begin their history with what is known of them. Row-level security is forced
-- on the owner too: it is lifted for them.
ALTER TABLE device_subscriptions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE subscription_audit NO FORCE ROW LEVEL SECURITY;
INSERT INTO subscription_audit (tenant_id, event_type, event_timestamp, actor_type, new_state, details)
SELECT tenant_id, 'SUBSCRIPTION_CREATED', term_start, 'system',
       jsonb_build_object('status', 'TRIAL', 'plan_id', plan_id),
       jsonb_build_object('subscription_id', subscription_id, 'device_id', device_id)
FROM device_subscriptions
UNION ALL
SELECT tenant_id, 'SUBSCRIPTION_CANCELLED', cancelled_at, 'system',
       jsonb_build_object('status', 'CANCELLED', 'plan_id', plan_id),
       jsonb_build_object('subscription_id', subscription_id, 'device_id', device_id)
FROM device_subscriptions WHERE cancelled_at IS NOT NULL
ORDER BY 3;
ALTER TABLE device_subscriptions FORCE ROW LEVEL SECURITY;
ALTER TABLE subscription_audit FORCE ROW LEVEL SECURITY;
