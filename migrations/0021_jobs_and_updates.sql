-- Jobs for devices, the firmware registry, and campaigns that bring firmware over the air.

CREATE TABLE jobs (
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  job_id text NOT NULL CHECK (job_id ~ '^[A-Za-z0-9_-]{1,128}$'),
  document_type text NOT NULL,
  document_params jsonb NOT NULL DEFAULT '{}',
  target_device_id text,
  target_group_id text,
  target_all boolean NOT NULL DEFAULT false,
  status text NOT NULL DEFAULT 'IN_PROGRESS'
    CHECK (status IN ('IN_PROGRESS', 'COMPLETED', 'CANCELED', 'DELETION_IN_PROGRESS')),
  expires_at timestamptz,
  created_by text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, job_id),
  CHECK ((target_device_id IS NOT NULL)::integer + (target_group_id IS NOT NULL)::integer +
         target_all::integer = 1)
);
CREATE INDEX ON jobs (tenant_id, created_at DESC);
CREATE INDEX ON jobs (tenant_id, status);
CREATE INDEX ON jobs (status) WHERE status = 'IN_PROGRESS';

CREATE TABLE job_executions (
  tenant_id text NOT NULL,
  job_id text NOT NULL,
  device_id text NOT NULL,
  status text NOT NULL DEFAULT 'QUEUED'
    CHECK (status IN ('QUEUED', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'REJECTED')),
  status_details jsonb,
  execution_number bigint NOT NULL DEFAULT 1,
  queued_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  last_updated_at timestamptz NOT NULL DEFAULT now(),
  -- When the device is told again, and how often it was.
  notify_at timestamptz NOT NULL DEFAULT now() + interval '1 minute',
  notices integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, job_id, device_id),
  FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, job_id) ON DELETE CASCADE
);
-- What is open of a device, and of a job; the counts of a list.
CREATE INDEX ON job_executions (tenant_id, device_id, status)
  WHERE status IN ('QUEUED', 'IN_PROGRESS');
CREATE INDEX ON job_executions (tenant_id, job_id, status);
CREATE INDEX ON job_executions (notify_at) WHERE status = 'QUEUED';

-- Whose signature on firmware a tenant trusts (Ed25519, raw, base64).
CREATE TABLE firmware_signing_keys (
  tenant_id text PRIMARY KEY REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  public_key text NOT NULL,
  created_by text,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE firmware_versions (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  version varchar(50) NOT NULL,
  description text,
  file_url text NOT NULL,
  file_size_bytes bigint,
  checksum_sha256 varchar(64),
  device_type varchar(50),
  signature text,
  storage_key text,
  created_by text,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Row-level security can't keep a reference within a tenant; this key does.
  UNIQUE (tenant_id, id)
);
-- Firmware for any type of device is one namespace, too.
CREATE UNIQUE INDEX firmware_versions_name
  ON firmware_versions (tenant_id, version, coalesce(device_type, ''));
CREATE INDEX ON firmware_versions (tenant_id, device_type);

-- A file on its way into the registry; its parts may come in any order and through any process.
CREATE TABLE firmware_uploads (
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  upload_id text NOT NULL,
  version varchar(50) NOT NULL,
  description text,
  device_type varchar(50),
  size_bytes bigint NOT NULL CHECK (size_bytes > 0),
  checksum_sha256 varchar(64),
  signature text,
  storage_upload text NOT NULL,
  created_by text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, upload_id)
);
CREATE INDEX ON firmware_uploads (expires_at);

CREATE TABLE firmware_upload_parts (
  tenant_id text NOT NULL,
  upload_id text NOT NULL,
  part integer NOT NULL CHECK (part > 0),
  size_bytes bigint NOT NULL,
  tag text NOT NULL,
  PRIMARY KEY (tenant_id, upload_id, part),
  FOREIGN KEY (tenant_id, upload_id) REFERENCES firmware_uploads (tenant_id, upload_id)
    ON DELETE CASCADE
);

CREATE TABLE ota_campaigns (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  name varchar(100) NOT NULL,
  firmware_version_id integer NOT NULL,
  target_group_id text NOT NULL,
  rollout_strategy varchar(20) NOT NULL DEFAULT 'linear'
    CHECK (rollout_strategy IN ('linear', 'canary')),
  rollout_rate integer NOT NULL DEFAULT 10,
  abort_threshold float8 NOT NULL DEFAULT 0.1,
  -- Percent of the devices that each stage reaches, the last 100; stage: the one under way, from 0.
  stages integer[] NOT NULL DEFAULT '{100}',
  stage integer NOT NULL DEFAULT 0,
  min_results integer NOT NULL DEFAULT 10,
  timeout_minutes integer NOT NULL DEFAULT 60,
  rollback_of integer,
  status varchar(20) NOT NULL DEFAULT 'CREATED'
    CHECK (status IN ('CREATED', 'RUNNING', 'PAUSED', 'COMPLETED', 'ABORTED')),
  status_reason text,
  total_devices integer NOT NULL DEFAULT 0,
  succeeded integer NOT NULL DEFAULT 0,
  failed integer NOT NULL DEFAULT 0,
  started_at timestamptz,
  completed_at timestamptz,
  created_by text,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, firmware_version_id) REFERENCES firmware_versions (tenant_id, id)
    ON DELETE RESTRICT
);
CREATE INDEX ON ota_campaigns (tenant_id, status);
CREATE INDEX ON ota_campaigns (status) WHERE status IN ('RUNNING', 'PAUSED');

CREATE TABLE ota_device_status (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  campaign_id integer NOT NULL,
  device_id text NOT NULL,
  status varchar(20) NOT NULL DEFAULT 'PENDING'
    CHECK (status IN ('PENDING', 'DOWNLOADING', 'INSTALLING', 'SUCCESS', 'FAILED', 'SKIPPED')),
  progress_pct integer NOT NULL DEFAULT 0 CHECK (progress_pct BETWEEN 0 AND 100),
  error_message text,
  stage integer NOT NULL DEFAULT 0,
  previous_version text,  -- what the registry said that the device ran before
  started_at timestamptz,  -- handed out
  reported_at timestamptz,
  publish_at timestamptz,  -- when it is told again, as long as it does not report
  publishes integer NOT NULL DEFAULT 0,
  completed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, campaign_id, device_id),
  FOREIGN KEY (tenant_id, campaign_id) REFERENCES ota_campaigns (tenant_id, id) ON DELETE CASCADE
) WITH (fillfactor = 70);
CREATE INDEX ON ota_device_status (tenant_id, campaign_id, status);
CREATE INDEX ON ota_device_status (tenant_id, campaign_id, stage, id)
  WHERE status = 'PENDING' AND started_at IS NULL;
CREATE INDEX ON ota_device_status (tenant_id, device_id);

SELECT pulse_protect(t) FROM unnest(ARRAY['jobs', 'job_executions', 'firmware_signing_keys',
  'firmware_versions', 'firmware_uploads', 'firmware_upload_parts', 'ota_campaigns',
  'ota_device_status']::regclass[]) AS t;

-- The ops role's jobs and the worker of devices' reports.
GRANT SELECT, UPDATE ON jobs, job_executions, ota_campaigns, ota_device_status TO pulse_ingest;
GRANT SELECT ON firmware_versions TO pulse_ingest;
GRANT SELECT, DELETE ON firmware_uploads TO pulse_ingest;
GRANT SELECT, DELETE ON firmware_upload_parts TO pulse_ingest;
GRANT UPDATE (fw_version) ON device_registry TO pulse_ingest;
