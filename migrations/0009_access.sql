-- Who may do what: the catalogue of permissions, roles and their assignments, preferences, tokens of
-- people and machines, ended sessions; and what an organization says of itself.

CREATE TABLE permissions (
  id serial PRIMARY KEY,
  action text NOT NULL UNIQUE,
  category text NOT NULL,
  description text NOT NULL
);
GRANT SELECT ON permissions TO pulse_app, pulse_operator, pulse_operator_read, pulse_operator_write;

-- System roles have no tenant and every tenant reads them; a tenant's own only that tenant.
CREATE TABLE roles (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id text REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  description text NOT NULL DEFAULT '',
  is_system boolean NOT NULL DEFAULT false CHECK (is_system = (tenant_id IS NULL)),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX ON roles (coalesce(tenant_id, '__system__'), lower(name));
CREATE INDEX ON roles (tenant_id) WHERE tenant_id IS NOT NULL;
CREATE TABLE role_permissions (
  role_id uuid NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
  permission_id integer NOT NULL REFERENCES permissions (id) ON DELETE CASCADE,
  PRIMARY KEY (role_id, permission_id)
);
-- user_id is the subject of the issuer's tokens; people live in the directory, not here.
CREATE TABLE user_role_assignments (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  user_id text NOT NULL,
  role_id uuid NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
  assigned_by text,
  assigned_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, user_id, role_id)
);
CREATE INDEX ON user_role_assignments (role_id);
SELECT pulse_protect('user_role_assignments');

CREATE TABLE user_preferences (
  tenant_id text NOT NULL,
  user_id text NOT NULL,
  display_name varchar(100),
  timezone varchar(50) NOT NULL DEFAULT 'UTC',
  notification_prefs jsonb NOT NULL DEFAULT '{}',
  -- Units, density, theme, start page: what the application looks like for this person.
  appearance jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, user_id)
);
SELECT pulse_protect('user_preferences');

-- Machines that call the interface under a name of their own.
CREATE TABLE service_accounts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  description text NOT NULL DEFAULT '',
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  disabled_at timestamptz
);
CREATE UNIQUE INDEX ON service_accounts (tenant_id, lower(name));
SELECT pulse_protect('service_accounts');

-- Tokens of people (user_id) and of service accounts. Shown once; here is their SHA-256. `scopes` are
-- permissions; a person's token never does more than the person may at that moment.
CREATE TABLE api_tokens (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  user_id text,
  owner_is_admin boolean NOT NULL DEFAULT false,
  owner_name text NOT NULL DEFAULT '',
  service_account_id uuid REFERENCES service_accounts (id) ON DELETE CASCADE,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  hint text NOT NULL,
  token_hash text NOT NULL UNIQUE,
  scopes text[] NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  last_used_ip inet,
  revoked_at timestamptz,
  CHECK ((user_id IS NULL) <> (service_account_id IS NULL))
);
CREATE INDEX ON api_tokens (tenant_id, user_id);
CREATE INDEX ON api_tokens (service_account_id);
SELECT pulse_protect('api_tokens');
-- The door looks tokens up before it knows a tenant.
GRANT SELECT ON api_tokens, service_accounts TO pulse_ingest;
GRANT UPDATE (last_used_at, last_used_ip) ON api_tokens TO pulse_ingest;

-- Tokens issued before `not_before` to this user ("user:ID") or in this session ("session:ID") are
-- refused, until the last of them would have ended by itself.
CREATE TABLE token_revocations (
  subject text PRIMARY KEY,
  not_before timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON token_revocations TO pulse_ingest;

ALTER TABLE tenants
  ADD COLUMN legal_name varchar(200),
  ADD COLUMN phone varchar(50),
  ADD COLUMN industry varchar(100),
  ADD COLUMN company_size varchar(50),
  ADD COLUMN address_line1 varchar(200),
  ADD COLUMN address_line2 varchar(200),
  ADD COLUMN city varchar(100),
  ADD COLUMN state_province varchar(100),
  ADD COLUMN postal_code varchar(20),
  ADD COLUMN country varchar(2),
  ADD COLUMN data_residency_region varchar(50),
  ADD COLUMN support_tier varchar(20) DEFAULT 'standard',
  ADD COLUMN sla_level numeric(5, 2),
  ADD COLUMN stripe_customer_id varchar(100) UNIQUE,
  ADD COLUMN billing_email varchar(255),
  ADD COLUMN timezone varchar(64) NOT NULL DEFAULT 'UTC',
  ADD COLUMN logo text CHECK (length(logo) <= 100000),
  -- A deleted tenant can be brought back until then; afterwards its data is removed.
  ADD COLUMN purge_after timestamptz;
-- What a tenant may change of itself; status, tier and keys are the operators'.
REVOKE UPDATE ON tenants FROM pulse_app;
GRANT UPDATE (name, legal_name, contact_email, contact_name, phone, industry, company_size,
  address_line1, address_line2, city, state_province, postal_code, country, billing_email, timezone,
  logo, updated_at) ON tenants TO pulse_app;

-- Security events must be there at once, whoever writes them.
CREATE INDEX ON audit_log (actor_id, "timestamp" DESC) WHERE actor_id IS NOT NULL;
ALTER TABLE operator_audit_log ADD COLUMN query_params jsonb;

INSERT INTO permissions (action, category, description) VALUES
  ('alert-rules.create', 'alert-rules', 'Create alert rules'),
  ('alert-rules.delete', 'alert-rules', 'Delete alert rules'),
  ('alert-rules.templates', 'alert-rules', 'Use rule templates'),
  ('alert-rules.update', 'alert-rules', 'Change alert rules'),
  ('alerts.acknowledge', 'alerts', 'Acknowledge alerts'),
  ('alerts.close', 'alerts', 'Close alerts'),
  ('alerts.digest.write', 'alerts', 'Change the alert digest'),
  ('alerts.read', 'alerts', 'See alerts'),
  ('alerts.rules.read', 'alerts', 'See alert rules'),
  ('alerts.rules.write', 'alerts', 'Create and change alert rules (older name)'),
  ('alerts.silence', 'alerts', 'Silence alerts'),
  ('carrier.actions.execute', 'carrier', 'Act on SIM cards'),
  ('carrier.integrations.read', 'carrier', 'See carrier integrations'),
  ('carrier.integrations.write', 'carrier', 'Change carrier integrations'),
  ('carrier.links.write', 'carrier', 'Link devices to SIM cards'),
  ('dashboard.read', 'dashboard', 'See dashboards'),
  ('dashboard.share', 'dashboard', 'Share dashboards'),
  ('dashboard.write', 'dashboard', 'Create and change dashboards'),
  ('devices.commands', 'devices', 'See and send commands (older name)'),
  ('devices.commands.send', 'devices', 'Send commands to devices'),
  ('devices.create', 'devices', 'Add devices'),
  ('devices.decommission', 'devices', 'Decommission and restore devices'),
  ('devices.delete', 'devices', 'Delete devices'),
  ('devices.groups.write', 'devices', 'Create and change device groups'),
  ('devices.import', 'devices', 'Import devices'),
  ('devices.read', 'devices', 'See devices and their telemetry'),
  ('devices.tags.write', 'devices', 'Change tags'),
  ('devices.tokens.revoke', 'devices', 'Revoke device credentials'),
  ('devices.tokens.rotate', 'devices', 'Make new device credentials'),
  ('devices.twin.write', 'devices', 'Change a device''s desired state'),
  ('devices.update', 'devices', 'Change devices'),
  ('devices.write', 'devices', 'Create and change devices (older name)'),
  ('escalation.create', 'escalation', 'Create escalation policies'),
  ('escalation.delete', 'escalation', 'Delete escalation policies'),
  ('escalation.update', 'escalation', 'Change escalation policies'),
  ('integrations.read', 'integrations', 'See integrations and message routes'),
  ('integrations.routes', 'integrations', 'Create and change message routes'),
  ('integrations.write', 'integrations', 'Create and change integrations'),
  ('maintenance.create', 'maintenance', 'Plan maintenance windows'),
  ('maintenance.delete', 'maintenance', 'Delete maintenance windows'),
  ('maintenance.read', 'maintenance', 'See maintenance windows'),
  ('maintenance.update', 'maintenance', 'Change maintenance windows'),
  ('maintenance.write', 'maintenance', 'Plan and change maintenance windows (older name)'),
  ('notifications.create', 'notifications', 'Create notification channels'),
  ('notifications.delete', 'notifications', 'Delete notification channels'),
  ('notifications.routing.create', 'notifications', 'Create routing rules'),
  ('notifications.routing.delete', 'notifications', 'Delete routing rules'),
  ('notifications.routing.update', 'notifications', 'Change routing rules'),
  ('notifications.test', 'notifications', 'Send test notifications'),
  ('notifications.update', 'notifications', 'Change notification channels'),
  ('oncall.create', 'oncall', 'Create on-call schedules'),
  ('oncall.delete', 'oncall', 'Delete on-call schedules'),
  ('oncall.layers.write', 'oncall', 'Change on-call layers'),
  ('oncall.overrides.write', 'oncall', 'Change on-call overrides'),
  ('oncall.update', 'oncall', 'Change on-call schedules'),
  ('reports.export', 'reports', 'Export data'),
  ('reports.read', 'reports', 'See reports'),
  ('settings.read', 'settings', 'See settings'),
  ('sites.read', 'sites', 'See sites'),
  ('sites.write', 'sites', 'Create, change and delete sites'),
  ('subscriptions.read', 'subscriptions', 'See subscriptions'),
  ('subscriptions.write', 'subscriptions', 'Change the subscription and the organization'),
  ('users.edit', 'users', 'Change people of the team'),
  ('users.invite', 'users', 'Invite people'),
  ('users.read', 'users', 'See the team'),
  ('users.remove', 'users', 'Remove people from the team'),
  ('users.roles', 'users', 'Create roles and assign them');

INSERT INTO roles (name, description, is_system) VALUES
  ('Alert Manager', 'Alerts, rules and maintenance windows', true),
  ('Device Manager', 'Devices, carriers and their upkeep', true),
  ('Full Admin', 'Everything in the organization', true),
  ('Integration Manager', 'Channels, routes, escalation and on-call', true),
  ('Team Admin', 'People and their roles', true),
  ('Viewer', 'Sees everything, changes dashboards only', true);

-- What each system role holds.
INSERT INTO role_permissions (role_id, permission_id)
SELECT r.id, p.id FROM roles r
JOIN (VALUES
  ('Alert Manager', ARRAY['alert-rules.create', 'alert-rules.delete', 'alert-rules.templates', 'alert-rules.update',
    'alerts.acknowledge', 'alerts.close', 'alerts.digest.write', 'alerts.read',
    'alerts.rules.read', 'alerts.rules.write', 'alerts.silence', 'dashboard.read',
    'dashboard.write', 'devices.read', 'integrations.read', 'maintenance.create',
    'maintenance.delete', 'maintenance.read', 'maintenance.update', 'maintenance.write',
    'reports.read', 'settings.read', 'sites.read', 'subscriptions.read',
    'users.read']),
  ('Device Manager', ARRAY['alerts.read', 'alerts.rules.read', 'carrier.actions.execute', 'carrier.integrations.read',
    'carrier.integrations.write', 'carrier.links.write', 'dashboard.read', 'dashboard.write',
    'devices.commands', 'devices.commands.send', 'devices.create', 'devices.decommission',
    'devices.delete', 'devices.groups.write', 'devices.import', 'devices.read',
    'devices.tags.write', 'devices.tokens.revoke', 'devices.tokens.rotate', 'devices.twin.write',
    'devices.update', 'devices.write', 'integrations.read', 'maintenance.create',
    'maintenance.delete', 'maintenance.read', 'maintenance.update', 'reports.read',
    'settings.read', 'sites.read', 'subscriptions.read', 'users.read']),
  ('Full Admin', ARRAY['alert-rules.create', 'alert-rules.delete', 'alert-rules.templates', 'alert-rules.update',
    'alerts.acknowledge', 'alerts.close', 'alerts.digest.write', 'alerts.read',
    'alerts.rules.read', 'alerts.rules.write', 'alerts.silence', 'carrier.actions.execute',
    'carrier.integrations.read', 'carrier.integrations.write', 'carrier.links.write', 'dashboard.read',
    'dashboard.write', 'devices.commands', 'devices.commands.send', 'devices.create',
    'devices.decommission', 'devices.delete', 'devices.groups.write', 'devices.import',
    'devices.read', 'devices.tags.write', 'devices.tokens.revoke', 'devices.tokens.rotate',
    'devices.twin.write', 'devices.update', 'devices.write', 'escalation.create',
    'escalation.delete', 'escalation.update', 'integrations.read', 'integrations.routes',
    'integrations.write', 'maintenance.create', 'maintenance.delete', 'maintenance.read',
    'maintenance.update', 'maintenance.write', 'notifications.create', 'notifications.delete',
    'notifications.routing.create', 'notifications.routing.delete', 'notifications.routing.update', 'notifications.test',
    'notifications.update', 'oncall.create', 'oncall.delete', 'oncall.layers.write',
    'oncall.overrides.write', 'oncall.update', 'reports.export', 'reports.read',
    'settings.read', 'sites.read', 'sites.write', 'subscriptions.read',
    'subscriptions.write', 'users.edit', 'users.invite', 'users.read',
    'users.remove', 'users.roles']),
  ('Integration Manager', ARRAY['alerts.read', 'alerts.rules.read', 'dashboard.read', 'dashboard.write',
    'devices.read', 'escalation.create', 'escalation.delete', 'escalation.update',
    'integrations.read', 'integrations.routes', 'integrations.write', 'maintenance.read',
    'notifications.create', 'notifications.delete', 'notifications.routing.create', 'notifications.routing.delete',
    'notifications.routing.update', 'notifications.test', 'notifications.update', 'oncall.create',
    'oncall.delete', 'oncall.layers.write', 'oncall.overrides.write', 'oncall.update',
    'reports.read', 'settings.read', 'sites.read', 'subscriptions.read',
    'users.read']),
  ('Team Admin', ARRAY['alerts.read', 'alerts.rules.read', 'dashboard.read', 'dashboard.write',
    'devices.read', 'integrations.read', 'maintenance.read', 'reports.read',
    'settings.read', 'sites.read', 'subscriptions.read', 'users.edit',
    'users.invite', 'users.read', 'users.remove', 'users.roles']),
  ('Viewer', ARRAY['alerts.read', 'alerts.rules.read', 'dashboard.read', 'dashboard.write',
    'devices.read', 'integrations.read', 'maintenance.read', 'reports.read',
    'settings.read', 'sites.read', 'subscriptions.read', 'users.read'])
) AS held (role, actions) ON held.role = r.name
JOIN permissions p ON p.action = ANY (held.actions)
WHERE r.is_system;

-- Protected from here on: forced policies hold for the owner too, who has just written the above.
SELECT pulse_protect('roles');
CREATE POLICY system_rows ON roles FOR SELECT TO pulse_app USING (is_system);

-- The policies of roles hold inside these: what a role holds is seen and changed by whom the role is.
ALTER TABLE role_permissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE role_permissions FORCE ROW LEVEL SECURITY;
CREATE POLICY of_seen_roles ON role_permissions FOR SELECT TO pulse_app
  USING (EXISTS (SELECT FROM roles r WHERE r.id = role_id));
CREATE POLICY of_own_roles ON role_permissions FOR ALL TO pulse_app
  USING (EXISTS (SELECT FROM roles r WHERE r.id = role_id
                 AND r.tenant_id = current_setting('app.tenant_id', true)))
  WITH CHECK (EXISTS (SELECT FROM roles r WHERE r.id = role_id
                      AND r.tenant_id = current_setting('app.tenant_id', true)));
CREATE POLICY operator_reads ON role_permissions FOR SELECT
  TO pulse_operator, pulse_operator_read, pulse_operator_write USING (true);
CREATE POLICY operator_writes ON role_permissions FOR ALL TO pulse_operator, pulse_operator_write
  USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON role_permissions TO pulse_app, pulse_operator,
  pulse_operator_write;
GRANT SELECT ON role_permissions TO pulse_operator_read;
