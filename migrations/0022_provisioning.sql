-- Devices that register themselves (activation codes, self-registration keys), and imports that go on in the background.

-- Single use; only the SHA-256 of a code is kept.
CREATE TABLE activation_codes (
  tenant_id text NOT NULL,
  device_id text NOT NULL,
  code_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  PRIMARY KEY (tenant_id, code_hash),
  FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id)
    ON DELETE CASCADE
);
CREATE INDEX ON activation_codes (tenant_id, device_id);

-- A key goes with its template or site: without them it would make devices that nobody described.
CREATE TABLE provisioning_keys (
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  key_id text NOT NULL,
  name text NOT NULL,
  key_hash text NOT NULL UNIQUE,
  template_id integer REFERENCES device_templates (id) ON DELETE CASCADE,
  site_id text NOT NULL,
  max_devices integer NOT NULL CHECK (max_devices BETWEEN 1 AND 1000000),
  claimed integer NOT NULL DEFAULT 0 CHECK (claimed <= max_devices),
  last_claimed_at timestamptz,
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  PRIMARY KEY (tenant_id, key_id),
  FOREIGN KEY (tenant_id, site_id) REFERENCES sites (tenant_id, site_id) ON DELETE CASCADE
);
CREATE INDEX ON provisioning_keys (tenant_id, site_id);
CREATE INDEX ON provisioning_keys (template_id) WHERE template_id IS NOT NULL;

CREATE TABLE import_jobs (
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  import_id text NOT NULL,
  file_name text NOT NULL,
  status text NOT NULL DEFAULT 'queued'
    CHECK (status IN ('queued', 'running', 'completed', 'cancelled', 'failed')),
  dry_run boolean NOT NULL DEFAULT false,
  ignored_columns text[] NOT NULL DEFAULT '{}',
  total integer NOT NULL,
  done integer NOT NULL DEFAULT 0,
  imported integer NOT NULL DEFAULT 0,
  failed integer NOT NULL DEFAULT 0,
  problem text,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  PRIMARY KEY (tenant_id, import_id)
);
CREATE INDEX ON import_jobs (tenant_id, created_at DESC);
CREATE INDEX ON import_jobs (created_at) WHERE status IN ('queued', 'running');

-- `data` is the row as it was read, until it is written.
CREATE TABLE import_job_rows (
  tenant_id text NOT NULL,
  import_id text NOT NULL,
  row integer NOT NULL,
  name text NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'ok', 'error', 'cancelled')),
  data jsonb,
  device_id text,
  message text,
  PRIMARY KEY (tenant_id, import_id, row),
  FOREIGN KEY (tenant_id, import_id) REFERENCES import_jobs (tenant_id, import_id) ON DELETE CASCADE
);
CREATE INDEX ON import_job_rows (tenant_id, import_id, row) WHERE status = 'pending';

SELECT pulse_protect(t) FROM unnest(ARRAY['activation_codes', 'provisioning_keys', 'import_jobs',
  'import_job_rows']::regclass[]) AS t;
-- Whose key it is shows only when it is found; and which tenants' imports wait.
GRANT SELECT ON provisioning_keys, import_jobs TO pulse_ingest;
