-- Twins: when each side changed, and their history. Commands.

-- A device of the API is who its token says.
CREATE INDEX ON device_api_tokens (token_hash) WHERE revoked_at IS NULL;

ALTER TABLE device_state
  ADD COLUMN desired_at timestamptz,       -- the latest change of the desired document
  ADD COLUMN desired_sent_at timestamptz,  -- and when it was last sent
  ADD COLUMN reported_at timestamptz;      -- when the reported document came in
-- What is not yet synced is few.
CREATE INDEX ON device_state (desired_sent_at) WHERE desired_version > reported_version;

-- The latest changes of each side of a twin.
CREATE TABLE twin_history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  side text NOT NULL CHECK (side IN ('desired', 'reported')),
  version integer NOT NULL,
  before jsonb NOT NULL,
  after jsonb NOT NULL,
  source text NOT NULL CHECK (source IN ('api', 'http', 'mqtt')),
  actor text,
  created_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
CREATE INDEX ON twin_history (tenant_id, device_id, side, id DESC);

CREATE TABLE device_commands (
  command_id text NOT NULL DEFAULT gen_random_uuid()::text,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  device_id text NOT NULL,
  command_type text NOT NULL,
  command_params jsonb NOT NULL DEFAULT '{}',
  status text NOT NULL DEFAULT 'queued'
    CHECK (status IN ('queued', 'delivered', 'missed', 'expired')),
  published_at timestamptz,
  publish_at timestamptz NOT NULL DEFAULT now(),  -- when it is sent (again) if nobody acknowledges
  attempts integer NOT NULL DEFAULT 0,
  acked_at timestamptz,
  ack_details jsonb,
  expires_at timestamptz NOT NULL DEFAULT now() + interval '1 hour',
  cancelled_at timestamptz,
  retry_of text,
  created_by text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, command_id),
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
CREATE INDEX ON device_commands (tenant_id, device_id, created_at DESC);
CREATE INDEX ON device_commands (tenant_id, device_id, created_at) WHERE status = 'queued';
CREATE INDEX ON device_commands (publish_at) WHERE status = 'queued';
CREATE INDEX ON device_commands (expires_at) WHERE status = 'queued';
CREATE INDEX ON device_commands USING brin (created_at);

SELECT pulse_protect(t) FROM unnest(ARRAY['twin_history', 'device_commands']::regclass[]) AS t;
GRANT SELECT, INSERT, DELETE ON twin_history TO pulse_ingest;
GRANT SELECT, UPDATE, DELETE ON device_commands TO pulse_ingest;
