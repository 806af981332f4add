-- Message routes: what devices send, forwarded to where other systems take it.
CREATE SEQUENCE message_route_version_seq;
CREATE TABLE message_routes (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  name varchar(100) NOT NULL,
  topic_filter varchar(200) NOT NULL,
  destination_type varchar(20) NOT NULL
    CHECK (destination_type IN ('webhook', 'mqtt_republish', 'postgresql')),
  -- Secrets stand in it as '***'; they are in sealed_secrets, sealed.
  destination_config jsonb NOT NULL DEFAULT '{}',
  sealed_secrets text,
  payload_filter jsonb,
  is_enabled boolean NOT NULL DEFAULT true,
  version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON message_routes (tenant_id, is_enabled);
CREATE INDEX ON message_routes (tenant_id) WHERE is_enabled;

-- A tenant's number grows with each change of its routes: ingest compares it with what it knows.
CREATE TABLE message_route_versions (
  tenant_id text PRIMARY KEY REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  version bigint NOT NULL,
  enabled_routes integer NOT NULL DEFAULT 0
);

CREATE FUNCTION pulse_message_routes_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO message_route_versions AS v (tenant_id, version, enabled_routes)
  SELECT c.tenant_id, nextval('message_route_version_seq'),
         (SELECT count(*) FROM message_routes r WHERE r.tenant_id = c.tenant_id AND r.is_enabled)
  FROM (SELECT DISTINCT tenant_id FROM changed_rows) c
  -- Not while the tenant itself is being removed.
  JOIN tenants t ON t.tenant_id = c.tenant_id
  ORDER BY c.tenant_id
  ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version,
    enabled_routes = excluded.enabled_routes;
  RETURN NULL;
END $$;
CREATE TRIGGER made AFTER INSERT ON message_routes REFERENCING NEW TABLE AS changed_rows
  FOR EACH STATEMENT EXECUTE FUNCTION pulse_message_routes_changed();
CREATE TRIGGER changed AFTER UPDATE ON message_routes REFERENCING NEW TABLE AS changed_rows
  FOR EACH STATEMENT EXECUTE FUNCTION pulse_message_routes_changed();
CREATE TRIGGER removed AFTER DELETE ON message_routes REFERENCING OLD TABLE AS changed_rows
  FOR EACH STATEMENT EXECUTE FUNCTION pulse_message_routes_changed();

-- What waits for its destination, in the order of arrival. The stream hands over to it, so that a
-- slow destination holds up nobody else. `payload` is the JSON as it came, not as jsonb orders it.
CREATE TABLE message_route_queue (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  route_id integer NOT NULL REFERENCES message_routes (id) ON DELETE CASCADE,
  message_id text NOT NULL,
  topic text NOT NULL,
  device_id text NOT NULL,
  payload text NOT NULL,
  hops integer NOT NULL DEFAULT 0,
  received_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (route_id, message_id)
);
CREATE INDEX ON message_route_queue (route_id, id);
CREATE INDEX ON message_route_queue (tenant_id);

-- Of what a route could not deliver; its message keeps the id that the destination was told.
ALTER TABLE dead_letter_messages ADD COLUMN message_id text;
ALTER TABLE dead_letter_messages ADD COLUMN hops integer NOT NULL DEFAULT 0;
ALTER TABLE dead_letter_messages ADD FOREIGN KEY (route_id) REFERENCES message_routes (id)
  ON DELETE SET NULL;
CREATE INDEX ON dead_letter_messages (route_id) WHERE route_id IS NOT NULL;
CREATE INDEX ON dead_letter_messages (status, created_at) WHERE status = 'FAILED';

SELECT pulse_protect(t) FROM unnest(ARRAY['message_routes', 'message_route_versions',
  'message_route_queue']::regclass[]) AS t;
GRANT USAGE ON SEQUENCE message_route_version_seq TO pulse_app, pulse_operator,
  pulse_operator_write;
-- A tenant sees what waits; the delivery writes it.
REVOKE INSERT, UPDATE ON message_route_queue FROM pulse_app;
-- Workers see every tenant.
GRANT SELECT ON message_routes, message_route_versions TO pulse_ingest;
GRANT SELECT, INSERT, DELETE ON message_route_queue TO pulse_ingest;
