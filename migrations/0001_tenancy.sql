-- Tenants, plans, settings, audit; and how a tenant's table is protected.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

GRANT USAGE ON SCHEMA public TO pulse_app, pulse_operator, pulse_operator_read,
  pulse_operator_write, pulse_ingest;

-- Row-level security as every tenant table has it: tenants see their rows, operators all.
CREATE FUNCTION pulse_protect(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY tenant_rows ON %s FOR ALL TO pulse_app '
                 'USING (tenant_id = current_setting(''app.tenant_id'', true)) '
                 'WITH CHECK (tenant_id = current_setting(''app.tenant_id'', true))', target);
  EXECUTE format('CREATE POLICY operator_reads ON %s FOR SELECT TO pulse_operator, '
                 'pulse_operator_read, pulse_operator_write USING (true)', target);
  EXECUTE format('CREATE POLICY operator_writes ON %s FOR ALL TO pulse_operator, '
                 'pulse_operator_write USING (true) WITH CHECK (true)', target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO pulse_app', target);
  EXECUTE format('GRANT SELECT ON %s TO pulse_operator_read', target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO pulse_operator, '
                 'pulse_operator_write', target);
END $$;

CREATE TABLE account_tiers (
  tier_id varchar(50) PRIMARY KEY,
  name varchar(100) NOT NULL,
  description text NOT NULL DEFAULT '',
  limits jsonb NOT NULL DEFAULT '{}',
  features jsonb NOT NULL DEFAULT '{}',
  support jsonb NOT NULL DEFAULT '{}',
  monthly_price_cents integer NOT NULL DEFAULT 0,
  annual_price_cents integer NOT NULL DEFAULT 0,
  is_active boolean NOT NULL DEFAULT true,
  sort_order integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE device_plans (
  plan_id varchar(50) PRIMARY KEY,
  name varchar(100) NOT NULL,
  description text NOT NULL DEFAULT '',
  limits jsonb NOT NULL DEFAULT '{}',
  features jsonb NOT NULL DEFAULT '{}',
  monthly_price_cents integer NOT NULL DEFAULT 0,
  annual_price_cents integer NOT NULL DEFAULT 0,
  is_active boolean NOT NULL DEFAULT true,
  sort_order integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tenants (
  tenant_id text PRIMARY KEY CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,128}$'),
  name text NOT NULL,
  status text NOT NULL DEFAULT 'ACTIVE',
  contact_email text,
  contact_name text,
  metadata jsonb NOT NULL DEFAULT '{}',
  account_tier_id varchar(50) REFERENCES account_tiers (tier_id),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);

CREATE TABLE app_settings (
  key text PRIMARY KEY,
  value text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "timestamp" timestamptz NOT NULL DEFAULT now(),
  tenant_id text,
  event_type text NOT NULL,
  category text NOT NULL,
  severity text NOT NULL DEFAULT 'info',
  entity_type text,
  entity_id text,
  entity_name text,
  action text NOT NULL,
  message text NOT NULL,
  details jsonb,
  source_service text NOT NULL,
  actor_type text NOT NULL DEFAULT 'system',
  actor_id text,
  actor_name text,
  ip_address inet,
  request_id text,
  duration_ms integer
);
CREATE INDEX ON audit_log (tenant_id, "timestamp" DESC) WHERE tenant_id IS NOT NULL;
CREATE INDEX ON audit_log (entity_type, entity_id, "timestamp" DESC);
CREATE INDEX ON audit_log (category, "timestamp" DESC);

CREATE TABLE operator_audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id text NOT NULL,
  action text NOT NULL,
  tenant_filter text,
  resource_type text,
  resource_id text,
  ip_address inet,
  user_agent text,
  request_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  rls_bypassed boolean NOT NULL DEFAULT true
);
CREATE INDEX ON operator_audit_log (user_id, created_at DESC);
CREATE INDEX ON operator_audit_log (created_at DESC);

INSERT INTO app_settings (key, value) VALUES
  ('MODE', 'DEV'), ('STORE_REJECTS', '1'), ('MIRROR_REJECTS_TO_RAW', '0'),
  ('RATE_LIMIT_RPS', '10'), ('RATE_LIMIT_BURST', '50'), ('MAX_PAYLOAD_BYTES', '16384');

INSERT INTO device_plans (plan_id, name, description, limits, features, monthly_price_cents,
                          annual_price_cents, sort_order) VALUES
  ('basic', 'Basic', 'Essential telemetry and alerting for simple sensors',
   '{"sensors": 5, "data_retention_days": 30, "telemetry_rate_per_minute": 12, "health_telemetry_interval_seconds": 300}',
   '{"x509_auth": false, "device_twin": false, "ota_updates": false, "device_commands": true, "message_routing": false, "streaming_export": false, "advanced_analytics": false, "carrier_diagnostics": true}',
   299, 2990, 1),
  ('standard', 'Standard', 'Full-featured device management with OTA and analytics',
   '{"sensors": 15, "data_retention_days": 90, "telemetry_rate_per_minute": 60, "health_telemetry_interval_seconds": 120}',
   '{"x509_auth": false, "device_twin": true, "ota_updates": true, "device_commands": true, "message_routing": false, "streaming_export": true, "advanced_analytics": true, "carrier_diagnostics": true}',
   999, 9990, 2),
  ('premium', 'Premium', 'Mission-critical devices with maximum security and throughput',
   '{"sensors": 30, "data_retention_days": 365, "telemetry_rate_per_minute": 120, "health_telemetry_interval_seconds": 60}',
   '{"x509_auth": true, "device_twin": true, "ota_updates": true, "device_commands": true, "message_routing": true, "streaming_export": true, "advanced_analytics": true, "carrier_diagnostics": true}',
   2499, 24990, 3);

INSERT INTO account_tiers (tier_id, name, description, limits, features, support,
                           monthly_price_cents, annual_price_cents, sort_order) VALUES
  ('free', 'Free', 'Get started with basic IoT monitoring',
   '{"users": 2, "alert_rules": 5, "device_groups": 3, "dashboards_per_user": 3, "notification_channels": 2, "api_requests_per_minute": 30}',
   '{"sso": false, "custom_branding": false, "alert_escalation": false, "audit_log_export": false, "oncall_scheduling": false, "bulk_device_import": false, "maintenance_windows": false, "carrier_self_service": false}',
   '{"level": "community", "dedicated_csm": false, "sla_uptime_pct": null, "response_time_hours": null}', 0, 0, 1),
  ('growth', 'Growth', 'Scale your IoT fleet with full platform capabilities',
   '{"users": 10, "alert_rules": 100, "device_groups": 25, "dashboards_per_user": 10, "notification_channels": 10, "api_requests_per_minute": 300}',
   '{"sso": false, "custom_branding": false, "alert_escalation": true, "audit_log_export": true, "oncall_scheduling": true, "bulk_device_import": true, "maintenance_windows": true, "carrier_self_service": true}',
   '{"level": "standard", "dedicated_csm": false, "sla_uptime_pct": 99.5, "response_time_hours": 8}', 4900, 49000, 2),
  ('scale', 'Scale', 'Enterprise-grade IoT management at scale',
   '{"users": 50, "alert_rules": 1000, "device_groups": 100, "dashboards_per_user": 25, "notification_channels": 50, "api_requests_per_minute": 1500}',
   '{"sso": true, "custom_branding": false, "alert_escalation": true, "audit_log_export": true, "oncall_scheduling": true, "bulk_device_import": true, "maintenance_windows": true, "carrier_self_service": true}',
   '{"level": "business", "dedicated_csm": false, "sla_uptime_pct": 99.9, "response_time_hours": 4}', 14900, 149000, 3),
  ('enterprise', 'Enterprise', 'Custom solutions with dedicated support and white-glove onboarding',
   '{"users": 500, "alert_rules": 10000, "device_groups": 500, "dashboards_per_user": 50, "notification_channels": 100, "api_requests_per_minute": 6000}',
   '{"sso": true, "custom_branding": true, "alert_escalation": true, "audit_log_export": true, "oncall_scheduling": true, "bulk_device_import": true, "maintenance_windows": true, "carrier_self_service": true}',
   '{"level": "enterprise", "dedicated_csm": true, "sla_uptime_pct": 99.99, "response_time_hours": 1}', 49900, 499000, 4);

SELECT pulse_protect('tenants');
-- A tenant can't make, rename the key of, or delete tenants.
REVOKE INSERT, DELETE ON tenants FROM pulse_app;

ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_reads ON audit_log FOR SELECT TO pulse_app
  USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY tenant_writes ON audit_log FOR INSERT TO pulse_app
  WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY operator_reads ON audit_log FOR SELECT TO pulse_operator, pulse_operator_read,
  pulse_operator_write USING (true);
GRANT SELECT, INSERT ON audit_log TO pulse_app;
GRANT SELECT ON audit_log TO pulse_operator, pulse_operator_read, pulse_operator_write;

GRANT SELECT ON account_tiers, device_plans, app_settings TO pulse_app, pulse_operator,
  pulse_operator_read, pulse_operator_write, pulse_ingest;
GRANT INSERT, UPDATE, DELETE ON account_tiers, device_plans, app_settings TO pulse_operator_write;
GRANT INSERT ON operator_audit_log TO pulse_operator, pulse_operator_read, pulse_operator_write;
GRANT SELECT ON operator_audit_log TO pulse_operator, pulse_operator_read, pulse_operator_write;
GRANT SELECT ON tenants TO pulse_ingest;
GRANT INSERT ON audit_log TO pulse_ingest;
